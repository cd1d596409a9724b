"""Webhooks are told apart by their host, and nothing is guessed about others."""

from __future__ import annotations

import pytest

from reconciler.kinds.known_hosts import describe_guess, guess_platform


@pytest.mark.parametrize(
    ("url", "platform"),
    [
        ("https://api.vapi.ai/twilio/inbound_call", "Vapi"),
        ("https://hooks.retellai.com/twilio", "Retell AI"),
        ("https://api.elevenlabs.io/twilio/inbound_call", "ElevenLabs"),
        ("https://API.NIXFLEX.COM/voice", "Nixflex"),
        ("https://acme.sip.livekit.cloud/x", "LiveKit"),
        ("https://webhooks.twilio.com/v1/Accounts/AC/Flows/FW", "Twilio Studio"),
        ("https://webhooks.twilio.com/v1/Accounts/AC/Configurations/CO", None),
        ("https://webhooks.twilio.com/", None),
        ("https://api.getbutter.ai/voice", "Butter AI"),
        ("https://api.featherhq.com/voice", "Feather"),
        ("https://api.hume.ai./v0/evi/twilio", "Hume"),
        ("https://notvapi.ai/", None),
        ("https://app.ultravox.ai/api/agents/a/telephony_xml", "Ultravox"),
        ("sip:proj_a@sip.api.openai.com;transport=tls", "OpenAI"),
        ("sip:proj_a@sip.api.openai.com:5061;transport=tls", "OpenAI"),
        ("sip:acme.siptrunk.sip-us.daily.co", "Daily"),
        ("https://us-west.api.pipecat.daily.co/x", "Pipecat Cloud"),
        ("sip:+15550100101@a.sip.vapi.ai", "Vapi"),
        ("sip:openai.com@agents.example.com", None),
        ("https://agents.example.com/api.vapi.ai", None),
        ("", None),
        ("not a url", None),
        ("http://[broken", None),
        (None, None),
        (5, None),
    ],
)
def test_identifies_the_owner_of_a_host(url: object, platform: str | None) -> None:
    assert guess_platform([url]) == platform


def test_the_first_known_host_decides() -> None:
    assert (
        guess_platform(
            ["https://agents.example.com", "https://api.vapi.ai/x", "https://api.nixflex.com"]
        )
        == "Vapi"
    )


def test_words() -> None:
    assert describe_guess("Vapi") == "looks like a Vapi import"
    assert describe_guess("ElevenLabs") == "looks like an ElevenLabs import"
