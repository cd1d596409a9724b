"""Drift of many resources is short to read: alike resources once, with their places and times."""

from __future__ import annotations

import pytest

from reconciler.model.actor import Actor
from reconciler.planning.decide.drift import Drifted, DriftedField
from reconciler.report.documents.types import DriftDocument
from reconciler.report.formats import github, junit
from reconciler.report.html.render import render as render_html
from reconciler.report.markdown.render import render as render_markdown
from reconciler.report.text import render
from reconciler.report.text.style import Style
from tests.report import samples

USER = "user US1 in the console from 203.0.113.7"


def drifted_number(index: int, live: str, *, known: bool = True) -> Drifted:
    """A number with its own recorded value, changed a second after the one before it."""
    time = f"2026-03-01T12:{index // 60:02d}:{index % 60:02d}Z"
    actor = Actor("US1", "user", "console", "203.0.113.7", time) if known else None
    fields = (
        DriftedField("voice_url", f"https://agents.example.com/{index}", live, actor),
        DriftedField("friendly_name", f"Line {index}", f"Moved {index}", actor),
    )
    address = f"number/{samples.number(index)}"
    sid = f"PN{index:032x}"
    return Drifted(address, "main", sid, fields, file="reconciler.yaml", line=20 + index, column=3)


def document(*drifted: Drifted) -> DriftDocument:
    return DriftDocument(command="drift", summary={}, drifted=list(drifted), pending=0, unmanaged=0)


def text(found: DriftDocument, style: Style | None = None) -> list[str]:
    return render.render(found, style or Style()).splitlines()


def test_numbers_moved_to_one_url_are_one_entry_whatever_each_had_before() -> None:
    found = document(*[drifted_number(n, "https://evil.example.org/v") for n in range(282)])
    lines = text(found)
    assert len(lines) < 10
    assert lines[0] == (
        f"~ 282 numbers  by {USER} from 2026-03-01T12:00:00Z to 2026-03-01T12:04:41Z"
        "  reconciler.yaml:20–301"
    )
    assert lines[1] == (
        "    voice_url: 282 different, such as https://agents.example.com/0 (recorded)"
        " → https://evil.example.org/v (live)"
    )
    assert "Similar drift is shown once; -v or --format json shows every resource." in lines
    assert len([line for line in text(found, Style(whole=True)) if line.startswith("~ ")]) == 282


def test_numbers_that_each_got_their_own_value_are_one_entry() -> None:
    live = [f"https://evil.example.org/{n}" for n in range(282)]
    found = document(*[drifted_number(n, url) for n, url in enumerate(live)])
    lines = text(found)
    assert len(lines) < 10
    assert any("282 different, such as https://evil.example.org/0 (live)" in line for line in lines)


def test_changes_of_two_people_are_two_entries() -> None:
    one = [drifted_number(n, "https://a.example.org/v") for n in range(10)]
    other = [drifted_number(n, "https://a.example.org/v", known=False) for n in range(10, 20)]
    lines = text(document(*one, *other))
    assert [line for line in lines if line.startswith("~ ")] == [
        f"~ 10 numbers  by {USER} from 2026-03-01T12:00:00Z to 2026-03-01T12:00:09Z"
        "  reconciler.yaml:20–29",
        "~ 10 numbers  reconciler.yaml:30–39",
    ]


def test_every_format_names_the_place() -> None:
    found = document(drifted_number(5, "https://evil.example.org/v"))
    assert "  reconciler.yaml:25" in text(found)[0]
    assert "::warning file=reconciler.yaml,line=25,col=3," in github.render(found)
    assert 'file="reconciler.yaml" line="25"' in junit.render(found, "acme")
    assert "reconciler.yaml:25" in render_markdown(found, "acme").replace("\\", "")
    assert "reconciler.yaml:25" in render_html(found, "acme")


@pytest.mark.parametrize("count", [1, 282])
def test_the_actor_of_a_group_is_named_in_reports(count: int) -> None:
    found = document(*[drifted_number(n, "https://evil.example.org/v") for n in range(count)])
    assert "by user US1 in the console" in render_markdown(found, "acme")
    assert "by user US1 in the console" in github.render(found)
