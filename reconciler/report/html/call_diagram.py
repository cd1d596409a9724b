"""Draw the call routes that a plan changes as SVG, of at most 24 groups: numbers → agent → route →
host, before (dashed) and after.

Every node has a label in words for screen readers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import pairwise
from urllib.parse import urlsplit

import msgspec

from reconciler.report.analysis.groups import Group
from reconciler.report.truncate import shorten
from reconciler.report.wording import count, key_of, kind_of, printable

_COLUMNS = ("Numbers", "Agent", "Route", "Host")
_WIDTH, _GAP, _HEIGHT, _STEP, _TOP = 230, 60, 34, 46, 30
_MOST = 24
"""Up to this many groups are drawn; a drawing of more is unreadable."""


class Node(msgspec.Struct, frozen=True):
    """A box: its column, its label, and the search text when it is clicked."""

    column: int
    label: str
    search: str = ""


class Edge(msgspec.Struct, frozen=True):
    """A line between two boxes; `meaning` is how it is drawn."""

    start: Node
    end: Node
    meaning: str


def draw_calls(groups: Sequence[Group]) -> str:
    """Return the SVG; empty when no route changes."""
    routed = [group for group in groups if group.first.route is not None]
    edges: dict[Edge, None] = {}
    for group in routed[:_MOST]:
        edges.update(dict.fromkeys(_edges(group)))
    if not edges:
        return ""

    places = _places(edges)
    fullest = max(Counter([node.column for node in places]).values())
    height = _TOP + _STEP * fullest
    width = len(_COLUMNS) * (_WIDTH + _GAP) - _GAP

    # Boxes come last, so that they cover the ends of the lines.
    body = [*_titles()]
    for edge in edges:
        body.append(_line(edge, places))
    for node, at in places.items():
        body.append(_box(node, at))

    said = "Call routes: numbers, their agent, the route and the host; dashed lines show the former route"
    left_out = len(routed) - min(len(routed), _MOST)
    more = f"<p>{left_out:,} more groups are not drawn; the table has them.</p>" if left_out else ""
    box = f'viewBox="0 0 {width} {height}" role="group" aria-label="{said}" class="paths"'
    return f"<svg {box}>{''.join(body)}</svg>{more}"


def _edges(group: Group) -> Iterator[Edge]:
    before, after = group.routes
    first = group.first
    if len(group.resources) > 1:
        names = count(len(group.resources), kind_of(first.address))
        start = Node(0, names, first.agent or "")
    else:
        start = Node(0, key_of(first.address), key_of(first.address))

    agent = Node(1, group.first.agent or "no agent", group.first.agent or "")
    yield from _chain([start, *_route_nodes(before)], "before")
    yield from _chain(
        [start, agent, *_route_nodes(after)], "lost" if after == ["nothing"] else "after"
    )


def _route_nodes(routes: Sequence[str]) -> list[Node]:
    """Return the node of a route and, if it is a URL, the node of its host."""
    if len(routes) > 1:
        return [Node(2, f"{len(routes):,} different routes")]
    route = routes[0]
    words, _, url = route.partition(" ")
    host = _host(url) if words in ("webhook", "fallback") else ""
    nodes = [Node(2, route, url or route)]
    return [*nodes, Node(3, host, host)] if host else nodes


def _chain(nodes: Sequence[Node], meaning: str) -> Iterator[Edge]:
    for start, end in pairwise(nodes):
        yield Edge(start, end, meaning)


def _host(url: str) -> str:
    try:
        return urlsplit(url.partition(" ")[0]).hostname or ""
    except ValueError:  # a live value need not be a URL
        return ""


def _places(edges: Iterable[Edge]) -> dict[Node, tuple[int, int]]:
    """Return the position of each box: in its column, in the order of the edges."""
    filled = [0] * len(_COLUMNS)
    places: dict[Node, tuple[int, int]] = {}
    for edge in edges:
        for node in (edge.start, edge.end):
            if node not in places:
                places[node] = (node.column * (_WIDTH + _GAP), _TOP + filled[node.column] * _STEP)
                filled[node.column] += 1
    return places


def _titles() -> Iterator[str]:
    for column, title in enumerate(_COLUMNS):
        yield f'<text class="title" x="{column * (_WIDTH + _GAP)}" y="16">{title}</text>'


def _line(edge: Edge, places: dict[Node, tuple[int, int]]) -> str:
    (x, y), (to_x, to_y) = places[edge.start], places[edge.end]
    x, y, to_y = x + _WIDTH, y + _HEIGHT // 2, to_y + _HEIGHT // 2
    bend = (to_x - x) // 2
    return f'<path class="{edge.meaning}" d="M{x} {y} C{x + bend} {y} {to_x - bend} {to_y} {to_x} {to_y}"/>'


def _box(node: Node, at: tuple[int, int]) -> str:
    x, y = at
    label, search = escape(printable(node.label)), escape(printable(node.search))
    shown = escape(shorten(printable(node.label), 28))
    silent = " lost" if node.label == "nothing" else ""
    said = f'data-search="{search}" aria-label="Show {label} in the table"'
    return (
        f'<g class="node{silent}" tabindex="0" role="button" {said}>'
        f'<title>{label}</title><rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>'
        f'<text x="{x + 10}" y="{y + 22}">{shown}</text></g>'
    )
