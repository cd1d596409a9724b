"""`release` as a workflow: addresses of numbers in; an ordinary plan that lets go of them, carried out, out.

Nothing here prints, reads the command line or decides an exit code; what letting go means, `planning.handback` knows.
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
from reconciler.workflows.inspect import find_entry
from reconciler.workflows.plan_apply import Confirm, Planner, apply_planned, read_plan_only
from reconciler.workflows.session import Applied, Consent, Planned, RunOptions


class ReleaseRequest(msgspec.Struct, frozen=True):
    """Which numbers to let go of (addresses, E.164 or SIDs), and what becomes of them (None: as was declared)."""

    names: Sequence[str]
    how: OnRemoval | None = None


def release(
    options: RunOptions, consent: Consent, letting: ReleaseRequest, confirm: Confirm
) -> Applied:
    """Let go of them. Raises Refused, UsageError, and what a plan raises."""
    return apply_planned(options, consent, confirm, planner(options, consent, letting))


def preview(options: RunOptions, consent: Consent, letting: ReleaseRequest) -> Planned:
    """The plan of a release, without changing anything, judged as a release with this consent would judge it."""
    return read_plan_only(options, planner(options, consent, letting))


def planner(options: RunOptions, consent: Consent, letting: ReleaseRequest) -> Planner:
    """Return what plans the release."""

    def planned(
        project: Project,
        store: Store,
        gateways: Mapping[str, Gateway],
        confirmed: PlanFile | None = None,
        /,
    ) -> Planned:
        state = load_for_writing(store, project)
        addresses = list(dict.fromkeys(_address(state.resources, name) for name in letting.names))
        letting_go = planning.build_release_goal(
            state.resources, addresses, letting.how, project.desired
        )
        outside = find_accounts_outside(options.targets, (), letting_go.chosen)
        accounts = {entry.account for entry in letting_go.chosen.values()} - outside
        known = {**state.resources, **letting_go.chosen}
        near = {address: entry for address, entry in known.items() if entry.account in accounts}
        observed = observe([], near, gateways, options.progress.report_read)
        whole_plan = planning.plan_release(letting_go, observed, project.our_urls)
        whole_plan = add_unknown_routes(whole_plan, (), observed.unknown)
        plan = narrow_plan(
            whole_plan, options.targets, options.excludes, recorded=(state.resources,)
        )
        whole = Planned(
            project=project, state=state, plan=plan, observed=observed, notes=letting_go.diagnostics
        )
        return apply_guards(options, whole, consent)

    return planned


def _address(resources: Resources, name: str) -> str:
    """The address of a bound number. Raises ReconcilerError for what is not bound, UsageError for what is no number."""
    entry = find_entry(resources, name)
    address = name if name in resources else next(a for a, e in resources.items() if e is entry)
    if entry.kind not in NUMBER_KINDS:
        raise UsageError(_no_number(address, entry))
    platforms = [
        a.split("/")[1]
        for a, e in resources.items()
        if a.startswith("registration/") and e.key == entry.key
    ]
    if platforms:
        raise ReconcilerError(_registered(address, platforms[0]))
    return address


def _registered(address: str, platform: str) -> Diagnostic:
    return Diagnostic(
        code="release_of_registered",
        summary="The number is registered with a platform",
        detail=f"{address} is answered by an agent of `{platform}`, which has to let go of it first. Remove the number "
        "from the configuration, or give it another agent, and apply.",
        address=address,
    )


def _no_number(address: str, entry: Entry) -> Diagnostic:
    return Diagnostic(
        code="release_of_no_number",
        summary="Only numbers are released",
        detail=f"{address} is of kind `{entry.kind}`. To let go of it, remove it from the configuration and apply.",
        address=address,
    )
