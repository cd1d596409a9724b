"""Return the voice-AI platform or the part of Twilio that a webhook's URL leads to, or the hint for
a report (`looks like a Vapi import`); pure.

A host is evidence, not proof, so reports write "looks like". The hosts are those that the documents
and the consoles of the platforms show. This is the only table of hosts: drift, plans and exports
use the same names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from reconciler.kinds.platforms.recipes import RECIPES
from reconciler.kinds.platforms.table import PLATFORM_KINDS

_OTHERS = {
    "bland.ai": "Bland",
    "bolna.ai": "Bolna",
    "bolna.dev": "Bolna",
    "cartesia.ai": "Cartesia",
    "hume.ai": "Hume",
    "millis.ai": "Millis",
    "play.ai": "PlayAI",
    "resemble.ai": "Resemble",
    "speechify.ai": "Speechify",
    "studio.twilio.com": "Twilio Studio",
    "synthflow.ai": "Synthflow",
    "twil.io": "Twilio Functions",
    "voiceflow.com": "Voiceflow",
}
"""Domain, with all hosts below it → the part of Twilio, or the platform without a description here,
that runs it.
"""


def _owners() -> dict[str, str]:
    """Return the owner of each known domain."""
    owners = dict(_OTHERS)
    for kind in PLATFORM_KINDS.values():
        for domain in kind.webhook_domains:
            owners[domain] = kind.title
    for recipe in RECIPES.values():
        for domain in recipe.domains:
            owners[domain] = recipe.title
    return owners


_OWNERS = _owners()

_STUDIO_HOST = "webhooks.twilio.com"
_STUDIO_FLOW = re.compile(r"/v1/Accounts/AC\w*/Flows/FW\w*(?:/|\Z)")
"""The path of a Studio flow: Twilio serves other webhooks on the same host."""


def find_owner(url: str) -> str | None:
    """Return the platform, or the part of Twilio, that answers a URL; None when the host is not
    known.
    """
    try:
        # A SIP URL has no slashes before its host.
        parts = urlsplit(url.replace("sip:", "sip://", 1) if url.startswith("sip:") else url)
        host = (parts.hostname or "").partition(";")[0].rstrip(".")
    except ValueError:  # Twilio accepts values that are not URLs
        return None

    if host == _STUDIO_HOST:
        return "Twilio Studio" if _STUDIO_FLOW.match(parts.path) else None

    # The longest known domain wins: api.vapi.ai, then vapi.ai, then ai.
    labels = host.split(".")
    for start in range(len(labels)):
        owner = _OWNERS.get(".".join(labels[start:]))
        if owner is not None:
            return owner
    return None


def guess_platform(urls: Iterable[object]) -> str | None:
    """Return the owner of the first URL whose host is known; None when there is no such URL."""
    for url in urls:
        owner = find_owner(url) if isinstance(url, str) else None
        if owner is not None:
            return owner
    return None


def describe_guess(platform: str) -> str:
    """Return the hint for a report: `looks like a Vapi import`."""
    article = "an" if platform[0] in "AEIOU" else "a"
    return f"looks like {article} {platform} import"
