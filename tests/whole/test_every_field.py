"""One configuration with every field of every section of Twilio resources: created, read back, changed field by field,
and removed, with every request valid by Twilio's documents (the fixture checks them).
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.command_runner import CommandRunner

from .field_cases import AROUND, NUMBER, SECTIONS, Case, SectionCases


@pytest.fixture(autouse=True)
def passwords(runner: CommandRunner) -> None:
    runner.environ.update({"P1": "Correct-Horse-1", "P2": "Battery-Staple-2"})


def declare(runner: CommandRunner, values: dict[str, dict[str, object]]) -> None:
    """Declare one entry of each section with these values, and what they refer to."""
    sections: dict[str, Any] = {name: dict(entries) for name, entries in AROUND.items()}
    for each in SECTIONS:
        sections.setdefault(each.section, {})[each.key] = values[each.section]
    runner.declare(**sections)


def first_values() -> dict[str, dict[str, object]]:
    return {
        each.section: {name: case.first for name, case in each.cases.items()} for each in SECTIONS
    }


def rows(runner: CommandRunner, section: str) -> list[dict[str, Any]]:
    """The rows of one kind that Twilio has, without what the cases only refer to."""
    kinds = {"messaging_services": "services"}
    found = json.loads(runner.sandbox.world.dump()).get(kinds.get(section, section), [])
    return [row for row in found if row.get("friendly_name") != "other"]


def shown(runner: CommandRunner, section: SectionCases, case: Case) -> dict[str, Any]:
    """The row of Twilio that shows a case."""
    if section.section == "numbers":
        return next(row for row in rows(runner, "numbers") if row["phone_number"] == NUMBER)
    if case.elsewhere == "recording":
        recording: dict[str, Any] = rows(runner, "trunks")[0]["recording"]
        return recording
    (row,) = rows(runner, case.elsewhere or section.section)
    return row


@pytest.mark.parametrize("section", SECTIONS, ids=lambda each: each.section)
def test_every_field_of_a_section_has_a_case_or_a_reason(section: SectionCases) -> None:
    assert section.cases.keys() | section.local.keys() == section.model.model_fields.keys()
    assert section.cases.keys().isdisjoint(section.local)
    assert all(case.first != case.second for case in section.cases.values())


def test_every_field_is_created_read_back_and_removed(runner: CommandRunner) -> None:
    before = runner.sandbox.world.number(NUMBER)
    found = {name: getattr(before, name) for name in before.__struct_fields__}
    declare(runner, first_values())
    runner.apply()
    assert runner.plan() == []
    assert runner.json("drift")["drifted"] == []
    runner.declare()
    runner.apply()
    assert runner.plan() == []
    after = runner.sandbox.world.number(NUMBER)
    # A release never takes off what the law of a country may require.
    kept = {"date_updated", "address_sid", "bundle_sid", "identity_sid"}
    differing = {
        name for name, value in found.items() if (getattr(after, name) or "") != (value or "")
    }
    assert differing <= kept
    for name in ("trunks", "applications", "credentials", "messaging_services"):
        assert rows(runner, name) == []


def test_each_field_is_changed_alone(runner: CommandRunner) -> None:
    values = first_values()
    declare(runner, values)
    runner.apply()
    for section in SECTIONS:
        for name, case in section.cases.items():
            values[section.section][name] = case.second
            declare(runner, values)
            actions = runner.json("plan")["actions"]
            assert actions, f"{section.section}.{name} is not compared"
            runner.apply()
            row = shown(runner, section, case)
            seen = {field: row[field] for field in case.shows}
            assert seen == case.shows, f"{section.section}.{name}"
            assert all(row[field] for field in case.names)
            assert runner.plan() == [], f"{section.section}.{name} is written again"


def test_a_field_that_is_declared_no_longer_stays(runner: CommandRunner) -> None:
    """The fields that are managed only when declared: nothing is written when they leave the file."""
    values = first_values()
    declare(runner, values)
    runner.apply()
    optional = {
        "numbers": [
            "friendly_name",
            "emergency_address",
            "address",
            "bundle",
            "identity",
            "caller_id_lookup",
            "receive_mode",
        ],
        "applications": [
            "message_status_callback",
            "sms_status_callback",
            "caller_id_lookup",
            "public_application_connect",
        ],
    }
    for section, names in optional.items():
        for name in names:
            del values[section][name]
    declare(runner, values)
    assert runner.plan() == []
    assert runner.apply() == []
    number = runner.sandbox.world.number(NUMBER)
    assert number.emergency_address_sid
    assert number.bundle_sid
    assert number.voice_caller_id_lookup
    runner.sandbox.edit(NUMBER, {"voice_caller_id_lookup": False, "address_sid": None})
    assert runner.json("drift")["drifted"] == []
