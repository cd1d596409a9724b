"""``--target`` and ``--exclude``: the part of a plan that a run is about; pure."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.model import Action
from reconciler.planning.plan import Plan


def select(plan: Plan, targets: Sequence[str], excludes: Sequence[str]) -> Plan:
    """Keep what is targeted (and what it depends on) and not excluded; globs over addresses, ``*`` matches any text.

    What depends on something excluded is left out as well: it could not succeed.
    """
    if not targets and not excludes:
        return plan
    kept = [d for d in plan.diagnostics if d.address is None or matches(d.address, targets, excludes)]
    chosen = _chosen(plan.actions, targets, excludes)
    return msgspec.structs.replace(
        plan,
        actions=tuple(action for action in plan.actions if action.address in chosen),
        refreshes={a: e for a, e in plan.refreshes.items() if matches(a, targets, excludes)},
        diagnostics=(*kept, *_unmatched(plan, targets)),
        fingerprints={a: f for a, f in plan.fingerprints.items() if a in chosen},
    )


def _unmatched(plan: Plan, targets: Sequence[str]) -> list[Diagnostic]:
    """A warning for each target that no address of the plan fits: a typing mistake must not look like success."""
    known = {*(a.address for a in plan.actions), *plan.refreshes, *(d.address for d in plan.diagnostics if d.address)}
    return [
        Diagnostic(
            severity="warning",
            code="target_no_match",
            summary="A target fits nothing that would change",
            detail=f"Nothing in the plan has an address like `{target}`; without `--target` all of it is shown.",
        )
        for target in targets
        if not any(fnmatchcase(address, target) for address in known)
    ]


def matches(address: str, targets: Sequence[str], excludes: Sequence[str]) -> bool:
    """Whether an address is targeted and not excluded; without targets every address is."""
    return _any(address, targets or ("*",)) and not _any(address, excludes)


def _chosen(actions: Sequence[Action], targets: Sequence[str], excludes: Sequence[str]) -> set[str]:
    needs: dict[str, set[str]] = {}
    for action in actions:
        needs.setdefault(action.address, set()).update(action.after)
    chosen: set[str] = set()
    todo = [address for address in needs if matches(address, targets, excludes)]
    while todo:
        address = todo.pop()
        if address not in chosen:
            chosen.add(address)
            todo += [need for need in needs[address] if need in needs]
    left_out = {address for address in needs if _any(address, excludes)}
    while left_out & chosen:
        chosen -= left_out
        left_out = {address for address in chosen if needs[address] & set(needs) - chosen}
    return chosen


def _any(address: str, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(address, glob) for glob in globs)
