"""What a fleet keeps of the document that a stack printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reconciler.fleet.job import Ended, Job
from reconciler.fleet.results import Room, read_result
from reconciler.report.documents.fleet import FleetChange, FleetItem, FleetStack


def read(tmp_path: Path, document: dict[str, Any], code: int = 0) -> FleetStack:
    output = tmp_path / "output"
    output.write_text(json.dumps(document), encoding="utf-8")
    job = Job(name="a", directory=tmp_path, file="x", words=("plan",))
    return read_result(
        Ended(job=job, exit_code=code, seconds=1.0, output=output, errors=tmp_path / "none")
    )


def test_an_action_keeps_its_changes_with_lost_values_first(tmp_path: Path) -> None:
    action = {
        "address": "number/+15550100101",
        "action": "overwrite_webhooks",
        "reason": "new",
        "changes": [
            {"field": "sms_url", "before": None, "after": "https://agents.example.com/sms"},
            {"field": "voice_url", "before": "https://pbx.example.net/", "after": ""},
        ],
        "takeover": [
            {"field": "voice_url", "before": "https://pbx.example.net/", "after": None},
            {"field": "friendly_name", "before": "Old", "after": None},
        ],
    }
    [item] = read(tmp_path, {"actions": [action]}).items
    voice = FleetChange(
        field="voice_url", before="https://pbx.example.net/", after="–", takeover=True
    )
    name = FleetChange(field="friendly_name", before="Old", after="–", takeover=True)
    sms = FleetChange(field="sms_url", before="–", after="https://agents.example.com/sms")
    assert item == FleetItem(
        address="number/+15550100101",
        what="overwrite_webhooks",
        why="new",
        changes=[voice, name, sms],
    )


def test_drift_leads_from_the_recorded_value_to_the_live_one(tmp_path: Path) -> None:
    drifted = {
        "address": "number/+15550100101",
        "fields": [{"field": "voice_url", "recorded": "https://a.example/", "live": True}],
    }
    [item] = read(tmp_path, {"drifted": [drifted]}, 2).items
    assert (item.what, item.why) == ("drift", "voice_url")
    assert item.changes == [
        FleetChange(field="voice_url", before="https://a.example/", after="true")
    ]


def test_an_outcome_has_its_error(tmp_path: Path) -> None:
    outcome = {"address": "trunk/a", "action": "create", "status": "failed", "error": {"code": "x"}}
    well = {"address": "trunk/b", "action": "create", "status": "applied", "error": None}
    found = read(tmp_path, {"outcomes": [outcome, well]}, 5)
    assert [(item.what, item.why) for item in found.items] == [
        ("create", "x"),
        ("create", "applied"),
    ]
    assert found.outcome == "partial"


def test_values_and_their_number_are_bounded(tmp_path: Path) -> None:
    changes = [{"field": f"f{n}", "before": "a" * 200, "after": "b" * 200} for n in range(50)]
    row = {"address": "number/+15550100101", "changes": changes}
    error = {"code": "x", "summary": "y", "detail": "z" * 9999}
    found = read(tmp_path, {"actions": [row] * 300, "diagnostics": [error]})
    assert len(found.diagnostics[0].detail) == 4000
    assert (len(found.items), found.left_out) == (200, 100)
    assert len(found.items[0].changes) == 10
    assert max(len(change.before) for change in found.items[0].changes) <= 160


def test_many_entries_hold_less_each_and_count_the_rest(tmp_path: Path) -> None:
    row = {"address": "number/+15550100101"}
    error = {"code": "x", "summary": "A reason", "detail": "y"}
    entry = read(tmp_path, {"actions": [row] * 200, "diagnostics": [error] * 20}, 1)
    room = Room()
    entries = [room.fit(entry) for _ in range(10_000)]
    assert (len(entries[0].items), len(entries[0].diagnostics)) == (200, 20)
    assert sum(len(each.items) for each in entries) < 250_000
    assert sum(len(each.diagnostics) for each in entries) < 30_000
    assert {len(e.items) + len(e.diagnostics) + e.left_out for e in entries} == {220}
    assert len(entries[-1].diagnostics) == 1
