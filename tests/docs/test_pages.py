"""What the pages say can be followed: links lead somewhere, commands exist, YAML is valid, names are there."""

from __future__ import annotations

import ast
import copy
import json
import re
import shlex
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from reconciler.cli.arguments import AnywhereGroup, complete_arguments
from reconciler.cli.main import main
from reconciler.config.load.load import load
from tests.docs.markdown import (
    PAGES,
    ROOT,
    Block,
    anchors,
    blocks,
    commands,
    links,
    relative,
    spans,
)

YAML = blocks("yaml")
WHOLE = [block for block in YAML if re.search(r"^version: 1$", block.text, re.MULTILINE)]
COMMANDS = sorted({(relative(page), words) for page in PAGES for words in commands(page)})
EXAMPLES = sorted((ROOT / "examples").glob("*/reconciler.yaml"))
SCHEMA = json.loads((ROOT / "schemas" / "config.schema.json").read_text(encoding="utf-8"))


def name_of(value: Path | Block) -> str:
    return relative(value) if isinstance(value, Path) else value.name


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_have_targets(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{target} leads nowhere"
        assert not anchor or anchor in anchors(found), f"{target}: there is no such heading"


@pytest.mark.parametrize("block", WHOLE, ids=name_of)
def test_a_whole_configuration_in_a_page_is_valid(block: Block, tmp_path: Path) -> None:
    entry = tmp_path / "reconciler.yaml"
    entry.write_text(block.text, encoding="utf-8")
    load(entry, environ={})


@pytest.mark.parametrize("block", YAML, ids=name_of)
def test_a_part_of_a_configuration_in_a_page_fits_the_schema(block: Block) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(yaml.safe_load(block.text) or {})


@pytest.mark.parametrize("entry", EXAMPLES, ids=name_of)
def test_an_example_is_valid(entry: Path) -> None:
    project = load(entry, environ={}, display_root=ROOT)
    assert not project.warnings
    for name in project.files:
        document = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator(SCHEMA).validate(document)


def test_the_readme_has_a_whole_configuration() -> None:
    assert ROOT / "README.md" in {block.page for block in WHOLE}


def without_effect(command: click.Command) -> click.Command:
    """The same command line, which does nothing and asks for no file to be there."""
    params = [copy.copy(param) for param in command.params]
    for param in params:
        if isinstance(param.type, click.Path):
            param.type = click.Path()
    if not isinstance(command, click.Group):
        return click.Command(command.name, params=params, callback=nothing)
    context = click.Context(command)
    below = {name: command.get_command(context, name) for name in command.list_commands(context)}
    twins = {name: without_effect(each) for name, each in below.items() if each is not None}
    return AnywhereGroup(
        command.name, params=params, commands=twins, context_settings=command.context_settings
    )


def nothing(**options: Any) -> None:
    """What every command does here."""


@pytest.mark.parametrize(("page", "words"), COMMANDS)
def test_a_command_line_in_a_page_can_be_typed(page: str, words: str) -> None:
    done = CliRunner().invoke(
        without_effect(main), complete_arguments(shlex.split(words)), prog_name="reconciler"
    )
    assert done.exit_code == 0, f"{page}: reconciler {words}\n{done.output}"


def test_finds_command_lines_to_check() -> None:
    assert {
        "README.md",
        "docs/reference/commands.md",
        "docs/how-to/sandbox.md",
        "docs/explanation/state.md",
    } <= {page for page, _ in COMMANDS}


def defined(path: Path) -> set[str]:
    """The names that a module defines, those of methods with their class."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.ClassDef(name=name, body=body):
                names |= {name} | {
                    f"{name}.{inner.name}" for inner in body if isinstance(inner, ast.FunctionDef)
                }
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
    return names


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_and_names_in_pages_exist(page: Path) -> None:
    for span in spans(page):
        path, _, name = span.partition("::")
        if re.fullmatch(r"(reconciler|tests|docs|schemas|examples|\.ci)/[\w./-]+", path):
            assert (ROOT / path).exists(), f"{path} is not there"
            assert not name or name in defined(ROOT / path), f"{span}: no such name"
