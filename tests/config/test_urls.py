"""Warnings about webhook URLs."""

from __future__ import annotations

import pytest

from reconciler.config.desired.webhook_urls import lint_url


@pytest.mark.parametrize(
    ("url", "codes"),
    [
        ("https://agents.example.com/voice", []),
        ("https://agents.example.com:8443/voice?x=y#rc=3", []),
        ("HTTPS://agents.example.com", []),
        ("http://agents.example.com/voice", ["insecure_url"]),
        ("https://ngrok.io.example.com/", []),
        ("https://my-ngrok.io/", []),
        ("https://1a2b.ngrok-free.app/voice", ["tunnel_url"]),
        ("http://x.loca.lt", ["tunnel_url"]),
        ("https://abc.trycloudflare.com/", ["tunnel_url"]),
        ("https://demo.twilio.com/welcome/voice/", ["demo_url"]),
        ("https://Demo.Twilio.Com./welcome/voice/", ["demo_url"]),
        ("http://localhost:5000/voice", ["loopback_url"]),
        ("http://127.0.0.1/voice", ["loopback_url"]),
        ("https://[::1]/voice", ["loopback_url"]),
        ("https://10.1.2.3/voice", ["loopback_url"]),
        ("https://169.254.1.1/voice", ["loopback_url"]),
        ("https://0.0.0.0/", ["loopback_url"]),
        ("https://agent.internal/voice", ["loopback_url"]),
        ("https://8.8.8.8/voice", []),
        ("https://user:word@agents.example.com/voice", ["credentials_in_url"]),
        ("http://user@agents.example.com/voice", ["insecure_url", "credentials_in_url"]),
    ],
)
def test_warns_about_urls_that_will_stop_working(url: str, codes: list[str]) -> None:
    assert [finding.code for finding in lint_url(url)] == codes


def test_warning_does_not_repeat_a_possible_password() -> None:
    for finding in lint_url("http://user:hunter2@x.ngrok.io/?token=hunter2"):
        assert "hunter2" not in finding.detail
