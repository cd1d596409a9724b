"""Plan without the accounts that cannot be read: nothing is concluded from what they may hold;
pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from reconciler.diagnostics import Diagnostic, sort_by_place
from reconciler.model.action import Action
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.planning.plan import Plan

_HELD_ACTIONS = frozenset({"purchase", "forget"})
"""The number, or what is no longer there, may be in the account that cannot be read."""
_HELD_PROBLEMS = frozenset({"number_not_in_twilio", "number_missing"})


def select_readable(
    desired: Sequence[Desired], resources: Mapping[str, Entry], unread: Iterable[str]
) -> tuple[Sequence[Desired], Mapping[str, Entry]]:
    """Return what can be decided about: neither declared nor recorded in an account that cannot be
    read.

    A number that moves from or to such an account is left out as a whole.
    """
    accounts = frozenset(unread)
    if not accounts:
        return desired, resources

    held = {want.address for want in desired if want.profile.account in accounts}
    held |= {address for address, entry in resources.items() if entry.account in accounts}
    sids = {entry.sid for address, entry in resources.items() if address in held}
    sids |= {want.key for want in desired if want.address in held}
    kept = [want for want in desired if want.address not in held and want.key not in sids]
    known = {
        address: e for address, e in resources.items() if address not in held and e.sid not in sids
    }
    return kept, known


def hold_back(plan: Plan, unread: Mapping[str, Diagnostic]) -> Plan:
    """Return the plan without what an unread account could contradict, and with an error for each
    such account.
    """
    if not unread:
        return plan
    actions = _without_held(plan.actions)
    problems = [problem for problem in plan.diagnostics if problem.code not in _HELD_PROBLEMS]
    diagnostics = tuple(
        sort_by_place([*problems, *(unread_account(name, unread[name]) for name in sorted(unread))])
    )
    return msgspec.structs.replace(
        plan, actions=actions, diagnostics=diagnostics, unread=tuple(sorted(unread))
    )


def keep_readable(actions: Sequence[Action], unread: Collection[str]) -> tuple[Action, ...]:
    """Return the actions of a plan that are left when these accounts cannot be read."""
    if not unread:
        return tuple(actions)
    return _without_held([action for action in actions if action.account not in unread])


def _without_held(actions: Sequence[Action]) -> tuple[Action, ...]:
    """Leave out the addresses that are bought or forgotten, and what has to come after them."""
    held = {action.address for action in actions if action.action in _HELD_ACTIONS}
    while more := {
        a.address for a in actions if a.address not in held and not held.isdisjoint(a.depends_on)
    }:
        held |= more
    return tuple(action for action in actions if action.address not in held)


def unread_account(account: str, reason: Diagnostic) -> Diagnostic:
    """Return the error for an account that cannot be read."""
    return Diagnostic(
        code="account_unread",
        summary="An account cannot be read",
        detail=f"Nothing was concluded about account `{account}`, and nothing is bought, forgotten or moved between "
        f"accounts in this run. {reason.detail or reason.summary}",
    )
