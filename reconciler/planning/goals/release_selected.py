"""Plan the release of selected recorded numbers; pure.

The plan has the same steps and the same protection as if the numbers had been removed from the
configuration. No other resource is planned.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.desired import Desired, OnRemoval
from reconciler.model.entry import Entry
from reconciler.planning.checks.unread_accounts import hold_back
from reconciler.planning.decide.problems import removal_protected
from reconciler.planning.identity.children import without_deleted
from reconciler.planning.identity.moved import Resources
from reconciler.planning.identity.observed import Observed
from reconciler.planning.plan import Plan
from reconciler.planning.planner import plan_resources


class ReleaseGoal(msgspec.Struct, frozen=True):
    """The recorded numbers to release, with their `on_removal`, and all other recorded entries."""

    chosen: Resources
    others: Resources
    diagnostics: tuple[Diagnostic, ...]


def build_release_goal(
    resources: Resources,
    addresses: Collection[str],
    how: OnRemoval | None,
    declared: Iterable[Desired],
) -> ReleaseGoal:
    """Build the goal of releasing these numbers; `how` replaces the declared or recorded
    `on_removal`.

    A number that is declared with `protect` is protected, also before the state has recorded it.
    """
    wanted = {want.address: want for want in declared if want.kind in NUMBER_KINDS}
    by_sid = {want.key: want for want in wanted.values()}
    chosen: dict[str, Entry] = {}
    problems: list[Diagnostic] = []
    for address in addresses:
        entry = resources[address]
        want = wanted.get(address) or by_sid.get(entry.sid)
        chosen[address] = _as_to_release(entry, want, how)
        if want is not None:
            problems.append(_comes_back(address, want))

    others = {a: e for a, e in resources.items() if a not in chosen}
    return ReleaseGoal(chosen, others, tuple(problems))


def plan_release(handback: ReleaseGoal, observed: Observed, ours: Collection[str]) -> Plan:
    """Plan the release. As in any other plan, limits count against all bound resources."""
    # Nothing is concluded about a number whose account is not among those that were read.
    chosen: dict[str, Entry] = {}
    others = dict(handback.others)
    for address, entry in handback.chosen.items():
        if entry.account in observed.numbers:
            chosen[address] = entry
        else:
            others[address] = entry
    whole = hold_back(plan_resources([], chosen, observed, ours), observed.unread)

    bound = dict(whole.bound)
    for entry in without_deleted(others).values():
        bound[entry.kind] = bound.get(entry.kind, 0) + 1
    kept = 0
    for entry in others.values():
        kept += entry.kind in NUMBER_KINDS and entry.account in observed.numbers

    told = tuple(map(_describe_protection, whole.diagnostics))
    return msgspec.structs.replace(
        whole, bound=bound, unmanaged=max(0, whole.unmanaged - kept), diagnostics=told
    )


def _describe_protection(found: Diagnostic) -> Diagnostic:
    """Describe a protection to the user of `release`: the number may still be declared."""
    return (
        removal_protected(found.address, "nothing was released")
        if found.code == "protected" and found.address
        else found
    )


def _as_to_release(entry: Entry, want: Desired | None, how: OnRemoval | None) -> Entry:
    said = want.profile.options if want is not None else entry.options
    options = msgspec.structs.replace(
        entry.options,
        on_removal=how or said.on_removal,
        protect=entry.options.protect or said.protect,
    )
    return msgspec.structs.replace(entry, options=options)


def _comes_back(address: str, want: Desired) -> Diagnostic:
    return Diagnostic.at(
        want.position,
        severity="warning",
        code="released_while_declared",
        summary="The number is still declared",
        detail=f"{address} is released now, and the next apply imports it again. That import needs consent to the "
        "values that it takes over. To release the number permanently, remove it from the configuration as well.",
        address=address,
    )
