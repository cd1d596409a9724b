from __future__ import annotations

from reconciler.planning.decide.drift import Drifted, DriftedField, find_drift
from tests.support.memory.memory_runner import MemoryRunner
from tests.support.memory.resources import e164, hook, number, origination, pn, row, trunk, world

OLD = "https://old.example.net/"


def drift(runner: MemoryRunner) -> list[Drifted]:
    return find_drift(runner.entries, runner.observe([]))


def applied(**fields: str) -> MemoryRunner:
    runner = MemoryRunner(world(row(1, voice_url=OLD), row(2)))
    runner.apply([number(1, voice=hook("a"), **fields), trunk("edge"), origination("edge", "sbc1")])
    return runner


def test_unchanged_world_has_no_drift() -> None:
    assert drift(applied()) == []
    assert drift(applied(friendly_name="Sales")) == []


def test_drift_names_field_recorded_and_live_value() -> None:
    runner = applied(friendly_name="Sales")
    runner.twilio.numbers()[pn(1)].update(voice_url=OLD, friendly_name="Mine", sms_url=OLD)
    assert drift(runner) == [
        Drifted(
            f"number/{e164(1)}",
            "main",
            pn(1),
            (
                DriftedField("voice_url", hook("a").url, OLD),
                DriftedField("friendly_name", "Sales", "Mine"),
            ),
        )
    ]


def test_missing_resource_is_drift() -> None:
    runner = applied()
    account = runner.twilio.accounts["main"]
    account.numbers.pop(pn(1))
    account.trunks.clear()
    account.origination_urls.clear()
    assert [
        (d.address.split("/")[0], [(f.field, f.live) for f in d.fields]) for d in drift(runner)
    ] == [
        ("number", [("sid", None)]),
        ("origination_url", [("sid", None)]),
        ("trunk", [("sid", None)]),
    ]


def test_a_trunk_drifts_field_by_field() -> None:
    runner = applied()
    next(iter(runner.twilio.accounts["main"].trunks.values()))["secure"] = True
    (found,) = drift(runner)
    assert found.fields == (DriftedField("secure", False, True),)


def test_values_written_by_a_dead_run_are_not_drift() -> None:
    runner = applied()
    kept = [trunk("edge"), origination("edge", "sbc1")]
    assert runner.killed([number(1, voice=hook("b")), *kept], 4)
    assert runner.twilio.numbers()[pn(1)]["voice_url"] == hook("b").url
    assert drift(runner) == []


def test_resource_never_created_cannot_drift() -> None:
    runner = MemoryRunner(world(row(1)))
    assert runner.killed([trunk("edge")], 4)
    assert runner.entries["trunk/edge"].sid == ""
    assert drift(runner) == []
