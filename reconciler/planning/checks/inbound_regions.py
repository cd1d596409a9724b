"""The region that answers a number's calls: whom to ask, what to remember, and when the wrong one
is managed; pure.

Twilio keeps the settings of a number for each region apart. One that is answered elsewhere rings
whatever is set there, and looks as declared here. Asked is about numbers whose voice is about to
change, or whose region state does not know; where the account's `region` is not declared, only
about some of those that are about to change (decision 6).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec

from reconciler.diagnostics import Diagnostic, sort_by_place
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.action import Action
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.position import Position
from reconciler.planning.checks.region_sample import SAMPLE
from reconciler.planning.plan import Plan

HOME = "us1"
"""The region that is managed where an account declares none."""


def sample_questions(
    plan: Plan,
    resources: Mapping[str, Entry],
    accounts: Iterable[str],
    asked: Collection[tuple[str, str]] = (),
) -> dict[str, Question]:
    """Address → whom to ask about in accounts that declare no region: a few of those that are about
    to change.

    Where some have been `asked` about already, given as (account, E.164), only these.
    """
    managed = dict.fromkeys(accounts, HOME)
    acted = {action.address for action in plan.actions}
    of_account: dict[str, list[str]] = {}
    found = list_questions(plan, {a: e for a, e in resources.items() if a in acted}, managed)
    for address, question in found.items():
        known = resources.get(address)
        if known is None or known.region != HOME:
            of_account.setdefault(question.account, []).append(address)
    chosen: dict[str, Question] = {}
    for addresses in of_account.values():
        known_already = [a for a in addresses if (found[a].account, found[a].number) in asked]
        chosen.update((address, found[address]) for address in known_already or addresses[:SAMPLE])
    return chosen


class Question(msgspec.Struct, frozen=True):
    """One number to ask about: in this account, which manages this region."""

    account: str
    number: str
    sid: str
    managed: str


def list_questions(
    plan: Plan, resources: Mapping[str, Entry], managed: Mapping[str, str]
) -> dict[str, Question]:
    """Address → whom to ask about. `managed` are the regions of those accounts that declare one.

    Not about a number that is yet to be bought: the account would not know it.
    """
    if not managed:
        return {}
    absent = {d.address for d in plan.diagnostics if d.severity == "error"}
    absent |= {action.address for action in plan.actions if action.action == "purchase"}
    acted = {action.address for action in plan.actions}
    unknown = {
        a: e
        for a, e in resources.items()
        if a not in acted and e.region != managed.get(e.account, e.region)
    }
    about = {a.address: a.entry for a in plan.actions if a.entry is not None and not a.releases}
    return {
        address: Question(entry.account, entry.key, entry.sid, managed[entry.account])
        for address, entry in (unknown | about).items()
        if entry.account in managed and address not in absent and _answers_calls(entry)
    }


def check_regions(
    plan: Plan,
    resources: Mapping[str, Entry],
    desired: Iterable[Desired],
    asked: Mapping[str, Question],
    regions: Mapping[tuple[str, str], str],
) -> Plan:
    """The plan with the answers, by account and E.164: remembered where they are right, an error
    where they are not.
    """
    answers = {
        a: regions[q.account, q.number]
        for a, q in asked.items()
        if (q.account, q.number) in regions
    }
    right = {
        address: region for address, region in answers.items() if region == asked[address].managed
    }
    wrong = {address: region for address, region in answers.items() if address not in right}
    actions = tuple(_with_region(action, right) for action in plan.actions)
    acted = {action.address for action in plan.actions}
    learned = {
        address: msgspec.structs.replace(
            plan.state_updates.get(address, resources[address]), region=region
        )
        for address, region in right.items()
        if address not in acted
    }
    places = _places(desired, asked) if wrong else {}
    errors = [
        region_mismatch(address, asked[address], wrong[address], places.get(address))
        for address in wrong
    ]
    return msgspec.structs.replace(
        plan,
        actions=actions,
        state_updates=dict(sorted({**plan.state_updates, **learned}.items())),
        diagnostics=tuple(sort_by_place([*plan.diagnostics, *errors])),
    )


def _answers_calls(entry: Entry) -> bool:
    return (
        entry.kind in NUMBER_KINDS
        and not entry.options.observe_only
        and entry.last_applied.get("voice") is not None
    )


def _with_region(action: Action, right: Mapping[str, str]) -> Action:
    if action.entry is None or action.address not in right:
        return action
    return msgspec.structs.replace(
        action, entry=msgspec.structs.replace(action.entry, region=right[action.address])
    )


def _places(desired: Iterable[Desired], asked: Mapping[str, Question]) -> dict[str, Position]:
    """Where each address is declared, by its number or by its SID."""
    by_key = {want.key: want.position for want in desired if want.kind in NUMBER_KINDS}
    keys = {address: (question.number, question.sid) for address, question in asked.items()}
    return {a: by_key[key] for a, known in keys.items() for key in known if key in by_key}


def region_mismatch(
    address: str, question: Question, region: str, at: Position | None
) -> Diagnostic:
    """The error that a number is answered in this region, and another one is managed."""
    file, line, column = at if at is not None else (None, None, None)
    return Diagnostic(
        code="wrong_region",
        summary="The number is answered in another region",
        detail=f"Calls to {question.number} are answered in `{region}`, and account `{question.account}` manages "
        f"`{question.managed}`: what is set here has no effect on them. Route the number to `{question.managed}` "
        f"(in the console, or `voice_region` of Twilio's Routes API; it takes up to five minutes), or manage it by an "
        f"account with `region: {region}` and credentials of that region.",
        address=address,
        file=file,
        line=line,
        column=column,
    )
