"""Match the actions of a plan made now with those of several reviewed plans, and report each action
that no plan holds; pure.

| an action of the plan made now | result |
|---|---|
| a plan holds it, and the live fields that it writes are as reviewed | matched with this plan |
| a plan holds it, and a live field that it writes has changed | a problem with both values |
| plans hold the same step with other values | a problem with the differences from the newest plan |
| no plan holds it | a problem |

Actions of the reviewed plans that are not needed any more are ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.model.action import Action
from reconciler.model.route import Wire
from reconciler.planning.plan_digest import Key, action_key
from reconciler.planning.staleness import (
    Actors,
    compare_actions,
    find_moved_resources,
    list_written_fields,
    plan_stale,
)


class ReviewedPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The actions of one reviewed plan, with the live fields of its resources then and now.

    `then` and `now` have the fields by address. A value of None in `now` is a resource that does
    not exist any more.
    """

    actions: tuple[Action, ...]
    then: Mapping[str, Wire]
    now: Mapping[str, Wire | None]


class Match(msgspec.Struct, frozen=True):
    """The actions that each reviewed plan holds, in the order of the plans, and the problems."""

    actions: tuple[tuple[Action, ...], ...]
    problems: tuple[Diagnostic, ...]


def match_actions(
    fresh: Sequence[Action], plans: Sequence[ReviewedPlan], actors: Actors | None = None
) -> Match:
    """Match each action of the plan made now with the first plan that holds it.

    `plans` are sorted from the newest to the oldest. `actors` has, by address and field, who has
    changed a live field.
    """
    grouped = [_group_by_key(plan.actions) for plan in plans]
    matched: list[list[Action]] = [[] for _ in plans]
    problems: list[Diagnostic] = []

    for action in fresh:
        key = action_key(action)
        reasons: list[Diagnostic] | None = None
        for index, plan in enumerate(plans):
            candidates = grouped[index].get(key, [])
            found, why = _find_equal(action, candidates, plan, actors)
            if found is not None:
                # An address can have one action several times: each reviewed one counts once.
                candidates.remove(found)
                matched[index].append(action)
                reasons = []
                break

            # The newest plan that has this step says best what is different.
            if reasons is None and why:
                reasons = why
        problems += [_describe_unreviewed(action)] if reasons is None else reasons

    return Match(tuple(tuple(each) for each in matched), tuple(problems))


def _group_by_key(actions: Iterable[Action]) -> dict[Key, list[Action]]:
    """Return the actions of a plan by address and action."""
    found: dict[Key, list[Action]] = {}
    for action in actions:
        found.setdefault(action_key(action), []).append(action)
    return found


def _find_equal(
    action: Action, candidates: Sequence[Action], plan: ReviewedPlan, actors: Actors | None
) -> tuple[Action | None, list[Diagnostic]]:
    """Return the candidate that equals the action, or None and how the first one differs."""
    first: list[Diagnostic] = []
    for candidate in candidates:
        differences = list(compare_actions(candidate, action))
        differences = differences or _find_moved_fields(candidate, plan, actors)
        if not differences:
            return candidate, []
        first = first or differences
    return None, first


def _find_moved_fields(
    action: Action, plan: ReviewedPlan, actors: Actors | None
) -> list[Diagnostic]:
    """Return a problem for each live field that a reviewed action writes and that has changed.

    The other managed fields of the resource need no comparison: they are as declared now, or the
    plan made now would hold a change for them, and that action would not be the reviewed one. So
    the apply of one pull request does not make the plan of another one stale.
    """
    then = plan.then.get(action.address)
    if then is None:
        return []

    now = plan.now.get(action.address)
    written = list_written_fields(action)
    if written is not None:
        then = _keep_fields(then, written)
        now = None if now is None else _keep_fields(now, written)
    return find_moved_resources({action.address: then}, {action.address: now}, actors)


def _keep_fields(wire: Wire, fields: set[str]) -> Wire:
    """Return the SID and these fields of a resource."""
    return {name: value for name, value in wire.items() if name == "sid" or name in fields}


def _describe_unreviewed(action: Action) -> Diagnostic:
    """Return the problem of a step that no reviewed plan has."""
    detail = (
        f"{action.address}: `{action.action}` is planned now, and is in none of the reviewed plans."
    )
    return plan_stale(detail, action.address)
