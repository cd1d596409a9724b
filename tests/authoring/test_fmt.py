"""`fmt` as a command: all files of a configuration, --check, --diff, and nothing written unless all of it may be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from reconciler.schemas import SCHEMAS

from .command import run

ENTRY = "version: 1\nproject: acme\ninclude: 'numbers/*.yaml'\nagents:\n    support: {webhooks: {voice: 'https://a.example.com/'}}\n"
TIDY = 'version: 1\nproject: acme\ninclude: "numbers/*.yaml"\nagents:\n  support: {webhooks: {voice: "https://a.example.com/"}}\n'
UK = "numbers:\n  '+447700900002': support   # second\n  +447700900001: support\n"
UK_TIDY = 'numbers:\n  "+447700900001": support\n  "+447700900002": support   # second\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "numbers").mkdir()
    (tmp_path / "reconciler.yaml").write_text(ENTRY, encoding="utf-8")
    (tmp_path / "numbers" / "uk.yaml").write_text(UK, encoding="utf-8")
    return tmp_path


def texts(folder: Path) -> list[str]:
    return [
        (folder / name).read_text(encoding="utf-8")
        for name in ("reconciler.yaml", "numbers/uk.yaml")
    ]


def test_all_files_of_a_configuration_are_formatted_once(folder: Path) -> None:
    (folder / "numbers" / "uk.yaml").chmod(0o640)
    assert run(folder, "fmt").stdout == "Formatted reconciler.yaml\nFormatted numbers/uk.yaml\n"
    assert texts(folder) == [TIDY, UK_TIDY]
    assert (folder / "numbers" / "uk.yaml").stat().st_mode & 0o777 == 0o640
    run(folder, "validate")
    assert run(folder, "fmt", "--check").stdout == "2 files are formatted already.\n"
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == [
        "reconciler.yaml",
        "uk.yaml",
    ]


def test_check_writes_nothing_and_exits_1(folder: Path) -> None:
    document = json.loads(run(folder, "fmt", "--check", "--diff", "--json", code=1).stdout)
    Draft202012Validator(SCHEMAS["fmt"]()).validate(document)
    assert document["summary"] == {"files": 2, "changed": 2}
    assert "-  '+447700900002': support   # second\n" in document["files"][1]["diff"]
    assert texts(folder) == [ENTRY, UK]


def test_diff_shows_changes_without_possible_secrets(folder: Path) -> None:
    (folder / "more.yaml").write_text(
        "accounts:\n   main:\n      auth_token: 'pl4nted'\n", encoding="utf-8"
    )
    shown = run(folder, "fmt", "more.yaml", "--diff").stdout
    assert shown.startswith("--- more.yaml\n+++ more.yaml\n")
    assert "+  main:\n" in shown
    assert "pl4nted" not in shown


def test_one_unreadable_file_prevents_all_writes(folder: Path) -> None:
    (folder / "numbers" / "us.yaml").write_text("numbers: [\n", encoding="utf-8")
    done = run(folder, "fmt", code=3)
    assert "numbers/us.yaml:2:1: error yaml_syntax" in done.stderr
    assert texts(folder) == [ENTRY, UK]


def test_formatting_preserves_symbolic_links(folder: Path) -> None:
    (folder / "link.yaml").symlink_to(folder / "numbers" / "uk.yaml")
    run(folder, "fmt", "link.yaml")
    assert (folder / "link.yaml").is_symlink()
    assert texts(folder)[1] == UK_TIDY


def test_missing_configuration_is_the_same_error_as_elsewhere(folder: Path) -> None:
    (folder / "reconciler.yaml").unlink()
    told = [
        json.loads(run(folder, name, "--json", code=3).stdout)["diagnostics"]
        for name in ("fmt", "validate")
    ]
    assert told[0] == told[1]
    assert told[0][0]["code"] == "unreadable_file"


def test_missing_named_file_is_an_error_and_nothing_is_written(folder: Path) -> None:
    done = json.loads(run(folder, "fmt", "reconciler.yaml", "gone.yaml", "--json", code=3).stdout)
    assert [(d["code"], d["file"]) for d in done["diagnostics"]] == [
        ("unreadable_file", "gone.yaml")
    ]
    assert texts(folder) == [ENTRY, UK]


def test_csv_files_of_numbers_are_formatted_too(folder: Path) -> None:
    entry = ENTRY + "variables: {env: {}}\nnumbers_from: [{file: 'numbers/${env}.csv'}]\n"
    (folder / "reconciler.yaml").write_text(entry, encoding="utf-8")
    table = folder / "numbers" / "eu.csv"
    table.write_text(
        "number, agent\n+447700900004,support\n+447700900003,support\n", encoding="utf-8"
    )
    tidy = "number,agent\n+447700900003,support\n+447700900004,support\n"
    assert "Formatted numbers/eu.csv" in run(folder, "fmt", "--var", "env=eu").stdout
    assert table.read_text(encoding="utf-8") == tidy
    run(folder, "fmt", "--check", "numbers/eu.csv")
