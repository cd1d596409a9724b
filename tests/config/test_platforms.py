"""What a platform needs to be declared with, and what a number outside Twilio may say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.config.load.load import load

from .conftest import HEAD, Diagnose, Load

KEY = "api_key: {env: KEY}"
LK = f"platforms: {{lk: {{type: livekit, base_url: https://acme.livekit.cloud, {KEY}, api_secret: {{env: S}}}}}}\n"
AGENT_ID = "aaaaaaaa-0000-4000-8000-000000000001"
SIP = '"+15550100100": {provider: sip, platform: lk'


@pytest.mark.parametrize(
    ("platform", "code", "named"),
    [
        (f"type: feather, {KEY}", "missing_field", "base_url"),
        (f"type: butter, {KEY}", "missing_field", "organization_id"),
        ("type: nixflex", "missing_field", "api_key"),
        (
            f"type: livekit, base_url: https://acme.livekit.cloud, {KEY}",
            "missing_field",
            "api_secret",
        ),
        (
            f"type: butter, {KEY}, organization_id: o, connections: {{main: intg_A1B2}}",
            "invalid_value",
            "intg_",
        ),
        (f"type: dasha, {KEY}, connections: {{main: '17'}}", "invalid_value", "UUID"),
        (f"type: somebody, {KEY}", "invalid_provider", "nixflex"),
    ],
)
def test_requires_the_settings_of_a_platform(
    diagnosed: Diagnose, platform: str, code: str, named: str
) -> None:
    [found] = diagnosed(f"platforms: {{p: {{{platform}}}}}\n")
    assert found.code == code
    assert named in found.summary + found.detail


@pytest.mark.parametrize(
    ("number", "code", "named"),
    [
        (f"{SIP}}}", "missing_field", "server_address"),
        (
            f'{SIP}, sip: {{server_address: "sip:s.example.com"}}}}',
            "invalid_value",
            ": s.example.com",
        ),
        (
            f'{SIP}, sip: {{server_address: "SIPS:s.example.com"}}}}',
            "invalid_value",
            ": s.example.com",
        ),
        (
            f"{SIP}, sip: {{server_address: s.example.com, media_encryption: maybe}}}}",
            "invalid_value",
            "require",
        ),
        (f"{SIP}, supports_outbound: false, sip: {{password: open}}}}", "literal_secret", "env"),
        ('"+15550100100": {provider: vonage}', "invalid_provider", "sip"),
    ],
)
def test_requires_trunk_settings_of_a_number_outside_twilio(
    diagnosed: Diagnose, number: str, code: str, named: str
) -> None:
    [found] = diagnosed(f"{LK}numbers: {{{number}}}\n")
    assert found.code == code
    assert named in found.summary + found.detail


def test_directions_and_encryption_are_written_out(loaded: Load) -> None:
    project = loaded(f"{LK}numbers: {{{SIP}, sip: {{server_address: sip.example.com}}}}}}\n")
    [registration] = project.desired
    attrs = registration.profile.attrs
    assert (attrs["supports_inbound"], attrs["supports_outbound"], attrs["media_encryption"]) == (
        True,
        True,
        "allow",
    )


DEFAULTS = {
    "butter": {"supports_inbound": True, "supports_outbound": True},
    "dasha": {},
    "feather": {
        "bridge": False,
        "outbound_agent": AGENT_ID,
        "sms_agent": AGENT_ID,
        "status": "active",
    },
    "nixflex": {},
    "ravan": {},
}
"""Platform → what a number with nothing but an agent is registered with, beside the agent."""


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_number_with_an_agent_only_has_every_default_written_out(loaded: Load, name: str) -> None:
    settings = {
        "butter": "organization_id: org_1, connections: {main: intg_a1b2c3d4e5f6},",
        "dasha": f"connections: {{main: {AGENT_ID}}},",
        "feather": "base_url: http://127.0.0.1:9/feather,",
    }
    body = f"""\
platforms: {{p: {{type: {name}, {settings.get(name, "")} {KEY}}}}}
agents: {{sales: {{platform: p, id: {AGENT_ID}}}}}
numbers: {{"+15550100100": %s}}
"""
    short = loaded(body % "sales").desired
    both_ways = ", supports_inbound: true, supports_outbound: true, on_removal: restore"
    long = loaded(body % f"{{agent: sales{both_ways}, takeover: refuse}}").desired
    assert [(d.address, d.profile, d.on_create) for d in short] == [
        (d.address, d.profile, d.on_create) for d in long
    ]
    attrs = dict(next(d for d in short if d.kind == "registration").profile.attrs)
    assert attrs.pop("agent", AGENT_ID) == AGENT_ID
    assert attrs == DEFAULTS[name]


def test_accepts_the_field_names_of_the_platform_api(write: Callable[..., Path]) -> None:
    text = """\
    accounts:
      main: {twilioSid: ACAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA, twilioToken: {env: T}}
    agents:
      one: {webhooks: {voice: https://agents.example.com/voice}}
    numbers:
      PN00000000000000000000000000000abc: {phoneNumber: "+15550100100", agentId: one}
      "+15550100101": {agent_id: one, twilio_number_sid: PN00000000000000000000000000000ABD}
    """
    project = load(write(text, head=HEAD), environ={})
    assert project.accounts["main"].sid == "AC" + "a" * 32, "SIDs are kept in lower case"
    assert [(want.address, want.sid, want.profile.options.agent) for want in project.desired] == [
        ("number/+15550100100", "PN00000000000000000000000000000abc", "one"),
        ("number/+15550100101", "PN00000000000000000000000000000abd", "one"),
    ]


@pytest.mark.parametrize("platform", ["nixflex", "ravan"])
@pytest.mark.parametrize("switch", ["supports_inbound", "supports_outbound"])
def test_refuses_direction_switches_of_a_platform_with_both_directions(
    diagnosed: Diagnose, platform: str, switch: str
) -> None:
    [found] = diagnosed(f"""\
    platforms: {{p: {{type: {platform}, {KEY}}}}}
    agents: {{one: {{platform: p, id: x}}}}
    numbers: {{"+15550100100": {{agent: one, {switch}: false}}}}
    """)
    assert found.code == "unsupported_feature"
    assert "has no such switch" in found.detail
