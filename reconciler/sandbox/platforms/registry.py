"""All platforms: their shelves in the order in which a seed is read, their routes and errors."""

from __future__ import annotations

from typing import Any

import msgspec

from reconciler.sandbox.http.messages import Reply
from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.platforms import (
    butter,
    dasha,
    dasha_numbers,
    dasha_providers,
    dasha_rows,
    feather,
    feather_bridges,
    feather_numbers,
    livekit,
    livekit_rules,
    livekit_trunks,
    nixflex,
    nixflex_agents,
    ravan,
)
from reconciler.sandbox.platforms.keys import PLATFORM_KEYS
from reconciler.sandbox.platforms.platform import Platform
from reconciler.sandbox.platforms.rows import PlatformShelf

SHELVES: tuple[PlatformShelf[Any], ...] = (
    PLATFORM_KEYS,
    *nixflex.SHELVES,
    *dasha_rows.SHELVES,
    *feather.SHELVES,
    *feather_bridges.SHELVES,
    *feather_numbers.SHELVES,
    *butter.SHELVES,
    *ravan.SHELVES,
    *livekit_trunks.SHELVES,
    *livekit_rules.SHELVES,
)
ROUTES: tuple[Route, ...] = (
    *nixflex.ROUTES,
    *nixflex_agents.ROUTES,
    *dasha_providers.ROUTES,
    *dasha_numbers.ROUTES,
    *feather.ROUTES,
    *feather_bridges.ROUTES,
    *feather_numbers.ROUTES,
    *butter.ROUTES,
    *ravan.ROUTES,
    *livekit_trunks.ROUTES,
    *livekit_rules.ROUTES,
)
PLATFORMS: dict[str, Platform] = {
    platform.name: platform
    for platform in (
        nixflex.PLATFORM,
        dasha.PLATFORM,
        feather.PLATFORM,
        butter.PLATFORM,
        ravan.PLATFORM,
        livekit.PLATFORM,
    )
}


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
