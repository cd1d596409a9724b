"""List the questions in which region Twilio answers the calls of numbers and trunks, and add the
regions found and errors for wrong ones to the plan; pure.

Twilio keeps the settings of a number or a trunk separately for each region. A number that another
region answers uses the settings of that region, although the settings here look as declared. The
plan asks about numbers whose voice is about to change, about trunks that are about to change, and
about those whose region the state does not hold. For an account without a declared `region` it asks
about a sample of the numbers that are about to change (decision 6).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import msgspec

from reconciler.diagnostics import sort_by_place
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.action import Action
from reconciler.model.desired import Desired, Profile
from reconciler.model.entry import Entry
from reconciler.model.position import Position
from reconciler.planning.checks.region_questions import (
    HOME,
    RegionFacts,
    RegionQuestion,
    RoutedId,
    messages_mismatch,
    region_mismatch,
)
from reconciler.planning.plan import Plan

SAMPLE = 10
"""The most numbers to ask about in one run, for each account that declares no region (decision 6)."""

MOST_REGION_CALLS = 15
"""The most numbers that a run which only reads asks about, in all accounts together (decision 6).
`apply` and `doctor --all` have no such limit.
"""


def list_questions(
    plan: Plan,
    recorded: Mapping[str, Entry],
    declared_regions: Mapping[str, str | None],
    prefetched: Collection[RoutedId] = (),
) -> dict[str, RegionQuestion]:
    """Return the questions of a plan, by address.

    `declared_regions` is the `region` of each account, None where it declares none. Of an account
    without a region the questions in `prefetched` are repeated, since their answers are on their
    way; a new sample is taken only where there are none.
    """
    if not plan.actions and not any(declared_regions.values()):
        return {}

    required: dict[str, str] = {}
    others: dict[str, str] = {}
    for account, region in declared_regions.items():
        if region:
            required[account] = region
        else:
            others[account] = HOME

    questions = _list_all(plan, recorded, required)
    questions.update(_list_sample(plan, recorded, others, prefetched))
    return questions


def share_limit(wanted: Mapping[str, int], limit: int) -> dict[str, int]:
    """Return how much of the limit each account gets: equal parts, but none more than it wants."""
    parts = dict.fromkeys(wanted, 0)
    open_accounts = sorted(wanted)
    while limit > 0 and open_accounts:
        for account in list(open_accounts):
            if parts[account] >= wanted[account]:
                open_accounts.remove(account)
            elif limit > 0:
                parts[account] += 1
                limit -= 1
    return parts


def prefetch_questions(
    desired: Sequence[Desired],
    recorded: Mapping[str, Entry],
    declared_regions: Mapping[str, str | None],
    selects: Callable[[str], bool] = lambda address: True,
    limit: int | None = None,
) -> list[RegionQuestion]:
    """Return the questions that are certain before anything is read from Twilio.

    They concern a sample of the selected numbers that are declared and not recorded yet, in
    accounts without a region, at most `limit` in all. Where the state holds as many entries as are declared, there are
    hardly any: then the list is empty, and the plan asks later.
    """
    if len(recorded) >= len(desired):
        return []

    counts: dict[str, int] = {}
    for account, region in declared_regions.items():
        if not region:
            counts[account] = 0

    # Each account gets an equal part of the limit; with more accounts than that, the first ones.
    parts = dict.fromkeys(counts, SAMPLE)
    if limit is not None:
        parts = share_limit(parts, limit)

    questions = []
    for declared in _find_new_numbers(desired, recorded, counts.keys()):
        account = declared.profile.account
        if counts[account] < parts[account] and selects(declared.address):
            counts[account] += 1
            questions.append(RegionQuestion(account, declared.key, "", HOME, sampled=True))
    return questions


def check_regions(
    plan: Plan,
    recorded: Mapping[str, Entry],
    desired: Iterable[Desired],
    questions: Mapping[str, RegionQuestion],
    facts: RegionFacts,
) -> Plan:
    """Return the plan with the regions that were found.

    The managed region is recorded in the entry; any other region is an error. A number or trunk
    without an answer stays as it is.
    """
    confirmed: dict[str, str] = {}
    elsewhere: dict[str, str] = {}
    messages_elsewhere: dict[str, str] = {}
    for address, question in questions.items():
        calls = facts.regions.get(question.routed_id) if question.calls else None
        messages = facts.messages.get(question.routed_id) if question.messages else None
        if calls is not None and calls != question.managed:
            elsewhere[address] = calls
        if messages is not None and messages != question.managed:
            messages_elsewhere[address] = messages

        is_wrong = address in elsewhere or address in messages_elsewhere
        if not is_wrong and (calls or messages):
            confirmed[address] = question.managed

    # What has no action learns its region as well; nothing is written for that.
    planned = {action.address for action in plan.actions}
    updates = dict(plan.state_updates)
    for address, region in confirmed.items():
        if address not in planned:
            entry = updates.get(address, recorded[address])
            updates[address] = msgspec.structs.replace(entry, region=region)

    places = _find_places(desired, questions) if elsewhere or messages_elsewhere else {}
    problems = list(plan.diagnostics)
    for address, region in elsewhere.items():
        problems.append(region_mismatch(address, questions[address], region, places.get(address)))
    for address, region in messages_elsewhere.items():
        question = questions[address]
        problems.append(messages_mismatch(address, question, region, places.get(address)))

    return msgspec.structs.replace(
        plan,
        actions=tuple(_with_region(action, confirmed) for action in plan.actions),
        state_updates=dict(sorted(updates.items())),
        diagnostics=tuple(sort_by_place(problems)),
    )


def _list_all(
    plan: Plan, recorded: Mapping[str, Entry], managed: Mapping[str, str]
) -> dict[str, RegionQuestion]:
    """Return a question for each number and trunk of these accounts that changes or has no known
    region.

    `managed` is the region of each account. What is yet to be bought or created is left out: its
    account does not have it.
    """
    if not managed:
        return {}

    skipped = set()
    for diagnostic in plan.diagnostics:
        if diagnostic.severity == "error":
            skipped.add(diagnostic.address)

    planned = set()
    changed: dict[str, Entry] = {}
    for action in plan.actions:
        planned.add(action.address)
        if action.action in ("purchase", "create"):
            skipped.add(action.address)
        if action.entry is not None and not action.releases:
            changed[action.address] = action.entry

    # What is about to change comes first: there may be a limit. A recorded region stays
    # valid as long as the account manages the same one.
    entries = dict(changed)
    for address, entry in recorded.items():
        region = managed.get(entry.account)
        if region is not None and entry.region != region and address not in planned:
            entries[address] = entry

    questions = {}
    for address, entry in entries.items():
        if entry.account not in managed or address in skipped:
            continue
        region = managed[entry.account]
        key = _find_routed_key(recorded.get(address, entry), entry)
        messages = region == HOME and _answers_messages(entry)
        if key is not None or messages:
            questions[address] = RegionQuestion(
                entry.account,
                key or entry.key,
                entry.sid,
                region,
                calls=key is not None,
                messages=messages,
            )
    return questions


def _list_sample(
    plan: Plan,
    recorded: Mapping[str, Entry],
    managed: Mapping[str, str],
    prefetched: Collection[RoutedId],
) -> dict[str, RegionQuestion]:
    """Return a few questions for each account without a region, about numbers with an action."""
    # Numbers without an action are left out: their settings do not change.
    questions = _list_all(plan, {}, managed)

    candidates: dict[str, list[str]] = {}
    for address, question in questions.items():
        if question.is_trunk or not question.calls:
            continue
        entry = recorded.get(address)
        if entry is None or entry.region != HOME:
            candidates.setdefault(question.account, []).append(address)

    sample: dict[str, RegionQuestion] = {}
    for addresses in candidates.values():
        asked = [a for a in addresses if questions[a].routed_id in prefetched]
        for address in asked or addresses[:SAMPLE]:
            sample[address] = msgspec.structs.replace(
                questions[address], sampled=True, messages=False
            )
    return sample


def _find_new_numbers(
    desired: Iterable[Desired], recorded: Mapping[str, Entry], accounts: Collection[str]
) -> Iterable[Desired]:
    """Yield the declared numbers of these accounts that answer calls and are not recorded.

    Two sorts are left out: numbers declared by their SID, whose E.164 only Twilio knows, and
    numbers that may have to be bought.
    """
    unrecorded = []
    for declared in desired:
        if declared.kind in NUMBER_KINDS and declared.address not in recorded:
            unrecorded.append(declared)
    if not unrecorded:
        return

    # A number may be recorded under the address of another kind.
    keys = {entry.key for entry in recorded.values() if entry.kind in NUMBER_KINDS}
    for declared in unrecorded:
        is_e164 = declared.key.startswith("+")
        if is_e164 and declared.key not in keys and _will_answer(declared.profile, accounts):
            yield declared


def _will_answer(profile: Profile, accounts: Collection[str]) -> bool:
    """Return true for a number of these accounts that exists and whose voice is managed."""
    if profile.options.observe_only or profile.purchase is not None:
        return False
    return profile.account in accounts and profile.attrs.get("voice") is not None


def _answers_calls(entry: Entry) -> bool:
    """Return true for a number whose voice is managed."""
    is_managed_number = entry.kind in NUMBER_KINDS and not entry.options.observe_only
    return is_managed_number and entry.last_applied.get("voice") is not None


def _answers_messages(entry: Entry) -> bool:
    """Return true for a number whose messages are managed.

    Twilio has the region of messages at its home only, so other accounts cannot ask for it.
    """
    is_managed_number = entry.kind in NUMBER_KINDS and not entry.options.observe_only
    return is_managed_number and entry.last_applied.get("sms") is not None


def _find_routed_key(before: Entry, after: Entry) -> str | None:
    """Return the key of an entry in the Routes API; None for one that has no region.

    A trunk that gets another domain still has the former one when it is asked about.
    """
    if after.kind == "trunk":
        domain = before.last_applied.get("domain_name")
        return str(domain) if domain else None
    return after.key if _answers_calls(after) else None


def _with_region(action: Action, confirmed: Mapping[str, str]) -> Action:
    """Return the action with the region in its entry, where it is confirmed."""
    if action.entry is None or action.address not in confirmed:
        return action
    entry = msgspec.structs.replace(action.entry, region=confirmed[action.address])
    return msgspec.structs.replace(action, entry=entry)


def _find_places(
    desired: Iterable[Desired], questions: Mapping[str, RegionQuestion]
) -> dict[str, Position]:
    """Return where each address is declared; a number is declared by its E.164 or by its SID."""
    by_key: dict[str, Position] = {}
    for declared in desired:
        if declared.kind in NUMBER_KINDS:
            by_key[declared.key] = declared.position
        elif declared.kind == "trunk":
            by_key[declared.address] = declared.position

    places: dict[str, Position] = {}
    for address, question in questions.items():
        key = address if question.is_trunk else question.key
        position = by_key.get(question.sid) or by_key.get(key)
        if position is not None:
            places[address] = position
    return places
