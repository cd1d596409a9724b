"""Reports on fleets: short, those that need attention first, bounded, and honest about what is left out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from reconciler.report.analysis.risks import level_of
from reconciler.report.documents.fleet import (
    FleetChange,
    FleetDocument,
    StackOutcome,
    find_share,
    fleet_document,
)
from reconciler.report.formats import junit
from reconciler.report.html import render as html
from reconciler.report.markdown import render as markdown
from reconciler.report.text.fleet import sort_by_urgency
from reconciler.report.text.render import render as text
from reconciler.report.text.style import Style
from reconciler.report.width import cell_width
from tests.report import fleet_samples
from tests.report.browser import Page, browser

COMMENT, SUMMARY = 65_536, 1 << 20
"""GitHub's limits, in characters and in bytes."""


@pytest.fixture(scope="module")
def fleet() -> FleetDocument:
    return fleet_samples.fleet()


@pytest.fixture(scope="module")
def largest() -> FleetDocument:
    return fleet_samples.largest()


def data_of(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_text_is_short_and_begins_with_what_needs_attention(fleet: FleetDocument) -> None:
    lines = text(fleet, Style()).splitlines()
    assert len(lines) < 110
    outcomes = [line.split()[1] for line in lines[1:] if re.match(r"(customer|acme)-", line)]
    assert outcomes[:3] == ["applied", "failed", "failed"]
    assert outcomes.index("changes") == 20
    assert "(the same error)" in lines[6]
    risky = next(line for line in lines if line.startswith("acme-voice"))
    assert "1 takeover, apply would refuse: takeover_refused" in risky
    assert "50 more: changes; -v lists them." in lines
    assert "875 more: done; -v lists them." in lines
    assert "-v shows each error in full." in lines
    assert "Twilio answered 401" not in "".join(lines)
    assert lines[-1].startswith("1,000 stacks: 1 applied in part, 12 failed")

    whole = text(fleet, Style(whole=True))
    assert all(stack.name in whole for stack in fleet.stacks)
    assert "more" not in whole
    assert whole.count("Twilio answered 401") == 12


def test_text_fits_a_terminal(fleet: FleetDocument) -> None:
    lines = text(fleet, Style(width=60)).splitlines()
    rows = [line for line in lines if re.match(r"(customer|acme)-| {4}", line)]
    assert len(rows) > 50
    assert max(map(cell_width, rows)) <= 60


@pytest.mark.parametrize("make", [fleet_samples.fleet, fleet_samples.largest])
def test_markdown_is_below_the_limits_and_counts_what_it_leaves_out(make: Any) -> None:
    document = make()
    page = markdown.render(document, "resale")
    assert len(page) < COMMENT
    assert len(page.encode()) < SUMMARY

    # Every stack is in a table or a fold, or counted as left out.
    names = {stack.name for stack in document.stacks}
    titles = re.findall(r"<summary>((?:customer|acme)-\w+)", page)
    rows = re.findall(r"^\| `((?:customer|acme)-\w+)` ", page, re.MULTILINE)
    left_out = [
        int(number.replace(",", ""))
        for number in re.findall(r"^([\d,]+) of [\d,]+ (?:entries|stacks)", page, re.MULTILINE)
    ]
    assert len(set(titles) | set(rows)) + sum(left_out) == len(names)
    assert left_out


def test_markdown_shows_the_plan_of_a_stack(fleet: FleetDocument) -> None:
    page = markdown.render(fleet, "resale")
    [plan] = re.findall(r"<summary>acme-voice.*?</details>", page, re.DOTALL)
    assert "takes over `voice_url`: `https://pbx.old-vendor.example.net/in`" in plan
    [long] = re.findall(r"<summary>customer-0003.*?</details>", page, re.DOTALL)
    assert "990 more actions." in long
    assert "| **12 stacks**<br>" in page


def test_the_title_of_a_fold_is_plain_text() -> None:
    """Markdown reads nothing in it, and HTML everything."""
    page = markdown.render(fleet_samples.hostile_fleet(), "resale")
    [title] = [line for line in page.splitlines() if line.startswith("<summary>a")]
    inner = title.removeprefix("<summary>").removesuffix("</summary>")
    assert not set(inner) & set("<>")
    assert "&lt;script&gt;" in inner
    assert "@everyone" not in inner


def test_html_has_every_stack_with_its_plan(fleet: FleetDocument) -> None:
    page = html.render(fleet, "resale")
    assert len(page) < 1 << 20
    data = data_of(page)
    assert len(data["stacks"]) == 1000
    assert data["outcomes"][0] == "applied in part"
    stacks = {stack[0]: stack for stack in data["stacks"]}
    risky = stacks["acme-voice"][6][0]
    assert risky[3] == [["voice_url", "https://pbx.old-vendor.example.net/in", "–", True]]
    assert stacks["customer-0007"][5][0][0] == "invalid_credentials"
    assert "<b>12 stacks</b>: Twilio refused the credentials" in page
    assert 'data-search="invalid_credentials"' in page


def test_html_is_bounded_and_counts_what_it_leaves_out(largest: FleetDocument) -> None:
    page = html.render(largest, "resale")
    assert len(page) < 6 << 20
    data = data_of(page)
    assert len(data["stacks"]) == 1000
    present = sum(len(stack[5]) + len(stack[6]) for stack in data["stacks"])
    total = 1000 * 1000 + 500 * 20
    assert f"leaves out {total - present:,} actions and errors" in page
    assert sum(stack[7] for stack in data["stacks"]) == total - present


def test_a_document_has_a_bounded_number_of_items(largest: FleetDocument) -> None:
    assert sum(len(stack.items) for stack in largest.stacks) <= 50_000
    assert {len(stack.items) + stack.left_out for stack in largest.stacks} == {1000}


@pytest.mark.parametrize(
    ("sizes", "most", "expected"),
    [([200] * 10, 2000, 200), ([200] * 11, 2000, 100), ([3, 500], 203, 200), ([1] * 9, 5, 0)],
)
def test_each_stack_gets_a_fair_share(sizes: list[int], most: int, expected: int) -> None:
    assert find_share([[1] * size for size in sizes], most) == expected


def test_long_values_take_no_more_room_than_short_ones() -> None:
    long = "é<" * 400
    change = FleetChange(field=long, before=long, after=long)
    items = [fleet_samples.item(1, address=long, changes=[change] * 10)] * 200
    error = fleet_samples.stack("x", "failed").diagnostics[0]
    errors = [msgspec.structs.replace(error, code=long, summary=long, detail=long * 9)] * 20
    stacks = []
    for number in range(300):
        outcome: StackOutcome = "failed" if number % 2 else "changes"
        stacks.append(
            fleet_samples.stack(f"{number}{long}", outcome, items=items, diagnostics=errors)
        )
    document = fleet_document("fleet plan", stacks, [], 1.0)
    assert len(html.render(document, "resale")) < 40 << 20
    assert len(markdown.render(document, "resale")) < COMMENT


def test_plans_that_an_apply_would_refuse_come_before_other_plans(fleet: FleetDocument) -> None:
    changed = [each.name for each in sort_by_urgency(fleet.stacks) if each.outcome == "changes"]
    assert changed[0] == "acme-voice"


def test_the_level_is_that_of_the_plans() -> None:
    calm = fleet_samples.planned("a", 0, 3)
    for command, stack, expected in (
        ("fleet plan", calm, "low"),
        ("fleet drift", calm, "high"),
        ("fleet plan", fleet_samples.planned("a", 0, 3, takeovers=1), "high"),
        ("fleet plan", fleet_samples.planned("a", 0, 3, would_refuse=["x"]), "high"),
        ("fleet plan", fleet_samples.stack("a", "done"), "none"),
        ("fleet plan", fleet_samples.stack("a", "not_started"), "blocked"),
        ("fleet plan", fleet_samples.stack("a", "waiting"), "low"),
    ):
        assert level_of(fleet_document(command, [stack], [], 1.0)) == expected, (command, stack)


def test_a_run_in_a_queue_has_not_ended_well_before_its_end() -> None:
    stacks = [fleet_samples.stack("a", "done"), fleet_samples.stack("b", "waiting")]
    document = fleet_document("fleet plan", stacks, [], 1.0)
    assert ": not ended yet" in markdown.render(document, "resale")
    assert 'failures="0" errors="0" skipped="1"' in junit.render(document, "resale")


def test_junit_has_a_case_for_each_stack(fleet: FleetDocument) -> None:
    report = junit.render(fleet, "resale")
    assert 'tests="1000" failures="20" errors="0" skipped="5"' in report


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, fleet: FleetDocument) -> Iterator[Page]:
    file = tmp_path_factory.mktemp("report") / "fleet.html"
    file.write_text(html.render(fleet, "resale"), encoding="utf-8")
    with browser(tmp_path_factory.mktemp("browser")) as page:
        page.open(file)
        yield page
        assert (page.problems, page.requests) == ([], [])


def rows(page: Page) -> list[str]:
    found = page.run("[...document.querySelectorAll('button.stack')].map(e => e.textContent)")
    assert isinstance(found, list)
    return found


def search(page: Page, words: str) -> str:
    """Search, and return the count."""
    page.run("document.getElementById('search').focus()")
    page.press("Escape")
    page.type(words)
    return str(page.run("document.getElementById('count').textContent"))


def details(page: Page) -> str:
    return str(page.run("[...document.querySelectorAll('.details')].map(e => e.innerText).join()"))


def test_a_search_finds_names_addresses_and_codes(page: Page) -> None:
    assert search(page, "") == "1,000 of 1,000 stacks"
    assert len(rows(page)) == 100
    assert details(page) == ""

    assert search(page, "CUSTOMER-011") == "10 of 1,000 stacks"
    assert search(page, "+15550113001") == "1 of 1,000 stacks"
    assert rows(page) == ["customer-0113"]
    assert "https://agents.example.com/v2/voice?customer=113001" in details(page)
    assert "113002" not in details(page), "what does not match is behind a button"
    page.run("document.querySelector('.details button').click()")
    assert "113002" in details(page)

    assert search(page, "invalid_credentials") == "12 of 1,000 stacks"
    assert search(page, "customer-0007 twilio 401") == "1 of 1,000 stacks"
    assert search(page, "customer-0057 yaml_syntax") == "0 of 1,000 stacks"


def test_outcomes_are_a_filter_and_a_stack_opens_by_keyboard(page: Page) -> None:
    search(page, "")
    first = page.run("document.querySelector('#kinds button').textContent")
    assert first == "applied in part (1)"
    page.run(
        "[...document.querySelectorAll('#kinds button')].find(b => b.textContent.startsWith('changes')).click()"
    )
    assert page.run("document.getElementById('count').textContent") == "100 of 1,000 stacks"
    assert rows(page)[0] == "acme-voice"

    page.run("document.querySelector('button.stack').focus()")
    page.press("Enter", "\r")
    assert "takes over voice_url: https://pbx.old-vendor.example.net/in" in details(page)
    assert page.run("document.activeElement.ariaExpanded") == "true", "the focus stays"
    page.press("Enter", "\r")
    assert details(page) == ""
    page.run("document.querySelector('#kinds button[aria-pressed=true]').click()")


def test_a_cause_leads_to_its_stacks(page: Page) -> None:
    page.run("document.querySelector('.cause').click()")
    assert page.run("document.getElementById('count').textContent") == "12 of 1,000 stacks"
    search(page, "")
