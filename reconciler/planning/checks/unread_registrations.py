"""Leave numbers whose registration on a platform could not be read, and what depends on them, out
of a plan and the entries; pure.

The webhooks of such a number may be the platform's, so nothing is written to the number either.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from reconciler.kinds.platforms.table import platform_name
from reconciler.kinds.table import REGISTRATION
from reconciler.model.action import Action
from reconciler.model.address import NUMBER_KINDS, Address
from reconciler.model.entry import Entry
from reconciler.planning.identity.observed import Observed
from reconciler.planning.plan import Plan


def hold_numbers(plan: Plan) -> Plan:
    """Return the plan without actions on the numbers whose registration could not be read."""
    held: set[str] = set()
    for problem in plan.diagnostics:
        if problem.code == "registration_unread" and problem.address is not None:
            key = Address.parse(problem.address).key
            held.update(f"{kind}/{key}" for kind in NUMBER_KINDS)
    if not held:
        return plan

    return msgspec.structs.replace(
        plan,
        actions=without_dependents(plan.actions, held),
        state_updates={a: e for a, e in plan.state_updates.items() if a not in held},
    )


def without_dependents(actions: Collection[Action], held: Collection[str]) -> tuple[Action, ...]:
    """Return the actions without these addresses, and without what depends on them."""
    out = set(held)
    size = 0
    while len(out) > size:
        size = len(out)
        for action in actions:
            if not out.isdisjoint(action.depends_on):
                out.add(action.address)
    return tuple(action for action in actions if action.address not in out)


def without_unread(recorded: Mapping[str, Entry], observed: Observed) -> Mapping[str, Entry]:
    """Return the entries without those of registrations that could not be read."""
    if not observed.partial:
        return recorded

    readable: dict[str, Entry] = {}
    for address, entry in recorded.items():
        on_platform = entry.kind == REGISTRATION and platform_name(address) in observed.partial
        if not on_platform or address in observed.resources:
            readable[address] = entry
    return readable
