"""Check a plan against the `safety`, consent and protection of a second configuration, the
baseline; pure.

A pipeline names the configuration of the branch that a change is proposed for. The plan must then
satisfy both: a change cannot loosen the settings that would refuse it. They are loosened in a
separate change.
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
    """The part of the baseline that a plan must satisfy.

    `name` is the user's name of it. `consenting` and `protected` hold addresses and SIDs that the
    plan acts on: those with `takeover: allow`, and those with `protect: true`.
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
    still_declared: Collection[str] = (),
) -> Baseline:
    """Build the baseline of these declarations for a plan of these actions.

    `safety: {takeover: allow}` of the baseline counts for resources that it does not declare as
    well. `still_declared` are the addresses that the present configuration declares, without
    numbers: a protected trunk that is not among them is protected with everything that belongs to
    it.
    """
    declarations = _read_declarations(desired, still_declared)

    acted_on: set[str] = set()
    undeclared: set[str] = set()
    for action in actions:
        names = {action.address}
        if action.sid:
            names.add(action.sid)
        acted_on |= names
        if safety.takeover == "allow" and not names & declarations.declared:
            undeclared |= names

    return Baseline(
        name=name,
        max_updates=safety.max_updates,
        max_removals=safety.max_removals,
        consenting=frozenset(declarations.consenting & acted_on | undeclared),
        protected=frozenset(declarations.protected & acted_on),
        refuses_credentials=safety.state_secrets == "refuse",
        max_purchases=safety.max_purchases,
        max_spend=safety.max_spend,
    )


def add_declared_consent(baseline: Baseline, actions: Iterable[Action]) -> Baseline:
    """Return the baseline with the consent that the plan's own configuration declares on numbers.

    The reviewers of a change see it beside each number, and the plan names every takeover.
    """
    consenting = set(baseline.consenting)
    for action in actions:
        is_number = action.kind in NUMBER_KINDS
        if is_number and action.entry is not None and action.entry.options.takeover == "allow":
            consenting.add(action.address)
    return msgspec.structs.replace(baseline, consenting=frozenset(consenting))


class _Declarations(msgspec.Struct, frozen=True):
    """The addresses and SIDs that a baseline declares, consents to take over, and protects."""

    declared: set[str]
    consenting: set[str]
    protected: set[str]


def _read_declarations(
    desired: Iterable[Desired], still_declared: Collection[str]
) -> _Declarations:
    """Return what the baseline declares; protection covers the members of a removed trunk."""
    from reconciler.planning.decide.trunk_members import trunk_members  # most runs have no baseline

    found = _Declarations(set(), set(), set())
    removed: dict[str, Desired] = {}
    removed_trunks: set[str] = set()
    for declared in desired:
        names = _names(declared)
        options = declared.profile.options
        found.declared.update(names)
        if options.takeover == "allow":
            found.consenting.update(names)
        if options.protect:
            found.protected.update(names)

        if declared.kind not in NUMBER_KINDS and declared.address not in still_declared:
            removed[declared.address] = declared
            if declared.kind == TRUNK.name and options.protect:
                removed_trunks.add(declared.address)

    found.protected.update(trunk_members(removed_trunks, removed))
    return found


def find_refusals(
    plan: Plan,
    baseline: Baseline,
    consent: Sequence[str],
    *,
    force: bool,
    buys: bool,
    own: Sequence[Diagnostic],
) -> list[Diagnostic]:
    """Return the refusals of the baseline; those in `own`, of the plan's configuration, are left
    out.
    """
    known = set()
    for refusal in own:
        if refusal.code not in _LIMITS:
            known.add((refusal.code, refusal.address))

    actions = tuple(_with_consent_of(baseline, action) for action in plan.actions)
    checked = msgspec.structs.replace(plan, actions=actions)
    refusals: list[Diagnostic] = []
    for refusal in guard.find_refusals(checked, baseline, consent, force=force, buys=buys):
        if (refusal.code, refusal.address) not in known:
            refusals.append(_name_baseline(refusal, baseline))
    return [*refusals, *_removals_of_protected(plan.actions, baseline)]


def _names(declared: Desired) -> list[str]:
    """Return the address of a declaration, and its SID where it has one."""
    names = [declared.address]
    if declared.sid:
        names.append(declared.sid)
    if declared.key.startswith("PN"):
        names.append(declared.key)
    return names


def _with_consent_of(baseline: Baseline, action: Action) -> Action:
    """Return the action with the consent that the baseline gives, and no other."""
    entry = action.entry
    if entry is None or baseline.consenting & {action.address, action.sid}:
        return action
    options = msgspec.structs.replace(entry.options, takeover="refuse")
    return msgspec.structs.replace(action, entry=msgspec.structs.replace(entry, options=options))


def _name_baseline(problem: Diagnostic, baseline: Baseline) -> Diagnostic:
    detail = (
        f"{problem.detail}\nThe baseline, {baseline.name}, sets this limit. A change cannot loosen "
        "the setting that it needs loosened: loosen it in a separate change first."
    )
    return msgspec.structs.replace(problem, detail=detail)


def _removals_of_protected(actions: Iterable[Action], baseline: Baseline) -> list[Diagnostic]:
    """Return a refusal for each resource that the plan removes and the baseline protects."""
    removed = set()
    for action in actions:
        if action.removes and baseline.protected & {action.address, action.sid}:
            removed.add(action.address)

    refusals = []
    for address in sorted(removed):
        refusals.append(
            Diagnostic(
                code="protected",
                summary="A protected resource is no longer declared",
                detail=f"{address} has `protect: true` in the baseline, {baseline.name}. Remove "
                "the protection in a separate change, and remove the resource in the next one.",
                address=address,
            )
        )
    return refusals
