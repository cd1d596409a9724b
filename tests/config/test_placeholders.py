"""A placeholder in a URL is an error wherever a URL can be: `${` has to name a declared variable, and nothing replaces `{{`."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.config.load.load import load
from reconciler.errors import ConfigInvalid

HEAD = "version: 1\nproject: acme-voice\naccounts: {main: {sid: AC0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d, auth_token: {env: T}%s}}\n"
PLACES = {
    "voice": 'agents: {a: {webhooks: {voice: "URL"}}}\n',
    "fallback": 'agents: {a: {webhooks: {voice: {url: "https://a.example.com/", fallback_url: "URL"}}}}\n',
    "sms": 'agents: {a: {webhooks: {sms: {url: "URL"}}}}\n',
    "status": 'agents: {a: {webhooks: {status: "URL"}}}\n',
    "application": 'applications: {a: {voice: "URL"}}\n',
    "number": 'numbers: {"+15550100101": {webhooks: {voice: "URL"}}}\n',
    "bridge number": 'bridge_numbers: {"+15550100101": {voice: "URL"}}\n',
    "disaster recovery": 'trunks: {t: {domain: a.pstn.twilio.com, disaster_recovery: {url: "URL"}}}\n',
    "default": 'defaults: {bridge_numbers: {voice: "URL"}}\n',
}
HTTP = [
    "https://${HOST}/v",
    "https://{{host}}/v",
    "https://agents.example.com/${path}",
    "${URL}",
    "{{ url }}",
]


def error_of(url: str) -> tuple[str, bool]:
    """Return the code of this placeholder, with its place."""
    return ("variable_not_declared" if "${" in url else "invalid_url", True)


def codes(folder: Path, text: str) -> list[tuple[str, bool]]:
    """Return code and presence of a place of each error."""
    (folder / "reconciler.yaml").write_text(text, encoding="utf-8")
    try:
        load(folder / "reconciler.yaml", environ={})
    except ConfigInvalid as error:
        return [(d.code, d.line is not None) for d in error.diagnostics]
    return []


@pytest.mark.parametrize("url", HTTP)
@pytest.mark.parametrize("place", PLACES)
def test_a_placeholder_in_a_url_is_an_error(tmp_path: Path, place: str, url: str) -> None:
    text = HEAD % "" + PLACES[place].replace("URL", url)
    assert error_of(url) in codes(tmp_path, text)
    assert (
        codes(tmp_path, HEAD % "" + PLACES[place].replace("URL", "https://agents.example.com/v"))
        == []
    )


@pytest.mark.parametrize("url", ["sip:${HOST}", "sip:{{host}}"])
def test_a_placeholder_in_a_sip_url_is_an_error(tmp_path: Path, url: str) -> None:
    text = HEAD % "" + 'trunks: {t: {domain: a.pstn.twilio.com, origination: [{sip_url: "URL"}]}}\n'
    assert error_of(url) in codes(tmp_path, text.replace("URL", url))
    assert codes(tmp_path, text.replace("URL", "sip:sbc1.example.com")) == []


def test_a_placeholder_in_the_address_of_an_account_is_an_error(tmp_path: Path) -> None:
    url = "https://${HOST}"
    assert error_of(url) in codes(tmp_path, HEAD % f', base_url: "{url}"')


def test_single_braces_stay_allowed(tmp_path: Path) -> None:
    text = HEAD % "" + PLACES["voice"].replace("URL", "https://agents.example.com/{id}?a=$b")
    assert codes(tmp_path, text) == []
