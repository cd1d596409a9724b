"""The walks of the architecture page: a run calls every function that they name."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from reconciler.sandbox.service.app import Sandbox
from tests.docs.markdown import ROOT
from tests.support.command_runner import AGENT, CommandRunner, empty_world

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
NOT_HERE = {
    ("reconciler/cli/main.py", "run"),  # called once, by the process itself
    ("reconciler/remote/transport/retry.py", "decide_retry"),  # only for a bad answer
}


def named_functions(title: str) -> set[tuple[str, str]]:
    """Return (file, qualified name) of the functions and classes of a section of the page."""
    section = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"`(reconciler/[\w/]+\.py)::([\w.]+)", section)) - NOT_HERE


@contextmanager
def called_functions() -> Iterator[set[tuple[str, str]]]:
    """Collect (file, qualified name) of every function that is called, in all threads."""
    called: set[tuple[str, str]] = set()

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and "reconciler" in frame.f_code.co_filename:
            path = Path(frame.f_code.co_filename)
            if path.is_relative_to(ROOT):
                called.add((str(path.relative_to(ROOT)), frame.f_code.co_qualname))

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield called
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]


def not_called(named: set[tuple[str, str]], called: set[tuple[str, str]]) -> list[str]:
    """Return the named functions that no call belongs to; a call of a method is one of its class."""
    missing: list[str] = []
    for file, name in sorted(named):
        if not any(file == f and (n == name or n.startswith(f"{name}.")) for f, n in called):
            missing.append(f"{file}::{name}")
    return missing


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[CommandRunner]:
    with Sandbox(empty_world(1)) as sandbox:
        user = CommandRunner(tmp_path, sandbox)
        [number] = sandbox.world.numbers
        user.declare(
            agents={"support": {"webhooks": {"voice": AGENT["voice"]}}},
            numbers={number.phone_number: "support"},
        )
        yield user


def change_voice(runner: CommandRunner) -> None:
    """A colleague changes the voice URL of the number."""
    [number] = runner.sandbox.world.numbers
    runner.post(
        f"/IncomingPhoneNumbers/{number.sid}.json", VoiceUrl="https://colleague.example.com/v"
    )


def test_walk_from_a_yaml_line_to_the_call(runner: CommandRunner) -> None:
    with called_functions() as called:
        runner.run("apply", "--auto-approve", "--allow-takeover=*")
    named = named_functions("One number, from the YAML line to the HTTP call")
    assert len(named) > 30
    assert not_called(named, called) == []


def test_walk_from_a_live_row_to_drift(runner: CommandRunner) -> None:
    runner.run("apply", "--auto-approve", "--allow-takeover=*")
    change_voice(runner)
    with called_functions() as called:
        text = runner.run("drift", code=2)
    assert "https://colleague.example.com/v" in text
    named = named_functions("One live row, to a line of drift")
    assert len(named) > 9
    assert not_called(named, called) == []


def test_walk_from_a_saved_plan_to_its_refusal(runner: CommandRunner) -> None:
    file = str(runner.folder / "plan.json")
    runner.run("plan", "--out", file, "--allow-takeover=*")
    change_voice(runner)
    with called_functions() as called:
        text = runner.run("apply", file, code=4)
    assert "https://colleague.example.com/v" in text
    named = named_functions("A saved plan, to its refusal")
    assert len(named) > 8
    assert not_called(named, called) == []
