"""Every field of a messaging service: created, read back, changed alone, and removed, with every request valid by
Twilio's documents (the fixture checks them). A field of the model without a row in `CASES` or `LOCAL` fails.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.config.sections.messaging_service import MessagingService
from reconciler.kinds.messaging_service import FIELDS
from tests.support.command_runner import CommandRunner

HOST = "https://agents.example.com"
Shown = dict[str, object]

CASES: dict[str, tuple[object, object, Shown]] = {
    "friendly_name": ("Alerts", "Urgent alerts", {"friendly_name": "Urgent alerts"}),
    "inbound": (
        f"{HOST}/sms",
        {"url": f"{HOST}/sms-2", "method": "GET"},
        {"inbound_request_url": f"{HOST}/sms-2", "inbound_method": "GET"},
    ),
    "fallback": (
        f"{HOST}/fallback",
        {"url": f"{HOST}/fallback-2", "method": "GET"},
        {"fallback_url": f"{HOST}/fallback-2", "fallback_method": "GET"},
    ),
    "status": (f"{HOST}/status", f"{HOST}/status-2", {"status_callback": f"{HOST}/status-2"}),
    "sticky_sender": (True, False, {"sticky_sender": False}),
    "mms_converter": (True, False, {"mms_converter": False}),
    "smart_encoding": (False, True, {"smart_encoding": True}),
    "scan_message_content": ("enable", "disable", {"scan_message_content": "disable"}),
    "area_code_geomatch": (False, True, {"area_code_geomatch": True}),
    "validity_period": (14_400, 60, {"validity_period": 60}),
    "usecase": ("notifications", "poll", {"usecase": "poll"}),
}
"""Field → first value, second value, and what Twilio shows for the second."""

LOCAL = {
    "account": "the account is where Twilio has it",
    "use_number_webhook": "test_numbers_may_answer_their_messages_themselves",
    "on_removal": "test_a_service_that_is_to_be_kept_is_only_forgotten",
    "protect": "test_a_protected_service_is_never_removed",
}
UNSENT = {"FallbackToLongCode": "obsolete", "SynchronousValidation": "reserved"}
"""Parameters that Twilio documents and that are never sent."""


def first_values() -> dict[str, object]:
    return {name: first for name, (first, _, _) in CASES.items()}


def service(runner: CommandRunner) -> dict[str, Any]:
    """The only service that Twilio has."""
    (found,) = json.loads(runner.sandbox.world.dump())["services"]
    row: dict[str, Any] = found
    return row


def declare(runner: CommandRunner, values: dict[str, object]) -> None:
    runner.declare(messaging_services={"alerts": values})


def test_every_field_has_a_case_or_a_reason() -> None:
    assert CASES.keys() | LOCAL.keys() == MessagingService.model_fields.keys()
    assert CASES.keys().isdisjoint(LOCAL)
    assert all(first != second for first, second, _ in CASES.values())


def test_every_documented_parameter_is_a_field_or_is_left_out_on_purpose(
    documented_parameters: frozenset[str],
) -> None:
    assert {field.param for field in FIELDS} | UNSENT.keys() == documented_parameters


def test_every_field_is_created_read_back_and_removed(runner: CommandRunner) -> None:
    declare(runner, first_values())
    runner.apply()
    assert runner.plan() == []
    assert runner.json("drift")["drifted"] == []
    runner.declare()
    runner.apply()
    assert runner.plan() == []
    assert json.loads(runner.sandbox.world.dump()).get("services", []) == []


def test_each_field_is_changed_alone(runner: CommandRunner) -> None:
    values = first_values()
    declare(runner, values)
    runner.apply()
    for name, (_, second, shows) in CASES.items():
        values[name] = second
        declare(runner, values)
        assert [a["action"] for a in runner.json("plan")["actions"]] == ["update"], name
        (call,) = runner.apply()
        assert len(call.params) <= 2, f"{name} is written with other fields: {call.params}"
        row = service(runner)
        assert {field: row[field] for field in shows} == shows
        assert runner.plan() == [], f"{name} is written again"


def test_each_setting_that_leaves_the_file_goes_back_to_its_default(runner: CommandRunner) -> None:
    values: dict[str, object] = {name: second for name, (_, second, _) in CASES.items()}
    values |= {"smart_encoding": False, "area_code_geomatch": False}
    declare(runner, values)
    runner.apply()
    defaults = {field.name: field.default for field in FIELDS if field.resets}
    for name in defaults:
        del values[name]
        declare(runner, values)
        runner.apply()
        assert service(runner)[name] == defaults[name], name
        assert runner.plan() == []


@pytest.mark.parametrize("name", ["inbound", "fallback", "status"])
def test_a_webhook_that_leaves_the_file_is_cleared(runner: CommandRunner, name: str) -> None:
    values = first_values()
    declare(runner, values)
    runner.apply()
    del values[name]
    declare(runner, values)
    runner.apply()
    field = {"inbound": "inbound_request_url", "fallback": "fallback_url"}.get(
        name, "status_callback"
    )
    assert not service(runner)[field]
    assert runner.plan() == []


def test_numbers_may_answer_their_messages_themselves(runner: CommandRunner) -> None:
    declare(runner, {"inbound": f"{HOST}/sms"})
    runner.apply()
    declare(runner, {"use_number_webhook": True})
    runner.apply()
    row = service(runner)
    assert row["use_inbound_webhook_on_number"] is True
    assert row["inbound_request_url"] == f"{HOST}/sms", "it is without effect, and stays"
    assert runner.plan() == []
    declare(runner, {"inbound": f"{HOST}/other"})
    runner.apply()
    assert service(runner)["inbound_request_url"] == f"{HOST}/other"
    assert service(runner)["use_inbound_webhook_on_number"] is False
    assert runner.plan() == []


def test_a_service_that_is_to_be_kept_is_only_forgotten(runner: CommandRunner) -> None:
    declare(runner, {"inbound": f"{HOST}/sms", "on_removal": "keep"})
    runner.apply()
    runner.declare()
    assert runner.plan() == [("messaging_service/alerts", "forget")]
    assert runner.apply() == []
    assert service(runner)


def test_a_protected_service_is_never_removed(runner: CommandRunner) -> None:
    declare(runner, {"inbound": f"{HOST}/sms", "protect": True})
    runner.apply()
    runner.declare()
    codes = [d["code"] for d in runner.json("plan", code=4)["diagnostics"]]
    assert "protected" in codes
    assert runner.apply("--force", code=4) == []
    assert service(runner)
