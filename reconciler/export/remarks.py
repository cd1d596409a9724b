"""Return the comments of an export: remarks on webhooks, settings without effect, and the label of
a number; never a whole URL, which may hold a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from reconciler.config.desired.webhook_urls import lint_url
from reconciler.kinds.known_hosts import find_owner
from reconciler.kinds.number import PARTS
from reconciler.model.live import Live
from reconciler.model.route import ApplicationRoute, TrunkRoute, Webhook

_LONGEST = 80


def url_without_secrets(url: str) -> str:
    """Return host and path of a URL, without user, password and query."""
    try:
        parts = urlsplit(url)
        shown = f"{parts.hostname or ''}{parts.path}"
    except ValueError:
        shown = ""
    shown = shown or "a value that is no URL"
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"


def list_remarks(hooks: Mapping[str, Webhook]) -> tuple[str, ...]:
    """Return the remarks on the webhooks of several parts, each remark once."""
    remarks: dict[str, None] = {}
    for part, hook in hooks.items():
        remarks.update(dict.fromkeys(webhook_remarks(part, hook)))
    return tuple(remarks)


def webhook_remarks(part: str, hook: Webhook) -> Iterator[str]:
    """Yield remarks on the URLs of a webhook: lint findings, and the platform that answers."""
    for field, url in (("", hook.url), (" fallback", hook.fallback_url)):
        if not url:
            continue

        for finding in lint_url(url):
            yield f"{part}{field}: {finding.detail}"
        owner = find_owner(url)
        if owner is not None:
            yield f"{part}{field}: {owner} answers here; its own import may write these fields again."


def find_dead_routes(live: Live) -> Iterator[str]:
    """Yield the settings without effect: Twilio asks the trunk, then the application, then the URL."""
    voice = live.attrs["voice"]
    if isinstance(voice, TrunkRoute):
        yield from _find_dead_urls(live, "voice", "trunk")
        if live.wire.get("voice_application_sid"):
            yield f"dead: application {live.wire['voice_application_sid']} behind the trunk"
    elif isinstance(voice, ApplicationRoute):
        yield from _find_dead_urls(live, "voice", "application")

    if isinstance(live.attrs["sms"], ApplicationRoute):
        yield from _find_dead_urls(live, "sms", "application")


def _find_dead_urls(live: Live, part: str, route: str) -> Iterator[str]:
    for field in (f"{part}_url", f"{part}_fallback_url"):
        url = live.wire.get(field)
        if field in PARTS[part] and url:
            words = field.replace("_", " ")
            yield f"dead: {words} {url_without_secrets(str(url))} behind the {route}"


def find_label(live: Live) -> str:
    """Return a number's friendly name; "" when it is empty or only the number in another format."""
    if not live.name.strip():
        return ""

    digits = re.sub(r"[^0-9]", "", live.name)
    if digits and live.key.endswith(digits) and re.fullmatch(r"[\d\s().+-]+", live.name):
        return ""
    return " ".join(live.name.split())
