"""Apply what several reviewed plans hold: plan again, and refuse each action that is in none of them.

State and configuration may have changed since the plans were made, such as after the merges of
other pull requests. The files supply the selection, the destinations of secrets and the baselines;
what is carried out is always the plan made now.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from reconciler.config.project import Project
from reconciler.config.secrets.destinations import KnownDestinations
from reconciler.diagnostics import Diagnostic
from reconciler.errors import Refused, UsageError
from reconciler.model.destination import Destination
from reconciler.planning.checks.baseline_config import Baseline
from reconciler.planning.plan import Plan
from reconciler.planning.reviewed_plans import Match, ReviewedPlan, match_actions
from reconciler.planning.staleness import (
    MOST_DIFFERENCES,
    Actors,
    base_moved,
    list_edits,
    plan_stale,
)
from reconciler.remote.queries.attribution import attribute_drift
from reconciler.state.format.document import State
from reconciler.state.plan_file import PlanFile
from reconciler.workflows.saved_plan_check import find_live_fingerprints
from reconciler.workflows.session import Gateways, Planned, RunOptions


class Held(msgspec.Struct, frozen=True):
    """The part of the plan made now that a reviewed plan holds, and the baseline of that plan."""

    baseline: Baseline
    plan: Plan


def sort_newest_first(plans: Sequence[PlanFile]) -> tuple[PlanFile, ...]:
    """Return the plans from the newest to the oldest. Raises UsageError for a plan of `release` or
    `rollback`.
    """
    for plan in plans:
        if plan.origin.command != "plan":
            raise UsageError(_describe_origin(plan.origin.command))
    return tuple(sorted(plans, key=lambda plan: (plan.created_at, plan.serial), reverse=True))


def use_selection(options: RunOptions, plans: Sequence[PlanFile]) -> RunOptions:
    """Return the options with the selection and the destinations of these plans.

    A resource is selected when one of the plans selected it. Where the plans exclude different
    resources, nothing is excluded: an action that no plan holds is refused all the same.
    """
    targets: list[str] = []
    if all(plan.targets for plan in plans):
        for plan in plans:
            targets += plan.targets

    excludes = list(plans[0].excludes)
    if any(plan.excludes != excludes for plan in plans):
        excludes = []

    destinations: dict[Destination, None] = {}
    for plan in plans:
        destinations.update(dict.fromkeys(plan.destinations))

    # The newest plan names the state: a merged change may have moved it.
    planned = KnownDestinations("the reviewed plans", plans[0].state, tuple(destinations))
    return msgspec.structs.replace(
        options,
        targets=tuple(dict.fromkeys(targets)),
        excludes=tuple(excludes),
        planned=planned,
    )


def check_reviewed(
    options: RunOptions, plans: Sequence[PlanFile], planned: Planned, gateways: Gateways
) -> list[Held]:
    """Return what each reviewed plan with a baseline holds of the plan made now.

    Raises Refused with every action that no plan holds, and with what is different.
    """
    moved = _find_other_projects(plans, planned.project, planned.state)
    if moved:
        raise Refused(*moved)

    # Look for the actors only after something has moved: most runs need no call for it.
    reviewed = []
    for plan in plans:
        reviewed.append(_to_reviewed(plan, planned))
    match = match_actions(planned.plan.actions, reviewed)
    if match.problems:
        actors = _find_actors(options, plans, reviewed, gateways)
        match = match_actions(planned.plan.actions, reviewed, actors)
        raise Refused(*_shorten(match.problems))
    return _split_by_baseline(plans, planned.plan, match)


def _find_other_projects(
    plans: Sequence[PlanFile], project: Project, state: State
) -> list[Diagnostic]:
    """Find the plans of another project, or of another lineage of the state.

    A plan of serial 0 was made before the first apply: the state that was begun since continues it.
    """
    problems = []
    for plan in plans:
        if plan.project != project.name:
            problems.append(base_moved("project", plan.project, project.name))
        elif plan.serial and plan.lineage != state.lineage:
            detail = (
                f"A reviewed plan was made upon the state {plan.lineage}, and the state is "
                f"{state.lineage or 'missing'} now: it was replaced or begun again."
            )
            problems.append(plan_stale(detail, None))
    return list(dict.fromkeys(problems))


def _to_reviewed(plan: PlanFile, planned: Planned) -> ReviewedPlan:
    """Return a plan with the live fields of now.

    An unchanged secret has the same fingerprint in both: the plan made now takes it from the files.
    """
    now = find_live_fingerprints(plan, planned.observed)
    return ReviewedPlan(actions=tuple(plan.actions), then=plan.fingerprints, now=now)


def _find_actors(
    options: RunOptions,
    plans: Sequence[PlanFile],
    reviewed: Sequence[ReviewedPlan],
    gateways: Gateways,
) -> Actors:
    """Return who has changed the live fields since the plans were made, as far as it is known."""
    actors = {}
    for plan, each in zip(plans, reviewed, strict=True):
        accounts = {action.address: action.account for action in plan.actions}
        edits = list_edits(each.then, each.now, accounts)
        for edit in attribute_drift(edits, gateways, options.clock()).drifted:
            for field in edit.fields:
                actors[edit.address, field.field] = field.actor
    return actors


def _split_by_baseline(plans: Sequence[PlanFile], whole: Plan, match: Match) -> list[Held]:
    """Return the part of each plan that has a baseline; the limits of a baseline count for it."""
    parts = []
    for plan, actions in zip(plans, match.actions, strict=True):
        if plan.baseline is not None and actions:
            parts.append(Held(plan.baseline, msgspec.structs.replace(whole, actions=actions)))
    return parts


def _shorten(problems: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Return the first problems, the first with the number of those that are left out."""
    more = len(problems) - MOST_DIFFERENCES
    if more <= 0:
        return list(problems)
    first = problems[0]
    detail = f"{first.detail}\n({more:,} more differences are not listed.)"
    shortened = msgspec.structs.replace(first, detail=detail)
    return [shortened, *problems[1:MOST_DIFFERENCES]]


def _describe_origin(command: str) -> Diagnostic:
    """Return the problem of a plan that cannot be made again from the configuration."""
    detail = (
        f"A plan of `{command}` does more than the configuration declares, so it cannot be combined with other plans. "
        "Apply it alone:\n  reconciler apply PLANFILE --expect DIGEST"
    )
    return Diagnostic(
        code="replan_not_possible", summary="Plan cannot be made again", detail=detail
    )
