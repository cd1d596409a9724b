"""Many actions: what depends on what, what one failure stops, what is durable when."""

from __future__ import annotations

from threading import Event, Thread

import pytest

from reconciler.errors import StateError
from reconciler.model.desired import Desired
from reconciler.model.route import TrunkRoute
from reconciler.state.problems import state_unwritable
from reconciler.state.records import Drop, Put, Record
from tests.apply.fake import Call
from tests.apply.memory import MemoryJournal
from tests.apply.stage import NOW, Stage, e164, hook, number, origination, pn, row, trunk, world

OLD = "https://old.example.net/"
ONE = f"number/{e164(1)}"


def three() -> tuple[Stage, list[Desired]]:
    stage = Stage(world(*(row(last, voice_url=OLD) for last in (1, 2, 3))))
    return stage, [number(last, voice=hook("a")) for last in (1, 2, 3)]


def told(stage: Stage) -> list[tuple[str, str, str | None]]:
    return [
        (o.action.action, o.status, o.error.code if o.error else None)
        for o in stage.means.progress.outcomes
    ]


def test_one_refusal_fails_alone() -> None:
    stage, desired = three()
    stage.twilio.refuse(pn(2))
    result = stage.apply(desired)
    assert result.successes == 5
    assert [(o.action.address, o.error and o.error.code) for o in result.failures] == [
        (f"number/{e164(2)}", "twilio_refused")
    ]
    assert not result.interrupted


def test_the_next_run_tries_only_what_failed() -> None:
    stage, desired = three()
    stage.twilio.refuse(pn(2), times=1)
    stage.apply(desired)
    (call,) = stage.writes(lambda: stage.apply(desired))
    assert pn(2) in call.path
    assert not stage.writes(lambda: stage.apply(desired))


def test_a_refused_attachment_has_a_code_of_its_own() -> None:
    stage = Stage(world(row(1), row(2)))
    stage.twilio.refuse(pn(1))
    desired = [
        trunk("edge"),
        number(1, voice=TrunkRoute("edge")),
        number(2, voice=TrunkRoute("edge")),
    ]
    result = stage.apply(desired)
    assert [o.error.code for o in result.failures if o.error] == ["trunk_attachment_failed"]
    assert stage.twilio.numbers()[pn(2)]["trunk_sid"]


def test_a_step_is_not_tried_when_the_one_before_it_failed() -> None:
    stage, _ = three()
    stage.twilio.refuse(pn(1))
    stage.apply([number(1, voice=hook("a"), friendly_name="Sales")])
    assert set(told(stage)) == {
        ("import", "applied", None),
        ("overwrite_webhooks", "failed", "twilio_refused"),
        ("rename", "skipped", "dependency_failed"),
    }


def test_what_depends_on_a_failure_is_not_tried_and_the_rest_is_done() -> None:
    stage, _ = three()
    stage.twilio.hooks.append(refusing_trunks)
    desired = [
        trunk("edge"),
        origination("edge", "sbc1"),
        number(1, voice=TrunkRoute("edge")),
        number(2, voice=hook("a")),
    ]
    result = stage.apply(desired)
    assert {o.action.address: o.error.code for o in result.failures if o.error} == {
        "trunk/edge": "internal_error",
        "origination_url/edge/sip:sbc1.example.com": "dependency_failed",
        ONE: "dependency_failed",
    }
    assert stage.twilio.numbers()[pn(2)]["voice_url"] == hook("a").url


def refusing_trunks(call: Call) -> None:
    if call.path == "/v1/Trunks":
        raise RuntimeError("something that nobody thought of")


def test_outcomes_are_in_the_order_of_the_plan_and_all_are_told() -> None:
    stage, desired = three()
    plan = stage.plan(desired)
    stage.means.concurrency = 8
    result = stage.apply(desired, plan)
    assert [o.action for o in result.outcomes] == list(plan.actions)
    assert {id(o.action) for o in stage.means.progress.outcomes} == {id(a) for a in plan.actions}


def test_prior_values_and_intents_are_durable_before_the_first_write() -> None:
    stage, desired = three()
    seen: list[Record] = []
    stage.twilio.hooks.append(
        lambda call: seen.extend(stage.store.journalled) if not seen else None
    )
    stage.apply(desired)
    entries = {record.address: record.entry for record in seen if isinstance(record, Put)}
    assert len(entries) == 3
    assert entries[ONE].prior["voice_url"] == OLD
    assert entries[ONE].pending == {"voice": hook("a")}
    assert entries[ONE].prior_at == entries[ONE].imported_at == NOW


def test_an_outcome_is_durable_before_the_next_step_of_its_address() -> None:
    stage = Stage(world(row(1)))
    seen: list[object] = []

    def look(call: Call) -> None:
        if "FriendlyName" in call.params:
            seen.append(stage.entries[ONE].last_applied["voice"])

    stage.twilio.hooks.append(look)
    stage.apply([number(1, voice=hook("a"), friendly_name="Sales")])
    assert seen == [hook("a")]


def test_a_trunk_has_its_sid_before_anything_refers_to_it() -> None:
    stage = Stage(world(row(1)))
    seen: list[str] = []

    def look(call: Call) -> None:
        if "TrunkSid" in call.params or call.path.endswith("OriginationUrls"):
            seen.append(stage.entries["trunk/edge"].sid)

    stage.twilio.hooks.append(look)
    stage.apply([trunk("edge"), origination("edge", "sbc1"), number(1, voice=TrunkRoute("edge"))])
    assert len(seen) == 2
    assert set(seen) == set(stage.twilio.accounts["main"].trunks)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_stop_finishes_what_is_in_flight_and_says_what_was_not_tried(workers: int) -> None:
    stage, desired = three()
    stage.means.concurrency = workers
    stage.twilio.after.append(lambda call: stage.means.stop.set())
    result = stage.apply(desired)
    assert result.interrupted
    assert {o.error.code for o in result.failures if o.error} <= {"interrupted"}
    writes = [o for o in result.outcomes if o.action.action == "overwrite_webhooks"]
    assert len(stage.twilio.calls) == sum(o.succeeded for o in writes) >= 1
    stage.means.stop.clear()
    stage.twilio.after.clear()
    assert not stage.apply(desired).failures
    assert len(stage.twilio.calls) == 3, "nothing is done twice"


def test_a_stop_before_the_first_action_writes_nothing_and_loses_nothing() -> None:
    stage, desired = three()
    stage.means.stop.set()
    result = stage.apply(desired)
    assert not stage.twilio.calls
    assert {o.error.code for o in result.failures if o.error} == {"interrupted"}
    assert stage.entries[ONE].prior["voice_url"] == OLD


def test_a_journal_that_cannot_be_written_ends_the_run_before_any_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage, desired = three()
    monkeypatch.setattr(MemoryJournal, "append", no_room)
    with pytest.raises(StateError):
        stage.apply(desired)
    assert not stage.twilio.calls


def no_room(journal: MemoryJournal, records: list[Record]) -> None:
    raise state_unwritable("state.json", "no room")


def test_a_journal_that_fails_on_the_way_ends_the_run_and_the_next_one_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage, desired = three()
    append = MemoryJournal.append
    with monkeypatch.context() as patch:
        patch.setattr(
            MemoryJournal,
            "append",
            lambda j, r: append(j, r) if not stage.twilio.calls else no_room(j, r),
        )
        with pytest.raises(StateError):
            stage.apply(desired)
    written = len(stage.twilio.calls)
    assert 1 <= written <= 3
    assert stage.means.stop.is_set(), (
        "calls that wait for another try are told that the run is over"
    )
    stage.means.stop = Event()  # the next run is another process
    assert not stage.apply(desired).failures
    assert len(stage.twilio.calls) == 3, "what was written before is known to be ours"
    stage.apply([])
    assert {row["voice_url"] for row in stage.twilio.numbers().values()} == {OLD}


def test_what_is_released_is_forgotten_at_once() -> None:
    stage, desired = three()
    stage.apply(desired)
    stage.store.batches.clear()
    stage.apply(desired[1:])
    assert [batch for batch in stage.store.batches if batch] == [[Drop(ONE)]]


def test_no_thread_outlives_a_run() -> None:
    stage, desired = three()
    stage.means.concurrency = 4
    done = Thread(target=lambda: stage.apply(desired))
    done.start()
    done.join()
    assert not stage.plan(desired).actions


def test_a_stop_that_comes_when_all_is_done_has_interrupted_nothing() -> None:
    stage, desired = three()
    stage.twilio.after.append(
        lambda call: stage.means.stop.set() if len(stage.twilio.calls) == 3 else None
    )
    result = stage.apply(desired)
    assert not result.failures
    assert not result.interrupted
