"""docs/requirements.md: every requirement is there, and each has a proof that exists, or a mark with its reason."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import NamedTuple

import pytest

from tests.docs.markdown import ROOT

PAGE = (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8")
CODES = (ROOT / "docs" / "reference" / "codes.md").read_text(encoding="utf-8")
SEED = ROOT.parent / "shared" / "reference" / "seed-requirements.md"
TESTS = ROOT / "tests"
_MARKS = ("not applicable: ", "open in the vendor's documents: ")
_PROOF = re.compile(r"`((?:[\w/]+\.py::test_\w+)|(?:cases/[\w-]+)|(?:broken/[\w-]+\.yaml))`")
_OTHER_NAMES = {"partial_failure", "already_exists"}
"""Codes of the platforms' for which ours has another name, or none: the row says so."""


class Row(NamedTuple):
    """One requirement, or one error code."""

    id: str
    statement: str
    natively: str
    as_client: str


ROWS = [
    Row(*(cell.strip() for cell in line.strip("|\n ").split(" | ")))
    for line in PAGE.splitlines()
    if re.match(r"\| (?:[A-Z0-9]+-\d+|`\w+`) \| ", line)
]
REQUIREMENTS = [row for row in ROWS if not row.id.startswith("`")]
OF_CODES = [row for row in ROWS if row.id.startswith("`")]


@cache
def functions(file: str) -> frozenset[str]:
    """The names of the tests in a file; none when there is no such file."""
    path = TESTS / file
    if not path.is_file():
        return frozenset()
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return frozenset(node.name for node in body if isinstance(node, ast.FunctionDef))


def exists(proof: str) -> bool:
    """Whether there is such a test, case, or broken configuration with its diagnostics."""
    file, _, function = proof.partition("::")
    if function:
        return function in functions(file)
    if proof.startswith("cases/"):
        return (TESTS / proof / "config.yaml").is_file()
    return (TESTS / proof).is_file() and (TESTS / proof).with_suffix(".txt").is_file()


def name_of(row: Row) -> str:
    return row.id.strip("`")


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_every_requirement_has_a_proof_or_a_reason(row: Row) -> None:
    assert len(row.statement) > 2
    for side in (row.natively, row.as_client):
        marked = next((mark for mark in _MARKS if side.startswith(mark)), None)
        if marked is None:
            assert _PROOF.search(side), f"{row.id}: {side} has neither a proof nor a mark"
        else:
            assert len(side) > len(marked) + 10, f"{row.id}: {side} gives no reason"
    assert _PROOF.search(row.natively + row.as_client), f"{row.id} is proved on neither side"


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_every_proof_exists(row: Row) -> None:
    missing = [proof for side in row[2:] for proof in _PROOF.findall(side) if not exists(proof)]
    assert missing == []
    named = [
        span
        for side in row[2:]
        for span in re.findall(r"`([^`]*(?:::|cases/|broken/)[^`]*)`", side)
    ]
    assert [span for span in named if not _PROOF.fullmatch(f"`{span}`")] == [], (
        "not in the form of a proof"
    )


def test_rows_are_numbered_without_gaps_or_duplicates() -> None:
    ids = [row.id for row in ROWS]
    assert len(ids) == len(set(ids))
    for prefix in ("FEA", "P001", "NIX", "DAS", "RAV", "X"):
        numbers = [
            int(row.id.rsplit("-", 1)[1])
            for row in REQUIREMENTS
            if row.id.rsplit("-", 1)[0] == prefix
        ]
        assert numbers == list(range(1, len(numbers) + 1)), prefix
        assert numbers


@pytest.mark.parametrize("row", OF_CODES, ids=name_of)
def test_every_platform_code_maps_to_one_of_ours(row: Row) -> None:
    assert f"| {row.id} |" in CODES or row.id.strip("`") in _OTHER_NAMES


@pytest.mark.skipif(
    not SEED.is_file(), reason="the list of requirements is not part of the repository"
)
def test_every_listed_requirement_is_present() -> None:
    text = SEED.read_text(encoding="utf-8")
    wanted = re.findall(r"^\| ([A-Z][A-Z0-9]*-\d+) \|", text, re.MULTILINE)
    assert len(wanted) > 100
    assert sorted(wanted) == sorted(row.id for row in REQUIREMENTS)
    taxonomy = text.partition("### Error taxonomy")[2]
    cells = re.findall(r"^\| ([a-z_/ ()0-9]+) \| ", taxonomy, re.MULTILINE)
    codes = {code for cell in cells if cell != "code" for code in re.findall(r"[a-z_]{5,}", cell)}
    assert codes == {row.id.strip("`") for row in OF_CODES}
