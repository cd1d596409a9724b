"""Find what has changed since a plan was made: state, configuration and every touched object; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.kind import is_same_value
from reconciler.model.action import Action
from reconciler.model.route import Wire
from reconciler.planning.decide import drift

_CURE_OF_FILE = (
    " Nothing has been written. Make a new plan and review it:\n  reconciler plan --out FILE"
)
MOST_DIFFERENCES = 20
"""The most differences between a stale plan and the plan made now that a refusal shows."""
_CURE_OF_QUESTION = " Nothing has been written. Run the same command again and review the new plan."


def find_moved_resources(
    saved: Mapping[str, Wire],
    live: Mapping[str, Wire | None],
    actors: Mapping[str, str | None] | None = None,
) -> list[Diagnostic]:
    """One diagnostic for each field that is not as the plan saw it, with both values; None: the
    object is gone.

    `actors` tells for an address who has changed it, in words.
    """
    told = actors or {}
    return [
        problem
        for address in sorted(saved)
        for problem in _find_moves(address, saved[address], live.get(address), told.get(address))
    ]


def list_edits(
    saved: Mapping[str, Wire], live: Mapping[str, Wire | None], accounts: Mapping[str, str]
) -> list[drift.Drifted]:
    """The same as changes of fields, for which somebody can be asked who made them."""
    found = ((address, saved[address], live.get(address)) for address in sorted(saved))
    return [
        drift.Drifted(address, accounts[address], str(then.get("sid")), _fields(then, now))
        for address, then, now in found
        if now is not None and dict(then) != dict(now) and address in accounts
    ]


def _fields(then: Wire, now: Wire) -> tuple[drift.DriftedField, ...]:
    names = [name for name in sorted({*then, *now}) if then.get(name) != now.get(name)]
    return tuple(drift.DriftedField(name, then.get(name), now.get(name)) for name in names)


def find_new_resources(addresses: Iterable[str]) -> list[Diagnostic]:
    """One diagnostic for each resource that the plan would create and that is there by now."""
    return [
        plan_stale(f"{address} would be created, and is on Twilio by now.", address)
        for address in addresses
    ]


def find_kept_resources(saved: Iterable[Action], fresh: Iterable[Action]) -> list[Diagnostic]:
    """One diagnostic for each resource that the plan would delete and a plan made now would not,
    with the reason.
    """
    why = {action.address: action.note for action in fresh if action.action == "forget"}
    spared = (
        a.address
        for a in saved
        if a.action == "delete" and a.address in why and a.parent not in why
    )
    return [
        plan_stale(f"{a} would be deleted; a plan made now would only forget it: {why[a]}.", a)
        for a in spared
    ]


def find_other_secrets(addresses: Iterable[str]) -> list[Diagnostic]:
    """One diagnostic for each resource whose secret is not the one that the plan was made with."""
    return [
        plan_stale(f"The secret of {a} is another one now than when the plan was made.", a)
        for a in addresses
    ]


def base_moved(kind: str, saved: str, now: str, commit: str | None = None) -> Diagnostic:
    """Project or configuration is not the one that the plan was made from; the last commit to
    change it, if known.
    """
    last = f" The last commit that changed it is {commit}." if commit else ""
    detail = f"The {kind} is not the one that the plan was made from: it was {saved} then and is {now} now.{last}"
    return plan_stale(detail, None)


def _find_moves(
    address: str, saved: Wire, live: Wire | None, actor: str | None
) -> list[Diagnostic]:
    if live is None:
        return [
            plan_stale(
                f"{address} was on Twilio when the plan was made, and is not there any more.",
                address,
            )
        ]
    if is_same_value(saved.get("sid"), live.get("sid")) and dict(saved) == dict(live):
        return []
    by = f", changed by {actor}" if actor else ""
    return [
        plan_stale(
            f"{address}: {path} was {_format_value(before)} when the plan was made and is {_format_value(after)} now{by}.",
            address,
        )
        for path, before, after in list_changes(saved, live)
    ]


def list_changes(
    saved: Mapping[str, object], live: Mapping[str, object]
) -> list[tuple[str, object, object]]:
    """(field, then, now) for all that differs."""
    from deepdiff import (
        DeepDiff,
    )  # imported where a difference has been found: it costs a tenth of a second

    fields = DeepDiff(dict(saved), dict(live), threshold_to_diff_deeper=0).affected_root_keys
    return [(field, saved.get(field), live.get(field)) for field in sorted(fields)]


def add_differences(problem: Diagnostic, differences: Sequence[Diagnostic]) -> Diagnostic:
    """Return the problem of a stale plan, with the differences between it and the plan made now.

    It names the first `MOST_DIFFERENCES` of them.
    """
    lines = [f"{_reason_of(problem)} The plan made now is different:"]
    for difference in differences[:MOST_DIFFERENCES]:
        lines.append(f"  {_reason_of(difference)}")
    more = len(differences) - MOST_DIFFERENCES
    if more > 0:
        lines.append(f"  … and {more:,} more")

    lines.append(_CURE_OF_FILE.lstrip())
    return msgspec.structs.replace(problem, detail="\n".join(lines))


def _reason_of(problem: Diagnostic) -> str:
    """Return the detail of a stale plan without its cure."""
    return problem.detail.removesuffix(_CURE_OF_FILE.lstrip()).rstrip()


def _format_value(value: object) -> str:
    return "not set" if value is None or value == "" else str(value)


def plan_stale(detail: str, address: str | None) -> Diagnostic:
    """A saved plan no longer fits, for the reason given as a sentence."""
    return Diagnostic(
        code="plan_stale",
        summary="The saved plan is stale",
        detail=f"{detail}{_CURE_OF_FILE}",
        address=address,
    )


def about_question(problem: Diagnostic) -> Diagnostic:
    """The same about a plan that was confirmed at the prompt; what concerns no stale plan stays as
    it is.
    """
    if problem.code != "plan_stale":
        return problem
    detail = _reason_of(problem) + _CURE_OF_QUESTION
    return msgspec.structs.replace(problem, summary="The confirmed plan is stale", detail=detail)
