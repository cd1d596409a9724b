"""Plan towards a goal that is not the configuration, then preview or apply the plan: the workflow
of `release`, `rollback` and `undo`.

Nothing here prints, reads the command line or decides an exit code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from reconciler.config.project import Project
from reconciler.diagnostics import Diagnostic
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.planning.identity.observed import Observed
from reconciler.planning.plan import Plan
from reconciler.planning.selection.narrow import narrow_plan
from reconciler.remote.queries.observe import observe
from reconciler.state.format.document import State
from reconciler.state.plan_file import PlanFile
from reconciler.state.recovery.missing_state import load_for_writing
from reconciler.state.stores.store import Store
from reconciler.workflows.guards import apply_guards, check_claims
from reconciler.workflows.pipeline import decide_with_list_users
from reconciler.workflows.plan_actors import add_actors
from reconciler.workflows.plan_apply import Confirm, Planner, apply_planned, read_plan_only
from reconciler.workflows.session import Applied, Consent, Gateways, Planned, RunOptions


class Goal(msgspec.Struct, frozen=True):
    """What a plan is to reach, and what has to be read for it.

    `desired` and `recorded` are the resources to read on Twilio; `decide` plans towards the goal
    from what was read. `versions` are the states whose addresses `--target` may name.
    """

    desired: Sequence[Desired]
    recorded: Mapping[str, Entry]
    decide: Callable[[Observed], Plan]
    versions: tuple[Mapping[str, Entry], ...]
    notes: Iterable[Diagnostic] = ()


FindGoal = Callable[[RunOptions, Project, Store, State], Goal]
"""Options, configuration, store and present state → the goal. Raises ReconcilerError."""


def apply_goal(
    options: RunOptions, consent: Consent, find_goal: FindGoal, confirm: Confirm
) -> Applied:
    """Plan towards a goal, ask, and carry the plan out. Raises Refused, and what a plan raises."""
    return apply_planned(options, consent, confirm, goal_planner(options, consent, find_goal))


def preview_goal(options: RunOptions, consent: Consent, find_goal: FindGoal) -> Planned:
    """Plan towards a goal without changing anything, and check the plan as an apply with this
    consent would.
    """
    return read_plan_only(options, goal_planner(options, consent, find_goal))


def goal_planner(options: RunOptions, consent: Consent, find_goal: FindGoal) -> Planner:
    """Return the planner towards a goal."""

    def plan_goal(
        project: Project, store: Store, gateways: Gateways, confirmed: PlanFile | None = None, /
    ) -> Planned:
        state = load_for_writing(store, project)
        goal = find_goal(options, project, store, state)
        observed = observe(goal.desired, goal.recorded, gateways, options.progress.report_read)

        whole_plan, unread = decide_with_list_users(
            goal.decide(observed), goal.decide, observed, gateways
        )
        plan = narrow_plan(whole_plan, options.targets, options.excludes, recorded=goal.versions)

        # Errors stay in the plan and stop it; everything else becomes a note.
        errors: list[Diagnostic] = []
        notes: list[Diagnostic] = []
        for problem in plan.diagnostics:
            if problem.severity == "error":
                errors.append(problem)
            else:
                notes.append(problem)
        notes += [*unread, *goal.notes]

        planned = Planned(
            project=project,
            state=state,
            plan=msgspec.structs.replace(plan, diagnostics=tuple(errors)),
            observed=observed,
            notes=tuple(notes),
        )
        planned = add_actors(options, planned, gateways)
        return apply_guards(options, check_claims(planned, store), consent)

    return plan_goal
