"""`number_groups` and `numbers_from`: the same numbers as in `numbers`, each with its own place."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.config.load.baseline import load_baseline
from reconciler.config.load.format_table import format_table
from reconciler.config.load.load import load
from reconciler.config.load.number_file import MOST_ROWS, read_number_file
from reconciler.config.project import Project
from reconciler.config.source.csv_text import LONGEST_LINE, find_columns, split_cells, write_cells
from reconciler.config.source.source_line import read_line_with_mark
from reconciler.config.variable_sources import VariableSources
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ConfigInvalid

Load = Callable[..., Project]
Diagnose = Callable[..., list[Diagnostic]]
Write = Callable[..., Path]
AGENTS = """\
agents:
  support: {webhooks: {voice: "https://agents.example.com/voice"}}
  sales: {webhooks: {voice: "https://agents.example.com/sales"}}
trunks: {edge: {domain: acme-edge.pstn.twilio.com}}
"""
FROM = AGENTS + "numbers_from: [{file: numbers.csv}]\n"


def places(problems: list[Diagnostic]) -> list[tuple[str, str | None, int | None, int | None]]:
    return [(d.code, d.file, d.line, d.column) for d in problems]


def same_numbers(first: Project, second: Project) -> bool:
    """Whether two projects declare equal numbers, wherever they do."""
    numbers = []
    for project in (first, second):
        declared = {}
        for item in project.desired:
            declared[item.address] = item.profile, item.sid
        numbers.append(declared)
    return numbers[0] == numbers[1]


def test_each_form_declares_the_same_numbers_with_the_same_digest(loaded: Load) -> None:
    rest = (
        AGENTS + "defaults: {numbers: {manage: [voice], on_removal: keep, protect: true}}\n"
        "variables: {floor: {default: '3'}}\n"
    )
    yaml = loaded(
        rest
        + """numbers:
  "+15550100101": support
  "+15550100102": support
  "+15550100103": {agent: sales, friendly_name: "Sales, US", labels: {team: sales, floor: "3"}}
  "+15550100104": {trunk: edge, account: main}
  "+15550100105":
"""
    )
    groups = loaded(
        rest
        + """number_groups:
  - {numbers: ["+15550100101", "+15550100102"], agent: support}
  - {numbers: ["+15550100103"], agent: sales, friendly_name: "Sales, US", labels: {team: sales, floor: "${floor}"}}
  - {numbers: ["+15550100104"], trunk: edge, account: main}
  - numbers: ["+15550100105"]
"""
    )
    csv = loaded(
        rest + "numbers_from: [{file: more/numbers.csv}]\n",
        more__numbers_csv="number,agent,trunk,account,friendly_name,label:team,label:floor\n"
        "+15550100101,support,,,,,\n"
        "+15550100102, support ,,,,,\n"
        '+15550100103,sales,,,"Sales, US",sales,${floor}\n'
        "+15550100104,,edge,main,,,\n"
        "+15550100105,,,,,,\n"
        ",,,,,,\n",
    )
    assert len(yaml.desired) == 6
    assert same_numbers(yaml, groups)
    assert same_numbers(yaml, csv)
    assert yaml.digest == groups.digest == csv.digest


def test_each_number_has_its_own_place(loaded: Load) -> None:
    project = loaded(
        FROM + 'number_groups:\n  - agent: support\n    numbers: ["+15550100101",\n'
        '      "+15550100102"]\n',
        numbers_csv='agent,number\n"support",+15550100103\n sales , +15550100104\n',
    )
    found = {item.key: item.position for item in project.desired if item.kind == "number"}
    assert found == {
        "+15550100101": ("reconciler.yaml", 12, 15),
        "+15550100102": ("reconciler.yaml", 13, 7),
        "+15550100103": ("numbers.csv", 2, 11),
        "+15550100104": ("numbers.csv", 3, 10),
    }


def test_a_file_may_have_a_bom_and_the_line_ends_of_windows(write: Write, tmp_path: Path) -> None:
    entry = write(FROM)
    table = tmp_path / "numbers.csv"
    table.write_bytes(b"\xef\xbb\xbfnumber,agent\r\n+15550100101,support\r\n\r\n+15550100102,\r\n")
    project = load(entry, environ={}, display_root=tmp_path)
    assert [d.key for d in project.desired if d.kind == "number"] == [
        "+15550100101",
        "+15550100102",
    ]
    assert read_line_with_mark("numbers.csv", 1, 8, tmp_path) == ("number,agent", "number,")


def test_a_number_is_declared_once_in_all_forms(diagnosed: Diagnose) -> None:
    found = diagnosed(
        FROM
        + 'numbers: {"+15550100101": support}\n'
        + 'bridge_numbers: {"+15550100102": {voice: "https://agents.example.com/b"}}\n'
        + 'number_groups: [{numbers: ["+15550100103", "+15550100101", "+15550100103"]}]\n',
        numbers_csv="number\n+15550100101\n+15550100102\n+15550100103\n+15550100104\n+15550100104\n",
    )
    assert {d.code for d in found} == {"number_already_imported"}
    told = {(d.file, d.line, d.column): d.detail.partition(" Keep")[0] for d in found}
    at = "is already declared at"
    assert told == {
        ("reconciler.yaml", 12, 44): f"`+15550100101` {at} reconciler.yaml:10:11.",
        ("reconciler.yaml", 12, 60): f"`+15550100103` {at} reconciler.yaml:12:28.",
        ("numbers.csv", 2, 1): f"`+15550100101` {at} reconciler.yaml:10:11.",
        ("reconciler.yaml", 11, 18): f"`+15550100102` {at} numbers.csv:3:1.",
        ("numbers.csv", 4, 1): f"`+15550100103` {at} reconciler.yaml:12:28.",
        ("numbers.csv", 6, 1): f"`+15550100104` {at} numbers.csv:5:1.",
    }


def test_a_mistake_of_a_group_is_reported_once(diagnosed: Diagnose) -> None:
    body = (
        AGENTS + 'number_groups:\n  - {numbers: ["+15550100101", "+15550100102"], agent: suport}\n'
    )
    assert places(diagnosed(body)) == [("agent_not_found", "reconciler.yaml", 10, 56)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", ("empty_file", 1, 1)),
        ("\n,,\n", ("empty_file", 1, 1)),
        ("agent\nsupport\n", ("missing_field", 1, 1)),
        ("number,agemt\n+15550100101,support\n", ("unknown_key", 1, 8)),
        ("number,agent,agent\n", ("duplicate_key", 1, 14)),
        ("number,label:a,label: a\n", ("duplicate_key", 1, 16)),
        ("number,label:\n", ("missing_field", 1, 8)),
        ("number,agent,\n", ("missing_field", 1, 14)),
        ("number;agent\n", ("csv_syntax", 1, 1)),
        ("number\tagent\n", ("csv_syntax", 1, 1)),
        ("number,agent\n+15550100101\n", ("csv_syntax", 2, 1)),
        ("number,agent\n+15550100101,support,x\n", ("csv_syntax", 2, 22)),
        ("number,agent\n,support\n", ("missing_field", 2, 1)),
        ("number,agent\n15550100101,support\n", ("invalid_phone_format", 2, 1)),
        ("agent,number\nsupport,1.555E+10\n", ("invalid_phone_format", 2, 9)),
        ("number,agent\n+15550100101,nobody\n", ("agent_not_found", 2, 14)),
        ("number,trunk\n+15550100101,nothing\n", ("trunk_not_found", 2, 14)),
        ("number,account\n+15550100101,nothing\n", ("no_twilio_integration", 2, 14)),
        ('number,friendly_name\n+15550100101,"a\n', ("csv_syntax", 2, 14)),
        ('number,friendly_name\n+15550100101,a"b\n', ("csv_syntax", 2, 15)),
        ('number,friendly_name\n+15550100101,"a"b\n', ("csv_syntax", 2, 14)),
        ("number,friendly_name\n+15550100101," + "a" * 65 + "\n", ("invalid_value", 2, 14)),
        ("number,agent\n+15550100101,sup\0port\n", ("csv_syntax", 2, 17)),
        ("number,agent\r+15550100101,support\r", ("csv_syntax", 1, 13)),
        ("number,agent\n+15550100101,${nothing}\n", ("variable_not_declared", 2, 14)),
        ("number\n+1" + "5" * LONGEST_LINE + "\n", ("csv_limit", 2, 1)),
        ("number" + "\n" * (MOST_ROWS + 1), ("csv_limit", MOST_ROWS + 1, 1)),
    ],
)
def test_a_mistake_in_a_file_has_its_place(
    diagnosed: Diagnose, content: str, expected: tuple[str, int, int]
) -> None:
    code, line, column = expected
    [found, *more] = diagnosed(FROM, numbers_csv=content)
    assert places([found]) == [(code, "numbers.csv", line, column)]
    assert not more


def test_a_file_of_another_encoding_is_refused(diagnosed: Diagnose, tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes(
        "number,friendly_name\n+15550100101,Köln\n".encode("latin1")
    )
    (tmp_path / "wide.csv").write_bytes("number\n+15550100101\n".encode("utf-16"))
    found = diagnosed(AGENTS + "numbers_from: [{file: latin.csv}, {file: wide.csv}]\n")
    assert places(found) == [("not_utf8", "latin.csv", 2, 15), ("not_utf8", "wide.csv", 1, 1)]


def test_all_rows_are_checked_in_one_run(diagnosed: Diagnose) -> None:
    found = diagnosed(FROM, numbers_csv="number,agent\n1,support\n+15550100101,a,b\n2,support\n")
    assert [(d.code, d.line) for d in found] == [
        ("invalid_phone_format", 2),
        ("csv_syntax", 3),
        ("invalid_phone_format", 4),
    ]


def test_a_file_stays_inside_the_repository_also_through_a_link(
    write: Write, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    inside = tmp_path / "inside"
    inside.mkdir()
    outside.mkdir()
    (outside / "numbers.csv").write_text("number\nsecret-of-the-machine\n", encoding="utf-8")
    (inside / "link.csv").symlink_to(outside / "numbers.csv")
    (inside / "token").write_text("number\n", encoding="utf-8")
    (inside / "other.csv").symlink_to(inside / "token")
    (inside / "folder.csv").mkdir()
    os.mkfifo(inside / "pipe.csv")
    files = ["link.csv", "../outside/numbers.csv", "../outside/missing.csv", "other.csv"]
    files += ["folder.csv", "pipe.csv", "missing.csv"]
    items = ", ".join(f"{{file: {name}}}" for name in files)
    text = f"version: 1\nproject: acme\nnumbers_from: [{items}]\n"
    (inside / "reconciler.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigInvalid) as caught:
        load(inside / "reconciler.yaml", environ={}, display_root=inside)
    told = caught.value.diagnostics
    assert [d.code for d in told] == [
        *["include_outside_project"] * 3,
        "include_not_csv",
        *["unreadable_file"] * 2,
        "include_not_found",
    ]
    assert "secret-of-the-machine" not in str(told)


def test_a_file_is_relative_to_the_file_that_names_it(loaded: Load) -> None:
    project = loaded(
        AGENTS + "include: more/numbers.yaml\n",
        more__numbers_yaml="numbers_from: [{file: ../tables/numbers.csv}]\n",
        tables__numbers_csv="number,agent\n+15550100101,support\n",
    )
    assert project.desired[-1].position == ("tables/numbers.csv", 2, 1)
    assert "tables/numbers.csv" in project.files


def test_one_file_named_twice_is_read_once(diagnosed: Diagnose) -> None:
    body = AGENTS + "numbers_from: [{file: numbers.csv}, {file: ./numbers.csv}]\n"
    found = diagnosed(body, numbers_csv="number\n+15550100101\n")
    assert places(found) == [("duplicate_key", "reconciler.yaml", 9, 44)]


def test_variables_choose_the_file_and_fill_its_cells(write: Write, tmp_path: Path) -> None:
    entry = write(
        AGENTS + "variables: {env: {}, name: {}}\nnumbers_from: [{file: 'numbers-${env}.csv'}]\n",
        **{"numbers-eu_csv": "number,agent,friendly_name\n${name}1,support,Line ${name} $${x}\n"},
    )
    given = {"env": "eu", "name": "+1555010010"}
    sources = VariableSources(given=given)
    project = load(entry, environ={}, display_root=tmp_path, variables=sources)
    number = project.desired[-1]
    assert number.key == "+15550100101"
    assert number.profile.attrs["friendly_name"] == "Line +1555010010 ${x}"

    # A value is never structure: a comma in it begins no cell.
    given["name"] = "+1555010010,sales"
    with pytest.raises(ConfigInvalid) as caught:
        load(entry, environ={}, display_root=tmp_path, variables=sources)
    assert [d.code for d in caught.value.diagnostics] == ["invalid_phone_format"]


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("numbers_from: numbers.csv", "wrong_type"),
        ("numbers_from: [numbers.csv]", "wrong_type"),
        ("numbers_from: [{}]", "missing_field"),
        ("numbers_from: [{file: numbers.csv, agent: support}]", "unknown_key"),
        ("number_groups: {numbers: []}", "wrong_type"),
        ("number_groups: [support]", "wrong_type"),
        ("number_groups: [{agent: support}]", "missing_field"),
        ("number_groups: [{numbers: '+15550100101'}]", "wrong_type"),
        ("number_groups: [{numbers: []}]", "invalid_value"),
        ("number_groups: [{numbers: [[]]}]", "wrong_type"),
        ("number_groups: [{numbers: [+15550100101]}]", "unquoted_number"),
        ("number_groups: [{numbers: ['+15550100101'], agemt: support}]", "unknown_key"),
    ],
)
def test_a_section_of_another_shape_is_explained(
    diagnosed: Diagnose, section: str, expected: str
) -> None:
    found = diagnosed(AGENTS + section + "\n", numbers_csv="number\n+15550100101\n")
    assert [d.code for d in found] == [expected]


def test_a_baseline_reads_the_file_of_its_own_revision(write: Write, tmp_path: Path) -> None:
    entry = write(FROM, numbers_csv="number,agent\n+15550100101,support\n")
    who = ["-c", "user.name=Example", "-c", "user.email=example@example.com"]
    for args in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "Start"]):
        subprocess.run(["git", *args], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "numbers.csv").write_text("number,agent\n+15550100101,sales\n", encoding="utf-8")
    for baseline, agent in (("HEAD", "support"), ("./reconciler.yaml", "sales")):
        project = load_baseline(baseline, entry, tmp_path, {})
        assert project.desired[-1].profile.options.agent == agent


@pytest.mark.parametrize(
    "cells", [["a", "b c"], ["a,b", 'say "x"', ""], [" a", "b\t", "=1+1"], ["", ""], ['"', ","]]
)
def test_written_cells_are_read_back(cells: list[str]) -> None:
    line = write_cells(cells)
    assert split_cells(line) == cells
    assert len(find_columns(line)) == len(cells)


def count_calls(columns: int) -> int:
    """The calls that a header of this many unknown columns takes."""
    names = ",".join(f"c{index}" for index in range(columns))
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        _, problems = read_number_file(names.encode(), "numbers.csv", lambda cell, _: cell)
    finally:
        sys.setprofile(None)
    assert len(problems) == columns
    return calls


def test_work_for_unknown_columns_grows_in_proportion() -> None:
    """Each column is reported with its place: looking for all places each time would be quadratic."""
    assert count_calls(2_000) < 2.5 * count_calls(1_000)


def test_a_cell_of_many_quotes_takes_no_long_time() -> None:
    text = "number\n" + '"' * (LONGEST_LINE - 1) + "\n"
    _, problems = read_number_file(text.encode(), "numbers.csv", lambda cell, _: cell)
    assert [d.code for d in problems] == ["csv_syntax"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            'agent, number ,"friendly_name"\r\nsupport,+15550100102,"a"\r\n'
            'support,+15550100101," b, ""c"""\r\n,,\r\n,,\r\n',
            'agent,number,friendly_name\nsupport,+15550100101," b, ""c"""\nsupport,+15550100102,a\n',
        ),
        (
            "\ufeffnumber\n\n+15550100103\n+15550100102\n\n\n+15550100101",
            "\ufeffnumber\n+15550100102\n+15550100103\n\n+15550100101\n",
        ),
        ("number,agent\n+15550100101,${agent}\n", "number,agent\n+15550100101,${agent}\n"),
        ("number,friendly_name\n+15550100101,=1+1\n", "number,friendly_name\n+15550100101,=1+1\n"),
    ],
)
def test_a_table_has_one_form(before: str, after: str) -> None:
    assert format_table(before.encode(), "numbers.csv") == after
    assert format_table(after.encode(), "numbers.csv") == after


CELL = st.text(st.sampled_from(' ,";=+$é\t{}a1'), max_size=8)


@given(
    st.lists(st.lists(CELL, min_size=3, max_size=3), max_size=6),
    st.sampled_from(["\n", "\r\n"]),
)
def test_formatting_keeps_every_value(rows: list[list[str]], line_end: str) -> None:
    lines = ["agent,number,friendly_name,label:team"]
    for index, (agent, name, label) in enumerate(rows):
        lines.append(write_cells([agent, f"+1555010{9 - index:04d}", name, label]))
    data = line_end.join(lines).encode()
    before, problems = read_number_file(data, "numbers.csv", lambda cell, _: cell)
    assert not problems
    assert list(before) == [f"+1555010{9 - index:04d}" for index in range(len(rows))]
    after = format_table(data, "numbers.csv").encode()
    assert read_number_file(after, "numbers.csv", lambda cell, _: cell) == (before, [])
    assert format_table(after, "numbers.csv").encode() == after


def test_an_invalid_table_is_not_formatted() -> None:
    with pytest.raises(ConfigInvalid) as caught:
        format_table(b"number,agent\n+15550100101\n", "numbers.csv")
    assert [d.code for d in caught.value.diagnostics] == ["csv_syntax"]


def test_a_configuration_has_no_more_csv_files_than_other_files(
    diagnosed: Diagnose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.config.load.merge.MOST_FILES", 3)
    for index in range(6):
        (tmp_path / f"{index}.csv").write_text(f"number\n+1555010010{index}\n", encoding="utf-8")
    items = ", ".join(f"{{file: {index}.csv}}" for index in range(6))
    found = diagnosed(f"{AGENTS}numbers_from: [{items}]\n")
    assert [d.code for d in found] == ["include_limit"]
