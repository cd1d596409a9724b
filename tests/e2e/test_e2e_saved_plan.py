"""A plan saved, reviewed and applied later: as it was shown, or not at all when anything it rests on has moved."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest

from tests.support.processes.process_runner import AC, AGENT, ProcessRunner, actions, fits, watched

ONE, TWO = "+15550100101", "+15550100102"
URL = "sip:sbc1.example.com"
TRUNKS = {"edge": {"domain": "acme-edge.pstn.twilio.com", "origination": [{"sip_url": URL}]}}


def with_another_url(text: str) -> str:
    """Return a configuration that means something else."""
    return text.replace(AGENT["sms"], "https://agents.example.com/sms-2")


@pytest.fixture
def planned(runner: ProcessRunner) -> ProcessRunner:
    """One number is bound, another is about to be; the plan for that is saved."""
    runner.number(ONE)
    runner.number(TWO, voice_url="https://pbx.example.net/in")
    runner.declare({ONE: "support"})
    runner.apply()
    runner.declare({ONE: "support", TWO: {"agent": "support", "takeover": "allow"}})
    runner.run("plan", "--out", "plan.bin", "--detailed-exitcode", code=2)
    return runner


def stale(runner: ProcessRunner, *args: str) -> str:
    """What an apply of the plan says that is refused because something has moved."""
    with watched(runner.twilio) as calls:
        document: Any = runner.json(
            "apply", "plan.bin", "--force", "--allow-takeover", *args, code=4
        )
    assert not any(call.writes for call in calls)
    assert {d["code"] for d in document["diagnostics"]} == {"plan_stale"}
    return " ".join(d["detail"] for d in document["diagnostics"])


def test_saved_plan_is_shown_and_applied_unchanged(planned: ProcessRunner) -> None:
    fits("plan-file", json.loads((planned.folder / "plan.bin").read_bytes()))
    shown = planned.json("show", "plan.bin")
    assert actions(shown) == actions(planned.plan())
    assert {row["address"] for row in shown["actions"]} == {f"number/{TWO}"}
    done = planned.json("apply", "plan.bin")
    assert actions(done) == actions(shown)
    assert planned.twilio.number(TWO)["voice_url"] == AGENT["voice"]
    assert planned.state[f"number/{TWO}"]["prior"]["voice_url"] == "https://pbx.example.net/in"
    assert "serial" in stale(planned), "a plan is good for once"
    planned.settled()


def test_refuses_a_plan_after_a_live_edit_and_names_field_and_values(
    planned: ProcessRunner,
) -> None:
    planned.twilio.edit(TWO, voice_url="https://laptop.example.dev/voice", sms_method="GET")
    told = stale(planned)
    words = (
        f"number/{TWO}",
        "voice_url",
        "https://pbx.example.net/in",
        "https://laptop.example.dev/voice",
    )
    assert all(word in told for word in (*words, "sms_method was POST", "is GET now")), told
    assert "changed by user US" in told, "who, as Twilio's event log tells it"
    planned.twilio.numbers.pop(planned.twilio.number(TWO)["sid"])
    assert f"number/{TWO}" in stale(planned)


def test_refuses_a_plan_after_an_edit_that_a_new_plan_would_revert(
    planned: ProcessRunner,
) -> None:
    """The actions have to be equal; a plan of a part of the configuration looks at that part alone."""
    planned.run("plan", "--target", f"number/{TWO}", "--out", "two.bin")
    planned.twilio.edit(ONE, voice_url="https://laptop.example.dev/voice")
    told = stale(planned)
    assert (
        f"number/{ONE}: `overwrite_webhooks` is planned now, and was not in the reviewed plan"
        in told
    )
    planned.json("apply", "two.bin")
    assert planned.twilio.number(ONE)["voice_url"] == "https://laptop.example.dev/voice"


def test_refuses_a_plan_after_a_change_of_state_or_configuration(planned: ProcessRunner) -> None:
    before = (planned.folder / "reconciler.yaml").read_text(encoding="utf-8")
    planned.write("reconciler.yaml", with_another_url(before))
    assert "configuration" in stale(planned)
    planned.write("reconciler.yaml", before)
    planned.twilio.edit(ONE, voice_url="https://laptop.example.dev/voice")
    planned.apply("--target", f"number/{ONE}")
    told = stale(planned)
    assert "serial" in told
    assert "with `reconciler apply --auto-approve --target" in told, (
        "whoever wrote the newer state is named"
    )


def test_names_the_last_commit_that_changed_the_configuration(
    planned: ProcessRunner,
) -> None:
    def git(*args: str) -> None:
        who = ["-c", "user.name=Bob Example\x07", "-c", "user.email=bob@example.com"]
        subprocess.run(["git", *who, *args], cwd=planned.folder, check=True, capture_output=True)

    planned.write(
        "reconciler.yaml",
        with_another_url((planned.folder / "reconciler.yaml").read_text(encoding="utf-8")),
    )
    assert "commit" not in stale(planned)
    git("init", "-q")
    git("add", "reconciler.yaml")
    git("commit", "-q", "-m", "a line")
    assert " by Bob Example, 20" in stale(planned)
    git("commit", "-q", "--allow-empty", "-m", "another change")
    copy = planned.folder / "copy"
    git("clone", "-q", "--depth", "1", f"file://{planned.folder}", str(copy))
    shutil.copy(planned.folder / "plan.bin", copy)
    shutil.copy(planned.folder / "state.json", copy)
    told = planned.run("apply", "-C", "copy", "plan.bin", "--json", code=4).json
    assert "commit" not in told["diagnostics"][0]["detail"], "a shallow clone does not know"


def test_fetches_nothing_to_name_the_author_of_a_change(planned: ProcessRunner) -> None:
    def git(*args: str) -> None:
        who = ["-c", "user.name=Bob Example", "-c", "user.email=bob@example.com"]
        subprocess.run(["git", *who, *args], cwd=planned.folder, check=True, capture_output=True)

    planned.write(
        "reconciler.yaml",
        with_another_url((planned.folder / "reconciler.yaml").read_text(encoding="utf-8")),
    )
    git("init", "-q")
    git("config", "uploadpack.allowFilter", "true")
    git("add", "reconciler.yaml")
    git("commit", "-q", "-m", "a line")
    planned.write("other.txt", "1")
    git("add", "other.txt")
    git("commit", "-q", "-m", "another file")
    copy = planned.folder / "copy"
    git("clone", "-q", "--filter=tree:0", f"file://{planned.folder}", str(copy))
    shutil.copy(planned.folder / "plan.bin", copy)
    shutil.copy(planned.folder / "state.json", copy)
    objects = sorted((copy / ".git" / "objects").rglob("*"))
    told = planned.run("apply", "-C", "copy", "plan.bin", "--json", code=4).json
    assert "commit" not in told["diagnostics"][0]["detail"], (
        "the trees of older commits are not there"
    )
    assert sorted((copy / ".git" / "objects").rglob("*")) == objects


def test_refuses_a_plan_whose_apply_was_killed(runner: ProcessRunner) -> None:
    """State has moved, though only by its journal: what the plan was to create is there already."""
    runner.number(ONE)
    trunks = {"edge": {"friendly_name": "Edge", "origination": [{"sip_url": URL}]}}
    runner.declare({ONE: {"agent": "support", "trunk": "edge"}}, trunks=trunks)
    runner.run("plan", "--out", "plan.bin")
    gate = runner.twilio.hold(
        lambda call: call.path.endswith("/OriginationUrls") and call.writes, carried_out=True
    )
    running = runner.start("apply", "plan.bin")
    gate.wait()
    running.kill()
    running.done()
    gate.open(discard=True)
    runner.twilio.quiet()
    stale(runner)
    runner.apply()
    assert len(runner.twilio.trunks) == 1
    assert len(runner.twilio.origination_urls) == 1
    runner.settled()


def test_refuses_a_plan_when_its_new_resource_already_exists(runner: ProcessRunner) -> None:
    """Somebody made the trunk in the console meanwhile: a second one of that name must not be made."""
    runner.number(ONE)
    runner.declare({ONE: "support"}, trunks={"edge": {"friendly_name": "Edge"}})
    runner.run("plan", "--out", "plan.bin")
    sid = "TK" + "5" * 32
    handmade = {
        "sid": sid,
        "account_sid": AC,
        "friendly_name": "Edge",
        "domain_name": None,
        "secure": False,
    }
    runner.twilio.trunks[sid] = handmade
    assert "trunk/edge" in stale(runner)
    runner.apply()
    assert len(runner.twilio.trunks) == 1


def test_consent_is_required_when_a_plan_is_applied(runner: ProcessRunner) -> None:
    runner.number(TWO, voice_url="https://pbx.example.net/in")
    runner.declare({TWO: "support"})
    runner.run("plan", "--out", "plan.bin")
    refused = runner.json("apply", "plan.bin", code=4)
    assert [d["code"] for d in refused["diagnostics"]] == ["takeover_refused"]
    runner.json("apply", "plan.bin", "--allow-takeover")
    runner.settled()


def test_refuses_an_unreadable_plan(runner: ProcessRunner) -> None:
    runner.declare({})
    runner.write("plan.bin", '{"format": 2, "project": ')
    assert runner.run("apply", "plan.bin", "--json", code=1).codes == ["plan_damaged"]
    assert runner.run("show", "plan.bin", "--json", code=1).codes == ["plan_damaged"]
    assert runner.run("apply", "nowhere.bin", "--json", code=1).codes == ["plan_unreadable"]
    assert not runner.twilio.calls


@pytest.mark.parametrize(
    "file", ["reconciler.yaml", "more.yaml", "state.json", "./../HERE/state.json", "link", "second"]
)
def test_a_plan_never_takes_the_place_of_the_configuration_or_of_the_state(
    planned: ProcessRunner, file: str
) -> None:
    entry = json.loads((planned.folder / "reconciler.yaml").read_text())
    planned.write("more.yaml", '{"bridge_numbers": {}}')
    planned.write("reconciler.yaml", json.dumps({**entry, "include": ["more.yaml"]}))
    (planned.folder / "link").symlink_to("state.json")
    (planned.folder / "second").hardlink_to(planned.folder / "reconciler.yaml")
    before = {path: path.read_bytes() for path in planned.folder.iterdir() if path.is_file()}
    file = file.replace("HERE", planned.folder.name)
    assert "Name another file" in planned.run("plan", "--out", file, code=64).err
    assert "Name another file" in planned.run("release", ONE, "--out", file, code=64).err
    assert {
        path: path.read_bytes() for path in planned.folder.iterdir() if path.is_file()
    } == before


def test_distinguishes_a_configuration_from_a_damaged_plan(
    planned: ProcessRunner,
) -> None:
    assert (
        "  reconciler apply -f reconciler.yaml\n"
        in planned.run("apply", "reconciler.yaml", code=1).err
    )
    assert "plan_damaged" in planned.run("apply", "state.json", code=1).err


def test_refuses_a_plan_edited_by_hand(planned: ProcessRunner) -> None:
    path = planned.folder / "plan.bin"
    path.write_text(path.read_text().replace(AGENT["voice"], "https://laptop.example.dev/voice"))
    with watched(planned.twilio) as calls:
        refused = planned.run("apply", "plan.bin", "--force", "--allow-takeover", "--json", code=1)
    assert refused.codes == ["plan_damaged"]
    assert calls == []
    assert planned.run("show", "plan.bin", "--json", code=1).codes == ["plan_damaged"]
