"""Numbers without SMS, a server that knows neither messaging services nor regions, and the calls that a plan makes."""

from __future__ import annotations

from .stage import AC, AGENT, Stage, watched

ONE, TWO = "+15550100101", "+15550100102"
MUTE = {"voice": True, "sms": False, "mms": False, "fax": False}


def test_messages_on_a_number_that_cannot_take_them_stop_the_run_before_it_writes(
    stage: Stage,
) -> None:
    stage.number(ONE, capabilities=MUTE)
    stage.number(TWO)
    stage.declare({ONE: "support", TWO: "support"})
    (problem,) = stage.json("plan", code=1)["diagnostics"]
    assert (problem["code"], problem["address"]) == ("number_cannot_text", f"number/{ONE}")
    lines = (stage.folder / "reconciler.yaml").read_text(encoding="utf-8").splitlines()
    assert ONE in lines[problem["line"] - 1]
    assert stage.run("apply", "--auto-approve", "--json", code=1).codes == ["number_cannot_text"]
    assert not stage.twilio.writes

    stage.declare({ONE: {"agent": "support", "manage": ["voice", "status"]}, TWO: "support"})
    assert stage.apply()["failed_count"] == 0
    assert [stage.twilio.number(n)["sms_url"] for n in (ONE, TWO)] == ["", AGENT["sms"]]
    stage.settled()


def test_a_server_without_messaging_services_is_nothing_to_speak_of(stage: Stage) -> None:
    stage.number(ONE)
    stage.declare({ONE: "support"})
    assert stage.plan()["diagnostics"] == []
    assert stage.apply()["diagnostics"] == []


def test_a_plan_of_calls_alone_reads_numbers_and_nothing_else(stage: Stage) -> None:
    stage.number(ONE)
    stage.declare({ONE: "support"}, agents={"support": {"webhooks": {"voice": AGENT["voice"]}}})
    stage.apply()
    with watched(stage.twilio) as calls:
        stage.settled()
    assert [call.path for call in calls] == [f"/2010-04-01/Accounts/{AC}/IncomingPhoneNumbers.json"]


def test_a_declared_region_that_cannot_be_checked_is_a_warning(stage: Stage) -> None:
    stage.number(ONE)
    stage.number(TWO)
    account = {
        "sid": AC,
        "auth_token": {"env": "MAIN_TOKEN"},
        "base_url": stage.twilio.url,
        "region": "ie1",
    }
    stage.declare({ONE: "support", TWO: "support"}, accounts={"main": account})
    with watched(stage.twilio) as calls:
        (warning,) = stage.plan()["diagnostics"]
    assert (warning["severity"], warning["code"]) == ("warning", "region_unknown")
    assert len({call.path for call in calls if call.path.startswith("/v2/")}) == 1
    assert stage.apply()["failed_count"] == 0
    stage.settled()
