"""The comment: small however large the plan, understood at once, and no value in it is anything but text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import cmarkgfm
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.report.documents.types import Document
from reconciler.report.markdown import render
from reconciler.report.markdown.escape import code, head, row, text
from reconciler.report.wording import printable
from tests.report import samples

GITHUB = 65_536
SPECIAL = st.text(st.sampled_from("a|\\`*_[]()<>@#!~&$:./-+ \n\r\t\x1b\u202e—é"), max_size=30)


class Rendered(HTMLParser):
    """What a reader of the rendered page sees: text, elements, the cells of tables."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.seen: list[str] = []
        self.cells: list[str] = []
        self.feed(
            cmarkgfm.github_flavored_markdown_to_html(
                markdown, cmarkgfm.cmark.Options.CMARK_OPT_UNSAFE
            )
        )

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        self.seen.append(data)
        if self.cells:
            self.cells[-1] += data.rstrip("\n")


def rendered(document: Document) -> Rendered:
    return Rendered(render.render(document, "acme-voice"))


@given(SPECIAL)
@example(".@.a")
@example("a@-b.c")
def test_a_cell_shows_exactly_its_value(raw: str) -> None:
    page = Rendered(head("one", "two") + row(code(raw), text(raw)))
    assert len(page.cells) == 4
    for cell in page.cells[2:]:
        shown = cell.replace("\u200b", "")
        assert shown.split() == (printable(raw).split() or (["–"] if shown == "–" else []))
    assert set(page.names) <= {"table", "thead", "tbody", "tr", "th", "td", "code"}


@pytest.mark.parametrize("name", samples.ALL)
def test_no_value_becomes_html_a_link_or_a_mention(name: str) -> None:
    page = rendered(samples.ALL[name]())
    own = {"h3", "h4", "p", "strong", "code", "br", "details", "summary", "ul", "li"}
    assert set(page.names) <= own | {"table", "thead", "tbody", "tr", "th", "td"}
    written = render.render(samples.ALL[name](), "acme-voice")
    assert not re.search(r"@\w", re.sub(r"`[^\n]*`", "", written))


def test_marker_is_the_first_line_and_never_changes() -> None:
    first = [
        render.render(d, "acme-voice").splitlines()[0]
        for d in (samples.reviewed(), samples.failed())
    ]
    assert set(first) == {"<!-- reconciler:plan:acme-voice -->"}
    assert render.render(samples.drifted(), "acme-voice").startswith(
        "<!-- reconciler:drift:acme-voice -->\n"
    )
    assert render.render(samples.plan(), "a-->b").startswith("<!-- reconciler:plan:a-b -->\n")


def test_head_shows_the_risk_and_tables_list_the_dangerous_first() -> None:
    written = render.render(samples.reviewed(), "acme-voice")
    head = written.split("####")[0]
    assert "high risk" in head
    assert (
        "2 takeovers of foreign values · calls to 815 numbers go elsewhere · 1 hidden route · 3 warnings"
        in head
    )
    assert (
        written.index("takes over `voice_url`")
        < written.index("without effect")
        < written.index("**812 numbers**")
    )
    assert written.index("**812 numbers**") < written.index("<details>"), (
        "what is folded comes last"
    )


@pytest.mark.parametrize("count", [1_000, 100_000])
def test_comment_stays_below_the_limit_and_names_omissions(count: int) -> None:
    groups = [
        samples.moved(
            n,
            after=f"https://agents.example.com/{n % 1000}/" + "long/" * 100,
            agent=f"agent-{n % 1000}",
        )
        for n in range(count)
    ]
    warnings = tuple(samples.takeover_warning(n) for n in range(count // 10))
    written = render.render(samples.plan(*groups, diagnostics=warnings), "acme-voice")
    assert len(written.encode()) < GITHUB
    assert re.search(r"[\d,]+ of 1,000 entries of this table are left out here", written)
    assert re.search(r"[\d,]+ more left out here", written)
    assert written.count("<details>") == written.count("</details>")
    page = Rendered(written)
    assert "table" in page.names


@pytest.mark.parametrize(
    "document",
    [samples.large(5_000), samples.drifted(), samples.applied()],
    ids=lambda d: d.command,
)
def test_values_of_any_length_leave_the_comment_small(document: Document) -> None:
    assert len(render.render(document, "x" * 500).encode()) < GITHUB


def test_work_grows_no_faster_than_the_plan() -> None:
    def steps(count: int) -> int:
        """How many calls of functions it takes: the same on every machine."""
        import cProfile
        import pstats

        plan = samples.large(count)
        profile = cProfile.Profile()
        profile.runcall(render.render, plan, "acme-voice")
        return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]

    assert steps(20_000) < 11 * steps(2_000)


def test_drift_shows_author_and_change_and_apply_shows_failures() -> None:
    drift, applied = (
        render.render(d, "acme-voice") for d in (samples.drifted(), samples.applied())
    )
    assert "**40 numbers**" in drift
    assert "by console user US1" in drift
    assert "gone from Twilio" in drift
    assert "`twilio_refused` 21402\\: Url is not a valid URL" in applied
