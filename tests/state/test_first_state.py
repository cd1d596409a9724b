"""When a new local state is refused: in CI, unless nothing but a sandbox is used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler.config.load.load import load
from reconciler.state.recovery.first_state import is_test_server, refuse_local_state

AC = "AC00000000000000000000000000000001"
NUMBERS = 'numbers: {"+15550100101": {agent: support, account: main}}\n'


def codes(
    tmp_path: Path,
    environ: Mapping[str, str],
    numbers: str = NUMBERS,
    state: str = "./state.json",
    url: str = "",
) -> list[str]:
    """The code with which a first apply is refused, if it is."""
    base = f", base_url: {url}" if url else ""
    (tmp_path / "reconciler.yaml").write_text(
        f"version: 1\nproject: acme\nstate: {state}\n"
        f"accounts:\n  main: {{sid: {AC}, auth_token: {{env: T}}{base}}}\n"
        f"  other: {{sid: {AC[:-1]}2, auth_token: {{env: T}}}}\n"
        'platforms:\n  lk: {type: livekit, base_url: "https://acme.livekit.cloud", api_key: {env: K}, '
        "api_secret: {env: S}}\n"
        'agents:\n  support: {webhooks: {voice: "https://agents.example.com/voice"}}\n' + numbers,
        encoding="utf-8",
    )
    found = refuse_local_state(load(tmp_path / "reconciler.yaml", environ=environ), environ)
    return [found.code] if found is not None else []


@pytest.mark.parametrize("value", ["true", "1", "TRUE", "yes", "woodpecker"])
def test_any_ci_value_except_a_denial_counts_as_ci(tmp_path: Path, value: str) -> None:
    assert codes(tmp_path, {"CI": value}) == ["local_state_in_ci"]


@pytest.mark.parametrize("value", ["", " ", "0", "false", "False"])
def test_ci_may_be_denied(tmp_path: Path, value: str) -> None:
    assert codes(tmp_path, {"CI": value}) == []
    assert codes(tmp_path, {}) == []


@pytest.mark.parametrize("state", ["s3://bucket/acme.json", "https://127.0.0.1:8443/state"])
def test_a_shared_state_may_begin_anywhere(tmp_path: Path, state: str) -> None:
    assert codes(tmp_path, {"CI": "true"}, state=state) == []


def test_counts_only_the_accounts_in_use(tmp_path: Path) -> None:
    """`other` is the real Twilio; it is no matter until a number is in it."""
    in_other = 'numbers: {"+15550100101": {agent: support, account: main}, "+15550100102": {account: other}}\n'
    sandbox = "http://127.0.0.1:8010"
    assert codes(tmp_path, {"CI": "true"}, url=sandbox) == []
    assert codes(tmp_path, {"CI": "true"}, in_other, url=sandbox) == ["local_state_in_ci"]
    assert codes(tmp_path, {"CI": "true"}, "numbers: {}\n") == [], "nothing would be recorded"


def test_platform_counts_as_the_account_of_a_number_outside_twilio(tmp_path: Path) -> None:
    sip = 'numbers: {"+15550100101": {provider: sip, platform: lk, sip: {server_address: sip.example.com}}}\n'
    assert codes(tmp_path, {"CI": "true"}, sip) == ["local_state_in_ci"]


def test_the_sandbox_of_the_environment_counts(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text(
        'version: 1\nproject: acme\nnumbers: {"+15550100101": {}}\n', encoding="utf-8"
    )
    real = {"CI": "true", "TWILIO_ACCOUNT_SID": AC, "TWILIO_AUTH_TOKEN": "t"}
    for environ, refused in (
        (real, True),
        ({**real, "TWILIO_BASE_URL": "http://127.0.0.1:8010"}, False),
    ):
        project = load(tmp_path / "reconciler.yaml", environ=environ)
        assert (refuse_local_state(project, environ) is not None) is refused


@pytest.mark.parametrize(
    ("url", "sandbox"),
    [
        ("http://127.0.0.1:8010", True),
        ("https://127.8.8.8", True),
        ("https://[::1]:8010", True),
        ("https://localhost:8010", True),
        ("HTTP://sandbox:8010", True),
        ("https://api.twilio.com", False),
        ("https://127.0.0.1.example.com", False),
        ("https://localhost.example.com", False),
        ("https://user@api.example.com:8010", False),
        (None, False),
    ],
)
def test_recognises_sandbox_hosts(url: str | None, sandbox: bool) -> None:
    assert is_test_server(url) is sandbox


def test_explains_how_to_share_the_state(tmp_path: Path) -> None:
    codes(tmp_path, {})
    project = load(tmp_path / "reconciler.yaml", environ={})
    found = refuse_local_state(project, {"CI": "true"})
    assert found is not None
    assert "state: s3://BUCKET/acme.json" in found.detail
    assert "--local-state" in found.detail
    job = {"CI": "true", "CI_API_V4_URL": "https://gitlab.example.com/api/v4", "CI_PROJECT_ID": "7"}
    found = refuse_local_state(project, job)
    assert found is not None
    assert (
        "state: https://gitlab.example.com/api/v4/projects/7/terraform/state/acme\n" in found.detail
    )
