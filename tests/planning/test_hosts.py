"""Webhooks are told apart by their host, and nothing is guessed about others."""

from __future__ import annotations

import pytest

from reconciler.planning.hosts import in_words, looks_like


@pytest.mark.parametrize(
    ("url", "platform"),
    [
        ("https://api.vapi.ai/twilio/inbound_call", "Vapi"),
        ("https://hooks.retellai.com/twilio", "Retell"),
        ("https://api.elevenlabs.io/twilio/inbound_call", "ElevenLabs"),
        ("https://API.NIXFLEX.COM/voice", "Nixflex"),
        ("https://acme.sip.livekit.cloud/x", "LiveKit"),
        ("https://webhooks.twilio.com/v1/Accounts/AC/Flows/FW", "Twilio Studio"),
        ("https://notvapi.ai/", None),
        ("https://agents.example.com/api.vapi.ai", None),
        ("", None),
        ("not a url", None),
        ("http://[broken", None),
        (None, None),
        (5, None),
    ],
)
def test_a_host_tells_whose_it_is(url: object, platform: str | None) -> None:
    assert looks_like([url]) == platform


def test_the_first_known_host_decides() -> None:
    assert looks_like(["https://agents.example.com", "https://api.vapi.ai/x", "https://api.nixflex.com"]) == "Vapi"


def test_words() -> None:
    assert in_words("Vapi") == "looks like a Vapi import"
    assert in_words("ElevenLabs") == "looks like an ElevenLabs import"
