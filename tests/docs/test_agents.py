"""AGENTS.md and the skill name commands, flags, exit codes and functions that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

import reconciler
from reconciler.cli.main import COMMANDS, main
from reconciler.errors import Exit
from reconciler.explanations import load_explanations
from tests.docs.markdown import PAGES, ROOT, commands

SKILL = ROOT / "docs" / "skills" / "reconciler" / "SKILL.md"
GUIDES = [ROOT / "AGENTS.md", SKILL]
CONSENT = {
    "--auto-approve",
    "--allow-takeover",
    "--allow-purchase",
    "--allow-destination",
    "--allow-host",
    "--force",
}


def flags_of(command: click.Command) -> Iterator[str]:
    """Every option of a command and of those below it."""
    for param in command.params:
        yield from (*param.opts, *param.secondary_opts)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from flags_of(below)


FLAGS = set(flags_of(main)) | {"--help"}


@pytest.fixture(params=GUIDES, ids=lambda path: path.name)
def guide(request: pytest.FixtureRequest) -> str:
    path: Path = request.param
    return path.read_text(encoding="utf-8")


def test_every_flag_exists(guide: str) -> None:
    own = guide.replace(".ci/check --quick", "")
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", own))
    assert named - FLAGS == set()
    assert named >= CONSENT, "names what needs a person"


def test_every_exit_code_is_explained(guide: str) -> None:
    rows = set(re.findall(r"^\| (\d+) \|", guide, re.MULTILINE))
    assert {str(int(code)) for code in Exit} - rows <= {"0"}


def test_commands_are_checked_with_those_of_all_pages() -> None:
    assert set(GUIDES) <= set(PAGES)
    for page in GUIDES:
        first = {words.split()[0] for words in commands(page)}
        assert {"validate", "plan", "apply", "drift", "list", "show", "doctor"} <= first
        assert first <= set(COMMANDS)


def test_every_code_exists(guide: str) -> None:
    named = set(re.findall(r"`(\w+_\w+)`", guide))
    fields = {"format_version", "twilio_sandbox"}
    assert named - fields <= set(load_explanations())


def test_the_functions_exist() -> None:
    text = (ROOT / "AGENTS.md").read_text(encoding="utf-8")
    found = re.search(r"`from reconciler import ([\w, ]+)`", text)
    assert found is not None
    assert all(hasattr(reconciler, name) for name in found[1].split(", "))


def test_the_skill_has_its_header() -> None:
    _, header, body = SKILL.read_text(encoding="utf-8").split("---\n", 2)
    fields = yaml.safe_load(header)
    assert set(fields) == {"name", "description"}
    assert fields["name"] == SKILL.parent.name
    assert re.fullmatch(r"[a-z0-9-]{1,64}", fields["name"])
    assert 50 < len(fields["description"]) <= 1024
    assert "Use when" in fields["description"]
    assert len(body.splitlines()) < 500
