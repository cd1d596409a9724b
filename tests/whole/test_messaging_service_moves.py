"""Numbers that change their messaging service while something else changes too: names, state, runs that die."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.sandbox.faults.rules import Refuse
from tests.support.command_runner import CommandRunner
from tests.support.processes.killed_child import FINISHED, KILLED, run_until_killed

from .test_messaging_service import (
    INBOUND,
    add,
    edit,
    make_service,
    members,
    numbers,
    services,
    take_out,
)

BOTH = {"alerts": {"inbound": INBOUND}, "support": {"inbound": INBOUND}}


def sid_of(runner: CommandRunner, name: str) -> str:
    """The SID of the service with this friendly name."""
    return next(str(s["sid"]) for s in services(runner) if s["friendly_name"] == name)


def test_two_services_exchange_their_numbers(runner: CommandRunner) -> None:
    first, second = numbers(runner)[:2]
    before = {
        first: {"messaging_service": "alerts"},
        second: {"messaging_service": "support"},
    }
    after = {
        first: {"messaging_service": "support"},
        second: {"messaging_service": "alerts"},
    }
    runner.declare(messaging_services=BOTH, numbers=before)
    runner.apply()
    runner.declare(messaging_services=BOTH, numbers=after)
    runner.apply()
    assert members(runner, sid_of(runner, "alerts")) == [second]
    assert members(runner, sid_of(runner, "support")) == [first]
    assert runner.plan() == []


def test_undo_puts_a_number_back_into_its_service(runner: CommandRunner) -> None:
    first = numbers(runner)[0]
    runner.declare(messaging_services=BOTH, numbers={first: {"messaging_service": "alerts"}})
    runner.apply()
    runner.declare(messaging_services=BOTH, numbers={first: {"messaging_service": "support"}})
    runner.apply()
    runner.run("undo", "--auto-approve")
    assert members(runner, sid_of(runner, "alerts")) == [first]
    assert members(runner, sid_of(runner, "support")) == []


def test_release_takes_a_number_out_of_its_service(runner: CommandRunner) -> None:
    first = numbers(runner)[0]
    runner.declare(messaging_services=BOTH, numbers={first: {"messaging_service": "alerts"}})
    runner.apply()
    runner.run("release", f"number/{first}", "--auto-approve")
    assert members(runner, sid_of(runner, "alerts")) == []


def test_release_that_keeps_values_leaves_a_number_in_its_service(runner: CommandRunner) -> None:
    first = numbers(runner)[0]
    runner.declare(messaging_services=BOTH, numbers={first: {"messaging_service": "alerts"}})
    runner.apply()
    runner.run("release", f"number/{first}", "--keep", "--auto-approve")
    assert members(runner, sid_of(runner, "alerts")) == [first]


def test_a_service_may_get_another_name_here(runner: CommandRunner) -> None:
    first = numbers(runner)[0]
    old = {"alerts": {"friendly_name": "Alerts", "inbound": INBOUND}}
    runner.declare(messaging_services=old, numbers={first: {"messaging_service": "alerts"}})
    runner.apply()
    new = {"warnings": {"friendly_name": "Alerts", "inbound": INBOUND}}
    runner.declare(
        messaging_services=new,
        numbers={first: {"messaging_service": "warnings"}},
        moved=[{"from": "messaging_service/alerts", "to": "messaging_service/warnings"}],
    )
    assert runner.plan() == []
    assert runner.apply() == []
    assert runner.plan() == []
    state = runner.state
    assert "messaging_service/warnings" in state
    assert state[f"number/{first}"]["last_applied"]["messaging_service"]["service"] == "warnings"


def test_a_service_that_is_only_used_may_be_declared_later(runner: CommandRunner) -> None:
    first = numbers(runner)[0]
    theirs = make_service(runner, FriendlyName="Theirs", InboundRequestUrl=INBOUND)
    runner.declare(numbers={first: {"messaging_service": theirs}})
    runner.apply()
    assert members(runner, theirs) == [first]
    assert runner.plan() == []
    declared = {"theirs": {"friendly_name": "Theirs", "inbound": INBOUND}}
    runner.declare(messaging_services=declared, numbers={first: {"messaging_service": "theirs"}})
    assert runner.plan() == [("messaging_service/theirs", "import")]
    assert runner.apply() == []
    assert runner.plan() == []

    runner.declare(numbers={first: {"messaging_service": theirs}})
    assert runner.plan() == [("messaging_service/theirs", "forget")]
    assert runner.apply() == []
    assert runner.plan() == []
    assert runner.json("drift")["drifted"] == []


def test_a_service_that_does_not_exist_is_an_error_before_any_write(runner: CommandRunner) -> None:
    first = numbers(runner)[0]
    runner.declare(
        agents={"web": {"webhooks": {"voice": "https://agents.example.com/voice"}}},
        numbers={first: {"agent": "web", "messaging_service": "MG" + "9" * 32}},
    )
    codes = [d["code"] for d in runner.json("plan", code=1)["diagnostics"]]
    assert "messaging_service_not_in_twilio" in codes
    assert runner.apply(code=1) == []


def test_a_saved_plan_is_stale_once_the_number_is_in_another_service(
    runner: CommandRunner,
) -> None:
    first = numbers(runner)[0]
    theirs = make_service(runner)
    runner.declare(messaging_services=BOTH, numbers={first: {"messaging_service": "alerts"}})
    runner.apply()
    runner.declare(messaging_services=BOTH, numbers={first: {"messaging_service": "support"}})
    runner.run("plan", "--out", "plan.json")
    take_out(runner, sid_of(runner, "alerts"), first)
    add(runner, theirs, first)
    assert runner.apply("plan.json", code=4) == []


def test_offline_commands_know_the_service(runner: CommandRunner) -> None:
    first = numbers(runner)[0]
    runner.declare(messaging_services=BOTH, numbers={first: {"messaging_service": "alerts"}})
    runner.apply()
    assert runner.json("plan", "--no-refresh")["actions"] == []
    assert runner.json("list", "--no-refresh")["numbers"]
    runner.declare(messaging_services=BOTH, numbers={first: {"messaging_service": "support"}})
    assert [a["action"] for a in runner.json("plan", "--no-refresh")["actions"]] == ["update"]


def test_a_new_full_service_is_drained_by_the_next_run(runner: CommandRunner) -> None:
    first, second = numbers(runner)[:2]
    runner.declare(messaging_services=BOTH, numbers={first: {"messaging_service": "alerts"}})
    runner.apply()
    alerts = sid_of(runner, "alerts")
    filler = [f"PN{place:032x}" for place in range(399)]
    inside = runner.sandbox.world.number(first).sid
    edit(runner, alerts, {"numbers": [inside, *filler]})
    runner.declare(
        messaging_services=BOTH,
        numbers={
            first: {"messaging_service": "support"},
            second: {"messaging_service": "alerts"},
        },
    )
    for _ in range(2):
        runner.run("apply", "--auto-approve", "--concurrency", "1", "--force")
        if runner.plan() == []:
            break
    assert runner.plan() == []


def test_a_number_that_became_a_bridge_number_leaves_its_service_when_it_is_released(
    runner: CommandRunner,
) -> None:
    first = numbers(runner)[0]
    runner.declare(messaging_services=BOTH, numbers={first: {"messaging_service": "alerts"}})
    runner.apply()
    bridge = {first: {"voice": "https://agents.example.com/bridge"}}
    runner.declare(messaging_services=BOTH, bridge_numbers=bridge)
    runner.apply()
    assert members(runner, sid_of(runner, "alerts")) == [first]
    runner.declare(messaging_services=BOTH)
    runner.apply()
    assert members(runner, sid_of(runner, "alerts")) == []
    assert runner.plan() == []


def test_a_number_that_is_bought_joins_its_service(runner: CommandRunner) -> None:
    bought = "+15552099999"
    number = {"messaging_service": "alerts", "purchase": {"country": "US"}}
    runner.declare(messaging_services=BOTH, numbers={bought: number})
    runner.apply("--allow-purchase")
    assert members(runner, sid_of(runner, "alerts")) == [bought]
    assert runner.plan() == []


def test_a_service_is_deleted_after_its_number_has_left_for_another_one(
    runner: CommandRunner,
) -> None:
    first = numbers(runner)[0]
    runner.declare(messaging_services=BOTH, numbers={first: {"messaging_service": "alerts"}})
    runner.apply()
    runner.declare(
        messaging_services={"support": BOTH["support"]},
        numbers={first: {"messaging_service": "support"}},
    )
    calls = runner.apply("--force")
    assert [call.method for call in calls] == ["DELETE", "POST", "DELETE"]
    assert [s["friendly_name"] for s in services(runner)] == ["support"]
    assert runner.plan() == []


def test_a_service_that_somebody_deleted_is_made_again_with_its_numbers(
    runner: CommandRunner,
) -> None:
    first = numbers(runner)[0]
    runner.declare(messaging_services=BOTH, numbers={first: {"messaging_service": "alerts"}})
    runner.apply()
    runner.delete(f"/v1/Services/{sid_of(runner, 'alerts')}")
    assert len(runner.json("drift", code=2)["drifted"]) == 2
    runner.apply()
    assert members(runner, sid_of(runner, "alerts")) == [first]
    assert runner.plan() == []


@pytest.mark.parametrize("path", ["/v1/Services", "/v1/Services/*/PhoneNumbers"])
def test_nothing_is_decided_where_services_cannot_be_read(runner: CommandRunner, path: str) -> None:
    first = numbers(runner)[0]
    runner.declare(messaging_services=BOTH, numbers={first: {"messaging_service": "alerts"}})
    runner.apply()
    fault = Refuse(method="GET", path=path, code=20003, status=403)
    runner.sandbox.faults.add(fault)
    runner.run("plan", code=1)
    runner.run("drift", code=1)
    assert runner.apply(code=1) == []


def test_what_a_service_is_called_cannot_change_the_output(runner: CommandRunner) -> None:
    first = numbers(runner)[0]
    url = "https://user:secret1@hooks.example.com/"
    theirs = make_service(runner, FriendlyName="x", InboundRequestUrl=url)
    edit(runner, theirs, {"friendly_name": "\x1b[31mevil\u202e"})
    add(runner, theirs, first)
    runner.declare(
        agents={"web": {"webhooks": {"sms": "https://agents.example.com/own"}}},
        numbers={first: {"agent": "web", "messaging_service": theirs}},
    )
    for words in (["plan"], ["plan", "--json"], ["list"], ["list", "--json"]):
        text = runner.run(*words)
        assert "secret1" not in text
        assert "\x1b[31m" not in text
        assert "--json" in words or "\u202e" not in text


SCENARIOS: dict[str, dict[str, Any]] = {
    "join": {"second": "alerts"},
    "move": {"first": "support"},
    "both": {"first": "support", "second": "support"},
    "leave": {"first": None},
    "release": {},
}


@pytest.mark.parametrize("kill", ["before", "after"])
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("prior", [False, True], ids=["new", "from-another-service"])
def test_a_run_that_dies_at_any_call_is_finished_by_the_next_one(
    runner: CommandRunner, scenario: str, kill: str, prior: bool
) -> None:
    first, second = numbers(runner)[:2]
    theirs = make_service(runner)
    if prior:
        add(runner, theirs, first)
    runner.declare(
        messaging_services=BOTH,
        numbers={first: {"messaging_service": "alerts", "takeover": "allow"}, second: {}},
    )
    runner.apply()

    wanted = SCENARIOS[scenario]
    declared: dict[str, Any] = {}
    if scenario != "release":
        service = wanted.get("first", "alerts")
        declared[first] = {"messaging_service": service} if service else {"friendly_name": "one"}
        declared[second] = {"messaging_service": wanted["second"]} if "second" in wanted else {}
    runner.declare(messaging_services=BOTH, numbers=declared)

    for place in range(1, 4):
        ended = run_until_killed(
            lambda: runner.run("apply", "--auto-approve", "--force"),
            place,
            carried_out=kill == "after",
        )
        assert ended == KILLED or (ended == FINISHED and place > 1)
    runner.run("apply", "--auto-approve", "--force")
    assert runner.plan() == []
    home = {"alerts": sid_of(runner, "alerts"), "support": sid_of(runner, "support")}
    for number, name in ((first, "first"), (second, "second")):
        expected = wanted.get(name, "alerts" if name == "first" and scenario != "release" else None)
        for service, sid in home.items():
            assert (number in members(runner, sid)) == (service == expected), (number, service)
    back = prior and scenario in ("leave", "release")
    assert (first in members(runner, theirs)) == back
