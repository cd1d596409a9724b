"""`rollback` and `undo`: what a version of the state had applied is brought back, and refused like any plan."""

from __future__ import annotations

import json

import pytest

from reconciler.state.format.document import decode, encode
from tests.support.processes.process_runner import AGENT, ProcessRunner, actions

ONE, TWO, THREE = "+15550100101", "+15550100102", "+15550100103"
OTHER = {"voice": "https://other.example.com/voice", "sms": "https://other.example.com/sms"}
FOREIGN = "https://pbx.example.net/in"
AGENTS = {"support": {"webhooks": AGENT}, "other": {"webhooks": OTHER}}
TRUNKS = {
    "edge": {
        "domain": "acme-edge.pstn.twilio.com",
        "origination": [{"sip_url": "sip:sbc1.example.com"}],
    }
}


@pytest.fixture
def story(runner: ProcessRunner) -> ProcessRunner:
    """Serial 1: one number. Serial 2: it has another agent, a second one is taken over, a third one is on a trunk."""
    runner.number(ONE)
    runner.number(TWO, voice_url=FOREIGN, voice_method="GET")
    runner.number(THREE)
    runner.declare({ONE: "support"}, agents=AGENTS)
    runner.apply()
    runner.declare(
        {
            ONE: "other",
            TWO: {"agent": "support", "takeover": "allow"},
            THREE: {"agent": "support", "trunk": "edge"},
        },
        agents=AGENTS,
        trunks=TRUNKS,
    )
    runner.apply()
    return runner


def serial(runner: ProcessRunner) -> int:
    return int(json.loads((runner.folder / "state.json").read_text())["serial"])


def test_rollback_to_a_serial_can_be_reversed(story: ProcessRunner) -> None:
    before = json.loads((story.folder / "state.json").read_text())
    assert before["serial"] == 2
    shown = story.json("rollback", "--to", "1", "--dry-run")
    assert {"overwrite_webhooks", "release", "delete"} <= {action for _, action in actions(shown)}
    assert "configuration_differs" in [d["code"] for d in shown["diagnostics"]]
    done = story.json("rollback", "--to", "1", "--auto-approve", "--force")
    assert actions(done) == actions(shown)
    assert done["command"] == "rollback"
    assert story.twilio.number(ONE)["voice_url"] == AGENT["voice"]
    two = story.twilio.number(TWO)
    assert (two["voice_url"], two["voice_method"]) == (FOREIGN, "GET")
    assert not story.twilio.trunks
    assert list(story.state) == [f"number/{ONE}"]
    assert serial(story) == 3
    assert story.json("undo", "--auto-approve", "--allow-takeover")["failed_count"] == 0
    assert story.state.keys() == before["resources"].keys()
    assert story.twilio.number(THREE)["trunk_sid"] in story.twilio.trunks
    story.settled()


def test_rollback_accepts_a_time(story: ProcessRunner) -> None:
    """The last version that had been written by then."""
    first = story.folder / "state.json.history" / "000000001.json"
    document = json.loads(first.read_text())
    older = first.read_bytes().replace(document["saved"]["at"].encode(), b"2020-05-01T00:00:00Z")
    first.write_bytes(encode(decode(older, document["project"], "", check_digest=False)))
    assert story.json("rollback", "--to", "2999-01-01", "--dry-run")["actions"] == []
    shown = actions(story.json("rollback", "--to", "2020-06-01T12:00:00+02:00", "--dry-run"))
    assert shown == actions(story.json("rollback", "--to", "1", "--dry-run"))
    assert shown
    story.run("rollback", "--to", "2001-01-01", "--dry-run", code=1)


def test_rollback_overwrites_later_foreign_values_only_with_consent(
    story: ProcessRunner,
) -> None:
    story.twilio.edit(ONE, voice_url="https://colleague.example.net/now")
    refused = story.json("rollback", "--to", "1", "--auto-approve", code=4)
    assert [d["address"] for d in refused["diagnostics"] if d["code"] == "takeover_refused"] == [
        f"number/{ONE}"
    ]
    assert story.twilio.number(TWO)["voice_url"] == AGENT["voice"], "nothing at all is written"
    story.run("rollback", "--to", "1", "--auto-approve", f"--allow-takeover=number/{ONE}")
    assert story.twilio.number(ONE)["voice_url"] == AGENT["voice"]


def test_a_rollback_may_be_saved_reviewed_and_applied_later(story: ProcessRunner) -> None:
    shown = story.json("rollback", "--to", "1", "--out", "back.bin")
    assert actions(story.json("show", "back.bin")) == actions(shown)
    assert story.twilio.number(ONE)["voice_url"] == OTHER["voice"]
    assert actions(story.json("apply", "back.bin", "--expect", shown["digest"])) == actions(shown)
    assert story.twilio.number(ONE)["voice_url"] == AGENT["voice"]


def test_rollback_does_not_release_a_protected_number(runner: ProcessRunner) -> None:
    runner.number(ONE)
    runner.declare({})
    runner.apply()
    runner.declare({ONE: {"agent": "support", "protect": True}})
    runner.apply()
    refused = runner.json("undo", "--auto-approve", code=4)["diagnostics"]
    told = next(d["detail"] for d in refused if d["code"] == "protected")
    assert "nothing was rolled back" in told
    assert f"--exclude=number/{ONE}" in told
    runner.json("undo", "--auto-approve", told.splitlines()[-1].strip())
    assert runner.twilio.number(ONE)["voice_url"] == AGENT["voice"]


def test_rollback_names_a_missing_number_and_restores_the_rest(
    story: ProcessRunner,
) -> None:
    story.declare({}, agents=AGENTS)
    story.apply()
    story.twilio.numbers.pop(story.twilio.number(TWO)["sid"])
    done = story.json("rollback", "--to", "2", "--auto-approve", "--allow-takeover")
    assert [d["address"] for d in done["diagnostics"] if d["code"] == "rollback_incomplete"] == [
        f"number/{TWO}"
    ]
    assert story.twilio.number(ONE)["voice_url"] == OTHER["voice"]


def test_rollback_refuses_a_version_that_is_not_in_the_history(runner: ProcessRunner) -> None:
    runner.declare({})
    assert runner.run("undo", "--auto-approve", "--json", code=1).codes == ["version_not_kept"]
    told = runner.run("undo", "--auto-approve", code=1).err
    assert "nothing was changed. Nothing was ever applied into this state" in told
    runner.declare({ONE: {}})
    runner.number(ONE)
    runner.apply()
    assert (
        "the live values are those of that version"
        in runner.run("rollback", "--to", "1", "--dry-run").out
    )
    assert "Stored versions: 1, 0." in runner.run("rollback", "--to", "7", "--dry-run", code=1).err
    assert runner.run("rollback", "--to", "7", "--dry-run", "--json", code=1).codes == [
        "version_not_kept"
    ]
    runner.run("rollback", "--to", "last week", "--dry-run", code=64)
    assert "--auto-approve" in runner.run("rollback", "--to", "7", code=64).err


def test_rollback_reaches_any_of_the_last_ten_versions(runner: ProcessRunner) -> None:
    """Twelve versions, each with a voice URL of its own; then to every one that is kept, in no order of theirs."""
    runner.number(ONE)
    urls: dict[int, str] = {}
    for n in range(1, 13):
        url = f"https://agents.example.com/{n}"
        runner.declare({ONE: "support"}, agents={"support": {"webhooks": {"voice": url}}})
        runner.apply()
        urls[serial(runner)] = url
    newest = serial(runner)
    for to in (newest - 10, newest - 1, newest - 7, newest - 6):
        runner.run("rollback", "--to", str(to), "--auto-approve", "--force")
        assert runner.twilio.number(ONE)["voice_url"] == urls[to]
