"""Canonical attributes → the flat fields a user reads (``voice_url`` …), and what changes between
two of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from reconciler.kinds.number import user_fields
from reconciler.kinds.table import WITH_WEBHOOKS, secret_fields
from reconciler.model.action import Change
from reconciler.model.route import Attrs, Value, WireValue

_HIDDEN = "(secret)"
_HIDDEN_NEW = "(new secret)"
"""What stands in place of a secret field: its fingerprint would tell a reader nothing."""


def flatten(kind: str, attrs: Attrs) -> dict[str, WireValue]:
    """All fields of these attributes, in their order."""
    fields: dict[str, WireValue] = {}
    for name, value in attrs.items():
        fields.update(
            _field(kind, name, _HIDDEN if value and name in secret_fields(kind) else value)
        )
    return fields


def diff_fields(kind: str, before: Attrs, after: Attrs) -> tuple[Change, ...]:
    """The fields in which `after` differs from `before`, looking only at the attributes that
    `after` has.
    """
    out: list[Change] = []
    for name, value in after.items():
        if not (name in before and before[name] == value):
            out += _changes_of(kind, name, before.get(name), value)
    return tuple(out)


@lru_cache(maxsize=1024, typed=True)
def _changes_of(kind: str, name: str, before: Value, after: Value) -> tuple[Change, ...]:
    """The same for one attribute; remembered, for most numbers change alike."""
    if name in secret_fields(kind):
        return (Change(name, _HIDDEN if before else None, _HIDDEN_NEW),)
    old, new = _field(kind, name, before), _field(kind, name, after)
    differing = [
        Change(f, old.get(f), new.get(f)) for f in _union(old, new) if old.get(f) != new.get(f)
    ]
    return tuple(change for change in differing if not _is_default_method(change))


def _is_default_method(change: Change) -> bool:
    """A webhook that comes or goes brings Twilio's default method along, which nobody needs to
    read.
    """
    return change.field.endswith("_method") and {change.before, change.after} == {None, "POST"}


def _field(kind: str, name: str, value: Value) -> dict[str, WireValue]:
    if kind in WITH_WEBHOOKS:
        return user_fields(name, value)
    return {name: value} if isinstance(value, str | int | bool) or value is None else {}


def _union(old: Iterable[str], new: Iterable[str]) -> list[str]:
    return list(dict.fromkeys((*old, *new)))
