"""Drift attributes each field to the person who changed that field, or to nobody."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.sandbox.faults.rules import Refuse
from tests.support.command_runner import CommandRunner
from tests.support.sandbox_client import ask, numbers_path

from .refusal_worlds import declare, numbers_of

ANNA, BEN = "US" + "a" * 32, "US" + "b" * 32
LAPTOP, PHONE = "192.0.2.10", "192.0.2.20"
EVENTS = "/v1/Events"


@pytest.fixture
def number(runner: CommandRunner) -> str:
    """A number that is applied."""
    found = numbers_of(runner)[0]
    declare(runner, {found: "support"})
    runner.apply("--allow-takeover")
    return found


def fields_of(document: Any) -> dict[str, Any]:
    """The fields of the only resource that drifted, by name."""
    [drifted] = document["drifted"]
    assert "actor" not in drifted
    return {field["field"]: field for field in drifted["fields"]}


def test_two_people_who_changed_two_fields_are_both_named(
    runner: CommandRunner, number: str
) -> None:
    runner.sandbox.edit(number, {"voice_url": "https://a.example.dev"}, actor=ANNA, ip=LAPTOP)
    runner.sandbox.edit(number, {"voice_method": "GET"}, actor=BEN, ip=PHONE)
    document = runner.json("drift", code=2)
    fields = fields_of(document)
    for name, sid, ip in (("voice_url", ANNA, LAPTOP), ("voice_method", BEN, PHONE)):
        actor = fields[name]["actor"]
        assert actor.pop("time").endswith("Z")
        assert actor == {"sid": sid, "type": "user", "via": "console", "ip": ip}
    assert document["summary"]["events"] == "read"

    text = runner.run("drift", code=2)
    assert f"voice_url by user {ANNA} in the console from {LAPTOP} at " in text
    assert f"voice_method by user {BEN} in the console from {PHONE} at " in text


def test_one_person_is_named_once(runner: CommandRunner, number: str) -> None:
    edit = {"voice_url": "https://a.example.dev", "voice_method": "GET"}
    runner.sandbox.edit(number, edit, actor=ANNA, ip=LAPTOP)
    assert runner.run("drift", code=2).count(ANNA) == 1


def test_whoever_attaches_a_number_to_a_declared_trunk_or_application_is_named(
    runner: CommandRunner, number: str
) -> None:
    """The event has the SID, and drift the name."""
    trunk = {"edge": {"domain": "acme-edge.pstn.twilio.com"}}
    menu = {"menu": {"voice": "https://agents.example.com/menu"}}
    declare(runner, {number: "support"}, trunks=trunk, applications=menu)
    runner.apply()
    sids = {address: row["sid"] for address, row in runner.state.items()}

    runner.sandbox.edit(number, {"trunk_sid": sids["trunk/edge"]}, actor=ANNA, ip=LAPTOP)
    fields = fields_of(runner.json("drift", code=2))
    assert fields["trunk"]["live"] == "edge"
    assert fields["trunk"]["actor"]["sid"] == ANNA
    [action] = [a for a in runner.json("plan")["actions"] if a["address"] == f"number/{number}"]
    assert action["actor"]["sid"] == ANNA

    edit = {"trunk_sid": "", "voice_application_sid": sids["application/menu"]}
    runner.sandbox.edit(number, edit, actor=BEN, ip=PHONE)
    fields = fields_of(runner.json("drift", code=2))
    assert fields["voice_application"]["actor"]["sid"] == BEN


def test_field_without_an_event_is_attributed_to_nobody(runner: CommandRunner, number: str) -> None:
    runner.sandbox.edit(number, {"voice_url": "https://a.example.dev"}, actor=ANNA)
    row = next(n for n in runner.sandbox.world.numbers if n.phone_number == number)
    row.voice_method = "GET"
    fields = fields_of(runner.json("drift", code=2))
    assert fields["voice_url"]["actor"]["sid"] == ANNA
    assert fields["voice_method"]["actor"] is None
    assert "voice_method by unknown" in runner.run("drift", code=2)


def test_deleted_number_names_who_deleted_it(runner: CommandRunner, number: str) -> None:
    row = next(n for n in runner.sandbox.world.numbers if n.phone_number == number)
    ask(runner.sandbox, "DELETE", numbers_path(runner.sandbox, row.sid))
    fields = fields_of(runner.json("drift", code=2))
    assert fields["sid"]["live"] is None
    assert fields["sid"]["actor"]["via"] == "api"


@pytest.mark.parametrize(
    ("status", "code", "events"),
    [(403, 20003, "denied"), (401, 20003, "denied"), (404, 20404, "unavailable")],
)
def test_events_that_cannot_be_read_are_reported(
    runner: CommandRunner, number: str, status: int, code: int, events: str
) -> None:
    runner.sandbox.edit(number, {"voice_url": "https://a.example.dev"}, actor=ANNA)
    runner.sandbox.faults.add(Refuse(method="GET", path=EVENTS, status=status, code=code))
    document = runner.json("drift", code=2)
    assert document["summary"]["events"] == events
    assert [d["code"] for d in document["diagnostics"]] == ["events_unreadable"]
    assert fields_of(document)["voice_url"]["actor"] is None
    assert "events_unreadable" in runner.run("drift", code=2)


def test_events_are_not_read_without_drift(runner: CommandRunner, number: str) -> None:
    runner.sandbox.faults.add(Refuse(method="GET", path=EVENTS, status=403, code=20003))
    document = runner.json("drift")
    assert (document["summary"]["events"], document["diagnostics"]) == ("read", [])
