"""Compare two plans: the parts of an action that count, their digest, and the differences; pure.

| counts | does not count |
|---|---|
| address, action, account, SID, changes, written values, prior values | reason, note, place in a file, order, times |

Fingerprints of secrets are salted, so they are never part of a digest: the reference to the secret
is compared instead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.table import RANKS, secret_fields
from reconciler.model.action import Action
from reconciler.planning.staleness import list_changes, plan_stale

References = Mapping[str, Mapping[str, str]]
"""Address → field → reference to its secret, such as `env:SIP_PASSWORD`; never the secret."""
Key = tuple[str, str]

_WITH_SECRETS = frozenset(kind for kind in RANKS if secret_fields(kind))
_UNNAMED = "(secret)"
_LONGEST_VALUE = 300
"""The most characters of a value in a message: Twilio's answers have no such limit."""
_ENCODER = msgspec.json.Encoder(order="sorted")


def compute_digest(actions: Iterable[Action], references: References) -> str:
    """Return the digest of what these actions do, `sha256:…`; their order does not matter."""
    digest = hashlib.sha256()
    for action in sorted(actions, key=_key):
        digest.update(_ENCODER.encode(_digest_parts(action, references)))
        digest.update(b"\n")
    return f"sha256:{digest.hexdigest()}"


def digest_mismatch(expected: str, found: str) -> Diagnostic:
    """Return an error: the plan is not the one whose digest was given."""
    detail = (
        f"The plan has the digest {found}, and {expected} was expected. Nothing has been written. Look at the plan, "
        "and give its digest if it is what you want:\n  reconciler plan"
    )
    return Diagnostic(code="plan_unexpected", summary="Not the expected plan", detail=detail)


def list_differences(saved: Sequence[Action], fresh: Sequence[Action]) -> list[Diagnostic]:
    """Return one diagnostic for each field in which a saved plan differs from the one made now."""
    before, after = _group_by_key(saved), _group_by_key(fresh)

    found: list[Diagnostic] = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key, []), after.get(key, [])
        if len(old) != len(new):
            found.append(_describe_step_count(key, len(old), len(new)))
            continue

        # An address can have one action several times, such as two updates.
        for one, other in zip(old, new, strict=True):
            found += _compare_fields(one, other)
    return found


def _key(action: Action) -> Key:
    return action.address, action.action


def _group_by_key(actions: Iterable[Action]) -> dict[Key, list[Action]]:
    found: dict[Key, list[Action]] = {}
    for action in actions:
        found.setdefault(_key(action), []).append(action)
    return found


def _digest_parts(action: Action, references: References) -> tuple[object, ...]:
    """Return the parts of an action that count, with a reference in the place of each secret."""
    writes: dict[str, object] = dict(action.set)
    if action.kind in _WITH_SECRETS:
        known = references.get(action.address, {})
        for name in secret_fields(action.kind):
            if name in writes:
                writes[name] = known.get(name, _UNNAMED)

    prior = action.entry.prior if action.entry is not None else {}
    identity = (action.address, action.action, action.kind, action.account, action.sid)
    return (*identity, action.changes, writes, sorted(action.unset), action.restore, prior)


def _compare_fields(saved: Action, fresh: Action) -> Iterator[Diagnostic]:
    """Yield one diagnostic for each field that counts and differs."""
    address, action = _key(saved)
    secrets = secret_fields(fresh.kind)
    if any(saved.set.get(name) != fresh.set.get(name) for name in secrets):
        yield plan_stale(
            f"The secret of {address} is another one now than when the plan was made.", address
        )

    # Plain equality first: most plans are equal, and deepdiff takes time to import.
    old, new = _flatten(saved), _flatten(fresh)
    if old == new:
        return
    for name, before, after in list_changes(old, new):
        detail = (
            f"{address}: {name} of `{action}` is {_format_value(before)} in the reviewed plan "
            f"and {_format_value(after)} now."
        )
        yield plan_stale(detail, address)


def _flatten(action: Action) -> dict[str, Any]:
    """Return the fields that count by name, without secrets, flat enough to be shown."""
    fields: dict[str, Any] = {"kind": action.kind, "account": action.account, "sid": action.sid}
    for change in action.changes:
        fields[change.field] = [change.before, change.after]

    secrets = secret_fields(action.kind)
    for name, value in action.set.items():
        if name not in secrets:
            fields[f"writes.{name}"] = msgspec.to_builtins(value)

    for name, field_value in action.restore.items():
        fields[f"restore.{name}"] = field_value
    prior = action.entry.prior if action.entry is not None else {}
    for name, field_value in prior.items():
        fields[f"prior.{name}"] = field_value

    for name in action.unset:
        fields[f"clears.{name}"] = True
    return fields


def _format_value(value: object) -> str:
    """Return a value as JSON, cut to the length that a message may have."""
    if value is None or value == "":
        return "not set"
    text = _ENCODER.encode(value).decode()
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _describe_step_count(key: Key, saved: int, fresh: int) -> Diagnostic:
    """Return a diagnostic for a step that the plans have a different number of times."""
    address, action = key
    if not saved:
        detail = f"{address}: `{action}` is planned now, and was not in the reviewed plan."
    elif not fresh:
        detail = f"{address}: `{action}` was in the reviewed plan, and is not planned now."
    else:
        detail = (
            f"{address}: `{action}` was planned {saved} times, and is planned {fresh} times now."
        )
    return plan_stale(detail, address)
