"""Compare two plans: the parts of an action that count, their digest, and the differences; pure.

| counts | does not count |
|---|---|
| address, action, account, SID, changes, written values, prior values | reason, note, place in a file, order, times |

Fingerprints of secrets are salted, so they are never part of a digest: the reference to the secret
stands for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.table import RANKS, secret_fields
from reconciler.model.action import Action
from reconciler.planning.staleness import plan_stale

References = Mapping[str, Mapping[str, str]]
"""Address → field → where its secret is found, such as `env:SIP_PASSWORD`; never the secret."""
Key = tuple[str, str]

_WITH_SECRETS = frozenset(kind for kind in RANKS if secret_fields(kind))
_UNNAMED = "(secret)"
_ENCODER = msgspec.json.Encoder(order="sorted")


def digest_of(actions: Iterable[Action], references: References) -> str:
    """The digest of what these actions do, `sha256:…`; equal for equal plans, in whatever order."""
    digest = hashlib.sha256()
    for action in sorted(actions, key=_key):
        digest.update(_ENCODER.encode(_digest_parts(action, references)))
        digest.update(b"\n")
    return f"sha256:{digest.hexdigest()}"


def digest_mismatch(expected: str, found: str) -> Diagnostic:
    """The plan is not the one whose digest was given."""
    detail = (
        f"The plan has the digest {found}, and {expected} was expected. Nothing has been written. Look at the plan, "
        "and give its digest if it is what you want:\n  reconciler plan"
    )
    return Diagnostic(code="plan_unexpected", summary="Not the expected plan", detail=detail)


def list_differences(saved: Sequence[Action], fresh: Sequence[Action]) -> list[Diagnostic]:
    """One diagnostic for each field in which a saved plan differs from the one that is made now,
    with both values.
    """
    before, after = _by_key(saved), _by_key(fresh)
    found: list[Diagnostic] = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key, []), after.get(key, [])
        if len(old) != len(new):
            found.append(_other_steps(key, len(old), len(new)))
            continue
        for one, other in zip(old, new, strict=True):
            found += _compare_fields(one, other)
    return found


def _key(action: Action) -> Key:
    return action.address, action.action


def _by_key(actions: Iterable[Action]) -> dict[Key, list[Action]]:
    found: dict[Key, list[Action]] = {}
    for action in actions:
        found.setdefault(_key(action), []).append(action)
    return found


def _digest_parts(action: Action, references: References) -> tuple[object, ...]:
    """The parts of an action that count, with a reference in the place of each secret."""
    writes: Mapping[str, object] = action.set
    if action.kind in _WITH_SECRETS:
        named = references.get(action.address, {})
        hidden = secret_fields(action.kind)
        writes = {
            name: named.get(name, _UNNAMED) if name in hidden else value
            for name, value in writes.items()
        }
    prior = action.entry.prior if action.entry is not None else {}
    what = (action.address, action.action, action.kind, action.account, action.sid)
    return (*what, action.changes, writes, sorted(action.unset), action.restore, prior)


def _compare_fields(saved: Action, fresh: Action) -> Iterator[Diagnostic]:
    """One diagnostic for each field that counts and differs."""
    address, action = _key(saved)
    if any(saved.set.get(name) != fresh.set.get(name) for name in secret_fields(fresh.kind)):
        yield plan_stale(
            f"The secret of {address} is another one now than when the plan was made.", address
        )

    old, new = _fields(saved), _fields(fresh)
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if was != now:
            detail = f"{address}: {name} of `{action}` is {_format_value(was)} in the reviewed plan and {_format_value(now)} now."
            yield plan_stale(detail, address)


def _fields(action: Action) -> dict[str, Any]:
    """The fields that count by name, without secrets, flat enough to be shown."""
    hidden = secret_fields(action.kind)
    writes = {name: value for name, value in action.set.items() if name not in hidden}
    prior = action.entry.prior if action.entry is not None else {}
    fields: dict[str, Any] = {"kind": action.kind, "account": action.account, "sid": action.sid}
    fields |= {f"{change.field}": [change.before, change.after] for change in action.changes}
    for group, values in (("writes", writes), ("restore", action.restore), ("prior", prior)):
        fields |= {f"{group}.{name}": msgspec.to_builtins(value) for name, value in values.items()}
    fields |= {f"clears.{name}": True for name in action.unset}
    return fields


def _format_value(value: object) -> str:
    return "not set" if value is None or value == "" else _ENCODER.encode(value).decode()


def _other_steps(key: Key, saved: int, fresh: int) -> Diagnostic:
    """A step that only one of the plans has, or that both have another number of times."""
    address, action = key
    was, now = (
        f"{count} times" if count > 1 else ("there", "not there")[not count]
        for count in (saved, fresh)
    )
    return plan_stale(
        f"{address}: `{action}` is {was} in the reviewed plan and {now} now.", address
    )
