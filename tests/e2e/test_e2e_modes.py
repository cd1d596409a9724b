"""Permissions of every file that a command writes, whatever the umask, and over a file that was open to everybody."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.cli.reports import NAMES
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from tests.support.processes.process_runner import AGENT
from tests.support.processes.sandbox_runner import SandboxRunner

SID, TOKEN = "AC" + "2b" * 16, "pl4nted-token"
NUMBER = "+15550100101"
SEED = {
    "format": 1,
    "accounts": [{"sid": SID, "auth_token": TOKEN}],
    "numbers": [{"phone_number": NUMBER, "account_sid": SID}],
}
OPEN = 0o666


@pytest.fixture(params=[0, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def runner(tmp_path: Path, umask: int) -> Iterator[SandboxRunner]:
    with Sandbox(World.from_seed(SEED)) as sandbox:
        made = SandboxRunner(tmp_path / "work", sandbox)
        made.declare(
            accounts={"main": made.account(SID, TOKEN)},
            agents={"support": {"webhooks": AGENT}},
            numbers={NUMBER: "support"},
        )
        yield made


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def made_open(path: Path) -> Path:
    """A file that everybody may write, as another tool may have left it."""
    path.write_text("former\n")
    path.chmod(OPEN)
    return path


def test_reports_and_exports_are_never_wider_than_644(runner: SandboxRunner, umask: int) -> None:
    allowed = 0o644 & ~umask
    for name in NAMES:
        for file in (f"new.{name}", made_open(runner.folder / f"old.{name}").name):
            runner.run("validate", "--report", f"{name}={file}")
            assert mode(runner.folder / file) == allowed, (name, file)

    runner.run("export", "--out", "new-export.yaml")
    assert mode(runner.folder / "new-export.yaml") == allowed
    runner.run("export", "--force", "--out", made_open(runner.folder / "old-export.yaml").name)
    assert mode(runner.folder / "old-export.yaml") & ~0o644 == 0

    private = made_open(runner.folder / "private.json")
    private.chmod(0o600)
    runner.run("validate", "--report", "json=private.json")
    assert mode(private) == 0o600 & ~umask


def test_edited_files_are_never_wider_than_644(runner: SandboxRunner, umask: int) -> None:
    entry = runner.folder / "reconciler.yaml"
    entry.chmod(OPEN)
    runner.run("fmt")
    assert mode(entry) == 0o644

    folder = runner.folder / "fresh"
    folder.mkdir()
    runner.run("init", "-C", "fresh")
    for path in folder.iterdir():
        assert mode(path) == 0o644 & ~umask, path.name


def test_state_plans_and_history_are_readable_by_their_owner_only(runner: SandboxRunner) -> None:
    plan = made_open(runner.folder / "old.plan")
    for name in ("new.plan", plan.name):
        runner.run("plan", "--out", name)
        assert mode(runner.folder / name) == 0o600, name

    runner.apply()
    runner.run("release", NUMBER, "--auto-approve")
    kept = [
        path
        for path in runner.folder.rglob("*")
        if path.is_file() and path.name.startswith(("state.json", "0"))
    ]
    assert len(kept) >= 3
    assert {path.name: mode(path) for path in kept} == {path.name: 0o600 for path in kept}
