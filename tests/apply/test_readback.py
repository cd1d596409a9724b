"""The second proof of a write: what reading it back shows, and what state holds when it is not there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.execution.outcome import Result
from reconciler.kinds.kind import Endpoint, Params
from reconciler.kinds.number_row import NumberRow
from reconciler.model.desired import Desired
from reconciler.model.route import Json, TrunkRoute
from reconciler.planning.plan import Plan
from tests.support.memory.fake_twilio import Call, FakeGateway, error
from tests.support.memory.memory_runner import MemoryRunner
from tests.support.memory.resources import (
    declared,
    e164,
    hook,
    number,
    origination,
    pn,
    row,
    trunk,
    world,
)

OLD = "https://old.example.net/"
ONE = f"number/{e164(1)}"


def last(result: Result) -> tuple[str, str | None]:
    outcome = result.outcomes[-1]
    return outcome.status, outcome.error.code if outcome.error else None


def test_repairs_once_a_write_that_twilio_only_confirmed() -> None:
    runner = MemoryRunner(world(row(1, voice_url=OLD)))
    runner.twilio.late_drops[pn(1), "voice_url"] = 1
    assert last(runner.apply([number(1, voice=hook("a"))])) == ("applied", None)
    assert runner.twilio.numbers()[pn(1)]["voice_url"] == hook("a").url


@pytest.mark.parametrize(
    ("drops", "status"), [(0, "normalised"), (1, "normalised"), (2, "dropped")]
)
def test_value_in_a_form_of_twilio_is_read_back_as_well(drops: int, status: str) -> None:
    """The form that the reply has shown is what has to be there at the end."""
    runner = MemoryRunner(world(row(1, voice_url=OLD)))
    runner.twilio.forms["voice_url"] = lambda url: url.lower()
    runner.twilio.late_drops[pn(1), "voice_url"] = drops
    assert last(runner.apply([number(1, voice=hook("Agent"))]))[0] == status
    stored = runner.twilio.numbers()[pn(1)]["voice_url"]
    assert stored == (OLD if status == "dropped" else hook("agent").url)


def test_write_that_never_appears_fails_and_the_next_run_retries_it() -> None:
    runner = MemoryRunner(world(row(1, voice_url=OLD)))
    runner.twilio.late_drops[pn(1), "voice_url"] = 2
    assert last(runner.apply([number(1, voice=hook("a"))])) == ("dropped", "write_dropped")
    assert runner.entries[ONE].last_applied["voice"] != hook("a")
    assert last(runner.apply([number(1, voice=hook("a"))])) == ("applied", None)
    runner.apply([])
    assert runner.twilio.numbers()[pn(1)]["voice_url"] == OLD


@pytest.mark.parametrize("there", [OLD, ""])
def test_value_reverted_before_the_end_is_a_failure(
    there: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever does it, and as often as it is written: the run must not call its own write done."""
    runner = MemoryRunner(world(row(1, voice_url=OLD)))
    call = FakeGateway.call

    def changed(
        self: FakeGateway, endpoint: Endpoint, params: Params | None = None, **path: str
    ) -> dict[str, Json]:
        if endpoint.method == "GET":
            runner.twilio.numbers()[pn(1)]["voice_url"] = there
        return call(self, endpoint, params, **path)

    monkeypatch.setattr(FakeGateway, "call", changed)
    assert last(runner.apply([number(1, voice=hook("a"))])) == ("dropped", "write_dropped")


def test_partial_write_loses_no_prior_value() -> None:
    """Messages are newly managed and written, voice is dropped: what stood there for messages is remembered."""
    runner = MemoryRunner(world(row(1, voice_url=OLD, sms_url=OLD)))
    runner.apply([number(1, voice=hook("a"))])
    runner.twilio.late_drops[pn(1), "voice_url"] = 2
    both = [number(1, voice=hook("b"), sms=hook("sms"))]
    assert last(runner.apply(both)) == ("dropped", "write_dropped")
    runner.apply(both)
    runner.apply([])
    found = runner.twilio.numbers()[pn(1)]
    assert (found["voice_url"], found["sms_url"]) == (OLD, OLD)


def test_keeps_the_entry_of_a_release_that_did_not_take_effect() -> None:
    runner = MemoryRunner(world(row(1, voice_url=OLD)))
    runner.apply([number(1, voice=hook("a"))])
    runner.twilio.late_drops[pn(1), "voice_url"] = 2
    assert last(runner.apply([])) == ("dropped", "write_dropped")
    assert ONE in runner.entries
    runner.apply([])
    assert runner.twilio.numbers()[pn(1)]["voice_url"] == OLD


def test_keeps_the_entry_of_a_two_step_release_that_did_not_take_effect() -> None:
    runner = MemoryRunner(world(row(1, sms_url=OLD)))
    edge = [trunk("edge"), origination("edge", "sbc1")]
    runner.apply([*edge, number(1, voice=TrunkRoute("edge"), sms=None)])
    runner.twilio.numbers()[pn(1)]["voice_url"] = OLD
    runner.twilio.late_drops[pn(1), "trunk_sid"] = 2
    assert last(runner.apply(edge)) == ("dropped", "write_dropped")
    assert ONE in runner.entries
    runner.apply(edge)
    found = runner.twilio.numbers()[pn(1)]
    assert (found["trunk_sid"], found["sms_url"]) == (None, OLD)


def test_does_not_create_a_trunk_again_when_a_field_is_missing() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.late_drops["TK" + "f" * 24 + "00000001", "domain_name"] = 2
    assert last(runner.apply([trunk("edge")])) == ("dropped", "write_dropped")
    assert last(runner.apply([trunk("edge")])) == ("applied", None)
    assert len(runner.twilio.accounts["main"].trunks) == 1


def test_reads_back_many_numbers_by_listing_and_few_individually() -> None:
    runner = MemoryRunner(world(*(row(n) for n in range(1, 6))))
    desired = [number(n, voice=hook("a")) for n in range(1, 6)]
    plan = runner.plan(desired)
    before = runner.twilio.reads
    runner.apply(desired, plan)
    assert runner.twilio.reads - before == 2, "once to observe, once to read back"
    before = runner.twilio.reads
    runner.apply([*desired[1:], number(1, voice=hook("b"))])
    assert runner.twilio.reads - before == 2, "one listing to observe, one number"


def test_reads_back_all_numbers_and_trunks_of_a_run() -> None:
    runner = MemoryRunner({"main": {"numbers": [row(1), row(2)]}, "other": {"numbers": [row(3)]}})
    desired = [
        trunk("edge"),
        number(1, voice=TrunkRoute("edge")),
        number(2, voice=hook("a")),
        declared("number", e164(3), {"voice": hook("a")}, account="other"),
    ]
    runner.twilio.late_drops[pn(2), "voice_url"] = 1
    runner.twilio.late_drops[pn(3), "voice_url"] = 1
    assert not runner.apply(desired).failures
    assert runner.plan(desired).actions == ()


def test_unverifiable_write_fails_and_the_next_plan_compares_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for count in (1, 3):
        runner = MemoryRunner(world(*(row(n) for n in range(1, count + 1))))
        desired = [number(n, voice=hook("a")) for n in range(1, count + 1)]
        plan = runner.plan(desired)
        result = unreadable_after_the_first_write(runner, desired, plan, monkeypatch)
        assert last(result) == ("failed", "write_unverified")
        assert len(result.failures) == count
        assert all(outcome.half_done for outcome in result.failures)
        assert runner.plan(desired).actions == (), "it was stored, and the next plan finds it"
        runner.twilio.numbers()[pn(1)]["voice_url"] = OLD
        assert runner.plan(desired).actions[0].reason == "drift"


@pytest.mark.parametrize("count", [1, 3])
def test_verifies_whatever_can_be_read_in_the_end(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first two readings fail, one by one or by listing."""
    runner = MemoryRunner(world(*(row(n) for n in range(1, count + 1))))
    pages, call = FakeGateway.number_pages, FakeGateway.call
    failed: list[int] = []

    def fail_twice() -> None:
        if runner.twilio.calls and len(failed) < 2:
            failed.append(1)
            raise error(404, 20404, "not yet")

    def late_pages(gateway: FakeGateway) -> Iterator[list[NumberRow]]:
        fail_twice()
        return pages(gateway)

    def late_call(
        gateway: FakeGateway, endpoint: Endpoint, params: Params | None = None, **path: str
    ) -> dict[str, Json]:
        if params is None:
            fail_twice()
        return call(gateway, endpoint, params, **path)

    monkeypatch.setattr(FakeGateway, "number_pages", late_pages)
    monkeypatch.setattr(FakeGateway, "call", late_call)
    assert not runner.apply([number(n, voice=hook("a")) for n in range(1, count + 1)]).failures
    assert len(failed) == 2


def unreadable_after_the_first_write(
    runner: MemoryRunner, desired: list[Desired], plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> Result:
    pages, call = FakeGateway.number_pages, FakeGateway.call

    def lost_pages(gateway: FakeGateway) -> Iterator[list[NumberRow]]:
        if runner.twilio.calls:
            raise error(503, None, "not now")
        return pages(gateway)

    def lost_call(
        gateway: FakeGateway, endpoint: Endpoint, params: Params | None = None, **path: str
    ) -> dict[str, Json]:
        if runner.twilio.calls and params is None:
            raise error(503, None, "not now")
        return call(gateway, endpoint, params, **path)

    with monkeypatch.context() as patch:
        patch.setattr(FakeGateway, "number_pages", lost_pages)
        patch.setattr(FakeGateway, "call", lost_call)
        return runner.apply(desired, plan)


def test_unverifiable_release_keeps_the_prior_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runner = MemoryRunner(world(row(1, voice_url=OLD)))
    runner.apply([number(1, voice=hook("a"))])
    runner.twilio.calls.clear()
    result = unreadable_after_the_first_write(runner, [], runner.plan([]), monkeypatch)
    assert last(result) == ("failed", "write_unverified")
    assert ONE in runner.entries
    runner.apply([])
    assert ONE not in runner.entries
    assert runner.twilio.numbers()[pn(1)]["voice_url"] == OLD


@pytest.mark.parametrize("fields", [("voice_url",), ("voice_url", "sms_url")])
def test_response_without_the_written_field_verifies_nothing(
    fields: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = MemoryRunner(world(row(1)))
    call = FakeGateway.call

    def without(
        self: FakeGateway, endpoint: Endpoint, params: Params | None = None, **path: str
    ) -> dict[str, Json]:
        answer = call(self, endpoint, params, **path)
        return {name: value for name, value in answer.items() if name not in fields}

    monkeypatch.setattr(FakeGateway, "call", without)
    assert last(runner.apply([number(1, voice=hook("a"), sms=hook("b"))])) == (
        "failed",
        "write_unverified",
    )


@pytest.mark.parametrize("count", [1, 3])
def test_reports_an_incident_when_a_number_disappears_during_the_run(count: int) -> None:
    """Read back one by one or by listing."""
    runner = MemoryRunner(world(*(row(n) for n in range(1, count + 1))))

    def port_out(call: Call) -> None:
        if pn(count) in call.path:
            del runner.twilio.accounts["main"].numbers[pn(count)]

    runner.twilio.after.append(port_out)
    result = runner.apply([number(n, voice=hook("a")) for n in range(1, count + 1)])
    assert last(result) == ("failed", "number_missing")
    assert len(result.failures) == 1


def test_reports_a_refused_repair() -> None:
    runner = MemoryRunner(world(row(1, voice_url=OLD)))
    runner.twilio.late_drops[pn(1), "voice_url"] = 1
    runner.twilio.after.append(lambda call: runner.twilio.refuse(pn(1)))
    result = runner.apply([number(1, voice=hook("a"))])
    assert last(result) == ("dropped", "write_dropped")
    assert "the repair failed" in (
        result.outcomes[-1].error.message if result.outcomes[-1].error else ""
    )


def test_concurrent_change_by_a_colleague_is_drift_and_not_a_failure() -> None:
    runner = MemoryRunner(world(row(1, voice_url=OLD)))

    def edit(call: Call) -> None:
        runner.twilio.numbers()[pn(1)]["voice_url"] = "https://colleague.example.net/"

    runner.twilio.after.append(edit)
    assert last(runner.apply([number(1, voice=hook("a"))])) == ("applied", None)
    assert runner.plan([number(1, voice=hook("a"))]).actions[0].reason == "drift"


def test_last_of_several_writes_to_a_number_counts() -> None:
    runner = MemoryRunner(
        world(row(1, voice_application_sid="AP" + "1" * 32), applications=["AP" + "1" * 32])
    )
    desired = [
        trunk("edge"),
        origination("edge", "sbc1"),
        number(1, voice=TrunkRoute("edge"), sms=hook("sms")),
    ]
    assert not runner.apply(desired).failures
    assert not runner.apply([*desired[:2], number(1, voice=hook("a"), sms=hook("sms"))]).failures
