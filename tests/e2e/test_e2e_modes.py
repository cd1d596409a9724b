"""Permissions of every file that a command writes, whatever the umask, and over a file that was open to everybody."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.cli.reports import NAMES
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World

from .play import Play
from .stage import AGENT

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
def play(tmp_path: Path, umask: int) -> Iterator[Play]:
    with Sandbox(World.from_seed(SEED)) as sandbox:
        made = Play(tmp_path / "work", sandbox)
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


def test_reports_and_exports_are_never_wider_than_644(play: Play, umask: int) -> None:
    allowed = 0o644 & ~umask
    for name in NAMES:
        for file in (f"new.{name}", made_open(play.folder / f"old.{name}").name):
            play.run("validate", "--report", f"{name}={file}")
            assert mode(play.folder / file) == allowed, (name, file)

    play.run("export", "--out", "new-export.yaml")
    assert mode(play.folder / "new-export.yaml") == allowed
    play.run("export", "--force", "--out", made_open(play.folder / "old-export.yaml").name)
    assert mode(play.folder / "old-export.yaml") & ~0o644 == 0

    private = made_open(play.folder / "private.json")
    private.chmod(0o600)
    play.run("validate", "--report", "json=private.json")
    assert mode(private) == 0o600 & ~umask


def test_what_a_command_edits_is_never_wider_than_644(play: Play, umask: int) -> None:
    entry = play.folder / "reconciler.yaml"
    entry.chmod(OPEN)
    play.run("fmt")
    assert mode(entry) == 0o644

    folder = play.folder / "fresh"
    folder.mkdir()
    play.run("init", "-C", "fresh")
    for path in folder.iterdir():
        assert mode(path) == 0o644 & ~umask, path.name


def test_state_plans_and_history_are_for_their_owner_alone(play: Play) -> None:
    plan = made_open(play.folder / "old.plan")
    for name in ("new.plan", plan.name):
        play.run("plan", "--out", name)
        assert mode(play.folder / name) == 0o600, name

    play.apply()
    play.run("release", NUMBER, "--auto-approve")
    kept = [
        path
        for path in play.folder.rglob("*")
        if path.is_file() and path.name.startswith(("state.json", "0"))
    ]
    assert len(kept) >= 3
    assert {path.name: mode(path) for path in kept} == {path.name: 0o600 for path in kept}
