"""Twilio's rules about who answers a call, on their own: a row, one update after another, and the route in effect.

Written from Twilio's documentation of IncomingPhoneNumber; shares nothing with the sandbox or the planner.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Row = dict[str, str]
Route = tuple[str, ...]
NOBODY: Route = ("nobody",)


def snake(param: str) -> str:
    """``VoiceUrl`` → ``voice_url``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", param).lower()


def updated(row: Mapping[str, str], params: Mapping[str, Any]) -> Row:
    """The row after one update. Refuses what must never be asked for."""
    fields = {snake(name): str(value) for name, value in params.items()}
    both = "trunk_sid" in fields and "voice_application_sid" in fields
    assert not both, (
        f"trunk and application in one update: Twilio applies only one of them: {params}"
    )
    after = {**row, **fields}
    if fields.get("trunk_sid"):
        after["voice_application_sid"] = ""
    if fields.get("voice_application_sid"):
        after["trunk_sid"] = ""
    for part in ("voice", "sms"):
        assert after[f"{part}_url"] or not after[f"{part}_fallback_url"], (
            f"a fallback without its primary: {params}"
        )
    return after


def route(row: Mapping[str, str]) -> Route:
    """Who answers a call."""
    if row["trunk_sid"]:
        return "trunk", row["trunk_sid"]
    if row["voice_application_sid"]:
        return "application", row["voice_application_sid"]
    if row["voice_url"]:
        return "webhook", row["voice_url"], row["voice_method"], row["voice_fallback_url"]
    return NOBODY


def row_of(number: Any) -> Row:
    """A row of the sandbox, with "" for what is not set."""
    names = (
        *(
            f"voice_{name}"
            for name in ("url", "method", "fallback_url", "fallback_method", "application_sid")
        ),
        *(
            f"sms_{name}"
            for name in ("url", "method", "fallback_url", "fallback_method", "application_sid")
        ),
        *("status_callback", "status_callback_method", "trunk_sid", "friendly_name"),
    )
    return {name: getattr(number, name) or "" for name in names}
