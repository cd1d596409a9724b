"""A password that is not at hand stops only what has to write it: looking, letting go and going back do without."""

from __future__ import annotations

import pytest

from .stage import AGENT, Stage
from .test_lists import PBX, trunk

PASSWORD = "PBX_PASSWORD"


@pytest.fixture
def number(stage: Stage) -> str:
    """A number whose agent is changed by the second apply; a trunk with a credential is there since the first."""
    number = str(next(iter(stage.sandbox.world.numbers)).phone_number)
    declare(stage, number, AGENT)
    stage.apply()
    declare(stage, number, {**AGENT, "voice": "https://agents.example.com/second"})
    stage.apply()
    return number


def declare(stage: Stage, number: str, agent: dict[str, str]) -> None:
    trunks = {"edge": trunk("acme-edge", credential_lists=[PBX])}
    stage.declare(
        agents={"support": {"webhooks": agent}}, numbers={number: "support"}, trunks=trunks
    )


def voice(stage: Stage, number: str) -> str:
    return next(row.voice_url for row in stage.sandbox.world.numbers if row.phone_number == number)


def test_drift_needs_none(stage: Stage, number: str) -> None:
    del stage.environ[PASSWORD]
    document = stage.json("drift")
    assert document["drifted"] == []
    assert document["pending"] == 0
    sid = stage.state[f"number/{number}"]["sid"]
    stage.sandbox.edit(sid, {"voice_url": "https://colleague.example.net/"})
    (found,) = stage.json("drift", code=2)["drifted"]
    assert found["address"] == f"number/{number}"


def test_a_plan_from_memory_takes_it_as_unchanged_and_says_so(stage: Stage, number: str) -> None:
    del stage.environ[PASSWORD]
    document = stage.json("plan", "--no-refresh")
    assert document["actions"] == []
    assert [(d["code"], d["severity"], d["address"]) for d in document["diagnostics"]] == [
        ("secret_not_compared", "warning", "credential/pbx/pbx")
    ]


def test_a_plan_that_could_be_applied_needs_it(stage: Stage, number: str) -> None:
    del stage.environ[PASSWORD]
    assert [d["code"] for d in stage.json("plan", code=1)["diagnostics"]] == ["secret_not_found"]


def test_the_way_back_does_without(stage: Stage, number: str) -> None:
    del stage.environ[PASSWORD]
    stage.json("undo", "--auto-approve")
    assert voice(stage, number) == AGENT["voice"]
    stage.json("rollback", "--to", "2", "--out", "back.plan")
    stage.json("apply", "back.plan", "--expect", stage.json("show", "back.plan")["digest"])
    assert voice(stage, number) == "https://agents.example.com/second"
    stage.json("release", number, "--auto-approve")
    assert voice(stage, number) == ""


def test_a_saved_plan_needs_those_that_it_writes(stage: Stage) -> None:
    stage.declare(trunks={"edge": trunk("acme-edge", credential_lists=[PBX])})
    stage.run("plan", "--out", "saved.plan")
    del stage.environ[PASSWORD]
    refused = stage.json("apply", "saved.plan", code=1)
    assert [d["code"] for d in refused["diagnostics"]] == ["secret_not_found"]
    assert list(stage.sandbox.world.trunks) == []
