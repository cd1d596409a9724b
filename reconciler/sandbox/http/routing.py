"""Map a method and a path to the function of a route (`Router`); define `Call`, its argument, and
`Refused`, the exception that ends it.

Independent of what the functions do.
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
    """A request in execution: the request, the variables of its path, and the store it acts on."""

    store: Store
    request: Request
    path: dict[str, str]


Handler = Callable[[Call], Reply]


class Refused(Exception):
    """The call cannot be executed; `reply` is the error in the form of the called API."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Route:
    """A method, a path with ``{variables}``, and a function.

    A variable matches one segment of the path, or the beginning of one.
    """

    method: str
    pattern: str
    handler: Handler


@dataclass(frozen=True, slots=True)
class Match:
    """Result of a search for a path: its variables, and the function for the method.

    The function is None when the path exists with other methods only.
    """

    path: dict[str, str]
    handler: Handler | None


class Router:
    """Finds routes by their number of segments.

    Of several matching patterns the one with the fewest variables wins.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._by_length: dict[int, list[tuple[re.Pattern[str], dict[str, Handler]]]] = {}
        handlers: dict[str, dict[str, Handler]] = {}
        for route in routes:
            handlers.setdefault(route.pattern, {})[route.method] = route.handler
        for pattern in sorted(handlers, key=lambda pattern: pattern.count("{")):
            self._by_length.setdefault(pattern.count("/"), []).append(
                (_compile(pattern), handlers[pattern])
            )

    def find(self, method: str, path: str) -> Match | None:
        """Return the match of a path, None when no pattern fits."""
        for pattern, handlers in self._by_length.get(path.count("/"), ()):
            found = pattern.fullmatch(path)
            if found:
                variables = {name: unquote(value) for name, value in found.groupdict().items()}
                return Match(variables, handlers.get(method))
        return None


def _compile(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a pattern; ``{name}`` becomes a group of that name."""
    expression = ""
    for place, part in enumerate(re.split(r"\{(\w+)\}", pattern)):
        is_variable = place % 2
        expression += f"(?P<{part}>[^/]+)" if is_variable else re.escape(part)
    return re.compile(expression)
