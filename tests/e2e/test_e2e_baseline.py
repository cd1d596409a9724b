"""`--baseline`: a change cannot loosen the safety that it needs loosened itself."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from .stage import AGENT, Stage

NUMBERS = [f"+155501001{n:02d}" for n in range(12)]
ONE = NUMBERS[0]
FOREIGN = "https://pbx.example.net/in"


def git(folder: Path, *args: str) -> None:
    who = ["-c", "user.name=Example", "-c", "user.email=example@example.com"]
    subprocess.run(["git", *who, *args], cwd=folder, check=True, capture_output=True)


def commit(stage: Stage) -> None:
    """The configuration as the target branch has it."""
    git(stage.folder, "init", "-q", "-b", "target") if not (
        stage.folder / ".git"
    ).exists() else None
    git(
        stage.folder,
        "add",
        "reconciler.yaml",
        *(["numbers"] if (stage.folder / "numbers").exists() else []),
    )
    git(stage.folder, "commit", "-q", "-m", "as it is")


def refused(stage: Stage, *args: str) -> dict[str, str]:
    """Code → detail of what forbids an apply, which then writes nothing."""
    before = len(stage.twilio.writes)
    done = stage.json("apply", "--auto-approve", *args, code=4)
    assert len(stage.twilio.writes) == before
    return {d["code"]: d["detail"] for d in done["diagnostics"]}


def test_consent_to_a_takeover_counts_only_when_the_baseline_gives_it(stage: Stage) -> None:
    stage.number(ONE, voice_url=FOREIGN)
    stage.declare({})
    commit(stage)
    stage.declare({ONE: {"agent": "support", "takeover": "allow"}})
    told = refused(stage, "--baseline", "target")["takeover_refused"]
    assert "baseline, target" in told
    assert "in a separate change first" in told
    assert "takeover_refused" in stage.run("plan", "--baseline", "target", "--json").codes
    commit(stage)
    stage.run("apply", "--auto-approve", "--baseline", "target")
    assert stage.twilio.number(ONE)["voice_url"] == AGENT["voice"]


def test_the_consent_of_everybody_does_not_count_either(stage: Stage) -> None:
    stage.number(ONE, voice_url=FOREIGN)
    stage.declare({})
    commit(stage)
    stage.declare({ONE: "support"}, safety={"takeover": "allow"})
    assert "takeover_refused" in refused(stage, "--baseline", "HEAD")
    stage.run("apply", "--auto-approve", "--baseline", "HEAD", f"--allow-takeover=number/{ONE}")


@pytest.mark.parametrize("how", ["file", "revision"])
def test_limits_are_those_of_the_stricter_one(stage: Stage, how: str) -> None:
    for number in NUMBERS:
        stage.number(number)
    stage.declare(dict.fromkeys(NUMBERS, "support"), safety={"max_removals": 2})
    stage.apply()
    commit(stage)
    stage.write("target.yaml", (stage.folder / "reconciler.yaml").read_text())
    baseline = "target.yaml" if how == "file" else "target"
    stage.declare(dict.fromkeys(NUMBERS[3:], "support"), safety={"max_removals": "100%"})
    told = refused(stage, "--baseline", baseline)["threshold_exceeded"]
    assert "safety.max_removals" in told
    assert "allows 2" in told
    assert f"baseline, {baseline}" in told
    stage.run("apply", "--auto-approve", "--baseline", baseline, "--force")


def test_a_saved_plan_is_held_to_the_baseline_that_it_was_made_with(stage: Stage) -> None:
    """Also where `apply` does not name it, and once the target branch has moved on to the change itself."""
    for number in NUMBERS:
        stage.number(number)
    stage.declare({**dict.fromkeys(NUMBERS, "support"), ONE: {"agent": "support", "protect": True}})
    commit(stage)
    stage.declare(dict.fromkeys(NUMBERS, "support"), safety={"max_removals": 2})
    stage.apply()
    stage.declare(dict.fromkeys(NUMBERS[4:], "support"), safety={"max_removals": "100%"})
    stage.run("plan", "--baseline", "target", "--out", "plan.bin", code=4)
    told = refused(stage, "plan.bin")
    assert "baseline, target" in told["threshold_exceeded"]
    assert ONE in told["protected"]
    commit(stage)
    assert set(refused(stage, "plan.bin", "--baseline", "target")) == set(told)
    assert set(refused(stage, "plan.bin", "--force")) == {"protected"}
    stage.run("plan", "--out", "plan.bin")
    stage.run("apply", "plan.bin")


def test_consent_on_the_command_line_counts_for_a_saved_plan_that_was_held_to_a_baseline(
    stage: Stage,
) -> None:
    stage.number(ONE, voice_url=FOREIGN)
    stage.declare({})
    commit(stage)
    stage.declare({ONE: {"agent": "support", "takeover": "allow"}})
    stage.run("plan", "--baseline", "target", "--out", "plan.bin")
    assert "takeover_refused" in refused(stage, "plan.bin")
    stage.run("apply", "plan.bin", f"--allow-takeover=number/{ONE}")


@pytest.mark.parametrize("how", ["E.164", "SID"])
def test_consent_that_the_baseline_gives_to_all_counts_for_what_is_new(
    stage: Stage, how: str
) -> None:
    named = {"E.164": ONE, "SID": str(stage.number(ONE, voice_url=FOREIGN)["sid"])}[how]
    stage.declare({}, safety={"takeover": "allow"})
    commit(stage)
    stage.declare({ONE: "support"}, safety={"takeover": "allow"})
    assert stage.run("plan", "--baseline", "target", "--json").codes == []
    stage.declare({named: {"agent": "support", "takeover": "refuse"}}, safety={"takeover": "allow"})
    commit(stage)
    stage.declare({ONE: "support"}, safety={"takeover": "allow"})
    assert set(refused(stage, "--baseline", "target")) == {"takeover_refused"}


def test_credentials_that_the_baseline_keeps_out_of_the_state_are_kept_out(stage: Stage) -> None:
    stage.number(ONE, voice_url=f"{FOREIGN}?token=abc")
    stage.declare({}, safety={"state_secrets": "refuse", "takeover": "allow"})
    commit(stage)
    stage.declare({ONE: "support"}, safety={"state_secrets": "allow", "takeover": "allow"})
    assert set(refused(stage, "--baseline", "target")) == {"credentials_in_state"}
    assert stage.run("apply", "--auto-approve", "--json").codes == []


def test_protection_of_the_baseline_holds_before_state_has_heard_of_it(stage: Stage) -> None:
    stage.number(ONE)
    stage.declare({ONE: "support"})
    stage.apply()
    stage.declare({ONE: {"agent": "support", "protect": True}})
    commit(stage)
    stage.declare({})
    assert "baseline, target" in refused(stage, "--baseline", "target", "--force")["protected"]
    assert stage.run("plan", "--baseline", "target", "--json", code=4).codes == ["protected"]
    assert stage.run("plan", "--json").codes == []


def test_included_files_are_read_at_the_revision_too(stage: Stage) -> None:
    stage.number(ONE, voice_url=FOREIGN)
    stage.write(
        "numbers/one.json",
        json.dumps({"numbers": {ONE: {"agent": "support", "takeover": "allow"}}}),
    )
    stage.declare(include="numbers/*.json")
    commit(stage)
    (stage.folder / "numbers" / "one.json").unlink()
    stage.declare({ONE: {"agent": "support", "takeover": "allow"}})
    stage.run("apply", "--auto-approve", "--baseline", "target")


def test_a_baseline_that_cannot_be_read_is_an_error_before_any_write(stage: Stage) -> None:
    stage.number(ONE)
    stage.declare({ONE: "support"})
    for name in ("nowhere", "--help", "../.."):
        done = stage.run("apply", "--auto-approve", f"--baseline={name}", "--json", code=1)
        assert done.codes == ["baseline_unreadable"]
    commit(stage)
    assert stage.run("plan", "--baseline=no-such-branch", "--json", code=1).codes == [
        "baseline_unreadable"
    ]
    stage.write("broken.yaml", "version: 2\n")
    done = stage.run("plan", "--baseline=broken.yaml", "--json", code=1)
    assert "broken.yaml:1" in done.json["diagnostics"][0]["detail"]
    assert not stage.twilio.writes


HOSTILE = """\
[core]
repositoryformatversion = 1
bare = false
worktree = .
fsmonitor = sh ./evil.sh
[extensions]
partialClone = origin
[remote "origin"]
url = "ext::sh evil.sh"
promisor = true
[protocol "ext"]
allow = always
"""
"""The configuration of a bare repository that runs a program when git has to fetch an object."""


def plant_repository(folder: Path, marker: Path) -> None:
    """Put files into the folder that git takes for a bare repository when it starts there."""
    for name in ("objects", "refs/heads"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / ".keep").write_text("")
    (folder / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / "config").write_text(HOSTILE)
    (folder / "evil.sh").write_text(f"#!/bin/sh\nenv > '{marker}'\n")


@pytest.mark.parametrize(
    "command", [("plan",), ("drift",), ("apply", "--auto-approve")], ids=lambda c: c[0]
)
def test_files_of_a_change_that_look_like_a_repository_run_no_code(
    stage: Stage, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """The change adds a bare repository beside the entry file, in a folder below the root of the clone."""
    root = stage.folder
    stage.folder = root / "stacks" / "emea"
    stage.number(ONE)
    stage.declare({ONE: "support"})
    git(root, "init", "-q", "-b", "target")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "as it is")
    revision = git_output(root, "rev-parse", "HEAD")
    stage.run("apply", "--auto-approve")

    marker = tmp_path / "evil"
    plant_repository(stage.folder, marker)
    for baseline in (revision, "target", "0" * 40):
        stage.run(*command, "--baseline", baseline, code=1 if baseline == "0" * 40 else 0)
    assert not marker.exists()


@pytest.mark.parametrize("name", ["target", "origin/main", "a" * 40, "HEAD"])
def test_a_file_with_the_name_of_a_revision_is_no_baseline(stage: Stage, name: str) -> None:
    """Whoever writes the change knows the name of the baseline, and may add a file of that name."""
    stage.number(ONE, voice_url=FOREIGN)
    stage.declare({})
    commit(stage)
    stage.declare({ONE: {"agent": "support", "takeover": "allow"}})
    stage.write(name, (stage.folder / "reconciler.yaml").read_text())
    if name in ("target", "HEAD"):
        assert "takeover_refused" in refused(stage, "--baseline", name)
    else:
        assert stage.run("plan", "--baseline", name, "--json", code=1).codes == [
            "baseline_unreadable"
        ]


def test_a_file_that_is_also_a_revision_is_refused(stage: Stage) -> None:
    stage.number(ONE)
    stage.declare({ONE: "support"})
    commit(stage)
    git(stage.folder, "branch", "base.yaml")
    stage.write("base.yaml", (stage.folder / "reconciler.yaml").read_text())
    assert stage.run("plan", "--baseline", "base.yaml", "--json", code=1).codes == [
        "baseline_unreadable"
    ]
    assert stage.run("plan", "--baseline", "./base.yaml", "--json").codes == []


def test_git_gets_no_secret(stage: Stage, tmp_path: Path) -> None:
    """A program in the place of git notes its environment and its folder: no secret, and the root of the clone."""
    programs = tmp_path / "bin"
    programs.mkdir()
    notes = tmp_path / "notes"
    (programs / "git").write_text(
        f"#!/bin/sh\necho \"$@\" >> '{notes}'\nenv >> '{notes}'\nexit 1\n"
    )
    (programs / "git").chmod(0o755)
    stage.number(ONE)
    stage.declare({ONE: "support"})
    commit(stage)
    stage.environ["PATH"] = f"{programs}:{stage.environ['PATH']}"
    stage.run("plan", "--baseline", "target", code=1)
    noted = notes.read_text()
    assert f"-C {stage.folder.resolve()} " in noted
    assert not any(secret in noted for secret in stage.secrets)
    assert "GIT_ALLOW_PROTOCOL=\n" in noted


def git_output(folder: Path, *args: str) -> str:
    return subprocess.run(
        ["git", *args], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()
