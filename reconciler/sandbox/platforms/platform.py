"""A platform on the sandbox's port: below its prefix every call is let in or turned away, and errors sound like it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from reconciler.sandbox.http.messages import Reply
from reconciler.sandbox.http.routing import Call, Refused, Route


@dataclass(slots=True)
class PlatformCall(Call):
    """A call that has been let in: for which organisation, and the object that its body holds."""

    organization: str
    body: dict[str, object]

    def text(self, name: str) -> str:
        """A field of the body when it is text, else ""."""
        value = self.body.get(name)
        return value if isinstance(value, str) else ""


PlatformHandler = Callable[[PlatformCall], Reply]


@dataclass(frozen=True, slots=True)
class Platform:
    """`name` is the prefix of its paths; `let_in` gives the organisation that calls, or raises `Refused`.

    `error` words a status and a sentence in the platform's manner; `malformed` is the status of a body that is no
    object.
    """

    name: str
    let_in: Callable[[Call], str]
    error: Callable[[int, str], Reply]
    malformed: int = 400

    def route(self, method: str, path: str, handler: PlatformHandler) -> Route:
        """A route below the prefix."""

        def handle(call: Call) -> Reply:
            organization = self.let_in(call)
            return handler(
                PlatformCall(call.store, call.request, call.path, organization, self._body(call))
            )

        return Route(method, f"/{self.name}{path}", handle)

    def _body(self, call: Call) -> dict[str, object]:
        try:
            value = call.request.json()
        except msgspec.DecodeError:
            value = ...
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise Refused(self.error(self.malformed, "The body must be a JSON object."))
        return value


def bearer_token(call: Call) -> str:
    """The token of an ``Authorization: Bearer`` header, "" without one."""
    scheme, _, token = call.request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def clamp_number(text: str, default: int, *, least: int, most: int) -> int:
    """A number of a query, brought between its bounds; the default for what is no number."""
    value = int(text) if text.isascii() and text.isdigit() else default
    return min(max(value, least), most)
