"""Answer the sandbox's own endpoints under ``/_sandbox``: JSON, without credentials.

Faults do not apply to them, and the call log does not record them.

| endpoint                  | effect                                                             |
|---------------------------|--------------------------------------------------------------------|
| `GET /_sandbox`           | counts of rows, and the list of endpoints                          |
| `GET …/calls`             | counts and the newest calls (`?writes=true`, `?limit=100`)         |
| `DELETE …/calls`          | deletes calls and counts                                           |
| `GET …/faults`            | the active faults                                                  |
| `POST …/faults`           | activates further faults: one object or a list                     |
| `PUT …/faults`            | replaces all faults                                                |
| `DELETE …/faults`         | deactivates all faults                                             |
| `POST …/edit`             | edits a number in the console: `number`, `actor`, `ip`, fields     |
| `GET …/world`             | everything, as a seed                                              |
| `PUT …/world`             | replaces everything with a seed                                    |
| `POST …/world`            | adds the rows of a seed                                            |
| `GET …/platforms`         | rows of the platforms, without secrets; `…/SECTION` for one section |
| `POST …/platforms/S/ID`   | edits a row, without the client's knowledge                        |
| `DELETE …/platforms/S/ID` | deletes a row, without side effects on Twilio                      |
| `POST …/reset`            | restores the initial world, without faults and calls               |
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from reconciler.sandbox.faults.engine import FaultEngine
from reconciler.sandbox.faults.rules import AnyFault, FaultError, read_fault
from reconciler.sandbox.http.call_log import CallLog
from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Call, Handler, Refused, Route
from reconciler.sandbox.platforms import control as platforms
from reconciler.sandbox.store import SeedError
from reconciler.sandbox.twilio.console import (
    DEFAULT_ADDRESS,
    DEFAULT_USER,
    console_user,
    edit_number,
)
from reconciler.sandbox.world.products import SHELVES
from reconciler.sandbox.world.world import World, read_json

PREFIX = "/_sandbox"


class Control:
    """Endpoints for one sandbox's world, faults and call log."""

    def __init__(self, world: World, faults: FaultEngine, calls: CallLog) -> None:
        self._world, self._faults, self._calls = world, faults, calls

    def routes(self) -> tuple[Route, ...]:
        """Return the routes of all endpoints."""
        table: tuple[tuple[str, str, Callable[[Call], object]], ...] = (
            ("GET", "", self._index),
            ("GET", "/calls", self._list_calls),
            ("DELETE", "/calls", self._forget_calls),
            ("GET", "/faults", self._list_faults),
            ("POST", "/faults", self._add_faults),
            ("PUT", "/faults", self._replace_faults),
            ("DELETE", "/faults", self._clear_faults),
            ("POST", "/edit", self._edit),
            ("GET", "/world", self._dump),
            ("PUT", "/world", self._replace_world),
            ("POST", "/world", self._extend_world),
            ("GET", "/platforms", lambda call: platforms.list_sections(self._world)),
            (
                "GET",
                "/platforms/{section}",
                lambda call: platforms.rows_of(self._world, **call.path),
            ),
            ("POST", "/platforms/{section}/{name}", self._edit_platform),
            (
                "DELETE",
                "/platforms/{section}/{name}",
                lambda call: platforms.remove(self._world, **call.path),
            ),
            ("POST", "/reset", self._reset),
        )

        return tuple(
            Route(method, PREFIX + path, _json_handler(function))
            for method, path, function in table
        )

    def _index(self, call: Call) -> object:
        rows = {shelf.name: len(shelf.rows(self._world)) for shelf in SHELVES}
        endpoints = [f"{route.method} {route.pattern}" for route in self.routes()]
        return {"rows": rows, "endpoints": endpoints}

    def _list_calls(self, call: Call) -> object:
        query = call.request.query
        calls = (
            self._calls.list_writes()
            if query.get("writes", "").lower() == "true"
            else [*self._calls]
        )

        limit = query.get("limit", str(len(calls)))
        if not limit.isdigit():
            raise ValueError("limit must be a number")

        log = self._calls
        counts = {
            "total": len(log),
            "reads": log.reads,
            "writes": log.writes,
            "statuses": log.statuses,
        }

        return {"counts": counts, "calls": calls[len(calls) - min(int(limit), len(calls)) :]}

    def _forget_calls(self, call: Call) -> object:
        self._calls.reset()
        return {}

    def _list_faults(self, call: Call) -> object:
        return {"faults": self._faults.faults}

    def _add_faults(self, call: Call) -> object:
        self._faults.add(*_faults_of(call))
        return self._list_faults(call)

    def _replace_faults(self, call: Call) -> object:
        faults = _faults_of(call)
        self._faults.clear()
        self._faults.add(*faults)
        return self._list_faults(call)

    def _clear_faults(self, call: Call) -> object:
        self._faults.clear()
        return self._list_faults(call)

    def _edit(self, call: Call) -> object:
        body = call.request.json()
        if not isinstance(body, dict) or "number" not in body:
            raise ValueError('send {"number": "+1…", "voice_url": "…"}')
        fields = {
            name: value for name, value in body.items() if name not in ("number", "actor", "ip")
        }
        actor = console_user(
            str(body.get("actor", DEFAULT_USER)), str(body.get("ip", DEFAULT_ADDRESS))
        )
        return edit_number(self._world, str(body["number"]), fields=fields, actor=actor)

    def _edit_platform(self, call: Call) -> object:
        return platforms.edit(
            self._world, call.path["section"], call.path["name"], call.request.json()
        )

    def _dump(self, call: Call) -> object:
        return msgspec.Raw(self._world.dump())

    def _replace_world(self, call: Call) -> object:
        self._world.become(World.from_seed(read_json(call.request.body)))
        return self._index(call)

    def _extend_world(self, call: Call) -> object:
        self._world.extend(read_json(call.request.body))
        return self._index(call)

    def _reset(self, call: Call) -> object:
        self._world.become(self._world.initial())
        self._faults.clear()
        self._calls.reset()
        return self._index(call)


def _json_handler(function: Callable[[Call], object]) -> Handler:
    """Return a handler that sends a function's value as JSON, and its exceptions as errors."""

    def handler(call: Call) -> Reply:
        try:
            return json_reply(200, function(call))
        except Refused as refused:
            return refused.reply
        except KeyError as error:
            return _error(404, f"There is no {error.args[0]}.")
        except (SeedError, FaultError, ValueError) as error:
            return _error(400, str(error))

    return handler


def _error(status: int, message: str) -> Reply:
    return json_reply(status, {"status": status, "message": message})


def _faults_of(call: Call) -> list[AnyFault]:
    body = call.request.json()
    return [read_fault(value) for value in (body if isinstance(body, list) else [body])]
