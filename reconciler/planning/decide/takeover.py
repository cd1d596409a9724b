"""Find the foreign values that an import would overwrite; pure."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from reconciler.kinds.number_fields import BY_NAME
from reconciler.model.action import Change
from reconciler.model.route import ApplicationRoute, Membership, TrunkRoute, Value, Webhook

DEMO_HOST = "demo.twilio.com"
"""The host of the webhooks that Twilio puts on a number when it is bought."""


def overwritten_values(
    part: str, have: Value, new: Value, our_urls: Collection[str]
) -> list[Change]:
    """Return the foreign values of a managed part that are no longer in effect once `new` is
    written.

    `our_urls` are the URLs that this configuration declares. A trunk or an application under a name
    of ours is not foreign either.
    """
    if have is None or have == new:
        return []

    kept = {value for _, value in _values(part, new)}
    losses: list[Change] = []
    for field, value in _values(part, have):
        is_foreign = value not in our_urls and not _is_named_or_default(have, value)
        if is_foreign and value not in kept:
            losses.append(Change(field, value, None))
    return losses


def _values(part: str, value: Value) -> list[tuple[str, str]]:
    match value:
        case Webhook(url=url, fallback_url=fallback):
            name = "status_callback" if part == "status" else f"{part}_url"
            urls = [(name, url)] if url else []
            return [*urls, (f"{part}_fallback_url", fallback)] if fallback else urls
        case TrunkRoute(trunk=trunk):
            return [("trunk", trunk)]
        case ApplicationRoute(application=application):
            return [(f"{part}_application", application)]
        case Membership(service=service):
            return [(part, service)]
        case str(sid) if part in BY_NAME and BY_NAME[part].prefix:
            return [(part, sid)]
        case _:
            return []


def _is_named_or_default(have: Value, value: str) -> bool:
    """Return whether it is a trunk, application or service with a name here, or a webhook of Twilio's demo."""
    if isinstance(have, TrunkRoute):
        return not _is_sid(value, "TK")
    if isinstance(have, ApplicationRoute):
        return not _is_sid(value, "AP")
    if isinstance(have, Membership):
        return not _is_sid(value, "MG")
    return _host(value) == DEMO_HOST


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:  # a value on Twilio need not be a URL
        return None


def _is_sid(value: str, prefix: str) -> bool:
    return value.startswith(prefix) and len(value) == 34
