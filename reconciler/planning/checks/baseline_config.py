"""What a change must not weaken for itself: the `safety`, consent and protection of another configuration; pure.

A pipeline names the configuration of the branch that a change is meant for. A plan is then held to both, and a knob is
loosened in a change of its own, which needs nothing loosened.
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
    """Another configuration, as far as a plan is held to it. `name` is how the user called it; `consenting` and
    `protected` hold those addresses and SIDs that the plan has to do with."""

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
    """The baseline that these declarations make for a plan of these actions.

    Consent that its `safety` gives to all counts for what it does not declare as well. `staying` are the addresses that
    the other configuration declares, numbers left out: a protected trunk that is not among them is protected with all
    that belongs to it.
    """
    from reconciler.planning.decide.trunk_members import trunk_members  # most runs have no baseline

    wanted = list(desired)
    concerned = [{name for name in (action.address, action.sid) if name} for action in actions]
    declared = {k for w in wanted for k in _keys(w)}
    consenting = {k for w in wanted if w.profile.options.takeover == "allow" for k in _keys(w)}
    protected = {k for w in wanted if w.profile.options.protect for k in _keys(w)}
    gone = {w.address: w for w in wanted if w.kind not in NUMBER_KINDS and w.address not in staying}
    protected |= trunk_members(
        {a for a, w in gone.items() if w.kind == TRUNK.name and w.profile.options.protect}, gone
    )
    known = set().union(*concerned)
    new = set().union(
        *(names for names in concerned if safety.takeover == "allow" and not names & declared)
    )
    return Baseline(
        name,
        safety.max_updates,
        safety.max_removals,
        frozenset(consenting & known | new),
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
    """What the baseline forbids of a plan, beyond what is refused by its `own` configuration already."""
    known = {(d.code, d.address) for d in own if d.code not in _LIMITS}
    actions = tuple(_as_before(action, baseline) for action in plan.actions)
    found = guard.find_refusals(
        msgspec.structs.replace(plan, actions=actions), baseline, consent, force=force, buys=buys
    )
    told = [_told(d, baseline) for d in found if (d.code, d.address) not in known]
    return [*told, *_let_go(plan.actions, baseline)]


def _keys(want: Desired) -> Iterable[str]:
    return filter(None, (want.address, want.sid, want.key if want.key.startswith("PN") else None))


def _as_before(action: Action, baseline: Baseline) -> Action:
    """The action with the consent that the baseline gives, and no other."""
    entry = action.entry
    if entry is None or baseline.consenting & {action.address, action.sid}:
        return action
    options = msgspec.structs.replace(entry.options, takeover="refuse")
    return msgspec.structs.replace(action, entry=msgspec.structs.replace(entry, options=options))


def _told(problem: Diagnostic, baseline: Baseline) -> Diagnostic:
    detail = (
        f"{problem.detail}\nThat is how the baseline, {baseline.name}, has it: a change cannot loosen what it needs "
        "loosened itself. Loosen it in a change of its own first."
    )
    return msgspec.structs.replace(problem, detail=detail)


def _let_go(actions: Iterable[Action], baseline: Baseline) -> list[Diagnostic]:
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
