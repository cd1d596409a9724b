"""List the webhooks of a number that the import of its platform overwrites, and those of them that
are somebody else's; pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from reconciler.kinds.number import user_fields
from reconciler.kinds.platforms.kind import PlatformKind, uses_own_trunk
from reconciler.model.action import Change
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Value, WireValue
from reconciler.planning.decide.compare import all_written_values
from reconciler.planning.decide.takeover import overwritten_values


class Number(msgspec.Struct, frozen=True):
    """The Twilio number of a registration: its address, its entry and the live number."""

    address: str
    entry: Entry | None
    live: Live


def _list_written_parts(kind: PlatformKind, declared: Desired) -> tuple[str, ...]:
    """Return the parts that the platform may write; of a bridge number only its voice."""
    attrs = declared.profile.attrs
    if uses_own_trunk(attrs):
        return ()
    if attrs.get("bridge") is True:
        return ("voice",)
    if kind.sms_switch and attrs.get(kind.sms_switch) is False:
        return tuple(part for part in kind.overwrites if part != "sms")
    return kind.overwrites


def list_rewritten_webhooks(number: Number, kind: PlatformKind, declared: Desired) -> list[Change]:
    """Return the present webhooks that the platform overwrites."""
    fields: dict[str, WireValue] = {}
    for part in _list_written_parts(kind, declared):
        fields.update(user_fields(part, number.live.attrs.get(part)))

    changes: list[Change] = []
    for field, value in fields.items():
        if not field.endswith("_method"):
            changes.append(Change(field, value, f"(set by {kind.title})"))
    return changes


def list_losses(
    number: Number, kind: PlatformKind, declared: Desired, our_urls: Collection[str]
) -> tuple[Change, ...]:
    """Return the foreign values that are lost; a value of a bound number is ours, or drift."""
    entry = number.entry
    ours: Mapping[str, Value] = all_written_values(entry) if entry is not None else {}

    losses: list[Change] = []
    for part in _list_written_parts(kind, declared):
        if part not in ours:
            losses += overwritten_values(part, number.live.attrs.get(part), None, our_urls)
    return tuple(losses)
