"""Which function answers which path: routes are written out per resource, a `Router` finds the one that matches.

Knows nothing of what the functions do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from reconciler.sandbox.http.messages import Reply, Request
from reconciler.sandbox.store import Store


@dataclass(slots=True)
class Call:
    """A request on its way: what the client sent, the variables of its path, and the world it acts on."""

    store: Store
    request: Request
    path: dict[str, str]


Handler = Callable[[Call], Reply]


class Refused(Exception):
    """The call cannot be carried out; `reply` says why, in the manner of whoever is asked."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Route:
    """A method, a path with ``{variables}`` that stand for one segment or the beginning of one, and a function."""

    method: str
    pattern: str
    handler: Handler


@dataclass(frozen=True, slots=True)
class Match:
    """What a path leads to: variables, and the function for the method, None when the path knows other methods only."""

    path: dict[str, str]
    handler: Handler | None


class Router:
    """Finds routes by number of segments first; of several patterns the one with the fewest variables wins."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._by_length: dict[int, list[tuple[re.Pattern[str], dict[str, Handler]]]] = {}
        handlers: dict[str, dict[str, Handler]] = {}
        for route in routes:
            handlers.setdefault(route.pattern, {})[route.method] = route.handler
        for pattern in sorted(handlers, key=lambda pattern: pattern.count("{")):
            self._by_length.setdefault(pattern.count("/"), []).append(
                (_compiled(pattern), handlers[pattern])
            )

    def find(self, method: str, path: str) -> Match | None:
        """The match of a path, None when no pattern fits."""
        for pattern, handlers in self._by_length.get(path.count("/"), ()):
            found = pattern.fullmatch(path)
            if found:
                variables = {name: unquote(value) for name, value in found.groupdict().items()}
                return Match(variables, handlers.get(method))
        return None


def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", pattern)
    return re.compile(
        "".join(f"(?P<{part}>[^/]+)" if i % 2 else re.escape(part) for i, part in enumerate(parts))
    )
