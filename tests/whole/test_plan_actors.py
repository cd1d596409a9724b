"""A plan names who has set the values that it overwrites, field by field, and never ourselves."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.sandbox.faults.rules import Refuse
from tests.support.command_runner import CommandRunner

from .refusal_worlds import SECOND, VOICE, declare, numbers_of

ANNA, BEN = "US" + "a" * 32, "US" + "b" * 32
LAPTOP, PHONE = "192.0.2.10", "192.0.2.20"
EVENTS = "/v1/Events"
FOREIGN = "https://a.example.dev"
MENU = "https://agents.example.com/menu"


@pytest.fixture
def numbers(runner: CommandRunner) -> list[str]:
    """The numbers of the account, which are applied."""
    found = numbers_of(runner)
    declare(runner, dict.fromkeys(found, "support"))
    runner.apply("--allow-takeover")
    return found


def action_of(document: Any) -> dict[str, Any]:
    """The only action of a plan."""
    [action] = document["actions"]
    assert isinstance(action, dict)
    return action


def actors_of(action: dict[str, Any]) -> dict[str, Any]:
    """The SID of the actor of each field, None where it is unknown."""
    return {c["field"]: c["actor"] and c["actor"]["sid"] for c in action["changes"]}


def test_two_people_who_changed_two_fields_are_both_named(
    runner: CommandRunner, numbers: list[str]
) -> None:
    runner.sandbox.edit(numbers[0], {"voice_url": FOREIGN}, actor=ANNA, ip=LAPTOP)
    runner.sandbox.edit(numbers[0], {"voice_method": "GET"}, actor=BEN, ip=PHONE)
    document = runner.json("plan")
    action = action_of(document)
    assert actors_of(action) == {"voice_url": ANNA, "voice_method": BEN}
    assert action["actor"] is None
    assert document["summary"]["events"] == "read"
    text = runner.run("plan")
    assert f"voice_url by user {ANNA} in the console from {LAPTOP} at " in text
    assert f"voice_method by user {BEN} in the console from {PHONE} at " in text


def test_one_person_is_the_actor_of_the_action(runner: CommandRunner, numbers: list[str]) -> None:
    edit = {"voice_url": FOREIGN, "voice_method": "GET"}
    runner.sandbox.edit(numbers[0], edit, actor=ANNA, ip=LAPTOP)
    action = action_of(runner.json("plan"))
    assert actors_of(action) == {"voice_url": ANNA, "voice_method": ANNA}
    time = action["actor"].pop("time")
    assert time.endswith("Z")
    assert action["actor"] == {"sid": ANNA, "type": "user", "via": "console", "ip": LAPTOP}


@pytest.mark.parametrize("name", ["text", "markdown", "html"])
def test_every_report_names_the_actor(runner: CommandRunner, numbers: list[str], name: str) -> None:
    runner.sandbox.edit(numbers[0], {"voice_url": FOREIGN}, actor=ANNA, ip=LAPTOP)
    report = runner.folder / "report"
    runner.run("plan", "--report", f"{name}={report}")
    assert f"by user {ANNA} in the console from {LAPTOP} at " in report.read_text(encoding="utf-8")
    for command in (("plan",), ("apply", "--auto-approve")):
        assert f"(drift)  by user {ANNA} in the console from {LAPTOP} at " in runner.run(*command)


def test_our_own_write_is_never_the_actor_of_a_conflict(
    runner: CommandRunner, numbers: list[str]
) -> None:
    target = ("--target", numbers[0])
    webhooks = {"voice": VOICE, "sms": VOICE}
    runner.declare(agents={"support": {"webhooks": webhooks}}, numbers={numbers[0]: "support"})
    runner.apply("--allow-takeover", *target)
    runner.sandbox.edit(numbers[0], {"voice_url": FOREIGN}, actor=ANNA)
    webhooks = {"voice": VOICE, "sms": SECOND}
    runner.declare(agents={"support": {"webhooks": webhooks}}, numbers={numbers[0]: "support"})
    action = action_of(runner.json("plan", *target))
    assert action["reason"] == "conflict"
    voice, sms = action["changes"]
    assert (voice["field"], voice["actor"]["sid"]) == ("voice_url", ANNA)
    assert sms["field"] == "sms_url"
    assert sms.get("actor") is None, "only the configuration has changed it"
    assert action["actor"]["sid"] == ANNA
    assert "sms_url by" not in runner.run("plan", *target)


def test_changes_of_the_configuration_have_no_actor(
    runner: CommandRunner, numbers: list[str]
) -> None:
    declare(runner, dict.fromkeys(numbers[:1], "support"), SECOND)
    runner.sandbox.faults.add(Refuse(method="GET", path=EVENTS, status=403, code=20003))
    document = runner.json("plan", "--target", f"number/{numbers[0]}")
    action = action_of(document)
    assert (action["reason"], action["actor"]) == ("config", None)
    assert "actor" not in action["changes"][0]
    assert document["summary"]["events"] == "read", "and the log was not asked"
    assert not [call for call in runner.sandbox.calls if call.path.endswith(EVENTS)]


@pytest.mark.parametrize(("status", "events"), [(403, "denied"), (404, "unavailable")])
def test_a_log_that_cannot_be_read_is_reported(
    runner: CommandRunner, numbers: list[str], status: int, events: str
) -> None:
    runner.sandbox.edit(numbers[0], {"voice_url": FOREIGN}, actor=ANNA)
    runner.sandbox.faults.add(Refuse(method="GET", path=EVENTS, status=status, code=20003))
    document = runner.json("plan")
    action = action_of(document)
    assert (action["actor"], actors_of(action)) == (None, {"voice_url": None})
    assert document["summary"]["events"] == events
    assert "events_unreadable" in [d["code"] for d in document["diagnostics"]]
    assert "events_unreadable" in runner.run("plan")
    assert "events_unreadable" in runner.run("apply", "--auto-approve")


def test_a_deleted_resource_names_who_deleted_it(runner: CommandRunner) -> None:
    runner.declare(
        agents={"support": {"application": "menu"}}, applications={"menu": {"voice": MENU}}
    )
    runner.apply()
    [application] = runner.applications()
    runner.delete(application["uri"])
    action = action_of(runner.json("plan"))
    assert (action["action"], action["reason"]) == ("create", "drift")
    assert action["actor"]["via"] == "api"
    assert {c["actor"] and c["actor"]["via"] for c in action["changes"]} == {"api"}


def test_resources_that_two_people_changed_alike_are_two_groups(
    runner: CommandRunner, numbers: list[str]
) -> None:
    for number, actor in zip(numbers, (ANNA, ANNA, BEN, BEN), strict=True):
        runner.sandbox.edit(number, {"voice_url": FOREIGN}, actor=actor)
    text = runner.run("plan")
    for number, actor in zip(numbers, (ANNA, ANNA, BEN, BEN), strict=True):
        [line] = [line for line in text.splitlines() if f"number/{number}" in line]
        assert actor in line


def test_the_actor_is_no_part_of_a_saved_plan(runner: CommandRunner, numbers: list[str]) -> None:
    file = runner.folder / "plan.bin"
    runner.sandbox.edit(numbers[0], {"voice_url": FOREIGN}, actor=ANNA)
    digest = runner.json("plan", "--out", str(file))["digest"]
    assert ANNA not in file.read_text(encoding="utf-8")
    assert action_of(runner.json("show", str(file)))["actor"] is None

    # Another person sets the same value: the plan is the same.
    runner.sandbox.edit(numbers[0], {"voice_url": VOICE}, actor=BEN)
    runner.sandbox.edit(numbers[0], {"voice_url": FOREIGN}, actor=BEN)
    document = runner.json("plan")
    assert (document["digest"], actors_of(action_of(document))) == (digest, {"voice_url": BEN})
    runner.run("apply", str(file), "--expect", digest)


def test_a_plan_from_state_alone_asks_nobody(runner: CommandRunner, numbers: list[str]) -> None:
    runner.sandbox.edit(numbers[0], {"voice_url": FOREIGN}, actor=ANNA)
    runner.sandbox.calls.reset()
    assert runner.json("plan", "--no-refresh")["actions"] == []
    assert not list(runner.sandbox.calls)


def test_an_undo_names_whose_value_it_overwrites(runner: CommandRunner, numbers: list[str]) -> None:
    declare(runner, dict.fromkeys(numbers, "support"), SECOND)
    runner.apply("--force")
    runner.sandbox.edit(numbers[0], {"voice_url": FOREIGN}, actor=ANNA)
    document = runner.json("undo", "--dry-run")
    actions = {a["address"]: a for a in document["actions"]}
    assert actions[f"number/{numbers[0]}"]["actor"]["sid"] == ANNA
    assert actions[f"number/{numbers[1]}"]["actor"] is None
