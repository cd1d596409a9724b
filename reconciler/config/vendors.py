"""Whose host a webhook's is, where the name tells: voice-AI platforms and parts of Twilio; pure."""

from __future__ import annotations

_VENDORS = {
    "bland.ai": "Bland",
    "dasha.ai": "Dasha",
    "elevenlabs.io": "ElevenLabs",
    "getbutter.ai": "Butter",
    "hume.ai": "Hume",
    "livekit.cloud": "LiveKit",
    "nixflex.com": "Nixflex",
    "pipecat.daily.co": "Pipecat",
    "play.ai": "PlayAI",
    "ravan.ai": "Ravan",
    "retellai.com": "Retell AI",
    "studio.twilio.com": "Twilio Studio",
    "synthflow.ai": "Synthflow",
    "twil.io": "Twilio Functions",
    "ultravox.ai": "Ultravox",
    "vapi.ai": "Vapi",
    "voiceflow.com": "Voiceflow",
    "webhooks.twilio.com": "Twilio Studio",
}


def vendor(host: str) -> str | None:
    """Who runs this host, None when its name does not tell."""
    labels = host.rstrip(".").lower().split(".")
    return next(
        filter(None, (_VENDORS.get(".".join(labels[i:])) for i in range(len(labels)))), None
    )
