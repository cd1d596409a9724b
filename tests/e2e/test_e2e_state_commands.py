"""`state mv|rm|pull|push|history|repair`: the state changed by hand, and Twilio never asked or told anything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.processes.process_runner import AGENT, ProcessRunner, actions

ONE, TWO = "+15550100101", "+15550100102"
URL = "sip:sbc1.example.com"
TRUNK = {"domain": "acme-edge.pstn.twilio.com", "origination": [{"sip_url": URL}]}
FOREIGN = "https://pbx.example.net/in"


@pytest.fixture
def bound(runner: ProcessRunner) -> ProcessRunner:
    """A number on a trunk, and one that was taken over."""
    runner.number(ONE)
    runner.number(TWO, voice_url=FOREIGN)
    declare(runner, "edge")
    runner.apply("--allow-takeover")
    return runner


def declare(runner: ProcessRunner, trunk: str, **more: object) -> None:
    numbers = {ONE: {"agent": "support", "trunk": trunk}, TWO: "support"}
    runner.declare(numbers, trunks={trunk: TRUNK}, **more)


def document(runner: ProcessRunner) -> Any:
    return json.loads((runner.folder / "state.json").read_text())


def silent(runner: ProcessRunner, *args: str, code: int = 0) -> Any:
    """The document of a command that must not make a single call."""
    calls = len(runner.twilio.calls)
    done = runner.json(*args, code=code)
    assert len(runner.twilio.calls) == calls
    return done


def test_moves_an_entry_with_its_children(bound: ProcessRunner) -> None:
    shown = silent(bound, "state", "mv", "trunk/edge", "trunk/core", "--dry-run")
    assert shown["serial_after"] is None
    assert "trunk/edge" in bound.state
    done = silent(bound, "state", "mv", "trunk/edge", "trunk/core")
    assert done["changes"] == shown["changes"]
    assert {(row["address"], row["change"]) for row in done["changes"]} >= {
        ("trunk/edge", "removed"),
        ("trunk/core", "added"),
        (f"origination_url/core/{URL}", "added"),
        (f"number/{ONE}", "changed"),
    }
    assert bound.state[f"number/{ONE}"]["last_applied"]["voice"]["trunk"] == "core"
    declare(bound, "core")
    bound.settled()


@pytest.mark.parametrize(
    ("source", "target", "code"),
    [
        ("trunk/nowhere", "trunk/core", "address_not_found"),
        (f"number/{ONE}", f"number/{TWO}", "invalid_move"),
        ("trunk/edge", "number/core", "invalid_move"),
        ("trunk/edge", "trunk/", "invalid_move"),
        ("trunk/edge", "trunk/a name!", "invalid_move"),
        (f"origination_url/edge/{URL}", "origination_url/core/x", "invalid_move"),
    ],
)
def test_refuses_moves_that_are_impossible(
    bound: ProcessRunner, source: str, target: str, code: str
) -> None:
    before = document(bound)
    assert silent(bound, "state", "mv", source, target, code=1)["diagnostics"][0]["code"] == code
    assert document(bound) == before


def test_state_rm_removes_only_the_named_entries(bound: ProcessRunner) -> None:
    silent(bound, "state", "rm", "trunk/edge", TWO, "--dry-run")
    assert len(bound.state) == 4
    silent(bound, "state", "rm", "trunk/edge", TWO)
    assert list(bound.state) == [f"number/{ONE}"]
    (sid,) = bound.twilio.trunks
    assert bound.state[f"number/{ONE}"]["last_applied"]["voice"]["trunk"] == sid, (
        "its name means nothing any more"
    )
    assert bound.twilio.number(TWO)["voice_url"] == AGENT["voice"]


def test_state_rm_refuses_protected_entries(runner: ProcessRunner) -> None:
    runner.number(ONE)
    runner.declare({ONE: {"agent": "support", "protect": True}})
    runner.apply()
    refused = silent(runner, "state", "rm", f"number/{ONE}", code=4)
    assert refused["diagnostics"][0]["code"] == "protected"
    told = refused["diagnostics"][0]["detail"]
    assert "nothing was removed from state" in told
    assert "declare it with `protect: false`, apply, and run this again" in told
    assert runner.state


@pytest.mark.parametrize("how", ["removed", "no longer protected"])
def test_push_that_drops_protected_entries_needs_force(runner: ProcessRunner, how: str) -> None:
    runner.number(ONE)
    runner.declare({ONE: {"agent": "support", "protect": True}})
    runner.apply()
    edited = document(runner)
    if how == "removed":
        del edited["resources"][f"number/{ONE}"]
    else:
        del edited["resources"][f"number/{ONE}"]["options"]["protect"]
    runner.write("mine.bin", json.dumps(edited))
    for more in (["--dry-run"], []):
        refused = silent(runner, "state", "push", "mine.bin", *more, code=4)
        assert refused["diagnostics"][0]["code"] == "protected"
    assert runner.state[f"number/{ONE}"]["options"]["protect"]
    silent(runner, "state", "push", "mine.bin", "--force")


def test_pulled_state_can_be_changed_and_pushed(bound: ProcessRunner) -> None:
    pulled = bound.run("state", "pull").out
    assert silent(bound, "state", "pull")["state"] == json.loads(pulled)
    edited = json.loads(pulled)
    del edited["resources"][f"number/{TWO}"]
    bound.write("mine.bin", json.dumps(edited))
    assert silent(bound, "state", "push", "mine.bin", "--dry-run")["serial_after"] is None
    done = silent(bound, "state", "push", "mine.bin")
    assert done["changes"] == [{"address": f"number/{TWO}", "change": "removed"}]
    assert (done["serial_before"], done["serial_after"]) == (
        edited["serial"],
        document(bound)["serial"],
    )
    again = silent(bound, "state", "push", "mine.bin", code=4)
    assert again["diagnostics"][0]["code"] == "push_refused"
    silent(bound, "state", "push", "mine.bin", "--force")


def test_push_of_a_state_with_a_different_lineage_needs_force(bound: ProcessRunner) -> None:
    other = document(bound) | {"lineage": "00000000-0000-4000-8000-000000000000", "serial": 99}
    bound.write("other.bin", json.dumps(other))
    refused = silent(bound, "state", "push", "other.bin", code=4)
    assert "lineage" in refused["diagnostics"][0]["detail"]
    silent(bound, "state", "push", "other.bin", "--force")
    assert document(bound)["lineage"] != other["lineage"], "the history goes on"
    (bound.folder / "state.json").unlink()
    silent(bound, "state", "push", "other.bin")
    assert document(bound)["lineage"] == other["lineage"], (
        "where there is none, it is taken with its history"
    )


def test_history_lists_authors_and_every_version_can_be_pulled(bound: ProcessRunner) -> None:
    bound.run("state", "rm", TWO)
    versions = silent(bound, "state", "history")["versions"]
    assert [version["serial"] for version in versions] == sorted(
        (v["serial"] for v in versions), reverse=True
    )
    assert "state rm" in versions[0]["run"]
    former = json.loads(bound.run("state", "pull", "--serial", str(versions[1]["serial"])).out)
    assert f"number/{TWO}" in former["resources"]
    assert str(versions[0]["serial"]) in bound.run("state", "history").out
    assert bound.run("state", "pull", "--serial", "77", "--json", code=1).codes == [
        "version_not_kept"
    ]


def test_a_damaged_line_is_taken_from_the_history_and_the_rest_from_the_file(
    bound: ProcessRunner,
) -> None:
    bound.declare({ONE: "support", TWO: "support"}, trunks={"edge": TRUNK})
    bound.apply()
    before = bound.state
    path = bound.folder / "state.json"
    lines = path.read_text().split("\n")
    damaged = [
        line[: len(line) // 2] if line.startswith(f'"number/{TWO}"') else line for line in lines
    ]
    path.write_text("\n".join(damaged))
    assert bound.run("plan", "--json", code=1).codes == ["state_damaged"]
    shown = silent(bound, "state", "repair", "--dry-run")
    assert (shown["from_file"], shown["from_history"], shown["aside"]) == (len(before) - 1, 1, [])
    done = silent(bound, "state", "repair")
    assert len(done["aside"]) == 1
    assert (bound.folder / done["aside"][0]).read_text() == "\n".join(damaged)
    assert bound.state.keys() == before.keys()
    assert bound.state[f"number/{TWO}"]["prior"]["voice_url"] == FOREIGN
    bound.settled()
    assert silent(bound, "state", "repair")["damaged"] == []


def test_a_hand_edit_is_reported_until_repair_accepts_it(bound: ProcessRunner) -> None:
    """Repair names every resource that differs from the version before, and writes a digest that fits."""
    bound.declare({ONE: "support", TWO: "support"}, trunks={"edge": TRUNK})
    bound.apply()
    path = bound.folder / "state.json"
    path.write_text(
        json.dumps(json.loads(path.read_text()), indent=2)
    )  # the same JSON in another form is no damage
    bound.settled()
    path.write_text(path.read_text().replace(FOREIGN, "https://corrected.example.com/voice"))
    writes = len([call for call in bound.twilio.calls if call.writes])
    for command in (
        ("plan",),
        ("apply", "--auto-approve"),
        ("drift",),
        ("state", "list"),
        ("state", "pull"),
    ):
        failed = bound.run(*command, "--json", code=1)
        assert failed.codes == ["state_damaged"]
        assert "state repair" in failed.out + failed.err
    assert len([call for call in bound.twilio.calls if call.writes]) == writes

    shown = silent(bound, "state", "repair", "--dry-run")
    assert f"number/{TWO}" in [row["address"] for row in shown["changes"]]
    assert f"number/{TWO}" in bound.run("state", "repair", "--dry-run").out
    done = silent(bound, "state", "repair")
    assert len(done["aside"]) == 1
    assert (
        bound.state[f"number/{TWO}"]["prior"]["voice_url"] == "https://corrected.example.com/voice"
    )
    bound.settled()


def test_pulled_state_can_be_edited_and_pushed_without_a_new_digest(
    bound: ProcessRunner,
) -> None:
    pulled = bound.run("state", "pull").out
    bound.write("edited.json", pulled.replace(FOREIGN, "https://corrected.example.com/voice"))
    pushed = silent(bound, "state", "push", "edited.json")
    assert f"number/{TWO}" in [row["address"] for row in pushed["changes"]]
    assert (
        bound.state[f"number/{TWO}"]["prior"]["voice_url"] == "https://corrected.example.com/voice"
    )
    bound.settled()


def test_an_empty_state_file_is_taken_from_the_history_whole(bound: ProcessRunner) -> None:
    bound.declare({ONE: "support", TWO: "support"}, trunks={"edge": TRUNK})
    bound.apply()
    before = bound.state.keys()
    (bound.folder / "state.json").write_text("")
    silent(bound, "state", "repair")
    assert bound.state.keys() == before
    bound.apply()
    bound.settled()


def test_repair_recovers_a_missing_state_from_the_history(bound: ProcessRunner) -> None:
    """Its serial is one that never was: a plan saved over the lost version does not fit."""
    bound.declare({ONE: "support", TWO: "support"}, trunks={"edge": TRUNK})
    bound.apply()
    lost = document(bound)["serial"]
    (bound.folder / "state.json").unlink()
    assert silent(bound, "state", "history")["versions"][0]["serial"] == lost - 1
    assert silent(bound, "state", "repair", "--dry-run")["damaged"] == ["state.json"]
    assert not (bound.folder / "state.json").exists()
    assert silent(bound, "state", "repair")["aside"] == []
    assert document(bound)["serial"] > lost
    assert bound.state[f"number/{TWO}"]["prior"]["voice_url"] == FOREIGN
    bound.apply()
    bound.settled()


def test_repair_reports_no_damage_where_no_state_existed(runner: ProcessRunner) -> None:
    runner.declare({})
    assert silent(runner, "state", "repair")["damaged"] == []
    assert not (runner.folder / "state.json").exists()


def test_repair_keeps_the_intact_start_of_a_damaged_journal(bound: ProcessRunner) -> None:
    """A run that dies after its intents; then a byte of its second line is lost."""
    declare(
        bound,
        "edge",
        agents={"support": {"webhooks": {**AGENT, "voice": "https://agents.example.com/new"}}},
    )
    gate = bound.twilio.hold(lambda call: call.writes, carried_out=True)
    running = bound.start("apply", "--auto-approve", "--concurrency", "1")
    gate.wait()
    running.kill()
    running.done()
    gate.open(discard=True)
    bound.twilio.quiet()
    journal = bound.folder / "state.json.journal"
    good = journal.read_bytes()
    journal.write_bytes(
        good + b'{"crc":"00000000","records":[]}\n' + b'{"crc":"00000000","records":[]}\n'
    )
    assert bound.run("plan", "--json", code=1).codes == ["state_damaged"]
    done = silent(bound, "state", "repair")
    assert done["from_journal"] > 0
    assert any(entry.get("pending") for entry in bound.state.values())
    bound.apply()
    assert bound.state[f"number/{TWO}"]["prior"]["voice_url"] == FOREIGN
    bound.settled()


def test_move_without_a_match_writes_no_version(bound: ProcessRunner) -> None:
    before = document(bound)
    assert "Nothing to change" in bound.run("state", "push", "state.json").out
    assert document(bound) == before
    assert actions(bound.json("plan")) == []


def test_plan_with_only_renames_reports_a_state_change_only(bound: ProcessRunner) -> None:
    declare(bound, "core", moved=[{"from": "trunk/edge", "to": "trunk/core"}])
    assert "Only state has 1 name to change: apply records it." in bound.run("plan").out
    calls = len(bound.twilio.calls)
    assert "In state 1 name changed." in bound.run("apply", "--auto-approve").out
    assert not [call for call in bound.twilio.calls[calls:] if call.writes]
    assert "trunk/core" in bound.state
    assert (
        bound.run("apply", "--auto-approve").out
        == "Nothing to do: the live values match the configuration.\n"
    )
