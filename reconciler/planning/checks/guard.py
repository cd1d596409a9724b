"""What a plan must not do without somebody's consent: take over foreign values, change or remove too much; pure.

Limits are shares or counts of the bound resources of a kind. Imports never count: they change nothing that is bound.
Nor does what finishes an earlier run: it was within the limits then, or forced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.table import REGISTRATION
from reconciler.model.action import Action
from reconciler.planning.checks.limits import Limit, Limits
from reconciler.planning.checks.purchases import find_spending_refusals
from reconciler.planning.plan import Plan


def find_refusals(
    plan: Plan, limits: Limits, consent: Sequence[str], *, force: bool, buys: bool = False
) -> list[Diagnostic]:
    """Why this plan must not be applied as it is; empty when it may.

    `force` lifts limits of changes and removals and nothing else, `buys` is the consent to purchases; neither lifts
    the limits of purchases.
    """
    protected = [d for d in plan.diagnostics if d.code == "protected"]
    bought = (
        []
        if buys
        else [_purchase(action) for action in plan.actions if action.action == "purchase"]
    )
    return [
        *protected,
        *bought,
        *find_spending_refusals(plan, limits),
        *_takeovers(plan.actions, consent),
        *([] if force else _limits(plan, limits)),
    ]


def _purchase(action: Action) -> Diagnostic:
    price = f" ({action.note})" if action.note else ""
    return Diagnostic(
        code="purchase_refused",
        summary="A number would be bought",
        detail=f"{action.address} is in no account and is declared with `purchase`{price}. Numbers cost money each "
        "month; consent with\n  --allow-purchase",
        address=action.address,
        file=action.file,
        line=action.line,
        column=action.column,
    )


def _takeovers(actions: Iterable[Action], consent: Sequence[str]) -> list[Diagnostic]:
    refused: dict[str, list[Action]] = {}
    for action in actions:
        if action.takeover and not _consented(action, consent):
            refused.setdefault(action.address, []).append(action)
    return [_takeover(address, steps) for address, steps in refused.items()]


def _takeover(address: str, steps: Sequence[Action]) -> Diagnostic:
    lost = dict.fromkeys(
        f"{change.field} {change.before}" for step in steps for change in step.takeover
    )
    where = "`takeover: allow` on the number, or `safety: {takeover: allow}`"
    fate = "The values are recorded first and put back when the number is released."
    if steps[0].action == "delete":
        where = "`safety: {takeover: allow}`"
        fate = "The values are recorded first; `reconciler undo` makes it again, except for a password."
    return Diagnostic(
        code="takeover_refused",
        summary="Foreign values would be overwritten",
        detail=f"{address}: {', '.join(lost)} would be lost, and nobody here has set it. "
        f"Consent in the file ({where}), or with\n"
        f"  --allow-takeover={address}\n" + fate,
        address=address,
        file=steps[0].file,
        line=steps[0].line,
        column=steps[0].column,
    )


def _consented(action: Action, consent: Sequence[str]) -> bool:
    if action.entry is not None and action.entry.options.takeover == "allow":
        return True
    meant = (
        (action.address, action.parent)
        if action.kind == REGISTRATION and action.parent
        else (action.address,)
    )
    return any(
        address == glob or fnmatchcase(address, glob) for glob in consent for address in meant
    )


def _limits(plan: Plan, limits: Limits) -> list[Diagnostic]:
    imported = {a.address for a in plan.actions if _is_addition(a) or a.resume}
    removed: dict[str, set[str]] = {}
    updated: dict[str, set[str]] = {}
    for action in plan.actions:
        if action.address not in imported:
            counted = removed if action.removes else updated
            counted.setdefault(action.kind, set()).add(action.address)
    return [
        *_exceeded(plan.bound, updated, limits.max_updates, "max_updates", "change"),
        *_exceeded(plan.bound, removed, limits.max_removals, "max_removals", "remove"),
        *_few_exceeded(plan, limits.max_removals),
    ]


def _few_exceeded(plan: Plan, limit: Limit) -> list[Diagnostic]:
    """Deletions of undeclared children count where few resources are bound, too: nobody here asked for one of them."""
    unlisted: dict[str, set[str]] = {}
    for action in plan.actions:
        if action.action == "delete" and action.reason == "drift" and not action.resume:
            unlisted.setdefault(action.kind, set()).add(action.address)

    found: list[Diagnostic] = []
    for kind, addresses in sorted(unlisted.items()):
        bound = plan.bound.get(kind, 0)
        if limit.most(bound) is None and len(addresses) > limit.most_below(bound):
            found.append(_too_many(kind, len(addresses), bound, limit, "max_removals", "remove"))
    return found


def _is_addition(action: Action) -> bool:
    """Return whether the address was not managed before: a repeated registration is a change."""
    return action.adds and (action.action != "register" or action.reason == "new")


def _exceeded(
    bound: Mapping[str, int], counted: Mapping[str, set[str]], limit: Limit, knob: str, verb: str
) -> list[Diagnostic]:
    return [
        _too_many(kind, len(counted[kind]), bound.get(kind, 0), limit, knob, verb)
        for kind in sorted(counted)
        if (most := limit.most(bound.get(kind, 0))) is not None and len(counted[kind]) > most
    ]


def _too_many(kind: str, count: int, bound: int, limit: Limit, knob: str, verb: str) -> Diagnostic:
    return Diagnostic(
        code="threshold_exceeded",
        summary="More would change than allowed",
        detail=f"The plan would {verb} {count} of {bound} bound resources of kind "
        f"`{kind}`; `safety.{knob}` allows {limit}. If that is meant, apply with `--force`, "
        f"or raise `safety.{knob}` in the configuration.",
    )


def announce_refusal(refusal: Diagnostic) -> Diagnostic:
    """A refusal as a plan announces it: the plan is fine, applying it needs consent; none lifts a protection."""
    return (
        refusal
        if refusal.code == "protected"
        else msgspec.structs.replace(refusal, severity="warning")
    )
