"""The table of changes: every format shows the same entries, names and values."""

from __future__ import annotations

from html import unescape

import pytest

from reconciler.model.action import Change, RouteChange
from reconciler.model.actor import Actor
from reconciler.planning.decide.drift import Drifted, DriftedField
from reconciler.report.analysis.groups import group_resources
from reconciler.report.html.render import render as render_html
from reconciler.report.markdown.render import render as render_markdown
from reconciler.report.tables.changes import drift_section, plan_entry, plan_sections
from reconciler.report.tables.model import Row, Value
from reconciler.report.text.render import render as render_text
from reconciler.report.text.style import Style
from tests.report import samples

SMS = "https://somebody.example.org/sms"
"""A value of somebody else that the plan overwrites."""


def hidden_route() -> RouteChange:
    """A route that leaves more values without effect than a table lists."""
    webhooks = tuple([f"webhook https://old{index}.example.org" for index in range(5)])
    return RouteChange("nothing", "trunk edge", webhooks)


@pytest.mark.parametrize("render", [render_html, render_markdown, None])
def test_every_format_shows_all_rows_of_an_entry(render: object) -> None:
    takeover = samples.action(
        "number/+15550100101",
        changes=[Change("sms_method", "GET", "POST")],
        takeover=[Change("sms_url", SMS, None), Change("sms_method", "GET", "POST")],
        route=hidden_route(),
        note="a note on the number",
    )
    document = samples.plan(takeover)
    (group,) = group_resources(document)
    entry = plan_entry(group)

    if render is None:
        shown = render_text(document, Style())
    else:
        page = render(document, "office")  # type: ignore[operator]
        # The data of the page's table has the same values; only what stands above it counts.
        shown = unescape(page.partition('id="data"')[0].replace("\\", ""))

    assert [row.meaning for row in entry.rows] == [
        "takeover",
        "loss",
        "calls",
        *["hidden"] * 4,
    ]
    for row in entry.rows:
        assert row.name in shown
        assert row.before.example in shown
    assert "a note on the number" in shown


def test_change_of_url_and_route_is_one_row() -> None:
    (group,) = group_resources(samples.plan(samples.moved(1)))
    assert plan_entry(group).rows == [Row("voice_url", Value(samples.OLD), Value(samples.NEW))]


def test_different_routes_within_a_group_have_separate_rows() -> None:
    befores = [f"https://old{index}.example.org" for index in range(4)]
    document = samples.plan(*(samples.moved(index, before) for index, before in enumerate(befores)))
    (group,) = group_resources(document)
    first, calls = plan_entry(group).rows
    assert str(first.before) == "4 different, such as https://old0.example.org"
    assert calls.meaning == "calls"


def test_a_group_is_declared_at_a_range_of_lines() -> None:
    document = samples.plan(*(samples.moved(index) for index in range(4)))
    (group,) = group_resources(document)
    entry = plan_entry(group)
    assert entry.place == "reconciler.yaml:30–33"
    assert entry.subject == "4 numbers of agent support"
    assert (len(entry.first_addresses), entry.unnamed_count) == (3, 1)


def test_sections_are_in_order_of_urgency_with_counts() -> None:
    document = samples.plan(*samples.taken_over(1), *samples.bought(2), samples.moved(3))
    sections = list(plan_sections(group_resources(document)))
    assert [section.title for section in sections] == [
        "Takes over foreign values",
        "Buys, and so costs money each month",
        "Changes",
    ]
    for section in sections:
        assert section.total == len(list(section.entries)) == 1


def test_a_deleted_resource_has_one_row_with_its_sid() -> None:
    sid = "TK" + "1" * 32
    actor = Actor("US1", "user", "console", "192.0.2.1", "2026-03-01T12:00:00Z")
    gone = Drifted("trunk/edge", "main", sid, (DriftedField("sid", sid, None, actor),))
    (entry,) = drift_section([gone]).entries
    assert entry.rows == [Row("gone from Twilio", Value(sid), meaning="gone")]
    assert entry.actors == "by user US1 in the console from 192.0.2.1 at 2026-03-01T12:00:00Z"
    assert entry.remarks == (entry.actors,)
