"""Plans that waited in a file: they are carried out only in the world that they were made for."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from reconciler.config.project import Project, Safety
from reconciler.model.desired import Desired
from reconciler.model.route import TrunkRoute
from reconciler.planning.equality import list_differences
from reconciler.state.format.document import State, empty_state
from reconciler.state.plan_file import PlanFile
from reconciler.workflows.saved_plan import find_staleness, make_saved_plan
from tests.apply.stage import NOW, Stage, e164, hook, number, pn, row, trunk, world

OLD = "https://old.example.net/"
DESIRED = [trunk("edge"), number(1, voice=hook("a")), number(2, voice=TrunkRoute("edge"))]
PROJECT = Project(
    "acme", "./state.json", Path(), {}, {}, {}, [], Safety(), frozenset(), [], "digest", ("r.yaml",)
)


def saved(stage: Stage, desired: list[Desired]) -> PlanFile:
    return make_saved_plan(stage.plan(desired), PROJECT, state(stage), NOW, (("*",), ()), ())


def state(stage: Stage) -> State:
    return stage.store.load() or empty_state("acme")


def stale(stage: Stage, plan: PlanFile, project: Project = PROJECT) -> list[str]:
    return [d.detail for d in find_staleness(plan, project, state(stage), stage.observe(DESIRED))]


@pytest.fixture
def stage() -> Stage:
    return Stage(world(row(1, voice_url=OLD), row(2), row(3)))


def test_a_plan_is_carried_out_as_it_was_saved(stage: Stage) -> None:
    plan = saved(stage, DESIRED)
    assert stale(stage, plan) == []
    fresh = stage.plan(DESIRED)
    assert list_differences(plan.actions, fresh.actions) == []
    assert not stage.apply(DESIRED, fresh).failures
    assert stage.plan(DESIRED).actions == ()


def test_a_state_that_moved_makes_it_stale(stage: Stage) -> None:
    plan = saved(stage, DESIRED)
    stage.apply([number(3)])
    assert len(stale(stage, plan)) == 1


def test_a_journal_that_grew_makes_it_stale(stage: Stage) -> None:
    stage.apply([number(3)])
    plan = saved(stage, DESIRED)
    assert stage.killed([number(3, voice=hook("a"))], 2)
    assert len(stale(stage, plan)) == 1


@pytest.mark.parametrize("moved", [{"name": "other"}, {"digest": "changed"}])
def test_another_project_or_another_configuration_makes_it_stale(
    stage: Stage, moved: dict[str, str]
) -> None:
    plan = saved(stage, DESIRED)
    (detail,) = stale(stage, plan, msgspec.structs.replace(PROJECT, **moved))
    assert next(iter(moved.values())) in detail


def test_a_touched_number_that_moved_is_named_with_field_and_values(stage: Stage) -> None:
    plan = saved(stage, DESIRED)
    stage.twilio.numbers()[pn(1)]["voice_url"] = "https://colleague.example.net/"
    (detail,) = stale(stage, plan)
    assert all(
        word in detail for word in (e164(1), "voice_url", OLD, "https://colleague.example.net/")
    )


def test_a_number_that_is_not_touched_may_move(stage: Stage) -> None:
    plan = saved(stage, DESIRED)
    stage.twilio.numbers()[pn(3)]["voice_url"] = "https://colleague.example.net/"
    assert stale(stage, plan) == []


def test_a_touched_number_that_is_gone_is_named(stage: Stage) -> None:
    plan = saved(stage, DESIRED)
    del stage.twilio.accounts["main"].numbers[pn(1)]
    (detail,) = stale(stage, plan)
    assert e164(1) in detail


def test_a_trunk_that_somebody_made_meanwhile_is_not_made_twice(stage: Stage) -> None:
    plan = saved(stage, DESIRED)
    stage.twilio.accounts["main"].trunks["TK1"] = {
        "sid": "TK1",
        "domain_name": "edge.pstn.twilio.com",
    }
    (detail,) = stale(stage, plan)
    assert "trunk/edge" in detail


def test_a_touched_trunk_that_moved_is_named(stage: Stage) -> None:
    stage.apply(DESIRED)
    secure = [trunk("edge", secure=True), *DESIRED[1:]]
    plan = saved(stage, secure)
    next(iter(stage.twilio.accounts["main"].trunks.values()))["friendly_name"] = "renamed"
    assert any("friendly_name" in detail for detail in stale(stage, plan))
