"""What an import would take from somebody else: values that are foreign and would be lost; pure."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from reconciler.model.action import Change
from reconciler.model.route import ApplicationRoute, TrunkRoute, Value, Webhook

DEMO_HOST = "demo.twilio.com"
"""The host of the webhooks that Twilio puts on a number when it is bought."""


def overwritten_values(part: str, have: Value, want: Value, ours: Collection[str]) -> list[Change]:
    """The foreign values of a managed part that would no longer be in effect once `want` is
    written.

    `ours` holds the URLs that this configuration declares; a trunk or application under a name of
    ours is ours too.
    """
    if have is None or have == want:
        return []
    kept = {value for _, value in _values(part, want)}
    return [
        Change(field, value, None)
        for field, value in _values(part, have)
        if value not in kept and value not in ours and not _is_ours_or_nobodys(have, value)
    ]


def _values(part: str, value: Value) -> list[tuple[str, str]]:
    match value:
        case Webhook(url=url, fallback_url=fallback):
            name = "status_callback" if part == "status" else f"{part}_url"
            return [(f, u) for f, u in ((name, url), (f"{part}_fallback_url", fallback)) if u]
        case TrunkRoute(trunk=trunk):
            return [("trunk", trunk)]
        case ApplicationRoute(application=application):
            return [(f"{part}_application", application)]
        case _:
            return []


def _is_ours_or_nobodys(have: Value, value: str) -> bool:
    if isinstance(have, TrunkRoute):
        return not _is_sid(value, "TK")
    if isinstance(have, ApplicationRoute):
        return not _is_sid(value, "AP")
    return _host(value) == DEMO_HOST


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:  # what stands on Twilio need not be a URL
        return None


def _is_sid(value: str, prefix: str) -> bool:
    return value.startswith(prefix) and len(value) == 34
