"""The lock of a file: by the operating system, gone with its process; the text in the file is for messages only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from reconciler.errors import StateError, StateLocked
from reconciler.state.stores.file import FileStore
from reconciler.state.stores.holder import (
    Holder,
    is_left_behind_by,
    job_of,
    job_url,
    lock_error,
    this_run,
)

from .samples import NOW, holder

HOLD = """
import sys, time
from pathlib import Path
from reconciler.state.stores.file import FileStore
from reconciler.state.stores.holder import this_run
with FileStore(Path(sys.argv[1]), "acme").lock(this_run("reconciler apply", "2026-01-01T00:00:00Z")):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def holding(file: Path, seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    process.stdout.close()
    return process


def test_waiting_process_gets_the_lock_when_it_is_free(file: Path) -> None:
    process = holding(file, 0.3)
    with FileStore(file, "acme").lock(holder(), timeout=60):
        assert process.wait() == 0


def test_waiting_ends_at_the_timeout(file: Path) -> None:
    process = holding(file, 60)
    try:
        with (
            pytest.raises(StateLocked, match=f"process {process.pid}"),
            FileStore(file, "acme").lock(holder(), 0.15),
        ):
            pytest.fail("both hold the lock")
    finally:
        process.kill()
        process.wait()


def test_killed_holder_does_not_block_others(file: Path) -> None:
    process = holding(file, 60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    lock = file.with_name("state.json.lock")
    assert str(process.pid) in lock.read_text()
    with FileStore(file, "acme").lock(holder()):
        assert '"alice"' in lock.read_text()
    assert lock.read_text() == ""


def test_the_lock_file_stays_and_is_private(file: Path) -> None:
    store = FileStore(file, "acme")
    with store.lock(holder()):
        before = file.with_name("state.json.lock").stat()
    with store.lock(holder()):
        after = file.with_name("state.json.lock").stat()
    assert before.st_ino == after.st_ino
    assert before.st_mode & 0o777 == 0o600


def test_reports_a_holder_without_identity(file: Path) -> None:
    with FileStore(file, "acme").lock(holder()):
        file.with_name("state.json.lock").write_text("{")
        with (
            pytest.raises(StateLocked, match="holder is unknown"),
            FileStore(file, "acme").lock(holder()),
        ):
            pytest.fail("both hold the lock")


def test_two_links_to_one_state_share_its_lock(file: Path) -> None:
    link = file.with_name("link.json")
    link.symlink_to(file)
    with (
        FileStore(file, "acme").lock(holder()),
        pytest.raises(StateLocked),
        FileStore(link, "acme").lock(holder()),
    ):
        pytest.fail("both hold the lock")


def test_a_file_system_without_locks_is_an_error(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("reconciler.state.stores.file_lock._take", refuse)
    with (
        pytest.raises(StateError, match="Operation not supported"),
        FileStore(file, "acme").lock(holder(), 5),
    ):
        pytest.fail("there is no lock")


def test_lock_that_cannot_be_opened_is_an_error(file: Path) -> None:
    file.with_name("state.json.lock").mkdir()
    with (
        pytest.raises(StateError, match="state_unwritable"),
        FileStore(file, "acme").lock(holder()),
    ):
        pytest.fail("there is no lock")


def test_a_run_describes_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "bob")
    run = this_run("reconciler plan", NOW, {"BUILD_URL": "https://jenkins.example/1"})
    assert (run.who, run.pid, run.command, run.since) == (
        "bob",
        os.getpid(),
        "reconciler plan",
        NOW,
    )
    assert run.job_url == "https://jenkins.example/1"
    assert run.run != this_run("reconciler plan", NOW, {}).run


def test_a_user_without_a_name_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert this_run("x", NOW, {}).who == "unknown"


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, None),
        ({"BUILD_URL": ""}, None),
        ({"CI_JOB_URL": "https://gitlab.example/1"}, "https://gitlab.example/1"),
        ({"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "a/b"}, None),
        (
            {
                "GITHUB_SERVER_URL": "https://github.com",
                "GITHUB_REPOSITORY": "a/b",
                "GITHUB_RUN_ID": "7",
            },
            "https://github.com/a/b/actions/runs/7",
        ),
    ],
)
def test_detects_the_job_of_each_ci_system(environ: dict[str, str], url: str | None) -> None:
    assert job_url(environ) == url


def test_a_holder_outside_of_ci_is_named_without_a_job() -> None:
    detail = lock_error("state.json", this_run("reconciler apply", NOW, {})).diagnostics[0].detail
    assert "CI job" not in detail
    assert "--lock-timeout" in detail


GITHUB = {
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "a/b",
    "GITHUB_RUN_ID": "7",
    "GITHUB_JOB": "apply",
    "GITHUB_RUN_ATTEMPT": "1",
    "RUNNER_NAME": "runner 1",
    "RUNNER_TRACKING_ID": "github_11111111-1111-4111-8111-111111111111",
}
JENKINS = {
    "BUILD_URL": "https://jenkins.example/1",
    "NODE_NAME": "linux",
    "EXECUTOR_NUMBER": "0",
    "STAGE_NAME": "EU",
}


@pytest.mark.parametrize(
    ("environ", "other"),
    [
        (GITHUB, {"GITHUB_JOB": "audit"}),
        (GITHUB, {"GITHUB_RUN_ATTEMPT": "2"}),
        (GITHUB, {"RUNNER_NAME": "runner 2"}),
        (GITHUB, {"RUNNER_TRACKING_ID": "github_22222222-2222-4222-8222-222222222222"}),
        (JENKINS, {"NODE_NAME": "mac"}),
        (JENKINS, {"EXECUTOR_NUMBER": "1"}),
        (JENKINS, {"STAGE_NAME": "US"}),
        ({"CI_JOB_URL": "https://gitlab.example/1"}, {"CI_JOB_URL": "https://gitlab.example/2"}),
    ],
)
def test_distinguishes_jobs_that_may_run_at_once(
    environ: dict[str, str], other: dict[str, str]
) -> None:
    """All jobs of a GitHub run and all branches of a Jenkins build have one page."""
    assert job_of(environ) == job_of(dict(environ)) is not None
    assert job_of({**environ, **other}) not in (None, job_of(environ))


@pytest.mark.parametrize(
    "environ",
    [
        {},
        *({**GITHUB, name: ""} for name in ("GITHUB_JOB", "RUNNER_NAME")),
        {"BUILD_URL": "https://jenkins.example/1"},
    ],
)
def test_job_indistinguishable_from_its_siblings_has_no_name(environ: dict[str, str]) -> None:
    assert job_of(environ) is None


def gone(**changes: object) -> Holder:
    """A process of this user on this machine that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return msgspec.structs.replace(
        this_run("reconciler apply", NOW, GITHUB), pid=process.pid, **changes
    )


def test_recognises_the_lock_of_our_dead_process() -> None:
    assert is_left_behind_by(gone(job=None), this_run("reconciler state unlock", NOW, {}))


def test_lock_of_our_live_process_is_not_abandoned() -> None:
    ours = this_run("reconciler state unlock", NOW, GITHUB)
    assert not is_left_behind_by(this_run("reconciler apply", NOW, GITHUB), ours)
    assert is_left_behind_by(gone(), ours)


def test_ignores_a_process_id_of_a_different_container() -> None:
    """Containers of one host share its name and the user, and count their processes each for itself."""
    here = this_run("reconciler state unlock", NOW, {})
    for machine in (
        None,
        "another boot pid:[4026531836]",
        f"{(here.machine or '').partition(' ')[0]} pid:[1]",
    ):
        assert not is_left_behind_by(gone(machine=machine, job=None), here)


def test_lock_of_our_job_in_a_removed_container_can_be_freed() -> None:
    ours = this_run("reconciler state unlock", NOW, GITHUB)
    assert is_left_behind_by(gone(machine="elsewhere", host="0a1b2c"), ours)
    sibling = this_run("reconciler state unlock", NOW, {**GITHUB, "RUNNER_NAME": "runner 2"})
    assert not is_left_behind_by(gone(machine="elsewhere", host="0a1b2c"), sibling)


def test_lock_of_a_version_without_a_job_has_no_certain_owner() -> None:
    before = gone(job=None, machine=None, host="0a1b2c")
    assert not is_left_behind_by(before, this_run("reconciler state unlock", NOW, GITHUB))
