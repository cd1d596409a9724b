"""The fields of a number beside its routes: takeover, release, drift on either side, and emergency addresses that
Twilio registers in its own time.
"""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
import yaml

from tests.support.command_runner import CommandRunner

from .field_cases import HOST, NUMBER, sid

AGENTS = {"support": {"webhooks": {"voice": f"{HOST}/voice"}}}
ADDRESS, OTHER = sid("AD", "1"), sid("AD", "2")


def declare(runner: CommandRunner, **fields: object) -> None:
    """Declare one number with these fields."""
    runner.declare(agents=AGENTS, numbers={NUMBER: {"agent": "support", **fields}})


def codes(document: Any) -> list[str]:
    return [each["code"] for each in document["diagnostics"]]


@pytest.fixture
def no_waits() -> Any:
    with mock.patch("reconciler.execution.executor.SystemClock.pause") as pause:
        yield pause


def test_a_receive_mode_and_the_voice_are_one_write(runner: CommandRunner) -> None:
    runner.sandbox.edit(NUMBER, {"voice_receive_mode": "fax"})
    declare(runner)
    assert codes(runner.json("plan", code=1)) == ["number_receives_fax"]
    declare(runner, receive_mode="voice")
    (call,) = runner.apply()
    assert call.params["VoiceReceiveMode"] == "voice"
    assert call.params["VoiceUrl"] == f"{HOST}/voice"
    assert runner.plan() == []


def test_a_voice_on_a_number_that_is_declared_for_faxes_is_an_error(runner: CommandRunner) -> None:
    declare(runner, receive_mode="fax")
    assert codes(runner.json("plan", code=1)) == ["number_receives_fax"]
    bought = {"purchase": {"country": "US"}, "agent": "support", "receive_mode": "fax"}
    runner.declare(agents=AGENTS, numbers={"+14155550101": bought})
    assert codes(runner.json("plan", code=1)) == ["number_receives_fax"]


@pytest.mark.parametrize("first", ["trunk", "application"])
def test_a_receive_mode_is_written_with_any_route(runner: CommandRunner, first: str) -> None:
    runner.sandbox.edit(NUMBER, {"voice_receive_mode": "fax"})
    number = {"receive_mode": "voice", "trunk": "edge"}
    if first == "application":
        number = {"receive_mode": "voice", "agent": "ivr"}
    runner.declare(
        agents={"ivr": {"application": "menu"}},
        applications={"menu": {"voice": f"{HOST}/menu"}},
        trunks={"edge": {"domain": "acme-edge.pstn.twilio.com"}},
        numbers={NUMBER: number},
    )
    runner.apply()
    assert runner.sandbox.world.number(NUMBER).voice_receive_mode == "voice"
    assert runner.plan() == []


def test_foreign_documents_and_emergency_addresses_are_takeovers(runner: CommandRunner) -> None:
    runner.sandbox.edit(NUMBER, {"emergency_address_sid": OTHER, "bundle_sid": sid("BU", "9")})
    declare(runner, emergency_address=ADDRESS, bundle=sid("BU", "5"))
    plan = runner.json("plan")
    assert plan["summary"]["would_refuse"] == ["takeover_refused"]
    lost = [each for action in plan["actions"] for each in action.get("takeover") or []]
    assert {each["field"] for each in lost} == {"emergency_address", "bundle"}
    assert runner.apply(code=4) == []
    runner.apply("--allow-takeover")
    assert runner.sandbox.world.number(NUMBER).emergency_address_sid == ADDRESS

    # A release puts back what was there.
    runner.declare()
    runner.apply()
    number = runner.sandbox.world.number(NUMBER)
    assert (number.emergency_address_sid, number.bundle_sid) == (OTHER, sid("BU", "9"))
    assert runner.plan() == []


@pytest.mark.parametrize("on_removal", ["restore", "clear", "keep"])
def test_a_release_leaves_documents_and_puts_back_the_rest(
    runner: CommandRunner, on_removal: str
) -> None:
    fields = {
        "emergency_address": ADDRESS,
        "address": sid("AD", "3"),
        "caller_id_lookup": True,
        "on_removal": on_removal,
    }
    declare(runner, **fields)
    runner.apply()
    runner.declare()
    runner.apply()
    number = runner.sandbox.world.number(NUMBER)
    kept = on_removal == "keep"
    assert number.emergency_address_sid == (ADDRESS if kept else None)
    assert number.voice_caller_id_lookup is kept
    assert number.address_sid == sid("AD", "3")
    assert runner.plan() == []


def test_a_release_keeps_what_somebody_else_has_set_since(runner: CommandRunner) -> None:
    declare(runner, address=sid("AD", "3"), caller_id_lookup=True)
    runner.apply()
    runner.sandbox.edit(NUMBER, {"voice_caller_id_lookup": False, "address_sid": sid("AD", "4")})
    runner.declare()
    runner.apply()
    assert runner.sandbox.world.number(NUMBER).address_sid == sid("AD", "4")


def test_drift_is_shown_with_its_actor_healed_and_accepted(runner: CommandRunner) -> None:
    declare(runner, address=sid("AD", "3"), emergency_address=ADDRESS, caller_id_lookup=True)
    runner.apply()
    runner.sandbox.edit(NUMBER, {"address_sid": sid("AD", "4"), "emergency_address_sid": None})
    (drifted,) = runner.json("drift", code=2)["drifted"]
    fields = {each["field"]: each for each in drifted["fields"]}
    assert fields["address"]["live"] == sid("AD", "4")
    assert fields["emergency_address"]["live"] is None
    assert all(each["actor"]["via"] == "console" for each in drifted["fields"])
    (row,) = [row for row in runner.json("list")["numbers"] if row["e164"] == NUMBER]
    assert (row["status"], row["drifted"]) == ("drifted", True)

    runner.json("drift", "--accept", f"number/{NUMBER}")
    text = yaml.safe_load((runner.folder / "reconciler.yaml").read_text(encoding="utf-8"))
    number = text["numbers"][NUMBER]
    assert (number["address"], number["emergency_address"]) == (sid("AD", "4"), "none")
    runner.apply()
    assert runner.plan() == []

    runner.sandbox.edit(NUMBER, {"voice_caller_id_lookup": False})
    (action,) = runner.json("plan")["actions"]
    assert (action["action"], action["reason"]) == ("update", "drift")
    runner.apply()
    assert runner.sandbox.world.number(NUMBER).voice_caller_id_lookup is True
    logged = [
        e for e in runner.json("log", f"number/{NUMBER}")["entries"] if e["action"] == "update"
    ]
    changes = [change for entry in logged for change in entry["changes"]]
    assert {"field": "caller_id_lookup", "before": False, "after": True} in changes


def test_an_emergency_address_is_replaced_in_two_steps(runner: CommandRunner) -> None:
    declare(runner, emergency_address=ADDRESS)
    runner.apply()
    declare(runner, emergency_address=OTHER)
    (action,) = runner.json("plan")["actions"]
    assert action["changes"] == [{"field": "emergency_address", "before": ADDRESS, "after": OTHER}]
    assert "no emergency address" in runner.run("plan")
    calls = runner.apply()
    assert [call.params["EmergencyAddressSid"] for call in calls] == ["", OTHER]
    assert runner.plan() == []


def test_an_address_that_twilio_registers_slowly_is_never_reported_as_done(
    runner: CommandRunner, no_waits: Any
) -> None:
    runner.sandbox.world.emergency_registration = "slow"
    declare(runner, emergency_address=ADDRESS)
    document = runner.json("apply", "--auto-approve", code=5)
    assert [each["code"] for each in document["errors"]] == ["emergency_address_pending"]
    assert 20 <= no_waits.call_count <= 40

    plan = runner.json("plan")
    assert (plan["actions"], codes(plan)) == ([], ["emergency_address_pending"])
    (row,) = [row for row in runner.json("list")["numbers"] if row["e164"] == NUMBER]
    assert row["status"] == "pending"

    runner.sandbox.edit(NUMBER, {"emergency_address_status": "registered"})
    assert codes(runner.json("plan")) == []
    assert runner.apply() == []


def test_a_replacement_that_waits_is_finished_by_the_next_apply(
    runner: CommandRunner, no_waits: Any
) -> None:
    declare(runner, emergency_address=ADDRESS)
    runner.apply()
    runner.sandbox.world.emergency_registration = "slow"
    declare(runner, emergency_address=OTHER)
    (call,) = runner.apply(code=5)
    assert call.params == {"EmergencyAddressSid": ""}
    assert runner.sandbox.world.number(NUMBER).emergency_address_sid is None

    # Half of it is our own work: neither drift nor a conflict.
    assert runner.json("drift")["drifted"] == []
    assert [each["reason"] for each in runner.json("plan")["actions"]] == ["config"]

    # Still going: nothing is written, and it is said again.
    assert runner.apply(code=1) == []
    runner.sandbox.world.emergency_registration = "instant"
    runner.sandbox.edit(NUMBER, {"emergency_address_status": "unregistered"})
    (call,) = runner.apply()
    assert call.params == {"EmergencyAddressSid": OTHER}
    assert runner.plan() == []
    assert runner.json("drift")["drifted"] == []


def test_a_failed_registration_is_an_error_of_apply_and_of_every_plan(
    runner: CommandRunner,
) -> None:
    runner.sandbox.world.emergency_registration = "refused"
    declare(runner, emergency_address=ADDRESS)
    document = runner.json("apply", "--auto-approve", code=5)
    assert [each["code"] for each in document["errors"]] == ["emergency_address_failed"]
    assert codes(runner.json("plan", code=1)) == ["emergency_address_failed"]

    # The cure that the message names.
    runner.sandbox.world.emergency_registration = "instant"
    declare(runner, emergency_address="none")
    runner.apply()
    declare(runner, emergency_address=ADDRESS)
    runner.apply()
    assert codes(runner.json("plan")) == []


def test_a_registration_that_twilio_ends_later_is_reported_by_every_plan(
    runner: CommandRunner,
) -> None:
    declare(runner, emergency_address=ADDRESS)
    runner.apply()
    runner.sandbox.edit(NUMBER, {"emergency_address_status": "registration-failure"})
    assert codes(runner.json("plan", code=1)) == ["emergency_address_failed"]
    runner.sandbox.edit(NUMBER, {"emergency_address_status": "pending-registration"})
    assert codes(runner.json("plan")) == ["emergency_address_pending"]


def test_a_purchase_gets_its_emergency_address_by_an_update(runner: CommandRunner) -> None:
    bought = {"purchase": {"country": "US"}, "agent": "support", "emergency_address": ADDRESS}
    runner.declare(agents=AGENTS, numbers={"+14155550101": bought})
    calls = runner.apply("--allow-purchase")
    assert "EmergencyAddressSid" not in calls[0].params
    assert runner.sandbox.world.number("+14155550101").emergency_address_sid == ADDRESS
    assert runner.plan() == []


def test_an_export_with_fields_only_imports(runner: CommandRunner) -> None:
    fields = {
        "emergency_address_sid": ADDRESS,
        "address_sid": sid("AD", "3"),
        "bundle_sid": sid("BU", "5"),
        "identity_sid": sid("RI", "7"),
        "voice_caller_id_lookup": True,
    }
    runner.sandbox.edit(NUMBER, fields)
    runner.declare()
    exported = yaml.safe_load(runner.run("export"))
    assert exported["numbers"][NUMBER] == {
        "emergency_address": ADDRESS,
        "address": sid("AD", "3"),
        "bundle": sid("BU", "5"),
        "identity": sid("RI", "7"),
        "caller_id_lookup": True,
    }
    runner.declare(numbers=exported["numbers"])
    assert {action for _, action in runner.plan()} == {"import"}
    assert runner.apply() == []
    assert runner.plan() == []


def test_a_refused_field_leaves_everything_else_as_declared(runner: CommandRunner) -> None:
    """Numbers of France need an address and an identity: Twilio refuses to take them off."""
    bought = {
        "agent": "support",
        "purchase": {"country": "FR", "address": ADDRESS, "identity": sid("RI", "1")},
    }
    runner.declare(agents=AGENTS, numbers={"+33199001005": bought})
    runner.apply("--allow-purchase")
    changed = {**bought, "identity": "none", "friendly_name": "Paris"}
    runner.declare(agents=AGENTS, numbers={"+33199001005": changed})
    document = runner.json("apply", "--auto-approve", "--allow-takeover", code=5)
    (error,) = document["errors"]
    assert error["code"] == "identity_needed"
    assert "`identity`" in error["message"]
    number = runner.sandbox.world.number("+33199001005")
    assert (number.friendly_name, number.identity_sid) == ("Paris", sid("RI", "1"))


def test_the_change_of_a_release_shows_the_flag_that_is_written(runner: CommandRunner) -> None:
    declare(runner, caller_id_lookup=True)
    runner.apply()
    runner.declare()
    (action,) = runner.json("plan")["actions"]
    assert {"field": "caller_id_lookup", "before": True, "after": False} in action["changes"]
