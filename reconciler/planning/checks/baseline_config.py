"""Hold a plan to the `safety`, consent and protection of another configuration, the baseline; pure.

A pipeline names the configuration of the branch that a change is meant for. The plan must then
satisfy both: a change cannot loosen the settings that it needs loosened. They are loosened in a
change of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.kinds.trunk import TRUNK
from reconciler.model.action import Action
from reconciler.model.desired import Desired, Money
from reconciler.planning.checks import guard
from reconciler.planning.checks.limits import MAX_PURCHASES, Limit, Limits
from reconciler.planning.plan import Plan

_LIMITS = frozenset(
    {
        "threshold_exceeded",
        "purchases_exceeded",
        "spend_exceeded",
        "spend_unknown",
        "spend_currency",
    }
)
"""Refusals that a plan may meet twice, with another limit each time."""


class Safety(Limits, Protocol):
    """The `safety` section."""

    @property
    def takeover(self) -> str:
        """`allow` or `refuse`."""

    @property
    def state_secrets(self) -> str:
        """`allow`, `warn` or `refuse`."""


class Baseline(msgspec.Struct, frozen=True):
    """The part of another configuration that a plan is held to.

    `name` is the user's name of it; `consenting` and `protected` hold those addresses and SIDs that
    the plan acts on.
    """

    name: str
    max_updates: Limit
    max_removals: Limit
    consenting: frozenset[str]
    protected: frozenset[str]
    refuses_credentials: bool = False
    max_purchases: int = MAX_PURCHASES
    max_spend: Money | None = None


def to_baseline(
    name: str,
    safety: Safety,
    desired: Iterable[Desired],
    actions: Iterable[Action],
    staying: Collection[str] = (),
) -> Baseline:
    """Build the baseline of these declarations for a plan of these actions.

    Consent that its `safety` gives to all counts for what it does not declare as well. `staying`
    are the addresses that the other configuration declares, numbers left out: a protected trunk
    that is not among them is protected with all that belongs to it.
    """
    from reconciler.planning.decide.trunk_members import trunk_members  # most runs have no baseline

    declared: set[str] = set()
    consenting: set[str] = set()
    protected: set[str] = set()
    removed: dict[str, Desired] = {}
    for want in desired:
        keys = list(_keys(want))
        declared.update(keys)
        if want.profile.options.takeover == "allow":
            consenting.update(keys)
        if want.profile.options.protect:
            protected.update(keys)
        if want.kind not in NUMBER_KINDS and want.address not in staying:
            removed[want.address] = want

    removed_trunks = {
        address
        for address, want in removed.items()
        if want.kind == TRUNK.name and want.profile.options.protect
    }
    protected |= trunk_members(removed_trunks, removed)

    known: set[str] = set()
    undeclared: set[str] = set()
    for action in actions:
        names = {name for name in (action.address, action.sid) if name}
        known |= names
        if safety.takeover == "allow" and not names & declared:
            undeclared |= names

    return Baseline(
        name,
        safety.max_updates,
        safety.max_removals,
        frozenset(consenting & known | undeclared),
        frozenset(protected & known),
        safety.state_secrets == "refuse",
        safety.max_purchases,
        safety.max_spend,
    )


def find_refusals(
    plan: Plan,
    baseline: Baseline,
    consent: Sequence[str],
    *,
    force: bool,
    buys: bool,
    own: Sequence[Diagnostic],
) -> list[Diagnostic]:
    """Return the refusals of the baseline that the plan's `own` configuration does not have
    already.
    """
    known = {(d.code, d.address) for d in own if d.code not in _LIMITS}
    actions = tuple(_as_before(action, baseline) for action in plan.actions)
    found = guard.find_refusals(
        msgspec.structs.replace(plan, actions=actions), baseline, consent, force=force, buys=buys
    )

    refusals: list[Diagnostic] = []
    for refusal in found:
        if (refusal.code, refusal.address) not in known:
            refusals.append(_name_baseline(refusal, baseline))
    return [*refusals, *_removals_of_protected(plan.actions, baseline)]


def _keys(want: Desired) -> Iterable[str]:
    return filter(None, (want.address, want.sid, want.key if want.key.startswith("PN") else None))


def _as_before(action: Action, baseline: Baseline) -> Action:
    """The action with the consent that the baseline gives, and no other."""
    entry = action.entry
    if entry is None or baseline.consenting & {action.address, action.sid}:
        return action
    options = msgspec.structs.replace(entry.options, takeover="refuse")
    return msgspec.structs.replace(action, entry=msgspec.structs.replace(entry, options=options))


def _name_baseline(problem: Diagnostic, baseline: Baseline) -> Diagnostic:
    detail = (
        f"{problem.detail}\nThe baseline, {baseline.name}, sets this limit. A change cannot loosen the setting that it "
        "needs loosened: loosen it in a separate change first."
    )
    return msgspec.structs.replace(problem, detail=detail)


def _removals_of_protected(actions: Iterable[Action], baseline: Baseline) -> list[Diagnostic]:
    gone = {a.address for a in actions if a.removes and baseline.protected & {a.address, a.sid}}
    return [
        Diagnostic(
            code="protected",
            summary="A protected resource is no longer declared",
            detail=f"{address} has `protect: true` in the baseline, {baseline.name}. Take the protection away in a "
            "change of its own, and remove the resource in the next one.",
            address=address,
        )
        for address in sorted(gone)
    ]
