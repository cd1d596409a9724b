"""List the description of each platform by type, build and read the addresses of numbers and agents
on platforms, and decide whether a person has to link the agent; no I/O.
"""

from __future__ import annotations

from reconciler.kinds.platforms.butter import BUTTER
from reconciler.kinds.platforms.dasha import DASHA
from reconciler.kinds.platforms.elevenlabs import ELEVENLABS
from reconciler.kinds.platforms.feather import FEATHER
from reconciler.kinds.platforms.kind import PlatformKind
from reconciler.kinds.platforms.livekit import LIVEKIT
from reconciler.kinds.platforms.nixflex import NIXFLEX
from reconciler.kinds.platforms.ravan import RAVAN
from reconciler.kinds.platforms.retell import RETELL
from reconciler.kinds.platforms.vapi import VAPI
from reconciler.model.address import Address

PLATFORM_KINDS: dict[str, PlatformKind] = {
    "nixflex": NIXFLEX,
    "feather": FEATHER,
    "butter": BUTTER,
    "dasha": DASHA,
    "ravan": RAVAN,
    "livekit": LIVEKIT,
    "elevenlabs": ELEVENLABS,
    "vapi": VAPI,
    "retell": RETELL,
}


def platform_name(address: str) -> str:
    """Return the platform's name in a registration's address (``registration/PLATFORM/+E164``)."""
    return Address.parse(address).owner


def registration_address(platform: str, key: str) -> str:
    """Return the address of a number on a platform."""
    return str(Address.of("registration", platform, key))


_AGENT = "agent/"
"""The beginning of the key of an agent; a number begins with a plus."""


def agent_key(agent: str) -> str:
    """Return the key of an agent on its platform, by its id there."""
    return _AGENT + agent


def agent_address(platform: str, agent: str) -> str:
    """Return the address of an agent on a platform (``registration/PLATFORM/agent/ID``)."""
    return registration_address(platform, agent_key(agent))


def agent_in_key(key: str) -> str | None:
    """Return the id of the agent that this key of a registration names; None for a number."""
    return key.removeprefix(_AGENT) if key.startswith(_AGENT) else None


def is_agent_address(address: str) -> bool:
    """Return true for the address of an agent on a platform."""
    parsed = Address.parse(address)
    return parsed.kind == "registration" and agent_in_key(parsed.key) is not None


def needs_manual_link(kind: PlatformKind) -> bool:
    """Return true when a person has to link the agent: the import takes no agent, and no call links
    one.
    """
    return "link" not in kind.can and "agent" not in kind.replaces
