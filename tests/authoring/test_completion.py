"""A shell that has sourced the script completes commands and options."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .command import run

ASK = """\
source {script}
COMP_WORDS=({words}) COMP_CWORD={place}
_reconciler_completion reconciler
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def bash(tmp_path: Path) -> Path:
    """A folder with the command and the script."""
    if shutil.which("bash") is None:
        pytest.skip("there is no bash here")
    command = tmp_path / "bin" / "reconciler"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m reconciler "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    (tmp_path / "script").write_text(run(tmp_path, "completion", "bash").stdout, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "wanted", "unwanted"),
    [
        ("reconciler ", {"plan", "apply", "export", "fmt", "completion"}, {"--json"}),
        ("reconciler pl", {"plan"}, {"apply"}),
        ("reconciler plan --de", {"--detailed-exitcode"}, {"--json"}),
        ("reconciler state ", {"list", "show"}, {"plan"}),
        ("reconciler graph --format ", {"mermaid", "dot", "json"}, {"text"}),
        ("reconciler completion f", {"fish"}, {"bash"}),
    ],
)
def test_bash_completes(words: str, wanted: set[str], unwanted: set[str], bash: Path) -> None:
    typed = words.split(" ")
    quoted = " ".join(f"'{word}'" for word in typed)
    script = ASK.format(script=bash / "script", words=quoted, place=len(typed) - 1)
    path = f"{bash / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env={"PATH": path, "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
        capture_output=True,
        text=True,
        check=True,
    )
    found = set(done.stdout.split())
    assert wanted <= found
    assert not unwanted & found


def test_unknown_command_does_not_break_completion() -> None:
    asked = {
        "_RECONCILER_COMPLETE": "bash_complete",
        "COMP_WORDS": "reconciler paln ",
        "COMP_CWORD": "2",
    }
    command = [sys.executable, "-m", "reconciler"]
    done = subprocess.run(
        command, env={**os.environ, **asked}, capture_output=True, text=True, check=True
    )
    assert "plain,plan" in done.stdout.split()
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("shell", "words"),
    [("zsh", "#compdef reconciler"), ("fish", "complete --no-files --command reconciler")],
)
def test_other_shells_get_their_script(shell: str, words: str, tmp_path: Path) -> None:
    script = run(tmp_path, "completion", shell).stdout
    assert words in script
    assert "_RECONCILER_COMPLETE" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_unknown_shell_is_wrong_usage(tmp_path: Path) -> None:
    run(tmp_path, "completion", "tcsh", code=64)
