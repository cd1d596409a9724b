"""``--target`` and ``--exclude``: the part of a plan that a run is about; pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.model import Action

if TYPE_CHECKING:
    from reconciler.planning.plan import Plan


def select(plan: Plan, targets: Sequence[str], excludes: Sequence[str], *, known: Collection[str] = ()) -> Plan:
    """Keep what is targeted (and what it depends on) and not excluded; globs over addresses, ``*`` matches any text.

    What depends on something excluded is left out as well: it could not succeed. `known` are the addresses that a glob
    may rightly mean although nothing is to be done about them: what is declared, what is in state.
    """
    if not targets and not excludes:
        return plan
    kept = [d for d in plan.diagnostics if d.address is None or matches(d.address, targets, excludes)]
    chosen = _chosen(plan.actions, targets, excludes)
    return msgspec.structs.replace(
        plan,
        actions=tuple(action for action in plan.actions if action.address in chosen),
        refreshes={a: e for a, e in plan.refreshes.items() if matches(a, targets, excludes)},
        diagnostics=(*kept, *_unmatched(plan, targets, excludes, known)),
        fingerprints={a: f for a, f in plan.fingerprints.items() if a in chosen},
        left_out=len({action.address for action in plan.actions} - chosen),
    )


def _unmatched(plan: Plan, targets: Sequence[str], excludes: Sequence[str], known: Collection[str]) -> list[Diagnostic]:
    """A warning for each glob that fits no address: a typing mistake must not look like success."""
    planned = {*(a.address for a in plan.actions), *plan.refreshes, *(d.address for d in plan.diagnostics if d.address)}
    given = [*(("--target", glob) for glob in targets), *(("--exclude", glob) for glob in excludes)]
    return [
        Diagnostic(
            severity="warning",
            code="target_no_match",
            summary="A pattern fits no address",
            detail=f"Nothing that is declared or in state has an address like `{glob}`, so `{option} {glob}` chooses "
            f"nothing. {_meant(glob, {*planned, *known})}",
        )
        for option, glob in given
        if not any(fnmatchcase(address, glob) for address in planned)
        and not any(fnmatchcase(address, glob) for address in known)
    ]


def _meant(glob: str, addresses: Collection[str]) -> str:
    """The address that a name alone belongs to, else what an address is."""
    found = sorted(a for a in addresses if glob and a.partition("/")[2].lstrip("+") == glob.lstrip("+"))
    if found:
        return f"Did you mean {' or '.join(f'`{address}`' for address in found)}?"
    return "An address is its kind and its name, like number/+15550100101; * stands for any text."


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
