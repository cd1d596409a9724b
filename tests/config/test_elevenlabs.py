"""What the configuration may say of ElevenLabs: the hosts that get its key, and fields that it has no call for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.config.load.load import load
from reconciler.errors import ReconcilerError

BASE: dict[str, Any] = {
    "version": 1,
    "project": "acme",
    "accounts": {"main": {"sid": "AC" + "a" * 32, "auth_token": {"env": "TOKEN"}}},
    "platforms": {"el": {"type": "elevenlabs", "api_key": {"env": "KEY"}}},
    "agents": {"sales": {"platform": "el", "id": "agent_1"}},
    "numbers": {"+15550100101": "sales"},
}


def problems(folder: Path, **sections: Any) -> list[str]:
    """The codes of the errors of this configuration."""
    file = folder / "reconciler.yaml"
    file.write_text(yaml.safe_dump({**BASE, **sections}), encoding="utf-8")
    try:
        load(file, environ={})
    except ReconcilerError as error:
        return [diagnostic.code for diagnostic in error.diagnostics]
    return []


@pytest.mark.parametrize(
    ("url", "codes"),
    [
        *[
            (f"https://api.{region}elevenlabs.io", [])
            for region in ("", "us.", "eu.residency.", "in.residency.", "sg.residency.")
        ],
        ("http://api.elevenlabs.io", ["host_not_allowed"]),
        ("https://api.eu.elevenlabs.io", ["host_not_allowed"]),
        ("https://api.elevenlabs.io.example.com", ["host_not_allowed"]),
        ("https://api.twilio.com", ["host_not_allowed"]),
    ],
)
def test_key_goes_to_the_hosts_of_the_platform_only(
    tmp_path: Path, url: str, codes: list[str]
) -> None:
    platform = {**BASE["platforms"]["el"], "base_url": url}
    assert problems(tmp_path, platforms={"el": platform}) == codes


@pytest.mark.parametrize(
    ("agent", "codes"),
    [
        ({"split": [{"branch": "b", "percentage": 100}]}, []),
        ({"split": [{"branch": "b", "percentage": 33.3}, {"branch": "c", "percentage": 66.7}]}, []),
        ({"split": [{"branch": "b", "percentage": 99}]}, ["invalid_value"]),
        ({"split": [{"id": "agent_2", "weight": 1}]}, ["unsupported_feature"]),
        ({"split": [{"branch": "b", "percentage": 50}] * 2}, ["duplicate_key"]),
        ({"split": []}, ["invalid_value"]),
        ({"squad_id": "x"}, ["unsupported_feature"]),
    ],
)
def test_split_has_the_form_of_the_platform(
    tmp_path: Path, agent: dict[str, Any], codes: list[str]
) -> None:
    agents = {"sales": {**BASE["agents"]["sales"], **agent}}
    assert problems(tmp_path, agents=agents) == codes


@pytest.mark.parametrize(
    ("number", "codes"),
    [
        ({"supports_outbound": False}, ["unsupported_feature"]),
        ({"webhooks": {"voice": "https://agents.example.com/voice"}}, ["conflicting_fields"]),
        ({"trunk": "edge"}, ["trunk_not_found"]),
        ({"trunk": "TK" + "1" * 32}, ["trunk_not_found"]),
    ],
)
def test_number_says_only_what_the_platform_can_do(
    tmp_path: Path, number: dict[str, Any], codes: list[str]
) -> None:
    numbers = {"+15550100101": {"agent": "sales", **number}}
    assert problems(tmp_path, numbers=numbers) == codes
