"""Apply a saved plan: plan again with the command that made it, refuse a plan that differs, and
apply the new plan.

The file supplies the command with its arguments and the selection; nothing else of it reaches
Twilio or the state. Prints nothing, reads no command line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from reconciler.config.project import Project
from reconciler.config.secrets.destinations import KnownDestinations
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError, Refused, UsageError
from reconciler.planning.staleness import add_differences, list_differences
from reconciler.state.plan_file import PlanFile
from reconciler.state.stores.store import Store
from reconciler.workflows import plan_apply, replan, saved_plan_check
from reconciler.workflows.plan_apply import Confirm, Planner, apply_planned
from reconciler.workflows.recorded_goal import goal_planner
from reconciler.workflows.release import ReleaseRequest, find_release_goal
from reconciler.workflows.rollback import PREVIOUS, find_rollback_goal
from reconciler.workflows.session import Applied, Consent, Gateways, Planned, RunOptions


def apply(
    options: RunOptions, consent: Consent, confirm: Confirm, saved: PlanFile, expected: str | None
) -> Applied:
    """Apply the plan if it is still what would be planned now. Raises Refused, UsageError, and what
    a plan raises.
    """
    origin = saved.origin
    if origin.command != "plan" and expected is None:
        raise UsageError(_expect_missing(origin.command))

    # A configuration that has changed must not send secrets elsewhere before the plan is found to
    # be stale.
    selected = msgspec.structs.replace(
        options,
        targets=tuple(saved.targets),
        excludes=tuple(saved.excludes),
        planned=KnownDestinations("the saved plan", saved.state, tuple(saved.destinations)),
    )
    if origin.command == "plan":
        return plan_apply.apply(selected, consent, confirm, saved=saved, expected=expected)
    return apply_planned(
        selected, consent, confirm, _saved_planner(selected, consent, saved, expected)
    )


def apply_reviewed(
    options: RunOptions,
    consent: Consent,
    confirm: Confirm,
    plans: Sequence[PlanFile],
    expected: str | None,
) -> Applied:
    """Plan again, and apply if every action is in one of these plans. Raises Refused, UsageError,
    and what a plan raises.
    """
    newest_first = replan.sort_newest_first(plans)
    selected = replan.use_selection(options, newest_first)
    return plan_apply.apply(selected, consent, confirm, expected=expected, reviewed=newest_first)


def _saved_planner(
    options: RunOptions, consent: Consent, saved: PlanFile, expected: str | None
) -> Planner:
    """Return the planner of a release or rollback that refuses every plan but the saved one."""
    origin = saved.origin
    if origin.command == "release":
        goal = find_release_goal(ReleaseRequest(origin.addresses, origin.how))
    else:
        goal = find_rollback_goal(origin.to or PREVIOUS)
    planner = goal_planner(options, consent, goal)

    def plan_again(
        project: Project, store: Store, gateways: Gateways, confirmed: PlanFile | None = None, /
    ) -> Planned:
        # The state first: once it has changed, an address or a version may refer to something else.
        moved = saved_plan_check.find_moved_bases(
            saved, project, store.load(), saved_plan_check.last_commit_of(options, project)
        )
        if moved and saved.actions:
            raise Refused(
                *_with_differences(moved, saved, lambda: planner(project, store, gateways))
            )

        planned = saved_plan_check.use_saved_plan(
            options, saved, planner(project, store, gateways), gateways
        )
        saved_plan_check.check_digest(planned, expected, saved)
        return planned

    return plan_again


def _with_differences(
    moved: list[Diagnostic], saved: PlanFile, plan_now: Callable[[], Planned]
) -> list[Diagnostic]:
    """Add to the first reason how the plan of the file differs from the plan made now.

    The numbers or the version that the file names may not exist any more: then there is no plan to
    compare with, and the reasons are returned as they are.
    """
    try:
        fresh = plan_now()
    except ReconcilerError:
        return moved
    differences = list_differences(saved.actions, fresh.plan.actions)
    return [add_differences(moved[0], differences), *moved[1:]] if differences else moved


def _expect_missing(command: str) -> Diagnostic:
    detail = (
        f"The plan was saved by `{command}`, which changes more than the configuration declares. Check it with "
        "`reconciler show PLANFILE`, and pass the digest that it prints:\n  reconciler apply PLANFILE --expect DIGEST"
    )
    return Diagnostic(code="expect_missing", summary="Digest of the plan missing", detail=detail)
