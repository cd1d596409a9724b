"""Collect the shelves (in the order in which a seed is read) and routes of all platforms, find the
platform of a path, and reword Twilio's errors for it.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

import msgspec

from reconciler.sandbox.http.messages import Reply
from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.platforms import (
    butter,
    dasha,
    dasha_numbers,
    dasha_providers,
    dasha_rows,
    elevenlabs,
    elevenlabs_agents,
    elevenlabs_rows,
    feather,
    feather_bridges,
    feather_numbers,
    keys,
    livekit,
    livekit_rules,
    livekit_trunks,
    nixflex,
    nixflex_agents,
    ravan,
    retell,
    vapi,
    vapi_rows,
)
from reconciler.sandbox.platforms.platform import Platform
from reconciler.sandbox.platforms.rows import PlatformShelf


class ServedPlatform(NamedTuple):
    """A platform of the sandbox: its authentication and errors, and the modules of its objects.

    A module has `SHELVES`, `ROUTES` or both. Seeds are read in the order of the modules.
    """

    platform: Platform
    modules: tuple[ModuleType, ...]


SERVED = (
    ServedPlatform(nixflex.PLATFORM, (nixflex, nixflex_agents)),
    ServedPlatform(dasha.PLATFORM, (dasha_rows, dasha_providers, dasha_numbers)),
    ServedPlatform(feather.PLATFORM, (feather, feather_bridges, feather_numbers)),
    ServedPlatform(butter.PLATFORM, (butter,)),
    ServedPlatform(ravan.PLATFORM, (ravan,)),
    ServedPlatform(livekit.PLATFORM, (livekit_trunks, livekit_rules)),
    ServedPlatform(retell.PLATFORM, (retell,)),
    ServedPlatform(vapi.PLATFORM, (vapi_rows, vapi)),
    ServedPlatform(elevenlabs.PLATFORM, (elevenlabs_rows, elevenlabs, elevenlabs_agents)),
)
PLATFORMS: dict[str, Platform] = {served.platform.name: served.platform for served in SERVED}


def _list_shelves() -> tuple[PlatformShelf[Any], ...]:
    """Return the shelves of all platforms; their keys come first."""
    shelves: list[PlatformShelf[Any]] = [keys.make_shelf(sorted(PLATFORMS))]
    for served in SERVED:
        for module in served.modules:
            shelves += getattr(module, "SHELVES", ())
    return tuple(shelves)


def _list_routes() -> tuple[Route, ...]:
    """Return the routes of all platforms."""
    routes: list[Route] = []
    for served in SERVED:
        for module in served.modules:
            routes += getattr(module, "ROUTES", ())
    return tuple(routes)


SHELVES = _list_shelves()
ROUTES = _list_routes()


def platform_of(path: str) -> Platform | None:
    """Return the platform of a path, None for a path of Twilio."""
    return PLATFORMS.get(path.split("/", 2)[1]) if path.startswith("/") else None


def reword_error(path: str, reply: Reply) -> Reply:
    """Return an error of Twilio in the form of the platform of this path, with its headers."""
    platform = platform_of(path)
    if platform is None or not reply.body.startswith(b"{"):  # an HTML page comes from a proxy
        return reply

    message = str(msgspec.json.decode(reply.body).get("message", reply.status))
    own = platform.error(reply.status, message)
    return Reply(own.status, own.body, (*own.headers, *reply.headers))
