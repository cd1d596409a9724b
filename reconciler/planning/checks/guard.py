"""Return the reasons why a plan must not be applied as it is: values lost or numbers bought without
consent, limits exceeded, or a protected resource, which no consent lifts; pure.

Limits are shares or counts of the bound resources of a kind. Imports never count: they change
nothing that is bound. Actions that finish an earlier run do not count either: they were within the
limits then, or forced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.table import REGISTRATION
from reconciler.model.action import Action
from reconciler.model.address import Address
from reconciler.planning.checks.limits import Limit, Limits
from reconciler.planning.checks.purchases import find_spending_refusals
from reconciler.planning.plan import Plan


def find_refusals(
    plan: Plan, limits: Limits, consent: Sequence[str], *, force: bool, buys: bool = False
) -> list[Diagnostic]:
    """Return why this plan must not be applied as it is; empty when it may be.

    `force` lifts limits of changes and removals and nothing else, `buys` is the consent to
    purchases; neither lifts the limits of purchases.
    """
    found = [d for d in plan.diagnostics if d.code == "protected"]

    if not buys:
        for action in plan.actions:
            if action.action == "purchase":
                found.append(_purchase_refusal(action))
    found += find_spending_refusals(plan, limits)

    found += _takeover_refusals(plan.actions, consent)
    if not force:
        found += _limit_refusals(plan, limits)
    return found


def _purchase_refusal(action: Action) -> Diagnostic:
    price = f" ({action.note})" if action.note else ""
    return Diagnostic.at(
        action,
        code="purchase_refused",
        summary="A number would be bought",
        detail=f"{action.address} is in no account and is declared with `purchase`{price}. "
        "Numbers cost money each month; consent with\n  --allow-purchase",
        address=action.address,
    )


def _takeover_refusals(actions: Iterable[Action], consent: Sequence[str]) -> list[Diagnostic]:
    refused: dict[str, list[Action]] = {}
    for action in actions:
        if action.takeover and not _has_consent(action, consent):
            refused.setdefault(action.address, []).append(action)
    return [_takeover_refusal(address, steps) for address, steps in refused.items()]


def _takeover_refusal(address: str, steps: Sequence[Action]) -> Diagnostic:
    # A dictionary, because a value may be in several steps and the order counts.
    lost: dict[str, None] = {}
    for step in steps:
        for change in step.takeover:
            lost[f"{change.field} {change.before}"] = None

    where = "`takeover: allow` on the number, or `safety: {takeover: allow}`"
    if not Address.parse(address).is_number and steps[0].kind != REGISTRATION:
        where = "`safety: {takeover: allow}`"
    fate = "The values are recorded first and put back when the number is released."
    if steps[0].kind == "messaging_service":
        fate = "The values are recorded first; `reconciler undo` puts them back."
    if steps[0].action == "delete":
        where = "`safety: {takeover: allow}`"
        fate = (
            "The values are recorded first; `reconciler undo` makes it again, except for a "
            "password."
        )

    return Diagnostic.at(
        steps[0],
        code="takeover_refused",
        summary="Foreign values would be overwritten",
        detail=f"{address}: {', '.join(lost)} would be lost, and this project has not set it. "
        f"Consent in the file ({where}), or with\n"
        f"  --allow-takeover={address}\n" + fate,
        address=address,
    )


def _has_consent(action: Action, consent: Sequence[str]) -> bool:
    """Return whether the declaration or a flag consents.

    For a registration a flag that names its number counts as well.
    """
    if action.entry is not None and action.entry.options.takeover == "allow":
        return True

    addresses = [action.address]
    if action.kind == REGISTRATION and action.parent:
        addresses.append(action.parent)

    return any(_matches(glob, addresses) for glob in consent)


def _matches(glob: str, addresses: Sequence[str]) -> bool:
    """Return whether a pattern is, or matches, one of these addresses."""
    return any(address == glob or fnmatchcase(address, glob) for address in addresses)


def _limit_refusals(plan: Plan, limits: Limits) -> list[Diagnostic]:
    """Return a refusal for each limit that the plan exceeds."""
    # An addition changes nothing that is bound; a resumed action was within the limits when it
    # began.
    not_counted = set()
    for action in plan.actions:
        if _is_addition(action) or action.resume:
            not_counted.add(action.address)

    removed: dict[str, set[str]] = {}
    updated: dict[str, set[str]] = {}
    for action in plan.actions:
        if action.address not in not_counted:
            counted = removed if action.removes else updated
            counted.setdefault(action.kind, set()).add(action.address)

    return [
        *_share_refusals(plan.bound, updated, limits.max_updates, "max_updates", "change"),
        *_share_refusals(plan.bound, removed, limits.max_removals, "max_removals", "remove"),
        *_small_count_refusals(plan, limits.max_removals),
    ]


def _small_count_refusals(plan: Plan, limit: Limit) -> list[Diagnostic]:
    """Refuse too many deletions of undeclared children, even where few resources are bound.

    These children are not declared, so no user expects that they are deleted.
    """
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


def _share_refusals(
    bound: Mapping[str, int], counted: Mapping[str, set[str]], limit: Limit, knob: str, verb: str
) -> list[Diagnostic]:
    found: list[Diagnostic] = []
    for kind in sorted(counted):
        count, bound_of_kind = len(counted[kind]), bound.get(kind, 0)
        most = limit.most(bound_of_kind)
        if most is not None and count > most:
            found.append(_too_many(kind, count, bound_of_kind, limit, knob, verb))
    return found


def _too_many(kind: str, count: int, bound: int, limit: Limit, knob: str, verb: str) -> Diagnostic:
    return Diagnostic(
        code="threshold_exceeded",
        summary="Change limit exceeded",
        detail=f"The plan would {verb} {count} of {bound} bound resources of kind "
        f"`{kind}`; `safety.{knob}` allows {limit}. If this is intended, apply with `--force`, "
        f"or raise `safety.{knob}` in the configuration.",
    )


def announce_refusal(refusal: Diagnostic) -> Diagnostic:
    """Return a refusal as a plan shows it: a warning where consent lifts it, an error where nothing
    does.
    """
    if refusal.code == "protected":
        return refusal
    return msgspec.structs.replace(refusal, severity="warning")
