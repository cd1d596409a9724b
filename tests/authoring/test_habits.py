"""What is typed by mistake, or by the habit of another program, is answered with the command that is meant."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from reconciler.cli.main import COMMANDS, main
from reconciler.cli.suggestions import suggest_command

from .command import run


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("paln", "Did you mean `plan`?"),
        ("destroy", "`release`"),
        ("import", "`export`"),
        ("zzz", "--help"),
    ],
)
def test_unknown_command_gets_a_suggestion(tmp_path: Path, word: str, told: str) -> None:
    for args in ([word], ["-C", ".", word, "--json"]):
        shown = run(tmp_path, *args, code=64).stderr
        assert f"No such command '{word}'." in shown
        assert told in shown


def test_suggested_commands_exist() -> None:
    import re

    for word in (
        "destroy",
        "import",
        "refresh",
        "check",
        "diff",
        "deploy",
        "status",
        "format",
    ):
        named = re.findall("`([a-z]+)", suggest_command(word, COMMANDS))
        assert named
        assert set(named) <= set(COMMANDS)
        assert word not in COMMANDS


def test_a_report_does_not_replace_a_configuration(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text("version: 1\nproject: acme\n", encoding="utf-8")
    shown = run(tmp_path, "validate", "--report", "html=reconciler.yaml", code=64).stderr
    assert "would be overwritten" in shown
    assert (tmp_path / "reconciler.yaml").read_text(
        encoding="utf-8"
    ) == "version: 1\nproject: acme\n"


def test_the_table_of_commands_is_the_short_help_of_the_commands() -> None:
    context = click.Context(main)
    for name, (_, summary) in COMMANDS.items():
        command = main.get_command(context, name)
        assert command is not None
        assert command.get_short_help_str(limit=100) == summary
        assert command.help


@pytest.mark.parametrize("flag", ["--help", "-h", "--version"])
def test_the_help_of_the_program_imports_no_command(flag: str) -> None:
    script = (
        "import sys\nfrom reconciler.cli.main import main, run_to_exit_code\n"
        f"code = run_to_exit_code(lambda: main.main([{flag!r}], standalone_mode=False))\n"
        "found = [name for name in sys.modules if name.startswith('reconciler.cli.commands.')]\n"
        "print(found, file=sys.stderr)\nsys.exit(code or bool(found))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
