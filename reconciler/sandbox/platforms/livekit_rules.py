"""Imitate LiveKit's calls for dispatch rules (create, update, list, delete): the room of a call,
and the agents in it. A PIN is never shown.
"""

from __future__ import annotations

from typing import Any

import msgspec

from reconciler.sandbox.platforms.livekit import (
    convert_value,
    fetch_own,
    list_own,
    method_route,
    numbers_overlap,
    object_field,
    pick_fields,
    refusal,
    update_list,
)
from reconciler.sandbox.platforms.platform import PlatformCall
from reconciler.sandbox.platforms.rows import PlatformRow, PlatformShelf, new_id, set_dates
from reconciler.sandbox.store import Store


class Direct(msgspec.Struct):
    """All calls into one room."""

    room_name: str = ""
    pin: str = ""


class Individual(msgspec.Struct):
    """A room for each caller."""

    room_prefix: str = ""
    pin: str = ""
    no_randomness: bool = False


class Callee(msgspec.Struct):
    """A room for each number that is called."""

    room_prefix: str = ""
    pin: str = ""
    randomize: bool = False


_KINDS: dict[str, type[msgspec.Struct]] = {
    "dispatch_rule_direct": Direct,
    "dispatch_rule_individual": Individual,
    "dispatch_rule_callee": Callee,
}


class RoomAgent(msgspec.Struct):
    """An agent that is sent into the room."""

    agent_name: str = ""
    metadata: str = ""


class RoomConfig(msgspec.Struct):
    """The settings of the room."""

    agents: list[RoomAgent] = msgspec.field(default_factory=list)


class LiveKitDispatchRule(PlatformRow, kw_only=True):
    """A rule; its PIN is stored apart from it."""

    sid: str = msgspec.field(name="sip_dispatch_rule_id", default="")
    name: str = ""
    metadata: str = ""
    trunk_ids: list[str] = msgspec.field(default_factory=list)
    inbound_numbers: list[str] = msgspec.field(default_factory=list)
    numbers: list[str] = msgspec.field(default_factory=list)
    rule: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    room_config: RoomConfig | None = None
    attributes: dict[str, str] = msgspec.field(default_factory=dict)
    hide_phone_number: bool = False
    pin: str = ""


def _complete(store: Store, row: LiveKitDispatchRule) -> None:
    row.sid = row.sid or new_id(store, "SDR_", 12)
    set_dates(store, row)


RULES = PlatformShelf(
    "livekit_dispatch_rules",
    LiveKitDispatchRule,
    "SDR_",
    _complete,
    platform="livekit",
    secrets=("pin",),
)
SHELVES = (RULES,)
_LISTS = ("trunk_ids", "inbound_numbers", "numbers")
_NAMES = ("name", "metadata", *_LISTS, "rule", "room_config", "attributes", "hide_phone_number")
_UNKEPT: dict[str, object] = {
    "room_preset": "",
    "media": None,
    "krisp_enabled": False,
    "media_encryption": "SIP_MEDIA_ENCRYPT_DISABLE",
}
"""Fields of LiveKit's message that are not stored here: an answer has them with their default."""


def _view(row: LiveKitDispatchRule) -> dict[str, object]:
    view: dict[str, object] = {"sip_dispatch_rule_id": row.sid, **_UNKEPT}
    for name in (*_NAMES, "created_at", "updated_at"):
        view[name] = getattr(row, name)
    return view


def _read(values: dict[str, Any], sid: str = "", pin: str = "") -> LiveKitDispatchRule:
    """Return a rule from its fields, with the PIN taken out of them.

    Without a PIN in the fields, `pin` is used.
    """
    rule = values.get("rule")
    kinds: list[str] = []
    if isinstance(rule, dict):
        for name in _KINDS:
            if isinstance(rule.get(name), dict):
                kinds.append(name)
    if rule is None or len(kinds) != 1:
        raise refusal("invalid_argument", "missing rule")

    [kind] = kinds
    body = msgspec.to_builtins(convert_value(rule[kind], _KINDS[kind]))
    own_pin = body.pop("pin")
    row = convert_value(
        {**values, "rule": {kind: body}, "sip_dispatch_rule_id": sid}, LiveKitDispatchRule
    )
    row.pin = own_pin or pin
    return row


def _check(call: PlatformCall, row: LiveKitDispatchRule) -> None:
    for other in list_own(call, RULES, ""):
        if other.sid == row.sid or other.pin != row.pin:
            continue
        if all(_overlap(row, other, name) for name in _LISTS):
            message = (
                "Dispatch rule for the same trunk, inbound number, number, and PIN combination "
                "already exists"
            )
            raise refusal("invalid_argument", f"{message} in dispatch rule {other.sid!r}")


def _overlap(row: LiveKitDispatchRule, other: LiveKitDispatchRule, name: str) -> bool:
    return numbers_overlap(getattr(row, name), getattr(other, name))


def _create(call: PlatformCall) -> dict[str, object]:
    values = object_field(call, "dispatch_rule") or call.body
    if values.get("sip_dispatch_rule_id"):
        raise refusal("invalid_argument", "dispatch rule id must not be set")

    row = _read(pick_fields(values, _NAMES))
    row.organization = call.organization
    _check(call, row)
    RULES.add(call.store, row)
    return _view(row)


def _update(call: PlatformCall) -> dict[str, object]:
    """Update a rule: `replace` gives all fields, `update` only those that change."""
    row = fetch_own(call, RULES, "sip_dispatch_rule_id")
    replace, update = object_field(call, "replace"), object_field(call, "update")
    if (replace is None) == (update is None):
        raise refusal("invalid_argument", "missing or unsupported action")

    values, pin = pick_fields(replace or update or {}, _NAMES), ""
    if update is not None:
        for name in set(_LISTS) & set(values):
            values[name] = update_list(getattr(row, name), values[name])
        pin = "" if "rule" in values else row.pin
        present = {name: getattr(row, name) for name in _NAMES}
        values = msgspec.to_builtins(present) | values

    after = _read(values, row.sid, pin)
    _check(call, after)
    changed = {name: getattr(after, name) for name in (*_NAMES, "pin")}
    call.store.table(RULES).change(row, changed)
    return _view(row)


def _list(call: PlatformCall) -> dict[str, object]:
    rows = list_own(call, RULES, "dispatch_rule_ids")
    trunks = set(convert_value(call.body.get("trunk_ids") or [], list[str]))

    # A rule without trunks applies to every trunk.
    if trunks:
        rows = [row for row in rows if not row.trunk_ids or trunks & set(row.trunk_ids)]
    return {"items": [*map(_view, rows)]}


def _delete(call: PlatformCall) -> dict[str, object]:
    row = fetch_own(call, RULES, "sip_dispatch_rule_id")
    call.store.table(RULES).remove(row)
    return _view(row)


ROUTES = (
    method_route("CreateSIPDispatchRule", _create),
    method_route("UpdateSIPDispatchRule", _update),
    method_route("ListSIPDispatchRule", _list),
    method_route("DeleteSIPDispatchRule", _delete),
)
