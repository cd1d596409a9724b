"""Which of the sandbox's Twilio routes a client has used, and the world in which it does so."""

from __future__ import annotations

import re
from collections.abc import Iterable

from reconciler.sandbox.http.call_log import LoggedCall
from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.platforms import registry
from reconciler.sandbox.twilio import webhook_rules
from reconciler.sandbox.world.products import ROUTES
from reconciler.sandbox.world.world import World

COUNTRY, OWNED = "US", "+15552000000"


NEWER_THAN_THE_COMMAND_LINE = {"GET /v3/PhoneNumbers/{number}", "POST /v3/PhoneNumbers/{number}"}
"""Routes that the library of Twilio's command-line client does not have yet."""


def twilio_routes(*, with_webhooks: bool = False) -> set[str]:
    """Return every route of Twilio's that the sandbox serves, as ``GET /v1/Trunks``.

    The webhook configuration is younger than the clients for Node.
    """
    left_out = {id(route) for route in registry.ROUTES}
    if not with_webhooks:
        left_out |= {id(route) for route in webhook_rules.ROUTES}
    return {_name(route) for route in ROUTES if id(route) not in left_out}


def used_routes(calls: Iterable[LoggedCall]) -> set[str]:
    """Return the routes that these calls have reached with success."""
    patterns: list[tuple[re.Pattern[str], Route]] = []
    for route in sorted(ROUTES, key=lambda route: route.pattern.count("{")):
        words = [re.escape(word) for word in re.split(r"\{\w+\}", route.pattern)]
        patterns.append((re.compile("[^/]+".join(words)), route))

    found: set[str] = set()
    for call in calls:
        for pattern, route in patterns:
            if route.method == call.method and pattern.fullmatch(call.path):
                if 200 <= call.status < 300:
                    found.add(_name(route))
                break
    return found


def _name(route: Route) -> str:
    return f"{route.method} {route.pattern}"


SETTING = "webhooks_setting_" + "1" * 26


def client_world() -> World:
    """Return twelve numbers, and what no client can create: a SIP domain and an alert."""
    world = World.generate(numbers=12)
    lists = {
        "calls_ip_access_control_lists": ["AL" + "1" * 32],
        "credential_lists": ["CL" + "1" * 32],
    }
    world.extend(
        {
            "format": 1,
            "credential_lists": [{"sid": "CL" + "1" * 32, "friendly_name": "phones"}],
            "ip_access_control_lists": [{"sid": "AL" + "1" * 32, "friendly_name": "branches"}],
            "sip_domains": [
                {
                    "sid": "SD" + "1" * 32,
                    "domain_name": "acme.sip.twilio.com",
                    "mappings": lists,
                }
            ],
            "webhook_settings": [{"sid": SETTING}],
            "webhook_rules": [{"settings": [{"settingId": SETTING, "percentage": 100}]}],
            "alerts": [{"sid": "NO" + "1" * 32, "error_code": "11200"}],
        }
    )
    return world
