"""Convert between the numbers of Retell AI and the attributes of registrations: read a row strictly,
and write the bodies of an import and of a change; pure.

The fields are those of the models `PhoneNumberImportParams`, `PhoneNumberUpdateParams` and
`PhoneNumberResponse` of the package `retell-sdk` 6.2.13.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from reconciler.kinds.platforms.retell import format_agents, parse_agents
from reconciler.kinds.platforms.split import Share
from reconciler.model.route import Value
from reconciler.remote.platforms.contract import RegisteredNumber, RegistrationRequest
from reconciler.remote.platforms.parsing import text_in

_FOREIGN = ("retell-twilio", "retell-telnyx")
"""Types of numbers that Retell has sold; an imported number is `custom`."""
_AGENTS = {"agent": "inbound_agents", "outbound_agent": "outbound_agents"}
_COUNTRIES = {
    "inbound_countries": "allowed_inbound_country_list",
    "outbound_countries": "allowed_outbound_country_list",
}
_FIELDS = {
    "termination_uri": "termination_uri",
    "transport": "transport",
    "friendly_name": "nickname",
}
_USER = {"username": "auth_username", "password": "auth_password"}
"""The same fields have the prefix `sip_trunk_` in an import."""

Body = dict[str, object]


def is_foreign(row: Mapping[str, Any]) -> bool:
    """Return whether Retell itself has sold a number: to remove it would give it back."""
    return row.get("phone_number_type") in _FOREIGN


def to_number(row: Mapping[str, Any], asked: RegistrationRequest | None) -> RegisteredNumber:
    """Return the number of a row.

    Raises ValueError for a row that does not have the documented form. A version that is not
    declared is not managed, so it is left out, unless the state has it.
    """
    key = text_in(row, "phone_number")
    if key is None:
        raise ValueError("a row has no `phone_number`")

    attrs: dict[str, Value] = {"friendly_name": _text(row, "nickname")}
    for name, field in _AGENTS.items():
        attrs[name] = _settle_versions(_read_agents(row, field), name, asked)
    for name, field in _COUNTRIES.items():
        attrs[name] = _read_countries(row, field)

    # Without the object nothing is known about the trunk.
    trunk = row.get("sip_outbound_trunk_config")
    if isinstance(trunk, Mapping):
        attrs["termination_uri"] = _text(trunk, "termination_uri")
        attrs["username"] = _text(trunk, "auth_username")
        attrs["transport"] = (_text(trunk, "transport") or "TCP").upper()
    return RegisteredNumber(key, key, attrs, stamp=_read_stamp(row))


def import_of(
    asked: RegistrationRequest, secrets: Mapping[str, str]
) -> tuple[Body, tuple[str, ...]]:
    """Return the body of an import, and the secrets in it."""
    body, used = changes_of(asked, secrets)
    for field in _USER.values():
        if field in body:
            body[f"sip_trunk_{field}"] = body.pop(field)
    if body.get("nickname", "") is None:
        del body["nickname"]
    return {"phone_number": asked.key, "ignore_e164_validation": False, **body}, used


def changes_of(
    asked: RegistrationRequest, secrets: Mapping[str, str]
) -> tuple[Body, tuple[str, ...]]:
    """Return the body of a change, and the secrets in it. A user comes with its password."""
    attrs, body = asked.attrs, dict[str, object]()
    for name, field in _AGENTS.items():
        if name in attrs:
            body[field] = _write_agents(attrs[name])
    for name, field in _COUNTRIES.items():
        if name in attrs:
            body[field] = _write_countries(attrs[name])
    for name, field in _FIELDS.items():
        if name in attrs:
            body[field] = attrs[name]

    password = secrets.get("password")
    if attrs.get("username") is not None:
        body["auth_username"] = attrs["username"]
    if password is None or attrs.keys().isdisjoint(_USER):
        return body, ()
    body["auth_password"] = password
    return body, (password,)


def _write_agents(text: Value) -> list[Body]:
    """Return the agents of one direction; none of them takes calls for an empty list."""
    rows: list[Body] = []
    for share in parse_agents(text):
        row: Body = {"agent_id": share.id, "weight": share.weight}
        if share.version is not None:
            is_number = share.version.isascii() and share.version.isdigit()
            row["agent_version"] = int(share.version) if is_number else share.version
        rows.append(row)
    return rows


def _read_agents(row: Mapping[str, Any], field: str) -> list[Share]:
    value = row.get(field)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"`{field}` is no list")

    shares: list[Share] = []
    for each in value:
        agent = text_in(each, "agent_id") if isinstance(each, Mapping) else None
        weight = each.get("weight") if isinstance(each, Mapping) else None
        if agent is None or isinstance(weight, bool) or not isinstance(weight, int | float):
            raise ValueError(f"`{field}` has an entry without `agent_id` or `weight`")
        if not 0 <= weight <= 1:
            raise ValueError(f"`{field}` has a weight that is not between 0 and 1")
        version = each.get("agent_version")
        shares.append(Share(id=agent, version=_version(version), weight=float(weight)))
    return shares


def _version(value: object) -> str | None:
    """Return a version as one text; the declared form is a number or a tag."""
    if value is None or isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return str(value)


def _settle_versions(
    shares: list[Share], name: str, asked: RegistrationRequest | None
) -> str | None:
    """Return the text of these agents, without the versions of those that are declared without one.

    The server may show which version such an agent has. A text that the state has is returned as it
    is, because it has not changed.
    """
    whole = format_agents(shares)
    if asked is None or whole == asked.recorded.get(name):
        return whole

    declared = parse_agents(asked.attrs.get(name, asked.recorded.get(name)))
    free = {share.id for share in declared if share.version is None}
    settled: list[Share] = []
    for share in shares:
        if share.id in free:
            share = msgspec.structs.replace(share, version=None)
        settled.append(share)
    return format_agents(settled)


def _read_countries(row: Mapping[str, Any], field: str) -> str | None:
    """Return the countries of a direction as one text; None where all are allowed."""
    value = row.get(field)
    if value is None or value == []:
        return None
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"`{field}` is no list of countries")
    return ",".join(sorted(set(value)))


def _write_countries(text: Value) -> list[str]:
    return text.split(",") if isinstance(text, str) and text else []


def _read_stamp(row: Mapping[str, Any]) -> str:
    value = row.get("last_modification_timestamp")
    return str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""


def _text(row: Mapping[str, Any], field: str) -> str | None:
    """Return a text that may be missing. Raises ValueError for anything but text."""
    value = row.get(field)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"`{field}` is no text")
    return value or None
