"""Define the rows of ElevenLabs: agents, numbers, and the behaviour that its documents leave open;
read the fields of its bodies and build its refusals; has no routes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from reconciler.sandbox.http.messages import json_reply
from reconciler.sandbox.http.routing import Refused
from reconciler.sandbox.platforms.rows import PlatformRow, PlatformShelf, new_id, set_dates
from reconciler.sandbox.store import Store

_TRUNK_CHOICES = {
    "transport": ("auto", "udp", "tcp", "tls"),
    "media_encryption": ("allowed", "disabled", "required"),
}


class ElevenLabsWorkspace(PlatformRow, kw_only=True):
    """What the documents leave open: what a removed number shows on Twilio.

    `delete_leaves` is `webhooks` (those of ElevenLabs), `nothing`, or `former` (those of before).
    """

    sid: str = ""
    delete_leaves: Literal["webhooks", "nothing", "former"] = "webhooks"


class ElevenLabsAgent(PlatformRow, kw_only=True, rename={"sid": "agent_id"}):
    """An agent."""

    sid: str = ""
    name: str = "Untitled agent"


class ElevenLabsNumber(PlatformRow, kw_only=True, rename={"sid": "phone_number_id"}):
    """An imported number; the credentials of the import are not stored."""

    sid: str = ""
    phone_number: str = ""
    label: str = ""
    provider: Literal["twilio", "sip_trunk", "exotel"] = "twilio"
    supports_inbound: bool = True
    supports_outbound: bool = True
    agent_id: str = ""
    branch_id: str | None = None
    environment: str | None = None
    enable_sms: bool = True
    region: str = ""
    outbound_trunk: dict[str, object] | None = None
    sip_password: str = ""
    former: dict[str, str] = msgspec.field(default_factory=dict)


def _complete_workspace(store: Store, row: ElevenLabsWorkspace) -> None:
    row.sid = row.sid or new_id(store, "workspace_", 16)
    set_dates(store, row)


def _complete_agent(store: Store, row: ElevenLabsAgent) -> None:
    row.sid = row.sid or new_id(store, "agent_", 24)
    set_dates(store, row)


def _complete_number(store: Store, row: ElevenLabsNumber) -> None:
    if not row.phone_number:
        raise ValueError("a number needs `phone_number`")
    row.sid = row.sid or new_id(store, "phnum_", 24)
    row.label = row.label or row.phone_number
    set_dates(store, row)


WORKSPACES = PlatformShelf(
    "elevenlabs_workspaces", ElevenLabsWorkspace, "", _complete_workspace, platform="elevenlabs"
)
AGENTS = PlatformShelf(
    "elevenlabs_agents", ElevenLabsAgent, "", _complete_agent, platform="elevenlabs"
)
NUMBERS = PlatformShelf(
    "elevenlabs_numbers",
    ElevenLabsNumber,
    "",
    _complete_number,
    platform="elevenlabs",
    secrets=("sip_password",),
)
SHELVES = (WORKSPACES, AGENTS, NUMBERS)


def refusal(status: int, code: str, message: str) -> Refused:
    """Return the exception that ends a call with a refusal."""
    return Refused(json_reply(status, {"detail": {"status": code, "message": message}}))


def invalid(field: str, message: str, kind: str = "value_error") -> Refused:
    """Return the exception that ends a call with a validation error about one field."""
    finding = {"loc": ["body", *field.split(".")], "msg": message, "type": kind}
    return Refused(json_reply(422, {"detail": [finding]}))


def require_text(body: Mapping[str, object], name: str, prefix: str = "") -> str:
    """Return a required text of a body."""
    value = body.get(name)
    if value is None:
        raise invalid(prefix + name, "Field required", "missing")
    if not isinstance(value, str):
        raise invalid(prefix + name, "Input should be a valid string", "string_type")
    return value


def optional_text(body: Mapping[str, object], name: str) -> str | None:
    """Return a text of a body that may be null or absent."""
    return require_text(body, name) if body.get(name) is not None else None


def read_trunk(body: Mapping[str, object], password: str) -> tuple[dict[str, object], str]:
    """Return a trunk as answers show it, and its password; one that is left out stays."""
    place = "outbound_trunk_config"
    value = body[place]
    if not isinstance(value, Mapping):
        raise invalid(place, "Input should be an object", "model_type")

    shown: dict[str, object] = {"address": require_text(value, "address", f"{place}.")}
    for name, values in _TRUNK_CHOICES.items():
        shown[name] = value.get(name) or values[0]
        if shown[name] not in values:
            raise invalid(f"{place}.{name}", f"Input should be one of {values}", "enum")
    for name in ("headers", "attributes_to_headers", "enabled_codecs"):
        if value.get(name):
            shown[name] = value[name]

    credentials = value.get("credentials")
    shown["has_auth_credentials"] = isinstance(credentials, Mapping)
    if isinstance(credentials, Mapping):
        shown["username"] = require_text(credentials, "username", f"{place}.credentials.")
        return shown, optional_text(credentials, "password") or password
    return shown, ""
