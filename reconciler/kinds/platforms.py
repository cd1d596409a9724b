"""Capabilities of each voice-AI platform, as data; pure declarations.

Sources are the platforms' published documents. A call that they do not describe is a missing
capability, and `manual` names the step that a person has to take instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

Capability = Literal["list", "create", "update", "delete", "link", "verify"]
Serves = Literal["number", "bridge_number", "sip"]
"""Kinds of numbers on a platform: a Twilio number, a bridge number, a number outside Twilio
(`provider: sip`).
"""
SIP_SECRETS = frozenset({"password", "pin"})
"""The secret attributes of a number outside Twilio."""
_ALL: tuple[str, ...] = ("voice", "sms", "status")


class PlatformKind(msgspec.Struct, frozen=True, kw_only=True):
    """One platform.

    `overwrites` are the parts of a Twilio number that its import may write; all of them, where the
    documents do not specify it. `links` are the attributes of a registration that have their own
    call, `updates` those that an update changes, `replaces` those that need a delete and a new
    import. `bulk`: one call imports many numbers. `needs_token`: an import needs the account's auth
    token; an API key is not enough. `needs_connection`: an import needs the platform's own id of
    the Twilio account. `both_ways`: every number takes and makes calls. `by_trunk`: calls reach the
    platform by a trunk and not by webhooks, which a trunk or an application on the number would
    hide. `pages`: the list has pages, which may miss a number when rows move between them. `manual`
    is the instruction for a person, for each missing capability.
    """

    type: str
    title: str
    can: frozenset[Capability]
    serves: frozenset[Serves]
    overwrites: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    updates: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    bulk: bool = False
    needs_token: bool = False
    needs_connection: bool = False
    both_ways: bool = False
    by_trunk: bool = False
    pages: bool = False
    manual: Mapping[Capability, str] = {}


NIXFLEX = PlatformKind(
    type="nixflex",
    title="Nixflex",
    can=frozenset({"list", "create", "delete"}),
    serves=frozenset({"number"}),
    overwrites=_ALL,
    replaces=("agent",),
    needs_token=True,
    both_ways=True,
    pages=True,
)
FEATHER = PlatformKind(
    type="feather",
    title="Feather",
    can=frozenset({"list", "create", "update", "delete", "link", "verify"}),
    serves=frozenset({"number", "bridge_number"}),
    overwrites=_ALL,
    links=("agent", "outbound_agent", "sms_agent"),
    updates=("status",),
    replaces=("bridge",),
)
BUTTER = PlatformKind(
    type="butter",
    title="Butter AI",
    can=frozenset({"list", "create", "link"}),
    serves=frozenset({"number", "sip"}),
    overwrites=_ALL,
    links=("agent",),
    needs_connection=True,
    manual={
        "update": "Butter AI documents no call that changes an imported number: change it in its "
        "dashboard.",
        "delete": "Butter AI documents no call that removes a number: remove it in its dashboard.",
    },
)
DASHA = PlatformKind(
    type="dasha",
    title="Dasha BlackBox",
    can=frozenset({"list", "create", "delete", "link", "verify"}),
    serves=frozenset({"number"}),
    overwrites=("voice",),
    links=("agent", "outbound_agent"),
    bulk=True,
    needs_connection=True,
    by_trunk=True,
    pages=True,
)
RAVAN = PlatformKind(
    type="ravan",
    title="Ravan AI",
    can=frozenset({"create", "verify"}),
    serves=frozenset({"number"}),
    overwrites=_ALL,
    both_ways=True,
    by_trunk=True,
    manual={
        "link": "Ravan AI documents no call that links a number to an agent: add a dispatch rule "
        "for it in its dashboard (Inbound Calls).",
        "update": "Ravan AI documents no call that changes a number: change it in its dashboard.",
        "delete": "Ravan AI documents no call that removes a number: remove it in its dashboard.",
    },
)
LIVEKIT = PlatformKind(
    type="livekit",
    title="LiveKit",
    can=frozenset({"list", "create", "update", "delete", "link"}),
    serves=frozenset({"sip"}),
    updates=(
        "agent",
        "supports_inbound",
        "supports_outbound",
        "media_encryption",
        "trunk_name",
        "room_name",
        "server_address",
        "username",
        "password",
        "pin",
    ),
)
PLATFORM_KINDS: dict[str, PlatformKind] = {
    kind.type: kind for kind in (NIXFLEX, FEATHER, BUTTER, DASHA, RAVAN, LIVEKIT)
}


def platform_name(address: str) -> str:
    """Return the platform's name in a registration's address (``registration/PLATFORM/+E164``)."""
    return address.split("/", 2)[1]


def registration_address(platform: str, key: str) -> str:
    """Return the address of a number on a platform."""
    return f"registration/{platform}/{key}"


def needs_manual_link(kind: PlatformKind) -> bool:
    """Return true when a person has to link the agent: the import takes no agent, and no call links
    one.
    """
    return "link" not in kind.can and "agent" not in kind.replaces
