"""Many actions: what depends on what, what one failure stops, what is durable when."""

from __future__ import annotations

from threading import Event, Thread

import pytest

from reconciler.errors import StateError
from reconciler.model.desired import Desired
from reconciler.model.route import TrunkRoute
from reconciler.state.problems import state_unwritable
from reconciler.state.records import Drop, Put, Record
from tests.support.memory.fake_twilio import Call
from tests.support.memory.memory_runner import NOW, MemoryRunner
from tests.support.memory.memory_store import MemoryJournal
from tests.support.memory.resources import e164, hook, number, origination, pn, row, trunk, world

OLD = "https://old.example.net/"
ONE = f"number/{e164(1)}"


def three() -> tuple[MemoryRunner, list[Desired]]:
    runner = MemoryRunner(world(*(row(last, voice_url=OLD) for last in (1, 2, 3))))
    return runner, [number(last, voice=hook("a")) for last in (1, 2, 3)]


def told(runner: MemoryRunner) -> list[tuple[str, str, str | None]]:
    return [
        (o.action.action, o.status, o.error.code if o.error else None)
        for o in runner.means.progress.outcomes
    ]


def test_one_refused_action_does_not_fail_the_others() -> None:
    runner, desired = three()
    runner.twilio.refuse(pn(2))
    result = runner.apply(desired)
    assert result.successes == 5
    assert [(o.action.address, o.error and o.error.code) for o in result.failures] == [
        (f"number/{e164(2)}", "twilio_refused")
    ]
    assert not result.interrupted


def test_next_run_retries_only_failed_actions() -> None:
    runner, desired = three()
    runner.twilio.refuse(pn(2), times=1)
    runner.apply(desired)
    (call,) = runner.writes(lambda: runner.apply(desired))
    assert pn(2) in call.path
    assert not runner.writes(lambda: runner.apply(desired))


def test_refused_attachment_has_its_own_code() -> None:
    runner = MemoryRunner(world(row(1), row(2)))
    runner.twilio.refuse(pn(1))
    desired = [
        trunk("edge"),
        number(1, voice=TrunkRoute("edge")),
        number(2, voice=TrunkRoute("edge")),
    ]
    result = runner.apply(desired)
    assert [o.error.code for o in result.failures if o.error] == ["trunk_attachment_failed"]
    assert runner.twilio.numbers()[pn(2)]["trunk_sid"]


def test_skips_a_step_after_a_failed_one() -> None:
    runner, _ = three()
    runner.twilio.refuse(pn(1))
    runner.apply([number(1, voice=hook("a"), friendly_name="Sales")])
    assert set(told(runner)) == {
        ("import", "applied", None),
        ("overwrite_webhooks", "failed", "twilio_refused"),
        ("rename", "skipped", "dependency_failed"),
    }


def test_skips_dependents_of_a_failure_and_completes_the_rest() -> None:
    runner, _ = three()
    runner.twilio.hooks.append(refusing_trunks)
    desired = [
        trunk("edge"),
        origination("edge", "sbc1"),
        number(1, voice=TrunkRoute("edge")),
        number(2, voice=hook("a")),
    ]
    result = runner.apply(desired)
    assert {o.action.address: o.error.code for o in result.failures if o.error} == {
        "trunk/edge": "internal_error",
        "origination_url/edge/sip:sbc1.example.com": "dependency_failed",
        ONE: "dependency_failed",
    }
    assert runner.twilio.numbers()[pn(2)]["voice_url"] == hook("a").url


def refusing_trunks(call: Call) -> None:
    if call.path == "/v1/Trunks":
        raise RuntimeError("something that nobody thought of")


def test_reports_all_outcomes_in_plan_order() -> None:
    runner, desired = three()
    plan = runner.plan(desired)
    runner.means.concurrency = 8
    result = runner.apply(desired, plan)
    assert [o.action for o in result.outcomes] == list(plan.actions)
    assert {id(o.action) for o in runner.means.progress.outcomes} == {id(a) for a in plan.actions}


def test_prior_values_and_intents_are_durable_before_the_first_write() -> None:
    runner, desired = three()
    seen: list[Record] = []
    runner.twilio.hooks.append(
        lambda call: seen.extend(runner.store.journalled) if not seen else None
    )
    runner.apply(desired)
    entries = {record.address: record.entry for record in seen if isinstance(record, Put)}
    assert len(entries) == 3
    assert entries[ONE].prior["voice_url"] == OLD
    assert entries[ONE].pending == {"voice": hook("a")}
    assert entries[ONE].prior_at == entries[ONE].imported_at == NOW


def test_records_an_outcome_before_the_next_step_of_its_address() -> None:
    runner = MemoryRunner(world(row(1)))
    seen: list[object] = []

    def look(call: Call) -> None:
        if "FriendlyName" in call.params:
            seen.append(runner.entries[ONE].last_applied["voice"])

    runner.twilio.hooks.append(look)
    runner.apply([number(1, voice=hook("a"), friendly_name="Sales")])
    assert seen == [hook("a")]


def test_records_the_sid_of_a_trunk_before_anything_refers_to_it() -> None:
    runner = MemoryRunner(world(row(1)))
    seen: list[str] = []

    def look(call: Call) -> None:
        if "TrunkSid" in call.params or call.path.endswith("OriginationUrls"):
            seen.append(runner.entries["trunk/edge"].sid)

    runner.twilio.hooks.append(look)
    runner.apply([trunk("edge"), origination("edge", "sbc1"), number(1, voice=TrunkRoute("edge"))])
    assert len(seen) == 2
    assert set(seen) == set(runner.twilio.accounts["main"].trunks)


@pytest.mark.parametrize("workers", [1, 3])
def test_stop_finishes_running_actions_and_lists_the_skipped_ones(workers: int) -> None:
    runner, desired = three()
    runner.means.concurrency = workers
    runner.twilio.after.append(lambda call: runner.means.stop.set())
    result = runner.apply(desired)
    assert result.interrupted
    assert {o.error.code for o in result.failures if o.error} <= {"interrupted"}
    writes = [o for o in result.outcomes if o.action.action == "overwrite_webhooks"]
    assert len(runner.twilio.calls) == sum(o.succeeded for o in writes) >= 1
    runner.means.stop.clear()
    runner.twilio.after.clear()
    assert not runner.apply(desired).failures
    assert len(runner.twilio.calls) == 3, "nothing is done twice"


def test_stop_before_the_first_action_writes_and_loses_nothing() -> None:
    runner, desired = three()
    runner.means.stop.set()
    result = runner.apply(desired)
    assert not runner.twilio.calls
    assert {o.error.code for o in result.failures if o.error} == {"interrupted"}
    assert runner.entries[ONE].prior["voice_url"] == OLD


def test_a_journal_that_cannot_be_written_ends_the_run_before_any_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runner, desired = three()
    monkeypatch.setattr(MemoryJournal, "append", no_room)
    with pytest.raises(StateError):
        runner.apply(desired)
    assert not runner.twilio.calls


def no_room(journal: MemoryJournal, records: list[Record]) -> None:
    raise state_unwritable("state.json", "no room")


def test_journal_failure_ends_the_run_and_the_next_run_continues(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runner, desired = three()
    append = MemoryJournal.append
    with monkeypatch.context() as patch:
        patch.setattr(
            MemoryJournal,
            "append",
            lambda j, r: append(j, r) if not runner.twilio.calls else no_room(j, r),
        )
        with pytest.raises(StateError):
            runner.apply(desired)
    written = len(runner.twilio.calls)
    assert 1 <= written <= 3
    assert runner.means.stop.is_set(), (
        "calls that wait for another try are told that the run is over"
    )
    runner.means.stop = Event()  # the next run is another process
    assert not runner.apply(desired).failures
    assert len(runner.twilio.calls) == 3, "what was written before is known to be ours"
    runner.apply([])
    assert {row["voice_url"] for row in runner.twilio.numbers().values()} == {OLD}


def test_removes_a_released_entry_at_once() -> None:
    runner, desired = three()
    runner.apply(desired)
    runner.store.batches.clear()
    runner.apply(desired[1:])
    assert [batch for batch in runner.store.batches if batch] == [[Drop(ONE)]]


def test_no_thread_outlives_a_run() -> None:
    runner, desired = three()
    runner.means.concurrency = 4
    done = Thread(target=lambda: runner.apply(desired))
    done.start()
    done.join()
    assert not runner.plan(desired).actions


def test_stop_after_the_last_action_interrupts_nothing() -> None:
    runner, desired = three()
    runner.twilio.after.append(
        lambda call: runner.means.stop.set() if len(runner.twilio.calls) == 3 else None
    )
    result = runner.apply(desired)
    assert not result.failures
    assert not result.interrupted
