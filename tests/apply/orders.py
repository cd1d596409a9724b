"""A plan carried out one step at a time, in any order that it allows: what concurrency may do at its worst."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from reconciler.execution.actions import ActionRunner, sids_of
from reconciler.execution.intents import group_by_address
from reconciler.execution.outcome import Outcome
from reconciler.model.entry import Entry
from reconciler.planning.plan import Plan
from tests.apply.fake import FakeTwilio

Choose = Callable[[Sequence[str]], str]


def in_any_order(
    twilio: FakeTwilio,
    entries: Mapping[str, Entry],
    plan: Plan,
    sids: Mapping[str, str],
    choose: Choose,
) -> Iterator[Outcome]:
    """The outcomes of all actions; `choose` takes one of the addresses that may go next, given in plan order."""
    performer = ActionRunner(twilio.gateways(), {**sids_of(entries), **sids}, plan.fingerprints)
    waiting = group_by_address(plan.actions)
    needs = {
        a: {need for action in chain for need in action.depends_on} - {a}
        for a, chain in waiting.items()
    }
    done: set[str] = set()
    while waiting:
        ready = [address for address in waiting if needs[address] <= done]
        assert ready, "nothing may go next: the plan waits for itself"
        address = choose(ready)
        outcome = performer.perform(waiting[address].pop(0))
        needs[address] = set()
        if outcome.sid and outcome.action.action == "create":
            performer.sids[address] = outcome.sid
        if not waiting[address]:
            del waiting[address]
            done.add(address)
        yield outcome


def in_order(
    twilio: FakeTwilio, entries: Mapping[str, Entry], plan: Plan, sids: Mapping[str, str]
) -> Iterator[Outcome]:
    """The outcomes of all actions in the order of the plan, as far as it allows that."""
    return in_any_order(twilio, entries, plan, sids, lambda ready: ready[0])
