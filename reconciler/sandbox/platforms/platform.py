"""Build the routes of a platform below its path prefix, with authentication, JSON bodies and
errors; read bearer tokens and numbers of a query.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from reconciler.sandbox.http.messages import Reply
from reconciler.sandbox.http.routing import Call, Refused, Route


@dataclass(slots=True)
class PlatformCall(Call):
    """An authenticated call: its organisation, and the JSON object of its body."""

    organization: str
    body: dict[str, object]

    def text(self, name: str) -> str:
        """Return a field of the body when it is text, else ""."""
        value = self.body.get(name)
        return value if isinstance(value, str) else ""


PlatformHandler = Callable[[PlatformCall], Reply]


@dataclass(frozen=True, slots=True)
class Platform:
    """The common behaviour of a platform's routes.

    `name` is the prefix of its paths. `authenticate` returns the organisation that calls, or raises
    `Refused`. `error` builds an error in the platform's form from a status and a message;
    `malformed` is the status for a body that is not an object. `reads_body` is false for a call
    whose body is not JSON; its handler reads the body itself.
    """

    name: str
    authenticate: Callable[[Call], str]
    error: Callable[[int, str], Reply]
    malformed: int = 400
    reads_body: Callable[[Call], bool] = lambda call: True

    def route(self, method: str, path: str, handler: PlatformHandler) -> Route:
        """Return a route below the prefix."""

        def handle(call: Call) -> Reply:
            organization = self.authenticate(call)
            return handler(
                PlatformCall(
                    call.store, call.request, call.path, organization, self._read_body(call)
                )
            )

        return Route(method, f"/{self.name}{path}", handle)

    def _read_body(self, call: Call) -> dict[str, object]:
        if not self.reads_body(call):
            return {}
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
    """Return the token of an ``Authorization: Bearer`` header, "" without one."""
    scheme, _, token = call.request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def clamp_number(text: str, default: int, *, least: int, most: int) -> int:
    """Return a number of a query, limited to its bounds.

    Text that is not a number gives the default.
    """
    value = int(text) if text.isascii() and text.isdigit() else default
    return min(max(value, least), most)
