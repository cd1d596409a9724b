from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from reconciler.errors import StateError
from reconciler.execution.executor import execute_plan
from reconciler.execution.outcome import Result
from reconciler.state.format.document import State, empty_state
from tests.support.memory.memory_runner import NOW, MemoryRunner
from tests.support.memory.resources import e164, hook, number, pn, row, trunk, world

ONE = f"number/{e164(1)}"


def test_empty_plan_writes_nothing() -> None:
    runner = MemoryRunner(world(row(1, voice_url=hook("a").url)))
    desired = [number(1, voice=hook("a"))]
    runner.apply(desired)
    version = runner.store.version
    assert runner.apply(desired) == Result(())
    assert runner.store.version is version


def test_saves_learned_facts_without_a_call() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.apply([number(1, voice=hook("a"))])
    runner.twilio.numbers()[pn(1)]["voice_url"] = hook("b").url
    assert not runner.writes(lambda: runner.apply([number(1, voice=hook("b"))]))
    assert runner.entries[ONE].last_applied == {"voice": hook("b")}
    assert runner.entries[ONE].updated_at == NOW


def test_folds_the_journal_of_a_dead_run_even_without_actions() -> None:
    runner = MemoryRunner(world(row(1)))
    assert runner.killed([number(1)], 4)
    assert runner.store.journalled
    runner.apply([number(1)])
    assert not runner.store.journalled


def test_creates_a_trunk_once_without_prior_values() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.apply([trunk("edge")])
    entry = runner.entries["trunk/edge"]
    assert entry.created
    assert (entry.prior, entry.prior_at) == ({}, None)
    assert entry.imported_at == NOW


@pytest.mark.parametrize("instant", range(12))
def test_killed_at_each_instant_a_first_run_is_finished_by_the_second(instant: int) -> None:
    runner = MemoryRunner(world(row(1, voice_url="https://old.example.net/"), row(2)))
    desired = [trunk("edge"), number(1, voice=hook("a"), friendly_name="Sales")]
    runner.killed(desired, instant)
    assert not runner.apply(desired).failures
    assert runner.plan(desired).actions == ()
    assert runner.entries[ONE].prior["voice_url"] == "https://old.example.net/"
    assert len(runner.twilio.accounts["main"].trunks) == 1


def test_sends_no_call_to_accounts_without_actions() -> None:
    runner = MemoryRunner(world(row(1)))
    desired = [number(1, voice=hook("a"))]
    plan, observed = runner.plan(desired), runner.observe(desired)
    result = execute_plan(
        plan, observed, empty_state("acme"), runner.store, runner.twilio.gateways(), runner.means
    )
    assert result.successes == 2


class Lossy:
    """A store that returns something else than what was written to it."""

    def __init__(self, store: Any, loses: Callable[[State], State | None]) -> None:
        self._store, self._loses = store, loses

    def load(self) -> State | None:
        state = self._store.load()
        return self._loses(state) if state is not None and state.journal_records else state

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def without_prior(state: State) -> State:
    resources = {address: replace(entry, prior={}) for address, entry in state.resources.items()}
    return replace(state, resources=resources)


@pytest.mark.parametrize(
    "loses", [without_prior, lambda state: None, lambda state: replace(state, resources={})]
)
def test_stops_before_any_write_when_the_store_returns_other_data(
    loses: Callable[[State], State | None],
) -> None:
    runner = MemoryRunner(world(row(1, voice_url="https://old.example.net/")))
    runner.store = Lossy(runner.store, loses)  # type: ignore[assignment]

    def apply() -> None:
        with pytest.raises(StateError, match="state_not_returned"):
            runner.apply([number(1, voice=hook("a"))])

    assert not runner.writes(apply)
