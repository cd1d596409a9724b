"""Messaging services and the rare fields of numbers, on a second implementation of Twilio."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes.independent_twilio_with_services import IndependentTwilioWithServices
from tests.support.processes.process_runner import AC, ProcessRunner

ONE, TWO, FOREIGN = "+15550100101", "+15550100102", "+15550100109"
SMS = "https://agents.example.com/sms"
VOICE = {"webhooks": {"voice": "https://agents.example.com/voice"}, "manage": ["voice"]}
EVERY_FIELD = {
    "friendly_name": "All alerts",
    "inbound": {"url": SMS, "method": "GET"},
    "fallback": {"url": "https://fallback.example.com/sms", "method": "GET"},
    "status": "https://agents.example.com/delivered",
    "sticky_sender": False,
    "mms_converter": False,
    "smart_encoding": False,
    "scan_message_content": "disable",
    "area_code_geomatch": False,
    "validity_period": 3600,
    "usecase": "notifications",
}


@pytest.fixture
def twilio() -> Iterator[IndependentTwilioWithServices]:
    with IndependentTwilioWithServices() as twilio:
        yield twilio
    assert not twilio.failures, twilio.failures[0]


@pytest.fixture
def runner(twilio: IndependentTwilioWithServices, tmp_path: Path) -> ProcessRunner:
    runner = ProcessRunner(tmp_path / "work", twilio)
    for e164 in (ONE, TWO, FOREIGN):
        runner.number(e164)
    return runner


def declare(runner: ProcessRunner, services: Any, **members: str | None) -> None:
    numbers = {}
    for e164, name in ((ONE, members.get("one")), (TWO, members.get("two"))):
        numbers[e164] = {**VOICE, **({"messaging_service": name} if name else {})}
    runner.declare(numbers, messaging_services=services, agents=None)


def test_a_service_is_created_with_its_numbers_and_planned_empty(
    runner: ProcessRunner, twilio: IndependentTwilioWithServices
) -> None:
    declare(runner, {"alerts": EVERY_FIELD}, one="alerts", two="alerts")
    runner.apply()
    sid = twilio.service_of("All alerts")
    assert twilio.members_of(sid) == {ONE, TWO}
    row = twilio.services[sid]
    assert (row["inbound_request_url"], row["inbound_method"]) == (SMS, "GET")
    assert row["validity_period"] == 3600
    assert not row["sticky_sender"]
    runner.settled()
    assert runner.json("drift")["drifted"] == []


def test_an_adopted_service_needs_consent_and_is_never_deleted(
    runner: ProcessRunner, twilio: IndependentTwilioWithServices
) -> None:
    before = {"inbound_request_url": "https://elsewhere.example.net/sms"}
    sid = twilio.add_service(AC, "alerts", **before)
    declare(runner, {"alerts": {"inbound": SMS}}, one="alerts")
    refused = runner.apply(code=4)
    assert "takeover_refused" in [each["code"] for each in refused["diagnostics"]]
    assert twilio.services[sid]["inbound_request_url"] == before["inbound_request_url"]

    runner.apply("--allow-takeover")
    assert twilio.services[sid]["inbound_request_url"] == SMS
    assert twilio.members_of(sid) == {ONE}
    runner.settled()

    declare(runner, None)
    runner.apply("--force")
    assert sid in twilio.services
    assert twilio.members_of(sid) == set()
    runner.settled()


def test_a_service_with_foreign_numbers_is_only_forgotten(
    runner: ProcessRunner, twilio: IndependentTwilioWithServices
) -> None:
    declare(runner, {"alerts": {"inbound": SMS}}, one="alerts")
    runner.apply()
    sid = twilio.service_of("alerts")
    twilio.members[twilio.number(FOREIGN)["sid"]] = sid

    declare(runner, None)
    runner.apply("--force")
    assert sid in twilio.services
    assert twilio.members_of(sid) == {FOREIGN}
    assert "messaging_service/alerts" not in runner.state
    runner.settled()


def test_a_service_with_a_short_code_is_only_forgotten(
    runner: ProcessRunner, twilio: IndependentTwilioWithServices
) -> None:
    declare(runner, {"alerts": {"inbound": SMS}}, one="alerts")
    runner.apply()
    sid = twilio.service_of("alerts")
    twilio.senders[sid] = [{"sid": "SC" + "0" * 32, "short_code": "12345", "account_sid": AC}]
    declare(runner, None)
    runner.apply("--force")
    assert sid in twilio.services


def test_our_own_empty_service_is_deleted(
    runner: ProcessRunner, twilio: IndependentTwilioWithServices
) -> None:
    declare(runner, {"alerts": {"inbound": SMS}}, one="alerts")
    runner.apply()
    declare(runner, None)
    runner.apply("--force")
    assert twilio.services == {}
    assert twilio.members == {}
    runner.settled()


def test_numbers_exchange_their_services(
    runner: ProcessRunner, twilio: IndependentTwilioWithServices
) -> None:
    services = {"alerts": {"inbound": SMS}, "support": {"inbound": SMS + "/support"}}
    declare(runner, services, one="alerts", two="support")
    runner.apply()
    declare(runner, services, one="support", two="alerts")
    runner.apply()
    assert twilio.members_of(twilio.service_of("alerts")) == {TWO}
    assert twilio.members_of(twilio.service_of("support")) == {ONE}
    runner.settled()


def test_drift_of_a_service_and_of_its_members_is_healed(
    runner: ProcessRunner, twilio: IndependentTwilioWithServices
) -> None:
    declare(runner, {"alerts": {"inbound": SMS}}, one="alerts", two="alerts")
    runner.apply()
    sid = twilio.service_of("alerts")
    twilio.services[sid]["inbound_request_url"] = "https://elsewhere.example.net/"
    del twilio.members[twilio.number(TWO)["sid"]]
    drifted = runner.json("drift", code=2)["drifted"]
    assert {each["address"] for each in drifted} == {"messaging_service/alerts", f"number/{TWO}"}

    runner.apply()
    assert twilio.services[sid]["inbound_request_url"] == SMS
    assert twilio.members_of(sid) == {ONE, TWO}
    runner.settled()


@pytest.mark.parametrize("after", ["", " after"])
@pytest.mark.parametrize("trouble", ["drop", "503"])
def test_a_lost_answer_makes_no_second_service(
    runner: ProcessRunner, twilio: IndependentTwilioWithServices, trouble: str, after: str
) -> None:
    left = [1]

    def once(call: Any) -> str | None:
        if call.method == "POST" and call.path == "/v1/Services" and left:
            left.pop()
            return trouble + after
        return None

    twilio.trouble = once
    declare(runner, {"alerts": {"inbound": SMS}}, one="alerts")
    done = runner.end(runner.start("apply", "--auto-approve", "--json"))
    if done.code:
        runner.apply()
    assert len(twilio.services) == 1
    assert twilio.members_of(twilio.service_of("alerts")) == {ONE}
    runner.settled()


def test_a_sms_route_behind_a_service_is_reported(
    runner: ProcessRunner, twilio: IndependentTwilioWithServices
) -> None:
    sid = twilio.add_service(AC, "marketing", inbound_request_url="https://m.example.net/sms")
    twilio.members[twilio.number(ONE)["sid"]] = sid
    runner.declare({ONE: "support"})
    planned = runner.plan()
    assert "sms_hidden_by_service" in [each["code"] for each in planned["diagnostics"]]

    twilio.services[sid]["use_inbound_webhook_on_number"] = True
    planned = runner.plan()
    assert "sms_hidden_by_service" not in [each["code"] for each in planned["diagnostics"]]


def test_the_rare_fields_of_a_number_are_written_read_back_and_left_alone(
    runner: ProcessRunner, twilio: IndependentTwilioWithServices
) -> None:
    rare = {
        "address": "AD" + "1" * 32,
        "bundle": "BU" + "1" * 32,
        "identity": "RI" + "1" * 32,
        "caller_id_lookup": True,
        "receive_mode": "voice",
    }
    runner.declare({ONE: {"agent": "support", **rare}})
    runner.apply()
    row = twilio.number(ONE)
    assert (row["address_sid"], row["bundle_sid"], row["identity_sid"]) == (
        rare["address"],
        rare["bundle"],
        rare["identity"],
    )
    assert row["voice_caller_id_lookup"] is True
    runner.settled()

    row["bundle_sid"] = "BU" + "2" * 32
    assert len(runner.json("drift", code=2)["drifted"]) == 1
    runner.apply()
    assert twilio.number(ONE)["bundle_sid"] == rare["bundle"]

    runner.declare({ONE: "support"})
    runner.apply()
    assert twilio.number(ONE)["bundle_sid"] == rare["bundle"]
    runner.settled()


def test_an_emergency_address_is_never_reported_as_done_while_it_is_pending(
    runner: ProcessRunner, twilio: IndependentTwilioWithServices
) -> None:
    first, second = "AD" + "1" * 32, "AD" + "2" * 32
    runner.declare({ONE: {"agent": "support", "emergency_address": first}})
    done = runner.end(runner.start("apply", "--auto-approve", "--json", "--timeout", "20"))
    assert twilio.number(ONE)["emergency_address_sid"] == first
    twilio.advance()
    if done.code:
        runner.apply()
    runner.settled()

    runner.declare({ONE: {"agent": "support", "emergency_address": second}})
    for _ in range(4):
        done = runner.end(runner.start("apply", "--auto-approve", "--json", "--timeout", "5"))
        if twilio.number(ONE)["emergency_address_sid"] == second:
            break
        assert done.code != 0, "the former address is still registered"
        twilio.advance()
    assert twilio.number(ONE)["emergency_address_sid"] == second
    twilio.advance()
    runner.settled()
