"""List the accounts whose SIP domains must be asked for the lists that they use; pure.

A list does not show who uses it. Only a plan that deletes a list, or deletes a member of a list as
drift, has to know its users: the answer changes the decision.
"""

from __future__ import annotations

import msgspec

from reconciler.kinds.access_list import IP_ACCESS_CONTROL_LIST
from reconciler.kinds.credential_list import CREDENTIAL_LIST
from reconciler.model.address import Address
from reconciler.planning.plan import Plan

LIST_KINDS = frozenset({IP_ACCESS_CONTROL_LIST.name, CREDENTIAL_LIST.name})
"""Kinds of lists that SIP domains and trunks can use."""


class ListUsersQuestion(msgspec.Struct, frozen=True):
    """Who uses the lists of an account?

    `kinds` are the kinds of lists to look for; `emptied` those of which a list would lose members,
    which matters to trunks as well.
    """

    account: str
    kinds: frozenset[str]
    emptied: frozenset[str]


def list_questions(plan: Plan) -> list[ListUsersQuestion]:
    """Return one question for each account of which the plan deletes lists or members."""
    kinds: dict[str, set[str]] = {}
    emptied: dict[str, set[str]] = {}
    for action in plan.actions:
        if action.action != "delete":
            continue
        parent_kind = Address.parse(action.parent or "").kind
        if action.kind in LIST_KINDS:
            kinds.setdefault(action.account, set()).add(action.kind)
        elif action.reason == "drift" and parent_kind in LIST_KINDS:
            # A member that is deleted as drift changes the list for everything that uses it.
            kinds.setdefault(action.account, set()).add(parent_kind)
            emptied.setdefault(action.account, set()).add(parent_kind)

    questions = []
    for account in sorted(kinds):
        changed = frozenset(emptied.get(account, ()))
        questions.append(ListUsersQuestion(account, frozenset(kinds[account]), changed))
    return questions
