"""Numbers without SMS, a server that knows neither messaging services nor regions, and the calls that a plan makes."""

from __future__ import annotations

from tests.support.processes.process_runner import AC, AGENT, ProcessRunner, watched

ONE, TWO = "+15550100101", "+15550100102"
MUTE = {"voice": True, "sms": False, "mms": False, "fax": False}


def test_leaves_messages_out_on_a_voice_only_number(runner: ProcessRunner) -> None:
    runner.number(ONE, capabilities=MUTE)
    runner.number(TWO)
    runner.declare({ONE: "support", TWO: "support"})
    (problem,) = runner.json("plan")["diagnostics"]
    assert (problem["code"], problem["address"]) == ("number_cannot_text", f"number/{ONE}")
    assert problem["severity"] == "info"
    lines = (runner.folder / "reconciler.yaml").read_text(encoding="utf-8").splitlines()
    assert ONE in lines[problem["line"] - 1]
    assert runner.apply()["failed_count"] == 0
    assert [runner.twilio.number(n)["sms_url"] for n in (ONE, TWO)] == ["", AGENT["sms"]]
    runner.settled()


def test_refuses_a_voice_route_without_effect_before_any_write(runner: ProcessRunner) -> None:
    runner.number(ONE, voice_receive_mode="fax")
    runner.number(TWO, capabilities={**MUTE, "voice": False, "sms": True})
    runner.declare({ONE: "support", TWO: "support"})
    found = runner.json("plan", code=1)["diagnostics"]
    assert {(d["code"], d["address"]) for d in found} == {
        ("number_receives_fax", f"number/{ONE}"),
        ("number_cannot_call", f"number/{TWO}"),
    }
    assert runner.run("apply", "--auto-approve", code=1)
    assert not runner.twilio.writes

    runner.declare({n: {"agent": "support", "manage": ["sms", "status"]} for n in (ONE, TWO)})
    assert runner.apply()["failed_count"] == 0
    runner.settled()


def test_ignores_a_server_without_messaging_services(runner: ProcessRunner) -> None:
    runner.number(ONE)
    runner.declare({ONE: "support"})
    assert runner.plan()["diagnostics"] == []
    assert runner.apply()["diagnostics"] == []


def test_plan_with_voice_only_reads_only_numbers(runner: ProcessRunner) -> None:
    runner.number(ONE)
    runner.declare({ONE: "support"}, agents={"support": {"webhooks": {"voice": AGENT["voice"]}}})
    runner.apply()
    with watched(runner.twilio) as calls:
        runner.settled()
    assert [call.path for call in calls] == [f"/2010-04-01/Accounts/{AC}/IncomingPhoneNumbers.json"]


def test_unverifiable_region_is_a_warning(runner: ProcessRunner) -> None:
    runner.number(ONE)
    runner.number(TWO)
    account = {
        "sid": AC,
        "auth_token": {"env": "MAIN_TOKEN"},
        "base_url": runner.twilio.url,
        "region": "ie1",
    }
    runner.declare({ONE: "support", TWO: "support"}, accounts={"main": account})
    with watched(runner.twilio) as calls:
        (warning,) = runner.plan()["diagnostics"]
    assert (warning["severity"], warning["code"]) == ("warning", "region_unknown")
    assert len({call.path for call in calls if call.path.startswith("/v2/")}) == 1
    assert runner.apply()["failed_count"] == 0
    runner.settled()
