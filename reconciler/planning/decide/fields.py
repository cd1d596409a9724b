"""Turn canonical attributes into the flat fields that a user reads (``voice_url`` …), and compare
them; pure.
"""

from __future__ import annotations

from functools import lru_cache

from reconciler.kinds.number import user_fields
from reconciler.kinds.table import WITH_WEBHOOKS, secret_fields
from reconciler.model.action import Change
from reconciler.model.route import Attrs, Value, WireValue

_HIDDEN = "(secret)"
_HIDDEN_NEW = "(new secret)"
"""Shown in place of a secret: its fingerprint has no meaning for a reader."""


def flatten(kind: str, attrs: Attrs) -> dict[str, WireValue]:
    """Return all fields of these attributes, in their order."""
    fields: dict[str, WireValue] = {}
    for name, value in attrs.items():
        is_secret = bool(value) and name in secret_fields(kind)
        fields.update(_to_fields(kind, name, _HIDDEN if is_secret else value))
    return fields


def diff_fields(kind: str, before: Attrs, after: Attrs) -> tuple[Change, ...]:
    """Return the fields in which `after` differs from `before`, among the attributes of `after`."""
    changes: list[Change] = []
    for name, value in after.items():
        if not (name in before and before[name] == value):
            changes += _diff_attribute(kind, name, before.get(name), value)
    return tuple(changes)


@lru_cache(maxsize=1024, typed=True)
def _diff_attribute(kind: str, name: str, before: Value, after: Value) -> tuple[Change, ...]:
    """Return the changed fields of one attribute; they are cached, because most numbers change
    alike.
    """
    if name in secret_fields(kind):
        return (Change(name, _HIDDEN if before else None, _HIDDEN_NEW),)

    old, new = _to_fields(kind, name, before), _to_fields(kind, name, after)
    changes: list[Change] = []
    for field in dict.fromkeys((*old, *new)):
        change = Change(field, old.get(field), new.get(field))
        if change.before != change.after and not _is_default_method(change):
            changes.append(change)
    return tuple(changes)


def _is_default_method(change: Change) -> bool:
    """Return whether this is the default method that comes or goes with a webhook."""
    return change.field.endswith("_method") and {change.before, change.after} == {None, "POST"}


def _to_fields(kind: str, name: str, value: Value) -> dict[str, WireValue]:
    if kind in WITH_WEBHOOKS:
        return user_fields(name, value)
    return {name: value} if isinstance(value, str | int | bool) or value is None else {}
