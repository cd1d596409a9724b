"""Fleet files and their rows: every problem has its place, and no value changes a configuration's structure."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.load.fleet import Fleet, load_fleet
from reconciler.config.load.load import load
from reconciler.config.variable_sources import VariableSources
from reconciler.errors import ConfigInvalid

CUSTOMER = """\
version: 1
project: acme-${name}
state: ./states/${name}.json
include: ["numbers/${name}.yaml"]
accounts:
  main: {sid: ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, auth_token: {env: "TOKEN_${name}"}}
agents:
  support:
    webhooks: {voice: "https://agents.example.com/voice"}
    labels: {value: "${value}"}
"""
NUMBERS = 'numbers: {"+15550100101": support}\n'
PIECES = [
    '"', "'", "\n", "\r\n", ": ", "- ", "{", "}", "[", "]", "#", "&a", "*a", "!!python/object", "|", ">",
    "${name}", "${value}", "${", "$${x}", "$", "%", "@", "`", "\\", "\t", ",", "~", "null", "yes", "0x1f", "---",
    "...", "\ufeff", "\u2028", "é", "+15550100199", "agents:", "<<", "=", "../..", "${{ secrets.X }}",
]  # fmt: skip


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    return folder / "fleet.yaml"


def problems(folder: Path, files: dict[str, str]) -> list[tuple[str, str | None, int | None]]:
    with pytest.raises(ConfigInvalid) as caught:
        load_fleet(write(folder, files), folder)
    return [(each.code, each.file, each.line) for each in caught.value.diagnostics]


def rows_fleet(folder: Path, rows: str, name: str = "rows.csv") -> Fleet:
    fleet = f"version: 1\nfor_each: {{file: {name}}}\nconfiguration: customer.yaml\n"
    files = {"fleet.yaml": fleet, "customer.yaml": CUSTOMER, name: rows}
    return load_fleet(write(folder, files), folder)


def test_500_rows_of_hostile_values_change_no_structure(tmp_path: Path) -> None:
    chance = random.Random(17)
    values = []
    for _ in range(500):
        values.append("".join(chance.choices(PIECES, k=chance.randint(1, 12))))
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["name", "value"])
    writer.writerows((f"s{number}", value) for number, value in enumerate(values))

    fleet = rows_fleet(tmp_path, out.getvalue())
    for stack in fleet.stacks:
        write(tmp_path, {f"numbers/{stack.name}.yaml": NUMBERS})
    assert [stack.name for stack in fleet.stacks] == [f"s{n}" for n in range(500)]

    for stack, value in zip(fleet.stacks, values, strict=True):
        project = load(
            stack.directory / stack.file,
            environ={},
            variables=VariableSources(row=stack.row or {}),
        )
        assert project.name == f"acme-{stack.name}"
        assert project.state == f"./states/{stack.name}.json"
        assert project.accounts["main"].auth_token is not None
        assert project.accounts["main"].auth_token.env == f"TOKEN_{stack.name}"
        assert project.agents["support"].labels == {"value": value}
        assert [each.key for each in project.desired] == ["+15550100101"]


@pytest.mark.parametrize(
    "value", ["a/b", "..", "a b", "a\nb", "", "${value}", "x" * 65, "é", "a.b"]
)
@pytest.mark.parametrize(
    "place",
    [
        'include: ["${value}.yaml"]',
        "project: acme-${value}",
        "state: ./${value}.json",
        'accounts: {main: {sid: ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, auth_token: {env: "T_${value}"}}}',
        'accounts: {main: {sid: ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, auth_token: {file: "s/${value}"}}}',
    ],
)
def test_only_plain_values_become_part_of_a_name(tmp_path: Path, value: str, place: str) -> None:
    text = f"version: 1\n{place}\n" + ("" if place.startswith("project") else "project: acme\n")
    entry = write(tmp_path, {"fleet.yaml": text})
    with pytest.raises(ConfigInvalid) as caught:
        load(entry, environ={}, variables=VariableSources(row={"name": "a", "value": value}))
    [problem] = caught.value.diagnostics
    assert (problem.code, problem.file) == ("variable_not_allowed", str(entry))


def test_no_other_variable_directs_a_secret_or_an_include(tmp_path: Path) -> None:
    text = (
        "version: 1\nproject: acme\nvariables: {who: {default: MAIN}}\n"
        'accounts: {main: {sid: ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, auth_token: {env: "T_${who}"}}}\n'
    )
    entry = write(tmp_path, {"fleet.yaml": text})
    for row in ({}, {"name": "a"}):
        with pytest.raises(ConfigInvalid) as caught:
            load(entry, environ={}, variables=VariableSources(row=row))
        assert [each.code for each in caught.value.diagnostics] == ["invalid_name"]


def test_a_row_wins_over_every_other_source(tmp_path: Path) -> None:
    text = (
        "version: 1\nproject: ${name}\nvariables: {name: {default: from-file}}\n"
        "accounts: {main: {sid: ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, auth_token: {env: T}}}\n"
    )
    entry = write(tmp_path, {"fleet.yaml": text})
    sources = VariableSources(
        environ={"RECONCILER_VAR_name": "from-env"},
        given={"name": "from-line"},
        row={"name": "from-row"},
    )
    assert load(entry, environ={}, variables=sources).name == "from-row"


def test_patterns_and_rows_give_stacks_in_order(tmp_path: Path) -> None:
    files = {
        "fleet.yaml": 'version: 1\nstacks: ["customers/*/reconciler.yaml", extra/pbx.yaml]\n'
        "for_each: {file: rows.yaml}\nparallel: 7\nstop_after_failures: 2\n",
        "customers/b/reconciler.yaml": "",
        "customers/a/reconciler.yaml": "",
        "customers/.hidden/reconciler.yaml": "",
        "extra/pbx.yaml": "",
        "reconciler.yaml": "",
        "rows.yaml": "gamma: {host: a.example.com}\ndelta:\n",
    }
    fleet = load_fleet(write(tmp_path, files), tmp_path)
    assert [(stack.name, stack.row) for stack in fleet.stacks] == [
        ("customers/a", None),
        ("customers/b", None),
        ("extra/pbx.yaml", None),
        ("gamma", {"name": "gamma", "host": "a.example.com"}),
        ("delta", {"name": "delta"}),
    ]
    assert (fleet.parallel, fleet.stop_after_failures) == (7, 2)


HEAD = "version: 1\n"
ROWS = HEAD + "for_each: {file: rows.csv}\nconfiguration: c.yaml\n"
MISTAKES: list[tuple[dict[str, str], list[tuple[str, str, int]]]] = [
    ({"fleet.yaml": HEAD}, [("missing_field", "fleet.yaml", 1)]),
    ({"fleet.yaml": "stacks: [a]\n"}, [("missing_field", "fleet.yaml", 1)]),
    ({"fleet.yaml": HEAD + "stack: [a]\n"}, [("unknown_key", "fleet.yaml", 2)]),
    ({"fleet.yaml": HEAD + "stacks: [none.yaml]\n"}, [("include_not_found", "fleet.yaml", 2)]),
    ({"fleet.yaml": HEAD + "stacks: ['no/*.yaml']\n"}, [("empty_file", "fleet.yaml", 1), ("include_no_match", "fleet.yaml", 2)]),
    ({"fleet.yaml": HEAD + "stacks: ['*/../../x.yaml']\n"}, [("include_outside_project", "fleet.yaml", 2)]),
    ({"fleet.yaml": HEAD + "parallel: 0\nstacks: [c.yaml]\n", "c.yaml": ""}, [("invalid_value", "fleet.yaml", 2)]),
    ({"fleet.yaml": ROWS, "c.yaml": ""}, [("unreadable_file", "fleet.yaml", 2)]),
    ({"fleet.yaml": ROWS, "rows.csv": "name\na\n"}, [("include_not_found", "fleet.yaml", 3)]),
    ({"fleet.yaml": ROWS, "c.yaml": "", "rows.csv": ""}, [("empty_file", "rows.csv", 1)]),
    ({"fleet.yaml": ROWS, "c.yaml": "", "rows.csv": "name\n"}, [("empty_file", "fleet.yaml", 1)]),
    ({"fleet.yaml": ROWS, "c.yaml": "", "rows.csv": "host\na\n"}, [("missing_field", "rows.csv", 1)]),
    ({"fleet.yaml": ROWS, "c.yaml": "", "rows.csv": "name,name\na,b\n"}, [("duplicate_key", "rows.csv", 1)]),
    ({"fleet.yaml": ROWS, "c.yaml": "", "rows.csv": "name,a b\na,b\n"}, [("invalid_name", "rows.csv", 1)]),
    ({"fleet.yaml": ROWS, "c.yaml": "", "rows.csv": 'name,x\na,"1\n2"\na,3\n'}, [("duplicate_key", "rows.csv", 4)]),
    ({"fleet.yaml": ROWS, "c.yaml": "", "rows.csv": "name,x\na,1\nb,2,3\n"}, [("csv_syntax", "rows.csv", 3)]),
    ({"fleet.yaml": ROWS, "c.yaml": "", "rows.csv": 'name,x\na,"1\n'}, [("csv_syntax", "rows.csv", 2)]),
    ({"fleet.yaml": ROWS, "c.yaml": "", "rows.csv": "name\n../a\nb\n"}, [("invalid_name", "rows.csv", 2)]),
]  # fmt: skip


@pytest.mark.parametrize(("files", "expected"), MISTAKES)
def test_each_mistake_is_reported_at_its_place(
    tmp_path: Path, files: dict[str, str], expected: Any
) -> None:
    assert problems(tmp_path, files) == expected


def test_two_stacks_of_one_name_are_an_error(tmp_path: Path) -> None:
    files = {
        "fleet.yaml": "version: 1\nstacks: [a/reconciler.yaml]\nfor_each: {file: rows.yaml}\n",
        "a/reconciler.yaml": "",
        "reconciler.yaml": "",
        "rows.yaml": "a: {}\nb: {}\n",
    }
    assert problems(tmp_path, files) == [("duplicate_key", "rows.yaml", 1)]


def test_no_file_outside_the_repository_is_read(tmp_path: Path) -> None:
    inside = tmp_path / "repository"
    write(tmp_path, {"outside.csv": "name\nx\n"})
    (inside / ".git").mkdir(parents=True)
    (inside / "link.csv").symlink_to(tmp_path / "outside.csv")
    for name in ("../outside.csv", "link.csv", ".git/rows.csv"):
        files = {
            "fleet.yaml": f"version: 1\nfor_each: {{file: {name}}}\n",
            "reconciler.yaml": "",
        }
        assert problems(inside, files) == [("include_outside_project", "fleet.yaml", 2)]
