"""Run the actions of a plan one at a time, in any order that its dependencies allow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from reconciler.execution.actions import ActionRunner, sids_of
from reconciler.execution.intents import group_by_address
from reconciler.execution.outcome import Outcome
from reconciler.model.entry import Entry
from reconciler.planning.plan import Plan
from tests.support.memory.fake_twilio import FakeTwilio

Choose = Callable[[Sequence[str]], str]


def run_in_any_order(
    twilio: FakeTwilio,
    entries: Mapping[str, Entry],
    plan: Plan,
    sids: Mapping[str, str],
    choose: Choose,
) -> Iterator[Outcome]:
    """Yield the outcome of each action. `choose` selects the next address among those that are ready, in plan order."""
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


def run_in_order(
    twilio: FakeTwilio, entries: Mapping[str, Entry], plan: Plan, sids: Mapping[str, str]
) -> Iterator[Outcome]:
    """Yield the outcome of each action, in plan order as far as the dependencies allow."""
    return run_in_any_order(twilio, entries, plan, sids, lambda ready: ready[0])
