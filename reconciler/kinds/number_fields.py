"""Define the fields of a number beside its routes and its friendly name: their names, their fields
on Twilio, and their defaults there; no I/O.

They are managed only where they are declared, each by itself. Source:
https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from reconciler.model.route import Value, WireValue


class NumberField(msgspec.Struct, frozen=True):
    """One field: its `name` in configuration, plan and state, and its `wire` name on Twilio.

    `default` is the value of a number on which nothing is set. `prefix` is that of the SIDs which
    it holds. `regulated`: the law of a country may require it, so a release never takes it away.
    """

    name: str
    wire: str
    default: Value = None
    prefix: str = ""
    regulated: bool = False


ROUTE_PARTS = frozenset({"voice", "sms", "status"})
"""The attributes of a number that are routes or webhooks."""

EMERGENCY_ADDRESS = "emergency_address"
RECEIVE_MODE = "receive_mode"
EMERGENCY_STATUS = "emergency_address_status"
"""Twilio's field with the state of the emergency address; it can only be read."""

FIELDS = (
    NumberField(EMERGENCY_ADDRESS, "emergency_address_sid", prefix="AD"),
    NumberField("address", "address_sid", prefix="AD", regulated=True),
    NumberField("bundle", "bundle_sid", prefix="BU", regulated=True),
    NumberField("identity", "identity_sid", prefix="RI", regulated=True),
    NumberField("caller_id_lookup", "voice_caller_id_lookup", default=False),
    NumberField(RECEIVE_MODE, "voice_receive_mode", default="voice"),
)
BY_NAME = {field.name: field for field in FIELDS}
BY_WIRE = {field.wire: field for field in FIELDS}
OWN_NAMES = frozenset({"friendly_name", *BY_NAME})
"""Attributes that differ from number to number, so that numbers do not share them."""

NONE = "none"
"""Declares that a number has no such SID."""


def read_fields(row: Any) -> dict[str, Value]:
    """Return the canonical values of a row, and the state of its emergency address."""
    values: dict[str, Value] = {}
    for field in FIELDS:
        values[field.name] = canonical_value(field, getattr(row, field.wire))
    values[EMERGENCY_STATUS] = row.emergency_address_status or None
    return values


def canonical_value(field: NumberField, value: Any) -> Value:
    """Return a raw value in canonical form: null and "" mean the default."""
    if value is None or value == "":
        return field.default
    if isinstance(field.default, bool):
        return str(value).lower() == "true"
    return value  # type: ignore[no-any-return]


def canonical_fields(wire: Mapping[str, WireValue]) -> dict[str, Value]:
    """Return the canonical values of raw fields; one that is absent has its default."""
    return {field.name: canonical_value(field, wire.get(field.wire)) for field in FIELDS}


def wire_value(value: Value) -> WireValue:
    """Return a canonical value as a request has it: "" clears a SID."""
    return value if isinstance(value, str | bool) else ""


def released_value(field: NumberField, prior: WireValue) -> WireValue:
    """Return the raw value after a release; None where the field stays as it is."""
    if prior not in (None, ""):
        return prior
    return None if field.regulated else wire_value(field.default)


EmergencyStage = Literal["settled", "pending", "failed"]


def find_emergency_stage(wanted: Value, status: Value) -> EmergencyStage:
    """Return how far Twilio is with an emergency address (`wanted`), or with taking it off (None).

    A server in the place of Twilio may state nothing; then there is nothing to wait for.
    """
    if not status or status == ("registered" if wanted else "unregistered"):
        return "settled"
    failure = "registration-failure" if wanted else "unregistration-failure"
    return "failed" if status == failure else "pending"
