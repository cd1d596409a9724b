"""Plans that waited in a file: they are carried out only in the world that they were made for."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from reconciler.config.project import Project, Safety
from reconciler.model.desired import Desired
from reconciler.model.route import TrunkRoute
from reconciler.planning.staleness import list_differences
from reconciler.state.format.document import State, empty_state
from reconciler.state.plan_file import PlanFile
from reconciler.workflows.saved_plan import make_saved_plan
from reconciler.workflows.saved_plan_check import find_staleness
from tests.support.memory.memory_runner import NOW, MemoryRunner
from tests.support.memory.resources import e164, hook, number, pn, row, trunk, world

OLD = "https://old.example.net/"
DESIRED = [trunk("edge"), number(1, voice=hook("a")), number(2, voice=TrunkRoute("edge"))]
PROJECT = Project(
    "acme", "./state.json", Path(), {}, {}, {}, [], Safety(), frozenset(), [], "digest", ("r.yaml",)
)


def saved(runner: MemoryRunner, desired: list[Desired]) -> PlanFile:
    return make_saved_plan(runner.plan(desired), PROJECT, state(runner), NOW, (("*",), ()), ())


def state(runner: MemoryRunner) -> State:
    return runner.store.load() or empty_state("acme")


def stale(runner: MemoryRunner, plan: PlanFile, project: Project = PROJECT) -> list[str]:
    return [d.detail for d in find_staleness(plan, project, state(runner), runner.observe(DESIRED))]


@pytest.fixture
def runner() -> MemoryRunner:
    return MemoryRunner(world(row(1, voice_url=OLD), row(2), row(3)))


def test_executes_a_plan_as_it_was_saved(runner: MemoryRunner) -> None:
    plan = saved(runner, DESIRED)
    assert stale(runner, plan) == []
    fresh = runner.plan(DESIRED)
    assert list_differences(plan.actions, fresh.actions) == []
    assert not runner.apply(DESIRED, fresh).failures
    assert runner.plan(DESIRED).actions == ()


def test_changed_state_makes_a_saved_plan_stale(runner: MemoryRunner) -> None:
    plan = saved(runner, DESIRED)
    runner.apply([number(3)])
    assert len(stale(runner, plan)) == 1


def test_longer_journal_makes_a_saved_plan_stale(runner: MemoryRunner) -> None:
    runner.apply([number(3)])
    plan = saved(runner, DESIRED)
    assert runner.killed([number(3, voice=hook("a"))], 2)
    assert len(stale(runner, plan)) == 1


@pytest.mark.parametrize("moved", [{"name": "other"}, {"digest": "changed"}])
def test_different_project_or_configuration_makes_a_saved_plan_stale(
    runner: MemoryRunner, moved: dict[str, str]
) -> None:
    plan = saved(runner, DESIRED)
    (detail,) = stale(runner, plan, msgspec.structs.replace(PROJECT, **moved))
    assert next(iter(moved.values())) in detail


def test_names_field_and_values_of_a_planned_number_that_changed(runner: MemoryRunner) -> None:
    plan = saved(runner, DESIRED)
    runner.twilio.numbers()[pn(1)]["voice_url"] = "https://colleague.example.net/"
    (detail,) = stale(runner, plan)
    assert all(
        word in detail for word in (e164(1), "voice_url", OLD, "https://colleague.example.net/")
    )


def test_ignores_changes_of_numbers_outside_the_plan(runner: MemoryRunner) -> None:
    plan = saved(runner, DESIRED)
    runner.twilio.numbers()[pn(3)]["voice_url"] = "https://colleague.example.net/"
    assert stale(runner, plan) == []


def test_names_a_planned_number_that_no_longer_exists(runner: MemoryRunner) -> None:
    plan = saved(runner, DESIRED)
    del runner.twilio.accounts["main"].numbers[pn(1)]
    (detail,) = stale(runner, plan)
    assert e164(1) in detail


def test_does_not_create_a_trunk_that_someone_created_meanwhile(runner: MemoryRunner) -> None:
    plan = saved(runner, DESIRED)
    runner.twilio.accounts["main"].trunks["TK1"] = {
        "sid": "TK1",
        "domain_name": "edge.pstn.twilio.com",
    }
    (detail,) = stale(runner, plan)
    assert "trunk/edge" in detail


def test_names_a_planned_trunk_that_changed(runner: MemoryRunner) -> None:
    runner.apply(DESIRED)
    secure = [trunk("edge", secure=True), *DESIRED[1:]]
    plan = saved(runner, secure)
    next(iter(runner.twilio.accounts["main"].trunks.values()))["friendly_name"] = "renamed"
    assert any("friendly_name" in detail for detail in stale(runner, plan))


def test_another_name_alone_makes_a_saved_plan_stale_where_the_name_is_managed(
    runner: MemoryRunner,
) -> None:
    plan = saved(runner, [number(1, voice=hook("a"), friendly_name="Sales")])
    other = saved(runner, [number(1, voice=hook("a"))])
    runner.twilio.numbers()[pn(1)]["friendly_name"] = "Renamed by hand"
    (detail,) = stale(runner, plan)
    assert "friendly_name was Line 1 when the plan was made and is Renamed by hand now" in detail
    assert stale(runner, other) == []
