"""Release numbers without editing the configuration: build an ordinary plan that releases them, and
apply it.

Nothing here prints, reads the command line or decides an exit code.
`planning.goals.release_selected` builds the plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from reconciler.config.project import Project
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError, UsageError
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.desired import OnRemoval
from reconciler.model.entry import Entry
from reconciler.planning.checks.unknown_routes import add_unknown_routes
from reconciler.planning.goals import release_selected as planning
from reconciler.planning.identity.moved import Resources
from reconciler.planning.selection.narrow import narrow_plan
from reconciler.planning.selection.scope import find_accounts_outside
from reconciler.remote.gateway import Gateway
from reconciler.remote.queries.observe import observe
from reconciler.state.plan_file import PlanFile
from reconciler.state.recovery.missing_state import load_for_writing
from reconciler.state.stores.store import Store
from reconciler.workflows.guards import apply_guards
from reconciler.workflows.plan_apply import Confirm, Planner, apply_planned, read_plan_only
from reconciler.workflows.recorded import find_entry
from reconciler.workflows.session import Applied, Consent, Planned, RunOptions


class ReleaseRequest(msgspec.Struct, frozen=True):
    """The numbers to release (addresses, E.164 or SIDs), and what becomes of them (None: as
    declared).
    """

    names: Sequence[str]
    how: OnRemoval | None = None


def release(
    options: RunOptions, consent: Consent, request: ReleaseRequest, confirm: Confirm
) -> Applied:
    """Release the numbers. Raises Refused, UsageError, and what a plan raises."""
    return apply_planned(options, consent, confirm, planner(options, consent, request))


def preview(options: RunOptions, consent: Consent, request: ReleaseRequest) -> Planned:
    """Plan a release without changing anything, and check the plan as a release with this consent
    would.
    """
    return read_plan_only(options, planner(options, consent, request))


def planner(options: RunOptions, consent: Consent, request: ReleaseRequest) -> Planner:
    """Return the planner of the release."""

    def plan_release(
        project: Project,
        store: Store,
        gateways: Mapping[str, Gateway],
        confirmed: PlanFile | None = None,
        /,
    ) -> Planned:
        state = load_for_writing(store, project)
        addresses = list(dict.fromkeys(_address(state.resources, name) for name in request.names))
        goal = planning.build_release_goal(state.resources, addresses, request.how, project.desired)

        # Only the accounts of the chosen numbers are read.
        outside = find_accounts_outside(options.targets, (), goal.chosen)
        accounts = {entry.account for entry in goal.chosen.values()} - outside
        known = {**state.resources, **goal.chosen}
        near = {address: entry for address, entry in known.items() if entry.account in accounts}
        observed = observe([], near, gateways, options.progress.report_read)

        whole_plan = planning.plan_release(goal, observed, project.our_urls)
        whole_plan = add_unknown_routes(whole_plan, (), observed.unknown)
        plan = narrow_plan(
            whole_plan, options.targets, options.excludes, recorded=(state.resources,)
        )

        planned = Planned(
            project=project, state=state, plan=plan, observed=observed, notes=goal.diagnostics
        )
        return apply_guards(options, planned, consent)

    return plan_release


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
        if other.startswith("registration/") and registration.key == entry.key:
            raise ReconcilerError(_registration_error(address, other.split("/")[1]))
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
