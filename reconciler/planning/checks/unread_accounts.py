"""Leave accounts that cannot be read out of declarations, entries and plan, and add an error for
each to the plan; pure.

A resource that is missing elsewhere may be in such an account. So nothing is bought, forgotten or
moved while an account is unread.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from reconciler.diagnostics import Diagnostic, sort_by_place
from reconciler.model.action import Action
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.planning.checks.unread_registrations import without_dependents
from reconciler.planning.plan import Plan

_HELD_ACTIONS = frozenset({"purchase", "forget"})
"""Actions that assume that a resource is in no account."""
_HELD_PROBLEMS = frozenset({"number_not_in_twilio", "number_missing"})


def select_readable(
    desired: Sequence[Desired], resources: Mapping[str, Entry], unread: Iterable[str]
) -> tuple[Sequence[Desired], Mapping[str, Entry]]:
    """Return the declarations and entries without those in an account that cannot be read.

    A number that moves from or to such an account is left out as a whole.
    """
    accounts = frozenset(unread)
    if not accounts:
        return desired, resources

    # Declared or recorded in an unread account, by address and by SID.
    addresses = set()
    sids = set()
    for declared in desired:
        if declared.profile.account in accounts:
            addresses.add(declared.address)
            sids.add(declared.key)
    for address, entry in resources.items():
        if entry.account in accounts or address in addresses:
            addresses.add(address)
            sids.add(entry.sid)
    for declared in desired:
        if declared.address in addresses:
            sids.add(declared.key)

    readable = []
    for declared in desired:
        if declared.address not in addresses and declared.key not in sids:
            readable.append(declared)

    entries = {}
    for address, entry in resources.items():
        if address not in addresses and entry.sid not in sids:
            entries[address] = entry
    return readable, entries


def hold_back(plan: Plan, unread: Mapping[str, Diagnostic]) -> Plan:
    """Return the plan without actions and problems that an unread account could disprove.

    It has an error for each such account.
    """
    if not unread:
        return plan

    problems = [problem for problem in plan.diagnostics if problem.code not in _HELD_PROBLEMS]
    for account in sorted(unread):
        problems.append(unread_account(account, unread[account]))
    return msgspec.structs.replace(
        plan,
        actions=_without_held(plan.actions),
        diagnostics=tuple(sort_by_place(problems)),
        unread=tuple(sorted(unread)),
    )


def keep_readable(actions: Sequence[Action], unread: Collection[str]) -> tuple[Action, ...]:
    """Return the actions of a plan that are left when these accounts cannot be read."""
    if not unread:
        return tuple(actions)
    return _without_held([action for action in actions if action.account not in unread])


def _without_held(actions: Sequence[Action]) -> tuple[Action, ...]:
    """Leave out addresses that are bought or forgotten, and the actions that depend on them."""
    held = {action.address for action in actions if action.action in _HELD_ACTIONS}
    return without_dependents(actions, held)


def unread_account(account: str, reason: Diagnostic) -> Diagnostic:
    """Return the error for an account that cannot be read."""
    return Diagnostic(
        code="account_unread",
        summary="An account cannot be read",
        detail=f"Nothing was decided about account `{account}`, and this run buys, forgets and "
        f"moves nothing between accounts. {reason.detail or reason.summary}",
    )
