"""Compute the digest of what a plan does, from the parts of an action that count, and report
another digest than the expected one; pure.

| counts | does not count |
|---|---|
| address, action, account, SID, changes, written values, prior values | reason, note, place in a file, order, times |

Fingerprints of secrets are salted, so they are never part of a digest: the reference to the secret
is compared instead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.table import RANKS, secret_fields
from reconciler.model.action import Action

References = Mapping[str, Mapping[str, str]]
"""Address → field → reference to its secret, such as `env:SIP_PASSWORD`; never the secret."""
Key = tuple[str, str]

_WITH_SECRETS = frozenset(kind for kind in RANKS if secret_fields(kind))
_UNNAMED = "(secret)"
_ENCODER = msgspec.json.Encoder(order="sorted")


def compute_digest(actions: Iterable[Action], references: References) -> str:
    """Return the digest of what these actions do, `sha256:…`; their order does not matter."""
    digest = hashlib.sha256()
    for action in sorted(actions, key=action_key):
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


def action_key(action: Action) -> Key:
    """Return what two actions of two plans have in common when they are the same step."""
    return action.address, action.action


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
