"""`--baseline`: a change cannot loosen the safety that it needs loosened itself."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.processes.process_runner import AGENT, ProcessRunner

NUMBERS = [f"+155501001{n:02d}" for n in range(12)]
ONE = NUMBERS[0]
FOREIGN = "https://pbx.example.net/in"


def git(folder: Path, *args: str) -> None:
    who = ["-c", "user.name=Example", "-c", "user.email=example@example.com"]
    subprocess.run(["git", *who, *args], cwd=folder, check=True, capture_output=True)


def commit(runner: ProcessRunner) -> None:
    """The configuration as the target branch has it."""
    git(runner.folder, "init", "-q", "-b", "target") if not (
        runner.folder / ".git"
    ).exists() else None
    git(
        runner.folder,
        "add",
        "reconciler.yaml",
        *(["numbers"] if (runner.folder / "numbers").exists() else []),
    )
    git(runner.folder, "commit", "-q", "-m", "as it is")


def refused(runner: ProcessRunner, *args: str) -> dict[str, str]:
    """Code → detail of what forbids an apply, which then writes nothing."""
    before = len(runner.twilio.writes)
    done = runner.json("apply", "--auto-approve", *args, code=4)
    assert len(runner.twilio.writes) == before
    return {d["code"]: d["detail"] for d in done["diagnostics"]}


def test_only_consent_of_the_baseline_permits_a_takeover(
    runner: ProcessRunner,
) -> None:
    runner.number(ONE, voice_url=FOREIGN)
    runner.declare({})
    commit(runner)
    runner.declare({ONE: {"agent": "support", "takeover": "allow"}})
    told = refused(runner, "--baseline", "target")["takeover_refused"]
    assert "baseline, target" in told
    assert "in a separate change first" in told
    assert "takeover_refused" in runner.run("plan", "--baseline", "target", "--json").codes
    commit(runner)
    runner.run("apply", "--auto-approve", "--baseline", "target")
    assert runner.twilio.number(ONE)["voice_url"] == AGENT["voice"]


def test_general_consent_declared_in_the_change_does_not_count(runner: ProcessRunner) -> None:
    runner.number(ONE, voice_url=FOREIGN)
    runner.declare({})
    commit(runner)
    runner.declare({ONE: "support"}, safety={"takeover": "allow"})
    assert "takeover_refused" in refused(runner, "--baseline", "HEAD")
    runner.run("apply", "--auto-approve", "--baseline", "HEAD", f"--allow-takeover=number/{ONE}")


@pytest.mark.parametrize("how", ["file", "revision"])
def test_stricter_limit_of_change_and_baseline_applies(runner: ProcessRunner, how: str) -> None:
    for number in NUMBERS:
        runner.number(number)
    runner.declare(dict.fromkeys(NUMBERS, "support"), safety={"max_removals": 2})
    runner.apply()
    commit(runner)
    runner.write("target.yaml", (runner.folder / "reconciler.yaml").read_text())
    baseline = "target.yaml" if how == "file" else "target"
    runner.declare(dict.fromkeys(NUMBERS[3:], "support"), safety={"max_removals": "100%"})
    told = refused(runner, "--baseline", baseline)["threshold_exceeded"]
    assert "safety.max_removals" in told
    assert "allows 2" in told
    assert f"baseline, {baseline}" in told
    runner.run("apply", "--auto-approve", "--baseline", baseline, "--force")


def test_saved_plan_uses_the_baseline_that_it_was_made_with(runner: ProcessRunner) -> None:
    """Also where `apply` does not name it, and once the target branch has moved on to the change itself."""
    for number in NUMBERS:
        runner.number(number)
    runner.declare(
        {**dict.fromkeys(NUMBERS, "support"), ONE: {"agent": "support", "protect": True}}
    )
    commit(runner)
    runner.declare(dict.fromkeys(NUMBERS, "support"), safety={"max_removals": 2})
    runner.apply()
    runner.declare(dict.fromkeys(NUMBERS[4:], "support"), safety={"max_removals": "100%"})
    runner.run("plan", "--baseline", "target", "--out", "plan.bin", code=4)
    told = refused(runner, "plan.bin")
    assert "baseline, target" in told["threshold_exceeded"]
    assert ONE in told["protected"]
    commit(runner)
    assert set(refused(runner, "plan.bin", "--baseline", "target")) == set(told)
    assert set(refused(runner, "plan.bin", "--force")) == {"protected"}
    runner.run("plan", "--out", "plan.bin")
    runner.run("apply", "plan.bin")


def test_command_line_consent_applies_to_a_saved_plan_with_a_baseline(
    runner: ProcessRunner,
) -> None:
    runner.number(ONE, voice_url=FOREIGN)
    runner.declare({})
    commit(runner)
    runner.declare({ONE: {"agent": "support", "takeover": "allow"}})
    runner.run("plan", "--baseline", "target", "--out", "plan.bin")
    assert "takeover_refused" in refused(runner, "plan.bin")
    runner.run("apply", "plan.bin", f"--allow-takeover=number/{ONE}")


@pytest.mark.parametrize("how", ["E.164", "SID"])
def test_general_consent_of_the_baseline_covers_new_resources(
    runner: ProcessRunner, how: str
) -> None:
    named = {"E.164": ONE, "SID": str(runner.number(ONE, voice_url=FOREIGN)["sid"])}[how]
    runner.declare({}, safety={"takeover": "allow"})
    commit(runner)
    runner.declare({ONE: "support"}, safety={"takeover": "allow"})
    assert runner.run("plan", "--baseline", "target", "--json").codes == []
    runner.declare(
        {named: {"agent": "support", "takeover": "refuse"}}, safety={"takeover": "allow"}
    )
    commit(runner)
    runner.declare({ONE: "support"}, safety={"takeover": "allow"})
    assert set(refused(runner, "--baseline", "target")) == {"takeover_refused"}


def test_state_omits_credentials_that_the_baseline_excludes(
    runner: ProcessRunner,
) -> None:
    runner.number(ONE, voice_url=f"{FOREIGN}?token=abc")
    runner.declare({}, safety={"state_secrets": "refuse", "takeover": "allow"})
    commit(runner)
    runner.declare({ONE: "support"}, safety={"state_secrets": "allow", "takeover": "allow"})
    assert set(refused(runner, "--baseline", "target")) == {"credentials_in_state"}
    assert runner.run("apply", "--auto-approve", "--json").codes == []


def test_baseline_protection_applies_before_the_state_records_it(
    runner: ProcessRunner,
) -> None:
    runner.number(ONE)
    runner.declare({ONE: "support"})
    runner.apply()
    runner.declare({ONE: {"agent": "support", "protect": True}})
    commit(runner)
    runner.declare({})
    assert "baseline, target" in refused(runner, "--baseline", "target", "--force")["protected"]
    assert runner.run("plan", "--baseline", "target", "--json", code=4).codes == ["protected"]
    assert runner.run("plan", "--json").codes == []


def test_included_files_are_read_at_the_revision_too(runner: ProcessRunner) -> None:
    runner.number(ONE, voice_url=FOREIGN)
    runner.write(
        "numbers/one.json",
        json.dumps({"numbers": {ONE: {"agent": "support", "takeover": "allow"}}}),
    )
    runner.declare(include="numbers/*.json")
    commit(runner)
    (runner.folder / "numbers" / "one.json").unlink()
    runner.declare({ONE: {"agent": "support", "takeover": "allow"}})
    runner.run("apply", "--auto-approve", "--baseline", "target")


def test_unreadable_baseline_is_an_error_before_any_write(runner: ProcessRunner) -> None:
    runner.number(ONE)
    runner.declare({ONE: "support"})
    for name in ("nowhere", "--help", "../.."):
        done = runner.run("apply", "--auto-approve", f"--baseline={name}", "--json", code=1)
        assert done.codes == ["baseline_unreadable"]
    commit(runner)
    assert runner.run("plan", "--baseline=no-such-branch", "--json", code=1).codes == [
        "baseline_unreadable"
    ]
    runner.write("broken.yaml", "version: 2\n")
    done = runner.run("plan", "--baseline=broken.yaml", "--json", code=1)
    assert "broken.yaml:1" in done.json["diagnostics"][0]["detail"]
    assert not runner.twilio.writes


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
def test_files_that_look_like_a_repository_execute_no_code(
    runner: ProcessRunner, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """The change adds a bare repository beside the entry file, in a folder below the root of the clone."""
    root = runner.folder
    runner.folder = root / "stacks" / "emea"
    runner.number(ONE)
    runner.declare({ONE: "support"})
    git(root, "init", "-q", "-b", "target")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "as it is")
    revision = git_output(root, "rev-parse", "HEAD")
    runner.run("apply", "--auto-approve")

    marker = tmp_path / "evil"
    plant_repository(runner.folder, marker)
    for baseline in (revision, "target", "0" * 40):
        runner.run(*command, "--baseline", baseline, code=1 if baseline == "0" * 40 else 0)
    assert not marker.exists()


@pytest.mark.parametrize("name", ["target", "origin/main", "a" * 40, "HEAD"])
def test_a_file_with_the_name_of_a_revision_is_no_baseline(
    runner: ProcessRunner, name: str
) -> None:
    """Whoever writes the change knows the name of the baseline, and may add a file of that name."""
    runner.number(ONE, voice_url=FOREIGN)
    runner.declare({})
    commit(runner)
    runner.declare({ONE: {"agent": "support", "takeover": "allow"}})
    runner.write(name, (runner.folder / "reconciler.yaml").read_text())
    if name in ("target", "HEAD"):
        assert "takeover_refused" in refused(runner, "--baseline", name)
    else:
        assert runner.run("plan", "--baseline", name, "--json", code=1).codes == [
            "baseline_unreadable"
        ]


def test_refuses_a_baseline_that_is_both_a_file_and_a_revision(runner: ProcessRunner) -> None:
    runner.number(ONE)
    runner.declare({ONE: "support"})
    commit(runner)
    git(runner.folder, "branch", "base.yaml")
    runner.write("base.yaml", (runner.folder / "reconciler.yaml").read_text())
    assert runner.run("plan", "--baseline", "base.yaml", "--json", code=1).codes == [
        "baseline_unreadable"
    ]
    assert runner.run("plan", "--baseline", "./base.yaml", "--json").codes == []


def test_git_gets_no_secret(runner: ProcessRunner, tmp_path: Path) -> None:
    """A program in the place of git notes its environment and its folder: no secret, and the root of the clone."""
    programs = tmp_path / "bin"
    programs.mkdir()
    notes = tmp_path / "notes"
    (programs / "git").write_text(
        f"#!/bin/sh\necho \"$@\" >> '{notes}'\nenv >> '{notes}'\nexit 1\n"
    )
    (programs / "git").chmod(0o755)
    runner.number(ONE)
    runner.declare({ONE: "support"})
    commit(runner)
    runner.environ["PATH"] = f"{programs}:{runner.environ['PATH']}"
    runner.run("plan", "--baseline", "target", code=1)
    noted = notes.read_text()
    assert f"-C {runner.folder.resolve()} " in noted
    assert not any(secret in noted for secret in runner.secrets)
    assert "GIT_ALLOW_PROTOCOL=\n" in noted


def git_output(folder: Path, *args: str) -> str:
    return subprocess.run(
        ["git", *args], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_consent_on_a_number_counts_with_declared_takeovers(runner: ProcessRunner) -> None:
    runner.number(ONE, voice_url=FOREIGN)
    runner.declare({})
    commit(runner)
    runner.declare({ONE: {"agent": "support", "takeover": "allow"}})
    flags = ("--baseline", "target", "--declared-takeovers", "--fail-on-refusal")
    runner.run("plan", *flags, "--out", "plan.bin")
    runner.run("apply", "plan.bin")
    assert runner.twilio.number(ONE)["voice_url"] == AGENT["voice"]


def test_general_consent_of_the_change_does_not_count_with_declared_takeovers(
    runner: ProcessRunner,
) -> None:
    runner.number(ONE, voice_url=FOREIGN)
    runner.declare({})
    commit(runner)
    flags = ("--baseline", "target", "--declared-takeovers", "--fail-on-refusal")
    runner.declare({ONE: "support"}, safety={"takeover": "allow"})
    assert "takeover_refused" in runner.run("plan", *flags, "--json", code=4).codes
    runner.declare({ONE: "support"})
    assert "takeover_refused" in runner.run("plan", *flags, "--json", code=4).codes
    runner.run("plan", "--declared-takeovers", code=64)
