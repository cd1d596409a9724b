"""Return the goal of `release`: the named numbers are no longer managed, even if declared. Refuse
other kinds, and numbers that a platform has registered.

`planning.goals.release_selected` plans towards it, `recorded_goal` carries the plan out.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from reconciler.config.project import Project
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError, UsageError
from reconciler.kinds.table import NUMBER_KINDS, REGISTRATION
from reconciler.model.address import Address
from reconciler.model.desired import OnRemoval
from reconciler.model.entry import Entry
from reconciler.planning.checks.unknown_routes import add_unknown_routes
from reconciler.planning.goals import release_selected as planning
from reconciler.planning.identity.moved import Resources
from reconciler.planning.identity.observed import Observed
from reconciler.planning.plan import Plan
from reconciler.planning.selection.scope import find_accounts_outside
from reconciler.state.format.document import State
from reconciler.state.stores.store import Store
from reconciler.workflows.recorded import find_entry
from reconciler.workflows.recorded_goal import FindGoal, Goal
from reconciler.workflows.session import RunOptions


class ReleaseRequest(msgspec.Struct, frozen=True):
    """The numbers to release (addresses, E.164 or SIDs), and what becomes of them (None: as
    declared).
    """

    names: Sequence[str]
    how: OnRemoval | None = None


def find_release_goal(request: ReleaseRequest) -> FindGoal:
    """Return the function that finds the goal of a release."""

    def find_goal(options: RunOptions, project: Project, store: Store, state: State) -> Goal:
        addresses = list(dict.fromkeys(_address(state.resources, name) for name in request.names))
        goal = planning.build_release_goal(state.resources, addresses, request.how, project.desired)

        # Only the accounts of the chosen numbers are read.
        outside = find_accounts_outside(options.targets, (), goal.chosen)
        accounts = {entry.account for entry in goal.chosen.values()} - outside
        known = {**state.resources, **goal.chosen}
        near = {address: entry for address, entry in known.items() if entry.account in accounts}

        def decide(observed: Observed) -> Plan:
            plan = planning.plan_release(goal, observed, project.our_urls)
            return add_unknown_routes(plan, (), observed.unknown)

        return Goal((), near, decide, (state.resources,), goal.diagnostics)

    return find_goal


def _address(resources: Resources, name: str) -> str:
    """Return the address of a bound number. Raises ReconcilerError for an unknown one, UsageError
    for another kind.
    """
    entry = find_entry(resources, name)
    address = name if name in resources else next(a for a, e in resources.items() if e is entry)
    if entry.kind not in NUMBER_KINDS:
        raise UsageError(_wrong_kind_error(address, entry))

    # A platform that has imported the number must release it first, or its agent would go on
    # writing the webhooks.
    for other, registration in resources.items():
        if Address.parse(other).kind == REGISTRATION and registration.key == entry.key:
            raise ReconcilerError(_registration_error(address, Address.parse(other).owner))
    return address


def _registration_error(address: str, platform: str) -> Diagnostic:
    return Diagnostic(
        code="release_of_registered",
        summary="Number is registered with a platform",
        detail=f"{address} is answered by an agent of `{platform}`, which has to release it first. Remove the number "
        "from the configuration, or give it another agent, and apply.",
        address=address,
    )


def _wrong_kind_error(address: str, entry: Entry) -> Diagnostic:
    return Diagnostic(
        code="release_of_no_number",
        summary="Only numbers can be released",
        detail=f"{address} is of kind `{entry.kind}`. Remove it from the configuration and apply.",
        address=address,
    )
