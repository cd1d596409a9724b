"""The recipe for a command: four new files and three rows make a command with text, JSON, schema and help."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from tests.docs.markdown import ROOT
from tests.docs.recipes import Copy, apply_recipe, copy_package

PAGE = (ROOT / "docs" / "how-to" / "add-a-command.md").read_text(encoding="utf-8")
CONFIGURATION = """
version: 1
project: acme-voice
accounts: {main: {sid: AC0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d, auth_token: {env: TWILIO_AUTH_TOKEN}}}
agents:
  sales: {webhooks: {voice: "https://agents.example.com/sales"}}
  support: {webhooks: {voice: "https://agents.example.com/support"}}
numbers:
  "+15550100101": support
  "+15550100102": support
  "+15550100103": sales
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    copy = copy_package(tmp_path_factory.mktemp("package"))
    apply_recipe(PAGE, copy)
    return copy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "reconciler.yaml").write_text(CONFIGURATION, encoding="utf-8")
    return tmp_path


def test_the_recipe_touches_seven_files(copy: Copy) -> None:
    assert (len(copy.created), len(copy.changed)) == (4, 3)


def test_the_new_command_has_text_json_schema_and_help(copy: Copy, folder: Path) -> None:
    text = copy.run("census", cwd=folder)
    assert (text.returncode, text.stderr) == (0, "")
    assert text.stdout == "     1  sales\n     2  support\n"

    document = json.loads(copy.run("census", "--json", cwd=folder).stdout)
    assert document["summary"] == {"agents": 2, "numbers": 3}
    schema = json.loads(copy.run("schema", "census", cwd=folder).stdout)
    jsonschema.validate(document, schema)
    assert "census" in copy.run("--help", cwd=folder).stdout
    assert "numbers of each agent" in copy.run("census", "--help", cwd=folder).stdout


def test_new_command_reports_errors_like_every_other(copy: Copy, folder: Path) -> None:
    (folder / "reconciler.yaml").write_text("version: 1\nprojekt: a\n", encoding="utf-8")
    failed = copy.run("census", "--json", cwd=folder)
    assert failed.returncode == 3
    places = [(d["code"], d["line"]) for d in json.loads(failed.stdout)["diagnostics"]]
    assert ("unknown_key", 2) in places
    assert copy.run("census", "--no-such-option", cwd=folder).returncode == 64
