"""Send plain HTTP requests to a platform of the sandbox, and read the events on its Twilio side."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.twilio.events import Event
from reconciler.sandbox.world.world import World
from tests.support.sandbox_client import Answer

ACCOUNT = "AC" + "1" * 32
OTHER_ACCOUNT = "AC" + "2" * 32
TOKEN = "planted-twilio-token"
BASE = {
    "format": 1,
    "accounts": [
        {"sid": ACCOUNT, "auth_token": TOKEN},
        {"sid": OTHER_ACCOUNT, "auth_token": "other", "status": "suspended"},
    ],
    "numbers": [
        {
            "phone_number": "+15550100101",
            "voice_url": "https://pbx.example.net/voice",
            "sms_url": "",
        },
        {"phone_number": "+15550100102"},
        {"phone_number": "+15550100103", "account_sid": OTHER_ACCOUNT},
    ],
}


def world(**sections: object) -> World:
    """Two Twilio accounts (the second one suspended), three numbers, and what a platform's seed says."""
    return World.from_seed({**BASE, **sections})


def send(
    sandbox: Sandbox,
    method: str,
    path: str,
    body: object = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """A request with JSON in both directions."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(
        sandbox.base_url + path, data=data, method=method, headers=dict(headers or {})
    )
    if data is not None and not request.has_header("Content-type"):
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


def told(sandbox: Sandbox) -> list[Event]:
    """What Twilio's monitor tells."""
    return [*sandbox.world.events]


def changed(event: Event) -> dict[str, Any]:
    """Field → new value of an event."""
    properties: Any = (event.event_data or {})["resource_properties"]
    return {name: change["updated"] for name, change in properties.items()}


def shown_everywhere(sandbox: Sandbox) -> str:
    """All that the sandbox says of itself beside Twilio's own accounts: calls, platforms, and their part of a seed."""
    seed = send(sandbox, "GET", "/_sandbox/world").json
    seed.pop("accounts")
    calls, platforms = (
        send(sandbox, "GET", f"/_sandbox/{name}").body.decode() for name in ("calls", "platforms")
    )
    return calls + platforms + json.dumps(seed)
