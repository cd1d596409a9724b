"""Narrow a plan to what ``--target`` selects, with all that it depends on, without what
``--exclude`` selects and all that depends on that; pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.model.action import Action
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.planning.identity.named import Named
from reconciler.planning.selection.patterns import Selection, find_selection, list_named
from reconciler.planning.selection.unmatched import check_matches

if TYPE_CHECKING:
    from reconciler.planning.plan import Plan


def narrow_plan(
    plan: Plan,
    targets: Sequence[str],
    excludes: Sequence[str],
    desired: Iterable[Desired] = (),
    recorded: Sequence[Mapping[str, Entry]] = (),
    children: Iterable[Named] = (),
) -> Plan:
    """Keep what is targeted (and what it depends on) and not excluded.

    What depends on something excluded is left out as well: it could not succeed. Patterns match
    what is `desired`, what is `recorded` and what the plan is about, be there anything to do or
    not; also the `children` that are neither declared nor bound. Raises UsageError for a pattern
    that matches none of that.
    """
    if not targets and not excludes:
        return plan

    everything = [*list_named(desired, recorded, plan.actions), *children]
    selection = find_selection(targets, excludes, everything)

    # A pattern may match what only a diagnostic or an update of the state is about.
    mentioned = set(plan.state_updates)
    diagnostics: list[Diagnostic] = []
    for diagnostic in plan.diagnostics:
        if diagnostic.address:
            mentioned.add(diagnostic.address)
        if diagnostic.address is None or selection.selects(diagnostic.address):
            diagnostics.append(diagnostic)
    check_matches(selection, everything, mentioned)

    chosen = _select_addresses(plan.actions, selection)
    return msgspec.structs.replace(
        plan,
        actions=tuple(action for action in plan.actions if action.address in chosen),
        state_updates={a: e for a, e in plan.state_updates.items() if selection.selects(a)},
        diagnostics=tuple(diagnostics),
        fingerprints={a: f for a, f in plan.fingerprints.items() if a in chosen},
        excluded=len({action.address for action in plan.actions} - chosen),
    )


def _select_addresses(actions: Sequence[Action], selection: Selection) -> set[str]:
    """Return the addresses of actions that are targeted, with what they need, and not excluded."""
    needs: dict[str, set[str]] = {}
    for action in actions:
        needs.setdefault(action.address, set()).update(action.depends_on)

    # What is targeted brings everything that it waits for.
    chosen: set[str] = set()
    todo = [address for address in needs if selection.selects(address)]
    while todo:
        address = todo.pop()
        if address not in chosen:
            chosen.add(address)
            todo += needs[address] & needs.keys()

    # What is excluded takes away everything that waits for it.
    planned = set(needs)
    excluded = {address for address in needs if selection.skips(address)}
    while excluded & chosen:
        chosen -= excluded
        excluded = {address for address in chosen if needs[address] & planned - chosen}
    return chosen
