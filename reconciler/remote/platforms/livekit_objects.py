"""Convert between LiveKit's trunks and dispatch rules and the attributes of a number there, and
group these objects by number. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from reconciler.model.route import Attrs, Value
from reconciler.remote.platforms.contract import RegisteredNumber
from reconciler.remote.platforms.parsing import object_in, rows_in, text_in

_PREFIX = "call-"
"""Prefix of the names of rooms, if the configuration has none."""
_RULES = ("dispatch_rule_individual", "dispatch_rule_direct", "dispatch_rule_callee")


class LiveKitObjects(msgspec.Struct, frozen=True):
    """The objects of one number on LiveKit; None for a missing one."""

    inbound: Mapping[str, Any] | None = None
    outbound: Mapping[str, Any] | None = None
    rule: Mapping[str, Any] | None = None

    @property
    def ids(self) -> str:
        """Return the ids of all of them, as one text."""
        named = (
            (self.inbound, "sip_trunk_id"),
            (self.outbound, "sip_trunk_id"),
            (self.rule, "sip_dispatch_rule_id"),
        )
        return ",".join(text_in(row, key) or "" for row, key in named if row is not None)


def group_by_number(
    inbound_rows: Sequence[Mapping[str, Any]],
    outbound_rows: Sequence[Mapping[str, Any]],
    rule_rows: Sequence[Mapping[str, Any]],
) -> dict[str, LiveKitObjects]:
    """Return all objects that belong to one number alone, by number."""
    inbound = _trunks_by_number(inbound_rows)
    outbound = _trunks_by_number(outbound_rows)
    rules: dict[str, Mapping[str, Any]] = {}
    for row in rule_rows:
        trunks = _texts_in(row, "trunk_ids")
        if len(trunks) == 1:
            rules[trunks[0]] = row

    objects: dict[str, LiveKitObjects] = {}
    for key in sorted({*inbound, *outbound}):
        trunk = inbound.get(key)
        rule = rules.get(text_in(trunk, "sip_trunk_id") or "") if trunk else None
        objects[key] = LiveKitObjects(trunk, outbound.get(key), rule)
    return objects


def to_number(key: str, objects: LiveKitObjects) -> RegisteredNumber:
    """Return the number with its readable attributes; those of a missing object are left out."""
    inbound, outbound, rule = objects.inbound or {}, objects.outbound or {}, objects.rule or {}
    trunks = [trunk for trunk in (inbound, outbound) if trunk]
    attrs: dict[str, Value] = {
        "supports_inbound": bool(inbound and rule),
        "supports_outbound": bool(outbound),
        "media_encryption": _encryption(trunks),
        "trunk_name": _join_distinct([text_in(trunk, "name") for trunk in trunks]),
        "username": text_in(outbound or inbound, "auth_username"),
    }

    if outbound:
        attrs["server_address"] = text_in(outbound, "address")
    if inbound:
        body = _rule_body(rule)
        agents = [
            text_in(agent, "agent_name")
            for agent in rows_in(object_in(rule, "room_config"), "agents")
        ]
        attrs["room_name"] = text_in(body, "room_prefix") or text_in(body, "room_name")
        attrs["agent"] = ", ".join(filter(None, agents)) or None

    found = {"password": text_in(outbound or inbound, "auth_password"), "pin": _pin(rule)}
    secrets = {name: value for name, value in found.items() if value}
    return RegisteredNumber(objects.ids, key, attrs, secrets)


def outbound_trunk(key: str, attrs: Attrs, secrets: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the outbound trunk of these attributes; None if the number makes no calls."""
    if attrs.get("supports_outbound") is not True:
        return None
    return {
        **_common_fields(key, attrs),
        "address": attrs.get("server_address") or "",
        **_auth_fields(attrs, secrets),
    }


def inbound_trunk(key: str, attrs: Attrs, secrets: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the inbound trunk of these attributes; None if the number takes no calls.

    If the number also makes calls, user and password are for those: providers send none with a
    call.
    """
    if attrs.get("supports_inbound") is not True:
        return None
    auth = {} if attrs.get("supports_outbound") is True else _auth_fields(attrs, secrets)
    return {**_common_fields(key, attrs), **auth}


def dispatch_rule(key: str, attrs: Attrs, trunk: str, pin: str | None) -> dict[str, Any]:
    """Return the dispatch rule of these attributes for an inbound trunk."""
    individual = {"room_prefix": attrs.get("room_name") or _PREFIX, "pin": pin or ""}
    agent = attrs.get("agent")

    return {
        "name": attrs.get("trunk_name") or key,
        "trunk_ids": [trunk],
        "rule": {"dispatch_rule_individual": individual},
        "room_config": {"agents": [{"agent_name": agent}] if agent else []},
    }


def _rule_body(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the content of a rule, whichever of its types it has; empty if it has none."""
    for name in _RULES:
        body = object_in(object_in(rule, "rule"), name)
        if body:
            return body
    return {}


def _pin(rule: Mapping[str, Any]) -> str | None:
    for name in _RULES:
        pin = text_in(object_in(object_in(rule, "rule"), name), "pin")
        if pin:
            return pin
    return None


def _encryption(trunks: Sequence[Mapping[str, Any]]) -> str | None:
    modes: list[str] = []
    for trunk in trunks:
        # Servers before LiveKit's protocol 1.1.18 know only `media_encryption`, later ones both.
        mode = text_in(object_in(trunk, "media"), "encryption")
        mode = mode or text_in(trunk, "media_encryption") or "SIP_MEDIA_ENCRYPT_DISABLE"
        modes.append(mode.rsplit("_", 1)[1].lower())
    return _join_distinct(modes)


def _join_distinct(values: Sequence[str | None]) -> str | None:
    """Return the value that all share, or both if they differ."""
    return " and ".join(dict.fromkeys(value for value in values if value)) or None


def _trunks_by_number(trunks: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the trunks that serve exactly one number, by number.

    A trunk for several numbers was made by somebody else.
    """
    found = {}
    for trunk in trunks:
        numbers = _texts_in(trunk, "numbers")
        if len(numbers) == 1:
            found["+" + numbers[0].lstrip("+")] = trunk
    return found


def _texts_in(row: Mapping[str, Any], key: str) -> Sequence[str]:
    value = row.get(key)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _common_fields(key: str, attrs: Attrs) -> dict[str, Any]:
    """Return the fields that both directions of a trunk share.

    The encryption has two names: servers before LiveKit's protocol 1.1.18 know only the former one,
    `media_encryption`.
    """
    mode = f"SIP_MEDIA_ENCRYPT_{str(attrs.get('media_encryption') or 'allow').upper()}"
    return {
        "name": attrs.get("trunk_name") or key,
        "numbers": [key],
        "media": {"encryption": mode},
        "media_encryption": mode,
    }


def _auth_fields(attrs: Attrs, secrets: Mapping[str, str]) -> dict[str, Any]:
    password = {"auth_password": secrets["password"]} if "password" in secrets else {}
    return {"auth_username": attrs.get("username") or "", **password}
