"""A password that is not at hand stops only what has to write it: looking, letting go and going back do without."""

from __future__ import annotations

import pytest

from tests.support.command_runner import AGENT, CommandRunner

from .test_lists import PBX, trunk

PASSWORD = "PBX_PASSWORD"


@pytest.fixture
def number(runner: CommandRunner) -> str:
    """A number whose agent is changed by the second apply; a trunk with a credential is there since the first."""
    number = str(next(iter(runner.sandbox.world.numbers)).phone_number)
    declare(runner, number, AGENT)
    runner.apply()
    declare(runner, number, {**AGENT, "voice": "https://agents.example.com/second"})
    runner.apply()
    return number


def declare(runner: CommandRunner, number: str, agent: dict[str, str]) -> None:
    trunks = {"edge": trunk("acme-edge", credential_lists=[PBX])}
    runner.declare(
        agents={"support": {"webhooks": agent}}, numbers={number: "support"}, trunks=trunks
    )


def voice(runner: CommandRunner, number: str) -> str:
    return next(row.voice_url for row in runner.sandbox.world.numbers if row.phone_number == number)


def test_drift_needs_no_secret(runner: CommandRunner, number: str) -> None:
    del runner.environ[PASSWORD]
    document = runner.json("drift")
    assert document["drifted"] == []
    assert document["pending"] == 0
    sid = runner.state[f"number/{number}"]["sid"]
    runner.sandbox.edit(sid, {"voice_url": "https://colleague.example.net/"})
    (found,) = runner.json("drift", code=2)["drifted"]
    assert found["address"] == f"number/{number}"


def test_plan_without_refresh_assumes_an_unchanged_secret_and_reports_it(
    runner: CommandRunner, number: str
) -> None:
    del runner.environ[PASSWORD]
    document = runner.json("plan", "--no-refresh")
    assert document["actions"] == []
    assert [(d["code"], d["severity"], d["address"]) for d in document["diagnostics"]] == [
        ("secret_not_compared", "warning", "credential/pbx/pbx")
    ]


def test_plan_that_can_be_applied_needs_the_secret(runner: CommandRunner, number: str) -> None:
    del runner.environ[PASSWORD]
    assert [d["code"] for d in runner.json("plan", code=1)["diagnostics"]] == ["secret_not_found"]


def test_rollback_needs_no_secret(runner: CommandRunner, number: str) -> None:
    del runner.environ[PASSWORD]
    runner.json("undo", "--auto-approve")
    assert voice(runner, number) == AGENT["voice"]
    runner.json("rollback", "--to", "2", "--out", "back.plan")
    runner.json("apply", "back.plan", "--expect", runner.json("show", "back.plan")["digest"])
    assert voice(runner, number) == "https://agents.example.com/second"
    runner.json("release", number, "--auto-approve")
    assert voice(runner, number) == ""


def test_saved_plan_needs_only_the_secrets_that_it_writes(runner: CommandRunner) -> None:
    runner.declare(trunks={"edge": trunk("acme-edge", credential_lists=[PBX])})
    runner.run("plan", "--out", "saved.plan")
    del runner.environ[PASSWORD]
    refused = runner.json("apply", "saved.plan", code=1)
    assert [d["code"] for d in refused["diagnostics"]] == ["secret_not_found"]
    assert list(runner.sandbox.world.trunks) == []
