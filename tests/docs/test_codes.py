"""docs/reference/codes.md lists every code that the package can produce, with cause and cure, and no other."""

from __future__ import annotations

import re

from reconciler.config.codes import WARNINGS
from tests.docs.codes import used
from tests.docs.markdown import ROOT

PAGE = (ROOT / "docs" / "reference" / "codes.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
DOCUMENTED = [code for code, _, _ in ROWS]


def test_every_code_is_documented() -> None:
    assert used() - set(DOCUMENTED) == set()


def test_every_documented_code_is_produced() -> None:
    assert set(DOCUMENTED) - used() == set()


def test_a_code_is_documented_once_and_in_order() -> None:
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    listed = [re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) for section in sections]
    assert all(codes == sorted(codes) for codes in listed)
    assert len(DOCUMENTED) == len(set(DOCUMENTED))


def test_every_code_has_a_cause_and_a_cure() -> None:
    assert all(len(cause) > 10 and len(cure) > 10 for _, cause, cure in ROWS)


def test_every_warning_is_in_the_table_of_warnings() -> None:
    warnings = PAGE.partition("\n## Warnings\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", warnings, re.MULTILINE)) >= WARNINGS


def test_the_search_finds_codes_of_every_form() -> None:
    assert {
        "duplicate_key",  # a table of the configuration's problems
        "rate_limited",  # a table of Twilio's refusals
        "state_damaged",  # by place, through a helper
        "takeover_refused",  # by name
        "dependency_failed",  # an outcome
        "trunk_attachment_failed",  # one branch of an expression
    } <= used()
