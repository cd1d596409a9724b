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
from tests.support.adapter_runner import KINDS, ONE, TWO, UUIDS, AdapterRunner, world

ASKS = {
    "nixflex": "agent_9",
    "feather": UUIDS[4],
    "dasha": UUIDS[4],
    "elevenlabs": "agent_9",
    "retell": "agent_9",
    "vapi": UUIDS[4],
}
"""Platforms that can be asked → an agent that they do not have."""


@pytest.fixture(params=sorted(KINDS))
def runner(request: pytest.FixtureRequest) -> Iterator[AdapterRunner]:
    with Sandbox(world()) as sandbox:
        runner = AdapterRunner(sandbox, KINDS[request.param])
        yield runner
        runner.adapter.close()


def registering(runner: AdapterRunner, key: str = ONE, **attrs: str) -> Action:
    asked = runner.asked(key)
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


def found(runner: AdapterRunner, *actions: Action) -> list[Diagnostic]:
    scope = Scope(desired=(), recorded={}, regions={}, max_purchases=0)
    questions = list_questions(Plan(actions, {}, (), {}, 0, {}), scope)
    return find_expected_refusals(questions.registrations, {"p": runner.adapter})


def test_existing_agent_is_no_error_and_nothing_is_written(runner: AdapterRunner) -> None:
    assert found(runner, registering(runner)) == []
    assert runner.writes == 0


def test_missing_agent_is_one_error_for_all_its_numbers(runner: AdapterRunner) -> None:
    agent = ASKS.get(runner.kind.type)
    if agent is None:
        assert found(runner, registering(runner, agent="nobody")) == []
        assert len(runner.sandbox.calls) == 0, "its documents describe no call that tells"
        return
    [error] = found(runner, registering(runner, agent=agent), registering(runner, TWO, agent=agent))
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
        for call in runner.sandbox.calls
        if "agent" in call.path or "assistant" in call.path
    ]
    # A list shows that the 404 is about the agent, and not about a call that the server lacks.
    confirms = runner.kind.type in ("vapi", "elevenlabs", "retell")
    assert len(asked) == (2 if confirms else 1)
    assert runner.writes == 0


def test_unconnected_account_is_an_error(runner: AdapterRunner) -> None:
    codes = {"feather": "no_twilio_integration", "dasha": "integration_not_found"}
    if runner.kind.type not in codes:
        pytest.skip("its documents describe no call that tells")
    runner.sandbox.faults.add(f.Refuse(path="*/providers/*", status=404))
    connections = runner.sandbox.world.table(CONNECTIONS)
    for connection in list(connections):
        connections.remove(connection)
    [error] = found(runner, registering(runner))
    assert error.code == codes[runner.kind.type]


def test_silent_platform_is_a_warning(runner: AdapterRunner) -> None:
    if runner.kind.type not in ASKS:
        pytest.skip("it is not asked")
    runner.sandbox.faults.add(f.ServerError(path=f"/{runner.kind.type}/*"))
    [warning] = found(runner, registering(runner))
    assert (warning.severity, warning.code) == ("warning", "agents_not_checked")


def test_removal_needs_no_preflight_call(runner: AdapterRunner) -> None:
    assert (
        found(runner, msgspec.structs.replace(registering(runner), action="unregister", set={}))
        == []
    )
    assert len(runner.sandbox.calls) == 0
