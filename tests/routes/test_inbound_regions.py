"""Numbers that are answered in another region than the one that is managed."""

from __future__ import annotations

from threading import Event

import pytest

from reconciler.errors import ReconcilerError
from reconciler.planning.checks.inbound_regions import SAMPLE
from reconciler.sandbox.faults.rules import Refuse

from .conftest import Make
from .stage import AGENT, ONE, THREE, TWO, Stage, world

ALL = (ONE, TWO, THREE)
IE1 = {"region": "ie1"}
CHANGED = {"voice": "https://agents.example.com/changed"}


def in_regions(stage_of: Make, regions: dict[str, str]) -> Stage:
    rows = [{"phone_number": number, "voice_region": region} for number, region in regions.items()]
    return stage_of(world(*({"phone_number": number} for number in ALL), inbound_regions=rows))


def asked(stage: Stage) -> list[str]:
    return sorted(
        call.path.rpartition("/")[2].replace("%2B", "+")
        for call in stage.calls("/v2/PhoneNumbers/")
    )


def test_without_a_declared_region_those_about_to_change_are_asked_about(stage_of: Make) -> None:
    stage = in_regions(stage_of, {ONE: "us1", TWO: "us1", THREE: "ie1"})
    stage.declare(dict.fromkeys((ONE, TWO), "support"))
    assert not stage.apply().result.failures
    assert asked(stage) == sorted((ONE, TWO))
    stage.forget()
    assert stage.plan().plan.diagnostics == ()
    assert asked(stage) == [], "nothing is about to change, and both are known"
    stage.declare(dict.fromkeys(ALL, "support"))
    (problem,) = stage.plan().plan.diagnostics
    assert (problem.code, problem.address) == ("wrong_region", f"number/{THREE}")


def test_of_many_numbers_without_a_declared_region_only_some_are_asked_about(
    stage_of: Make,
) -> None:
    many = [f"+155501{index:05d}" for index in range(SAMPLE + 5)]
    stage = stage_of(world(*({"phone_number": number} for number in many)))
    stage.declare(dict.fromkeys(many, "support"))
    assert not stage.apply().result.failures
    assert len(asked(stage)) == SAMPLE


def test_where_the_api_is_missing_and_no_region_declared_nothing_is_said(stage_of: Make) -> None:
    stage = in_regions(stage_of, {})
    stage.sandbox.faults.add(Refuse(status=404, code=20404, path="/v2/PhoneNumbers/*"))
    stage.declare(dict.fromkeys(ALL, "support"))
    applied = stage.apply()
    assert not applied.result.failures
    assert "region_unknown" not in [note.code for note in applied.planned.notes]


def test_each_number_is_asked_about_once_and_again_when_it_is_about_to_change(
    stage_of: Make,
) -> None:
    stage = in_regions(stage_of, dict.fromkeys(ALL, "ie1"))
    stage.declare(dict.fromkeys(ALL, "support"), account=IE1)
    assert not stage.apply().result.failures
    assert asked(stage) == sorted(ALL)
    assert {entry["region"] for entry in stage.entries.values()} == {"ie1"}
    stage.forget()
    assert (stage.plan().plan.actions, stage.plan().plan.state_updates) == ((), {})
    stage.drift()
    assert asked(stage) == []
    stage.declare({**dict.fromkeys(ALL, "support"), TWO: {"webhooks": CHANGED}}, account=IE1)
    stage.plan()
    assert asked(stage) == [TWO]


def test_what_is_answered_elsewhere_is_an_error_and_nothing_is_written(stage_of: Make) -> None:
    stage = in_regions(stage_of, {ONE: "ie1", TWO: "us1", THREE: "ie1"})
    stage.declare(dict.fromkeys(ALL, "support"), account=IE1)
    with pytest.raises(ReconcilerError) as caught:
        stage.apply()
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.address) == ("wrong_region", f"number/{TWO}")
    assert problem.line is not None
    assert (
        TWO in (stage.folder / "reconciler.yaml").read_text("utf-8").splitlines()[problem.line - 1]
    )
    assert not [call for call in stage.sandbox.calls if call.is_write]
    stage.forget()
    assert not stage.apply(excludes=(f"number/{TWO}",)).result.failures
    assert asked(stage) == sorted((ONE, THREE))
    assert stage.sandbox.world.number(ONE).voice_url == AGENT["voice"]


def test_a_region_may_be_us1_said_aloud(stage_of: Make) -> None:
    stage = in_regions(stage_of, {ONE: "us1", TWO: "ie1", THREE: "us1"})
    stage.declare(dict.fromkeys(ALL, "support"), account={"region": "us1"})
    assert [d.address for d in stage.plan().plan.diagnostics] == [f"number/{TWO}"]


@pytest.mark.parametrize(("status", "code"), [(403, 20403), (404, 20404), (401, 20003)])
def test_an_account_that_cannot_be_asked_is_one_warning_and_one_question(
    stage_of: Make, status: int, code: int
) -> None:
    stage = in_regions(stage_of, {})
    stage.sandbox.faults.add(Refuse(path="/v2/*", status=status, code=code, message="No"))
    stage.declare(dict.fromkeys(ALL, "support"), account=IE1)
    planned = stage.plan()
    assert [(d.severity, d.code) for d in planned.notes] == [("warning", "region_unknown")]
    assert len(set(asked(stage))) == 1
    assert not stage.apply().result.failures
    assert "region" not in stage.entries[f"number/{ONE}"]


def test_nothing_more_is_asked_once_the_run_is_to_stop(stage_of: Make) -> None:
    stage = in_regions(stage_of, dict.fromkeys(ALL, "us1"))
    stage.declare(dict.fromkeys(ALL, "support"), account=IE1)
    stop = Event()
    stop.set()
    assert stage.plan(stop=stop).plan.diagnostics == ()
    assert asked(stage) == []


def test_numbers_told_before_the_first_refusal_are_still_known(stage_of: Make) -> None:
    stage = in_regions(stage_of, {ONE: "us1"})
    stage.sandbox.faults.add(Refuse(path="/v2/*", status=403, code=20403, message="No", skip=1))
    stage.declare(dict.fromkeys(ALL, "support"), account=IE1)
    planned = stage.plan()
    assert [d.code for d in planned.notes] == ["region_unknown"]
    assert [d.address for d in planned.plan.diagnostics] == [f"number/{ONE}"]
