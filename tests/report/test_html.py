"""The page: one file that needs nothing else, understood at once, usable by keyboard, deaf to what its values say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from reconciler.report.html import render
from tests.report import every_sample, samples
from tests.report.browser import Page, browser

ROWS = "document.querySelectorAll('tbody tr').length"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("browser")) as page:
        yield page


@pytest.fixture
def show(page: Page, tmp_path: Path) -> Iterator[Any]:
    """Show a document; at the end the page must have asked for nothing and complained of nothing."""
    page.theme("light")

    def shown(document: Any) -> Page:
        file = tmp_path / "report.html"
        file.write_text(render.render(document, "acme-voice"), encoding="utf-8")
        page.open(file)
        return page

    yield shown
    assert page.run("1") == 1
    assert (page.problems, page.requests) == ([], [])


class Elements(HTMLParser):
    """The names of all elements, and all attributes that could load or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.suspects: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.suspects += [
            (n, v) for n, v in attrs if n in ("src", "srcset", "style") or n.startswith("on")
        ]
        self.suspects += [(n, v) for n, v in attrs if n == "href" and not (v or "").startswith("#")]


@pytest.mark.parametrize("name", every_sample.ALL)
def test_page_loads_nothing_external_and_escapes_all_values(name: str) -> None:
    found = Elements()
    found.feed(render.render(every_sample.ALL[name](), "acme-voice"))
    assert found.suspects == []
    assert found.names.count("script") == 2
    assert "img" not in found.names


def test_value_cannot_close_its_data_element() -> None:
    text = render.render(samples.hostile(), samples.HOSTILE)
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert data is not None
    assert samples.HOSTILE in json.dumps(json.loads(data[1]), ensure_ascii=False).replace(
        '\\"', '"'
    )
    assert not set(data[1]) & set("<>&")
    assert samples.HOSTILE not in text


def test_first_screen_shows_the_essentials(show: Any) -> None:
    page = show(samples.reviewed())
    for words in (
        "high risk",
        "2 takeovers of foreign values",
        "3 warnings",
        "pbx.old-vendor.example.net",
        "812 numbers",
    ):
        top = page.run(
            f"[...document.querySelectorAll('h1 span,li,del,h3')].find(e => e.textContent.includes({words!r}))"
            ".getBoundingClientRect().bottom"
        )
        assert top < 900, words


def test_search_filters_rows_and_escape_restores_them(show: Any) -> None:
    page = show(samples.reviewed())
    assert page.run(ROWS) == 200
    page.press("/", "/")
    assert page.run("document.activeElement.id") == "search"
    page.type("pbx.old 0000101")
    assert page.run(ROWS) == 1
    assert page.run("document.getElementById('count').textContent") == "1 of 815 resources"
    assert "number/+15550000101" in page.run("document.querySelector('tbody').textContent")
    page.press("Escape")
    assert page.run("document.getElementById('count').textContent") == "815 of 815 resources"


def test_shows_hidden_rows_on_request(show: Any) -> None:
    page = show(samples.reviewed())
    page.run("document.getElementById('more').click()")
    assert page.run(ROWS) == 400
    assert page.run("document.getElementById('more').textContent") == "Show more (415 left)"


def test_a_kind_is_chosen_and_a_column_sorted_by_keyboard_alone(show: Any) -> None:
    page = show(samples.reviewed())
    assert page.run("document.querySelector('#kinds button').textContent") == "takeover (2)"
    page.run("document.getElementById('search').focus()")
    page.press("Tab")
    page.press("Enter", "\r")
    assert page.run("document.activeElement.getAttribute('aria-pressed')") == "true"
    assert page.run(ROWS) == 2
    for _ in range(3):
        page.press("Tab")
    assert page.run("document.activeElement.textContent") == "Resource"
    first = "document.querySelector('tbody .address').textContent"
    page.press("Enter", "\r")
    assert (page.run(first), page.run("document.querySelector('th').ariaSort")) == (
        "number/+15550000101",
        "ascending",
    )
    page.press("Enter", "\r")
    assert (page.run(first), page.run("document.querySelector('th').ariaSort")) == (
        "number/+15550000102",
        "descending",
    )


def test_box_of_the_graph_links_to_its_rows(show: Any) -> None:
    page = show(samples.reviewed())
    page.run(
        "[...document.querySelectorAll('.node')].find(n => n.textContent.includes('pbx.old')).focus()"
    )
    page.press("Enter", "\r")
    assert page.run("document.getElementById('count').textContent") == "2 of 815 resources"


@pytest.mark.parametrize(("theme", "dark"), [("light", False), ("dark", True)])
def test_both_themes_have_enough_contrast_and_the_button_changes_them(
    show: Any, theme: str, dark: bool
) -> None:
    page = show(samples.reviewed())
    page.theme(theme)
    paper = "getComputedStyle(document.body).backgroundColor"
    assert (page.run(paper) == "rgb(13, 17, 23)") is dark
    for selector in (
        "body",
        ".verdict",
        ".steps",
        "dt.lost",
        "dt.hidden",
        "del",
        "#count",
        "header p",
        "td .name",
    ):
        ratio = page.run(f"({CONTRAST})(document.querySelector({selector!r}))")
        assert ratio >= 4.5, f"{selector} in {theme}: {ratio:.2f}"
    page.run("document.getElementById('theme').click()")
    assert (page.run(paper) == "rgb(13, 17, 23)") is not dark


CONTRAST = """
element => {
  const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (c) => {
    const [r, g, b] = c.map(v => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  let at = element, back;
  do {
    back = numbers(getComputedStyle(at).backgroundColor);
    at = at.parentElement;
  } while (back.length > 3 && back[3] === 0 && at);
  const [a, b] = [light(numbers(getComputedStyle(element).color).slice(0, 3)), light(back.slice(0, 3))];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}
"""


def test_everything_that_can_be_used_has_a_name(show: Any) -> None:
    page = show(samples.reviewed())
    nameless = page.run(
        "[...document.querySelectorAll('button,input,[tabindex]')]"
        ".filter(e => e.offsetParent !== null || e.ownerSVGElement)"
        ".filter(e => !(e.textContent.trim() || e.ariaLabel || e.labels?.length)).map(e => e.outerHTML)"
    )
    assert nameless == []
    assert page.run("document.documentElement.lang") == "en"
    assert page.run("document.querySelectorAll('h1').length") == 1


@pytest.mark.parametrize("name", every_sample.ALL)
def test_every_document_is_a_page_without_complaints(show: Any, name: str) -> None:
    page = show(every_sample.ALL[name]())
    assert page.run("window.alerted") is None
    assert page.run("document.title").endswith(
        {"empty": "nothing to do", "drifted": "drifted", "calm": "no drift", "valid": "valid"}.get(
            name, ""
        )
    )


def test_policy_permits_style_and_script_by_digest_only(show: Any) -> None:
    page = show(samples.reviewed())
    assert page.run("document.querySelectorAll('tbody tr').length") > 0, "the script ran"
    assert page.run("getComputedStyle(document.querySelector('h1')).fontSize") == "20px", (
        "the style is there"
    )
    page.run(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.alerted = 1'}))"
    )
    assert page.run("window.alerted") is None
    assert page.problems, "the browser says that it refused to run it"
    page.problems.clear()
