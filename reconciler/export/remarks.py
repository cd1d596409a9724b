"""What is odd about a webhook or a number, in words for a comment: no URL is repeated whole, it may hold a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from reconciler.config.desired.webhook_urls import lint_url
from reconciler.kinds.known_hosts import find_owner
from reconciler.kinds.number import PARTS
from reconciler.model.live import Live
from reconciler.model.route import ApplicationRoute, TrunkRoute, Webhook

_LONGEST = 80


def url_without_secrets(url: str) -> str:
    """Host and path of a URL: without user, password and query."""
    try:
        parts = urlsplit(url)
        words = f"{parts.hostname or ''}{parts.path}"
    except ValueError:
        words = ""
    words = words or "a value that is no URL"
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"


def webhook_remarks(part: str, hook: Webhook) -> Iterator[str]:
    """What is odd about the URLs of a webhook."""
    for field, url in (("", hook.url), (" fallback", hook.fallback_url)):
        if not url:
            continue
        yield from (f"{part}{field}: {finding.detail}" for finding in lint_url(url))
        owner = find_owner(url)
        if owner is not None:
            yield f"{part}{field}: {owner} answers here; its own import may write these fields again."


def find_dead_routes(live: Live) -> Iterator[str]:
    """What is set on a number and never asked: Twilio takes a trunk before an application, and that before a URL."""
    voice = live.attrs["voice"]
    if isinstance(voice, TrunkRoute):
        yield from _dead(live, "voice", "trunk")
        if live.wire.get("voice_application_sid"):
            yield f"dead: application {live.wire['voice_application_sid']} behind the trunk"
    elif isinstance(voice, ApplicationRoute):
        yield from _dead(live, "voice", "application")
    if isinstance(live.attrs["sms"], ApplicationRoute):
        yield from _dead(live, "sms", "application")


def _dead(live: Live, part: str, before: str) -> Iterator[str]:
    for field in (f"{part}_url", f"{part}_fallback_url"):
        if field in PARTS[part] and (url := live.wire.get(field)):
            yield f"dead: {field.replace('_', ' ')} {url_without_secrets(str(url))} behind the {before}"


def find_label(live: Live) -> str:
    """A number's friendly name where it says more than the number itself."""
    digits = re.sub(r"[^0-9]", "", live.name)
    if not live.name.strip() or (
        digits and live.key.endswith(digits) and re.fullmatch(r"[\d\s().+-]+", live.name)
    ):
        return ""
    return " ".join(live.name.split())
