"""Whose webhook it is, by its host: a table of known platforms, so that drift says who has been there; pure.

A host is evidence, not proof: the words are "looks like". Hosts are those that the platforms' documents and their
users' consoles show.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

_HOSTS = (
    ("api.vapi.ai", "Vapi"),
    ("vapi.ai", "Vapi"),
    ("retellai.com", "Retell"),
    ("elevenlabs.io", "ElevenLabs"),
    ("livekit.cloud", "LiveKit"),
    ("nixflex.com", "Nixflex"),
    ("featherhq.com", "Feather"),
    ("getbutter.ai", "Butter AI"),
    ("dasha.ai", "Dasha BlackBox"),
    ("ravan.ai", "Ravan AI"),
    ("bland.ai", "Bland"),
    ("bolna.ai", "Bolna"),
    ("bolna.dev", "Bolna"),
    ("synthflow.ai", "Synthflow"),
    ("resemble.ai", "Resemble"),
    ("speechify.ai", "Speechify"),
    ("millis.ai", "Millis"),
    ("cartesia.ai", "Cartesia"),
    ("studio.twilio.com", "Twilio Studio"),
    ("webhooks.twilio.com", "Twilio Studio"),
    ("twil.io", "Twilio Functions"),
)
"""Host, with all below it → the platform that writes it."""


def guess_platform(urls: Iterable[object]) -> str | None:
    """The platform that these webhooks point to; None when none of them is known."""
    for url in urls:
        host = _host(url) if isinstance(url, str) else ""
        for known, platform in _HOSTS:
            if host == known or host.endswith(f".{known}"):
                return platform
    return None


def describe_guess(platform: str) -> str:
    """The hint as people read it."""
    article = "an" if platform[0] in "AEIO" else "a"
    return f"looks like {article} {platform} import"


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # what stands on Twilio need not be a URL
        return ""
