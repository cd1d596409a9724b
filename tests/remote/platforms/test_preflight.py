"""What a platform would refuse is asked before anything is written: by reading, and once for each agent."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from reconciler.diagnostics import Diagnostic
from reconciler.model.action import Action
from reconciler.planning.checks.questions import Scope, list_questions
from reconciler.planning.plan import Plan
from reconciler.remote.platforms.preflight import find_expected_refusals
from reconciler.sandbox.faults import rules as f
from reconciler.sandbox.platforms.feather import CONNECTIONS
from reconciler.sandbox.service.app import Sandbox

from .stage import KINDS, ONE, TWO, UUIDS, Stage, world

ASKS = {"nixflex": "agent_9", "feather": UUIDS[4], "dasha": UUIDS[4]}
"""Platforms that can be asked → an agent that they do not have."""


@pytest.fixture(params=sorted(KINDS))
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with Sandbox(world()) as sandbox:
        stage = Stage(sandbox, KINDS[request.param])
        yield stage
        stage.adapter.close()


def registering(stage: Stage, key: str = ONE, **attrs: str) -> Action:
    asked = stage.asked(key)
    return Action(
        address=asked.address,
        action="register",
        reason="new",
        kind="registration",
        account=asked.account,
        set={**asked.attrs, **attrs},
        number_sid=asked.number_sid or None,
        file="reconciler.yaml",
        line=7,
    )


def found(stage: Stage, *actions: Action) -> list[Diagnostic]:
    scope = Scope(desired=(), recorded={}, regions={}, max_purchases=0)
    questions = list_questions(Plan(actions, {}, (), {}, 0, {}), scope)
    return find_expected_refusals(questions.registrations, {"p": stage.adapter})


def test_an_agent_that_is_there_is_no_error_and_nothing_is_written(stage: Stage) -> None:
    assert found(stage, registering(stage)) == []
    assert stage.writes == 0


def test_an_agent_that_is_not_there_is_one_error_for_all_its_numbers(stage: Stage) -> None:
    agent = ASKS.get(stage.kind.type)
    if agent is None:
        assert found(stage, registering(stage, agent="nobody")) == []
        assert len(stage.sandbox.calls) == 0, "its documents describe no call that tells"
        return
    [error] = found(stage, registering(stage, agent=agent), registering(stage, TWO, agent=agent))
    assert (error.severity, error.code, error.file, error.line) == (
        "error",
        "agent_not_found",
        "reconciler.yaml",
        7,
    )
    assert ONE in error.detail
    assert TWO in error.detail
    asked = [
        call.path
        for call in stage.sandbox.calls
        if "agent" in call.path or "assistant" in call.path
    ]
    assert len(asked) == 1
    assert stage.writes == 0


def test_an_account_that_is_not_connected_is_an_error(stage: Stage) -> None:
    codes = {"feather": "no_twilio_integration", "dasha": "integration_not_found"}
    if stage.kind.type not in codes:
        pytest.skip("its documents describe no call that tells")
    stage.sandbox.faults.add(f.Refuse(path="*/providers/*", status=404))
    connections = stage.sandbox.world.table(CONNECTIONS)
    for connection in list(connections):
        connections.remove(connection)
    [error] = found(stage, registering(stage))
    assert error.code == codes[stage.kind.type]


def test_a_platform_that_does_not_answer_is_a_warning(stage: Stage) -> None:
    if stage.kind.type not in ASKS:
        pytest.skip("it is not asked")
    stage.sandbox.faults.add(f.ServerError(path=f"/{stage.kind.type}/*"))
    [warning] = found(stage, registering(stage))
    assert (warning.severity, warning.code) == ("warning", "agents_not_checked")


def test_a_removal_asks_nothing(stage: Stage) -> None:
    assert (
        found(stage, msgspec.structs.replace(registering(stage), action="unregister", set={})) == []
    )
    assert len(stage.sandbox.calls) == 0
