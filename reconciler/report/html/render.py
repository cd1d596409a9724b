"""Render a document as one HTML file without any dependency: no server, network, font or framework.

The head and the groups are plain HTML; a script fills the table from data in the page. A content
security policy allows exactly this script and this style, so that a mistake in escaping could not
run code.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from itertools import islice

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.report.analysis.groups import Group, group_resources
from reconciler.report.analysis.risks import Finding, list_own_findings
from reconciler.report.documents.fleet import FleetDocument
from reconciler.report.documents.types import Document, PlanDocument
from reconciler.report.html.call_diagram import draw_calls
from reconciler.report.html.fleet import TABLE, FleetRows, causes, fleet_rows, left_out_sentence
from reconciler.report.html.rows import KINDS, Rows, rows_of
from reconciler.report.tables.changes import plan_sections
from reconciler.report.tables.model import Entry, Row
from reconciler.report.text.overview import Overview, build_overview
from reconciler.report.wording import count, key_of, place_of, printable

_MOST = 100
"""Up to this many groups and problems are shown above the table, which has all resources."""


def render(document: Document, project: str) -> str:
    """Render a document as an HTML page."""
    found = build_overview(document, project)
    is_fleet = isinstance(document, FleetDocument)
    rows = fleet_rows(document) if isinstance(document, FleetDocument) else rows_of(document)

    # The policy holds the digests of exactly these two texts.
    style = _asset("page.css")
    script = _asset("theme.js") + _asset("fleet.js" if is_fleet else "page.js")
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(style, script)}">\n',
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
        '<meta name="color-scheme" content="light dark">\n',
        f"<title>{_e(f'{found.command} {project}: {found.verdict}')}</title>\n",
        f"<style>{style}</style>\n</head>\n<body>\n",
        *_body(document, found, rows),
        f'<script type="application/json" id="data">{_data(rows)}</script>\n',
        f"<script>{script}</script>\n</body>\n</html>\n",
    ]
    return "".join(parts)


def _body(document: Document, found: Overview, rows: Rows | FleetRows) -> Iterator[str]:
    yield '<a class="skip" href="#search">To the table</a>\n'
    yield f'<header class="{found.level}">\n<h1><span class="verdict">{_e(found.verdict)}</span> '
    yield f"reconciler {_e(found.command)} <b>{_e(found.project)}</b></h1>\n"
    yield '<button id="theme" type="button">Light or dark</button>\n'
    facts = "".join([f"<li>{_e(fact)}</li>" for fact in found.facts])
    yield f"<ul class=facts>{facts}</ul>\n"
    yield f"<p>{_e(found.headline)} {_e(found.aside)}</p>\n</header>\n<main>\n"
    yield from _problems(document.diagnostics)
    if isinstance(rows, FleetRows):
        assert isinstance(document, FleetDocument)
        yield from _fleet(document, rows)
    else:
        yield from _resources(document, rows)
    yield "</main>\n"


def _fleet(document: FleetDocument, rows: FleetRows) -> Iterator[str]:
    """Yield the causes of failures and the table of stacks."""
    yield from causes(document)
    left_out = left_out_sentence(document, rows)
    if left_out:
        yield f"<p class=note>{_e(left_out)}</p>\n"
    yield TABLE


def _resources(document: Document, rows: Rows) -> Iterator[str]:
    """Yield the changes in groups, whom calls reach, and the table of resources."""
    groups = group_resources(document) if isinstance(document, PlanDocument) else []
    yield from _groups(groups)
    if not groups:
        yield from _findings(list_own_findings(document))

    picture = draw_calls(groups)
    if picture:
        yield f"<section><h2>Whom calls reach</h2>\n<div class=scroll>{picture}</div></section>\n"
    if rows.rows:
        yield _TABLE


_TABLE = """<section><h2 id="table">Every resource</h2>
<div class="tools"><label>Search <input id="search" type="search" autocomplete="off"></label>
<span class="hint">press <kbd>/</kbd></span>
<div id="kinds" role="group" aria-label="Show only"></div><output id="count" aria-live="polite"></output></div>
<div class="scroll"><table><thead><tr></tr></thead><tbody></tbody></table></div>
<button id="more" type="button" hidden>Show more</button>
<noscript><p>The table needs JavaScript; the part above does not.</p></noscript></section>
"""


def _problems(diagnostics: Sequence[Diagnostic]) -> Iterator[str]:
    if not diagnostics:
        return

    errors = len([d for d in diagnostics if d.severity == "error"])
    others = len(diagnostics) - errors
    titles: list[str] = []
    if errors:
        titles.append(count(errors, "error"))
    if others:
        titles.append(count(others, "warning"))
    title = ", ".join(titles)
    yield f"<section><details{' open' if errors else ''}><summary><h2>{title}</h2></summary>\n<ul class=problems>"

    # Errors first.
    ordered = sorted(diagnostics, key=lambda d: d.severity != "error")
    for d in ordered[:_MOST]:
        place = place_of(d)
        detail = "<br>".join(map(_e, d.detail.splitlines()))
        yield f'<li class="{d.severity}"><b>{d.severity} {_e(d.code)}</b> {_e(d.summary)}'
        yield f" <code>{_e(place)}</code>" if place else ""
        yield f"<p>{detail}</p></li>\n"
    if len(ordered) > _MOST:
        yield f"<li>{len(ordered) - _MOST:,} more are left out here; <code>--format json</code> has all.</li>"
    yield "</ul></details></section>\n"


def _findings(found: Iterator[Finding]) -> Iterator[str]:
    items: list[str] = []
    for each in islice(found, _MOST):
        summary, message = _e(each.summary), _e(each.message)
        items.append(f'<li class="{each.severity}"><b>{summary}</b> {message}</li>\n')
    if items:
        yield f"<section><h2>What to look at</h2>\n<ul class=problems>{''.join(items)}</ul></section>\n"


def _groups(groups: Sequence[Group]) -> Iterator[str]:
    shown = groups[:_MOST]
    kinds = iter([KINDS[group.first.urgency].replace(" ", "-") for group in shown])
    for section in plan_sections(shown):
        yield f"<section><h2>{section.title}</h2>\n"
        for entry in section.entries:
            yield from _entry(entry, next(kinds))
        yield "</section>"

    rest = len(groups) - len(shown)
    if rest:
        yield f"<p>{rest:,} more groups are left out here; the table below has every resource.</p>"
    yield "\n" if groups else ""


def _entry(entry: Entry, kind: str) -> Iterator[str]:
    yield f'<article class="{kind}"><h3>{_e(entry.subject)}</h3>'
    yield f"<p class=steps>{_e(entry.action)}"
    if entry.place and not entry.is_group:
        yield f" <code>{_e(entry.place)}</code>"
    yield "</p>"

    yield f"<dl>{''.join(map(_row, entry.rows))}</dl>"
    for note in entry.remarks:
        yield f"<p class=note>{_e(note)}</p>"

    if entry.is_group:
        names = ", ".join([_e(key_of(address)) for address in entry.first_addresses])
        rest = f" and {entry.unnamed_count:,} more" if entry.unnamed_count else ""
        yield f"<p class=note>{names}{rest}</p>"
    yield "</article>\n"


_CLASSES = {"takeover": "lost", "loss": "lost", "calls": "calls", "hidden": "hidden"}
"""Meaning of a row → its class in the style sheet."""


def _row(row: Row) -> str:
    name = _e(f"takes over {row.name}" if row.meaning in ("takeover", "loss") else row.name)
    term = f'<dt class="{_CLASSES.get(row.meaning, "")}">{name}</dt>'
    if row.meaning == "hidden":
        return f"{term}<dd>{_e(str(row.before))}</dd>"

    arrow = "<span class=arrow>→</span>"
    return (
        f"{term}<dd><del>{_e(str(row.before))}</del> {arrow} <ins>{_e(str(row.after))}</ins></dd>"
    )


def _e(raw: str) -> str:
    return escape(printable(raw))


def _data(rows: Rows | FleetRows) -> str:
    """Return the rows as JSON that cannot end its script element."""
    written = msgspec.json.encode(rows).decode()
    return written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(style: str, script: str) -> str:
    allowed = f"style-src {_digest(style)}; script-src {_digest(script)}"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _asset(name: str) -> str:
    return files("reconciler.report").joinpath("page", name).read_text(encoding="utf-8")
