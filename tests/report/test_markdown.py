"""The comment: small however large the plan, understood at once, and no value in it is anything but text."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

import cmarkgfm
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.diagnostics import Diagnostic
from reconciler.model.action import Change, RouteChange
from reconciler.planning.decide.drift import Drifted, DriftedField
from reconciler.report.documents.types import (
    ApplyDocument,
    Document,
    DriftDocument,
    OutcomeError,
)
from reconciler.report.markdown import render
from reconciler.report.markdown.escape import code, head, row, text
from reconciler.report.wording import printable
from tests.report import every_sample, samples

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


@pytest.mark.parametrize("name", every_sample.ALL)
def test_no_value_becomes_html_a_link_or_a_mention(name: str) -> None:
    page = rendered(every_sample.ALL[name]())
    own = {"h3", "h4", "p", "strong", "code", "br", "details", "summary", "ul", "li"}
    assert set(page.names) <= own | {"table", "thead", "tbody", "tr", "th", "td"}
    written = render.render(every_sample.ALL[name](), "acme-voice")
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


LONG = "https://agents.example.com/" + "/".join(["customers-in-europe"] * 20)
PIXELS = {"code": 7.2, "text": 7.5, "padding of code": 10, "padding of a cell": 27}
"""Widths in a comment on GitHub: a character of each font, and what surrounds it."""


def min_width(table: str) -> float:
    """The width below which a table on GitHub scrolls: no line is broken inside a word."""
    widths: list[float] = []
    for line in table.split("<tr>")[1:]:
        cells = [cell.split(">", 1)[1] for cell in re.split("<t[dh]", line)[1:]]
        for place, cell in enumerate(cells):
            widths += [0.0] * (place + 1 - len(widths))
            for part in re.findall(r"<code>(.*?)</code>", cell, re.DOTALL):
                found = len(unescape(part)) * PIXELS["code"] + PIXELS["padding of code"]
                widths[place] = max(widths[place], found)
            plain = re.sub(r"<code>.*?</code>|<[^>]+>|\u200b", " ", cell, flags=re.DOTALL)
            longest = max(map(len, unescape(plain).split()), default=0)
            widths[place] = max(widths[place], longest * PIXELS["text"])
    return sum(widths) + len(widths) * PIXELS["padding of a cell"]


def long_values() -> list[Document]:
    """Documents whose values, addresses, notes and files are long."""
    address = "origination_url/edge/sip:sbc1.customers-in-europe.example.com:5061;transport=tls"
    file = "environments/production/europe/numbers-of-customers.yaml"
    fields = (DriftedField("voice_url", LONG + "/old", LONG + "/new"),)
    drifted = [
        Drifted(address, "main", "OU1", fields, f"user {LONG} at 12:00", file=file, line=3),
        Drifted(address + "2", "main", "OU2", (DriftedField("sid", "OU" + "2" * 32, None),)),
    ]
    drift = DriftDocument(command="drift", summary={}, drifted=drifted, pending=0, unmanaged=0)

    hidden = RouteChange(f"webhook {LONG}", f"trunk {LONG}", (f"webhook {LONG}",))
    changed = [
        samples.action(
            f"{address}{n}",
            changes=[Change("voice_url", LONG + "/old", LONG + f"/new/{n}")],
            takeover=[Change("sms_url", LONG, None)],
            route=hidden,
            file=file,
            note=LONG,
        )
        for n in range(4)
    ]
    failed = samples.outcome(1, "failed", OutcomeError("twilio_refused", f"no host at {LONG}"))
    applied = ApplyDocument(
        command="apply", summary={}, outcomes=[failed], success_count=0, failed_count=1, errors=[]
    )
    return [drift, samples.plan(*changed), samples.plan(*changed[:2]), applied]


@pytest.mark.parametrize(
    "document", [*long_values(), *[make() for make in every_sample.ALL.values()]]
)
def test_no_table_is_wider_than_a_comment(document: Document) -> None:
    html = cmarkgfm.github_flavored_markdown_to_html(
        render.render(document, "acme-voice"), cmarkgfm.cmark.Options.CMARK_OPT_UNSAFE
    )
    for table in html.split("<table>")[1:]:
        assert min_width(table.partition("</table>")[0]) <= 760


def test_two_values_that_differ_in_their_middle_look_different() -> None:
    middle = [LONG + f"/{name}/" + "tail/" * 40 for name in ("recorded", "live")]
    fields = (DriftedField("voice_url", *middle),)
    drifted = [Drifted("number/+15550100101", "main", "PN1", fields)]
    written = render.render(
        DriftDocument(command="drift", summary={}, drifted=drifted, pending=0, unmanaged=0), "acme"
    )
    shown = re.sub("`<br>`", "", written)
    assert "/recorded/" in shown
    assert "/live/" in shown


def test_drift_shows_author_and_change_and_apply_shows_failures() -> None:
    drift, applied = (
        render.render(d, "acme-voice") for d in (samples.drifted(), samples.applied())
    )
    assert "**40 numbers**" in drift
    assert "by user US1 in the console" in drift
    assert "gone from Twilio" in drift
    assert "`twilio_refused` 21402\\: Url is not a valid URL" in applied


HEADS: dict[str, tuple[Document, str]] = {
    "nothing to do": (samples.plan(), "### ⚪ `reconciler plan` `acme-voice`: nothing to do"),
    "a low risk": (
        samples.plan(samples.action("number/+15550100101", "rename")),
        "### 🟢 `reconciler plan` `acme-voice`: low risk",
    ),
    "a medium risk": (
        samples.plan(samples.moved(1)),
        "### 🟡 `reconciler plan` `acme-voice`: medium risk",
    ),
    "a high risk": (
        samples.plan(*samples.taken_over(1)),
        "### 🔴 `reconciler plan` `acme-voice`: high risk",
    ),
    "an error": (
        samples.plan(
            samples.moved(1), diagnostics=(Diagnostic(code="a", summary="A", detail="B."),)
        ),
        "### ⛔ `reconciler plan` `acme-voice`: blocked",
    ),
    "drift": (samples.drifted(), "### 🔴 `reconciler drift` `acme-voice`: drifted"),
    "no drift": (samples.calm(), "### ⚪ `reconciler drift` `acme-voice`: no drift"),
    "failures": (samples.applied(), "### ⛔ `reconciler apply` `acme-voice`: failed in part"),
    "a failed command": (samples.failed(), "### ⛔ `reconciler plan` `acme-voice`: failed"),
}


@pytest.mark.parametrize("case", HEADS)
def test_title_shows_the_risk_level(case: str) -> None:
    document, title = HEADS[case]
    assert render.render(document, "acme-voice").splitlines()[1] == title


def test_plan_of_low_risk_shows_its_changes_without_a_warning() -> None:
    written = render.render(
        samples.plan(
            samples.action(
                "number/+15550100101",
                "rename",
                changes=[Change("friendly_name", "Old", "New")],
            )
        ),
        "acme-voice",
    )
    page = Rendered(written)
    assert "Plan: 1 action on 1 resource: 1 rename." in "".join(page.seen)
    assert any("friendly_name" in cell and "New" in cell for cell in page.cells)
    for word in ("takeover", "elsewhere", "nothing", "without effect", "error"):
        assert word not in written
