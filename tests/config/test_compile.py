"""From declared numbers, agents and trunks to desired resources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.config.desired.numbers import OWN_FIELDS
from reconciler.config.desired.trunks import sip_host
from reconciler.config.sections.number import Number
from reconciler.config.source.nodes import Float, Int, Map
from reconciler.model.desired import Desired
from reconciler.model.position import Position
from reconciler.model.route import ApplicationRoute, TrunkRoute, Webhook

from .conftest import Diagnose, Load

AGENTS = """\
agents:
  support:
    webhooks:
      voice: https://agents.example.com/voice
      sms: {url: https://agents.example.com/sms, method: GET, fallback_url: https://fallback.example.com/sms}
      status: https://agents.example.com/status
      recording_status: https://agents.example.com/recording
  voice-only: {webhooks: {voice: https://agents.example.com/only}}
  ivr: {application: APABCDEF00000000000000000000000000}
trunks:
  edge: {domain: Acme-Edge.pstn.twilio.com}
"""
VOICE = Webhook("https://agents.example.com/voice")
SMS = Webhook("https://agents.example.com/sms", "GET", "https://fallback.example.com/sms", "POST")
STATUS = Webhook("https://agents.example.com/status")
IVR = ApplicationRoute("APabcdef00000000000000000000000000")
SID = "PN00000000000000000000000000000aBc"


def number(loaded: Load, declaration: str, more: str = "", key: str = '"+15550100100"') -> Desired:
    project = loaded(f"{AGENTS}numbers:\n  {key}: {declaration}\n{more}")
    (found,) = [desired for desired in project.desired if desired.kind == "number"]
    return found


@pytest.mark.parametrize(
    ("declaration", "voice", "sms", "status"),
    [
        ("support", VOICE, SMS, STATUS),
        ("{agent: support}", VOICE, SMS, STATUS),
        ("voice-only", Webhook("https://agents.example.com/only"), None, None),
        ("ivr", IVR, IVR, None),
        ("{agent: support, trunk: edge}", TrunkRoute("edge"), SMS, STATUS),
        ("{agent: ivr, trunk: edge}", TrunkRoute("edge"), IVR, None),
        ("{trunk: edge}", TrunkRoute("edge"), None, None),
        (
            "{trunk: TKABCDEF00000000000000000000000000}",
            TrunkRoute("TKabcdef00000000000000000000000000"),
            None,
            None,
        ),
        ("{agent: support, supports_inbound: false}", None, SMS, STATUS),
        ("{trunk: edge, supports_inbound: false}", None, None, None),
        (
            "{webhooks: {sms: https://own.example.com/}}",
            None,
            Webhook("https://own.example.com/"),
            None,
        ),
        (
            "{agent: support, webhooks: {sms: https://own.example.com/}}",
            VOICE,
            Webhook("https://own.example.com/"),
            STATUS,
        ),
        (
            "{trunk: edge, webhooks: {status: https://own.example.com/}}",
            TrunkRoute("edge"),
            None,
            Webhook("https://own.example.com/"),
        ),
    ],
)
def test_number_gets_the_settings_of_its_agent_trunk_and_webhooks(
    loaded: Load, declaration: str, voice: Any, sms: Any, status: Any
) -> None:
    desired = number(loaded, declaration)
    assert desired.profile.attrs == {"voice": voice, "sms": sms, "status": status}
    assert not desired.profile.options.observe_only


def test_only_managed_parts_are_desired(loaded: Load) -> None:
    assert dict(number(loaded, "{agent: support, manage: [sms]}").profile.attrs) == {"sms": SMS}
    defaults = "defaults: {numbers: {manage: [voice, status]}}\n"
    assert dict(number(loaded, "support", defaults).profile.attrs) == {
        "voice": VOICE,
        "status": STATUS,
    }
    assert dict(number(loaded, "{agent: support, manage: []}").profile.attrs) == {}
    assert not number(loaded, "{agent: support, manage: []}").profile.options.observe_only


def test_manages_only_declared_friendly_names(loaded: Load) -> None:
    desired = number(loaded, "{friendly_name: Front desk}")
    assert desired.profile.attrs == {"friendly_name": "Front desk"}
    assert not desired.profile.options.observe_only
    assert (
        number(loaded, "{agent: voice-only, friendlyName: Desk}").profile.attrs["friendly_name"]
        == "Desk"
    )


@pytest.mark.parametrize(
    "declaration", ["", "{}", "{labels: {team: sales}}", "{price: 1, supports_inbound: false}"]
)
def test_number_without_settings_is_only_watched(loaded: Load, declaration: str) -> None:
    desired = number(loaded, declaration)
    assert desired.profile.attrs == {}
    assert desired.profile.options.observe_only


def test_number_has_agent_account_address_and_position(loaded: Load) -> None:
    desired = number(loaded, "support")
    assert (desired.address, desired.key, desired.sid) == (
        "number/+15550100100",
        "+15550100100",
        None,
    )
    assert desired.profile.account == "main"
    assert desired.profile.options.agent == "support"
    assert desired.position == Position("reconciler.yaml", 17, 3)


def test_a_number_may_be_declared_by_its_sid(loaded: Load) -> None:
    desired = number(loaded, "support", key=SID)
    assert (desired.address, desired.key, desired.sid) == (
        f"number/{SID.replace('aBc', 'abc')}",
    ) + ("PN00000000000000000000000000000abc",) * 2


@pytest.mark.parametrize(
    ("key", "declaration"),
    [
        ('"+15550100100"', f"{{agent: support, sid: {SID}}}"),
        (SID, '{agent: support, phoneNumber: "+15550100100"}'),
    ],
)
def test_accepts_number_and_sid_in_either_order(loaded: Load, key: str, declaration: str) -> None:
    desired = number(loaded, declaration, key=key)
    assert (desired.address, desired.key) == ("number/+15550100100", "+15550100100")
    assert desired.sid == "PN00000000000000000000000000000abc"


def test_equally_declared_numbers_share_one_profile(loaded: Load) -> None:
    project = loaded(
        AGENTS
        + """\
numbers:
  "+15550100100": support
  "+15550100101": support
  "+15550100102": {agent: support}
  "+15550100103": {agentId: support, price: 1}
  "+15550100104": {agent: support, price: 2, takeover: refuse}
  "+15550100105": {agent: support, protect: true}
  "+15550100106": {agent: support, webhooks: {voice: https://agents.example.com/voice}}
  "+15550100107": {agent: support, webhooks: {voice: https://agents.example.com/voice}}
"""
    )
    profiles = [desired.profile for desired in project.desired if desired.kind == "number"]
    assert len({id(profile) for profile in profiles}) == 2
    assert profiles[5].options.protect


SHORT = """\
agents: {plain: {webhooks: {voice: https://agents.example.com/voice}}}
trunks: {edge: {domain: acme-edge.pstn.twilio.com, origination: [{sip_url: "sip:sbc.example.com"}]}}
numbers: {"+15550100100": plain}
bridge_numbers: {"+15550100200": {voice: https://agents.example.com/bridge}}
"""
LONG = """\
agents: {plain: {webhooks: {voice: {url: https://agents.example.com/voice, method: POST}}}}
trunks:
  edge:
    domain: acme-edge.pstn.twilio.com
    secure: false
    protect: false
    origination: [{sip_url: "sip:sbc.example.com", priority: 10, weight: 10, enabled: true}]
numbers:
  "+15550100100":
    {agent: plain, supports_inbound: true, on_removal: restore, protect: false, takeover: refuse}
bridge_numbers:
  "+15550100200":
    voice: {url: https://agents.example.com/bridge, method: POST}
    on_removal: restore
    protect: false
    takeover: refuse
"""


def test_defaults_that_are_left_out_are_written_out_for_the_plan(loaded: Load) -> None:
    short, long = loaded(SHORT).desired, loaded(LONG).desired
    assert without_places(short) == without_places(long)
    attrs = {each.kind: each.profile.attrs for each in short}
    assert attrs["trunk"]["secure"] is False
    origination = attrs["origination_url"]
    assert [origination[name] for name in ("priority", "weight", "enabled")] == [10, 10, True]
    voice = Webhook("https://agents.example.com/voice", "POST")
    assert attrs["number"] == {"voice": voice, "sms": None, "status": None}
    assert attrs["bridge_number"] == {"voice": Webhook("https://agents.example.com/bridge", "POST")}


def test_caller_id_of_an_agent_is_no_route_of_any_number(loaded: Load) -> None:
    """Many numbers reach one agent; the number that it calls out with is apart from that."""
    body = (
        AGENTS
        + """\
numbers:
  "+15550100100": voice-only
  "+15550100101": voice-only
"""
    )
    plain = loaded(body)
    calls_out = body.replace("  voice-only: {", '  voice-only: {outbound_number: "+15550100101", ')
    assert calls_out != body
    assert without_places(loaded(calls_out).desired) == without_places(plain.desired)
    profiles = {id(each.profile) for each in plain.desired if each.kind == "number"}
    assert len(profiles) == 1


def without_places(desired: Sequence[Desired]) -> list[Desired]:
    """The declarations without their places in the file."""
    place = Position("reconciler.yaml", 1, 1)
    return [msgspec.structs.replace(each, position=place) for each in desired]


def test_numbers_with_different_friendly_names_keep_them(loaded: Load) -> None:
    project = loaded(
        AGENTS
        + """\
numbers:
  "+15550100100": {agent: support, friendly_name: One}
  "+15550100101": {agent: support, friendly_name: Two}
  "+15550100102": {agent: support, friendly_name: Three, sid: PN00000000000000000000000000000001}
"""
    )
    profiles = [desired.profile for desired in project.desired if desired.kind == "number"]
    assert [profile.attrs["friendly_name"] for profile in profiles] == ["One", "Two", "Three"]
    assert all(profile.attrs["voice"] == VOICE for profile in profiles)


def test_one_and_true_are_not_the_same_declaration(loaded: Load, diagnosed: Any) -> None:
    found = diagnosed(
        AGENTS + 'numbers:\n  "+15550100100": {protect: true}\n  "+15550100101": {protect: 1}\n'
    )
    assert [(d.code, d.line) for d in found] == [("wrong_type", 18)]


def test_handling_comes_from_the_number_then_the_defaults_then_safety(loaded: Load) -> None:
    defaults = (
        "defaults: {numbers: {on_removal: clear, protect: true}}\nsafety: {takeover: allow}\n"
    )
    options = number(loaded, "support", defaults).profile.options
    assert (options.on_removal, options.protect, options.takeover) == ("clear", True, "allow")
    own = number(
        loaded, "{agent: support, on_removal: keep, protect: false, takeover: refuse}", defaults
    ).profile.options
    assert (own.on_removal, own.protect, own.takeover) == ("keep", False, "refuse")
    plain = number(loaded, "support").profile.options
    assert (plain.on_removal, plain.protect, plain.takeover) == ("restore", False, "refuse")


def test_only_the_voice_of_a_bridge_number_is_managed(loaded: Load) -> None:
    project = loaded(
        """\
        bridge_numbers:
          "+15550100200": {voice: {url: https://agents.example.com/own, method: GET}, on_removal: keep}
          "+15550100201": {}
          "+15550100202":
        defaults:
          bridge_numbers: {voice: https://agents.example.com/bridge, protect: true}
        """
    )
    assert [desired.address for desired in project.desired] == [
        f"bridge_number/+1555010020{i}" for i in range(3)
    ]
    assert dict(project.desired[0].profile.attrs) == {
        "voice": Webhook("https://agents.example.com/own", "GET")
    }
    assert project.desired[0].profile.options.on_removal == "keep"
    assert dict(project.desired[1].profile.attrs) == {
        "voice": Webhook("https://agents.example.com/bridge")
    }
    assert project.desired[1].profile is project.desired[2].profile
    assert project.desired[1].profile.options.protect
    assert project.desired[1].profile.options.agent is None


def test_a_trunk_and_its_origination_urls_become_resources(loaded: Load) -> None:
    project = loaded(
        """\
        trunks:
          edge:
            domain: Acme-Edge.pstn.twilio.com
            secure: true
            on_removal: keep
            origination:
              - {sip_url: "sip:sbc1.example.com;transport=tls", priority: 20, weight: 5, enabled: false}
              - {sip_url: "sip:user@sbc2.example.com:5060", friendly_name: Second}
          plain: {}
        """
    )
    edge, first, second, plain = project.desired
    assert (edge.kind, edge.address, edge.key, edge.parent) == ("trunk", "trunk/edge", "edge", None)
    assert edge.profile.attrs == {"domain_name": "acme-edge.pstn.twilio.com", "secure": True}
    assert edge.on_create == {"friendly_name": "edge"}
    assert edge.profile.options.on_removal == "keep"
    assert edge.position == Position("reconciler.yaml", 6, 3)
    assert first.address == "origination_url/edge/sip:sbc1.example.com;transport=tls"
    assert (first.key, first.parent) == ("sip:sbc1.example.com;transport=tls", "trunk/edge")
    assert first.position == Position("reconciler.yaml", 11, 9)
    assert first.profile.attrs == {
        "sip_url": "sip:sbc1.example.com;transport=tls",
        "priority": 20,
        "weight": 5,
        "enabled": False,
    }
    assert first.on_create == {"friendly_name": "sbc1.example.com"}
    assert second.profile.attrs["friendly_name"] == "Second"
    assert (second.profile.attrs["priority"], second.profile.attrs["weight"]) == (10, 10)
    assert plain.profile.attrs == {"secure": False}
    assert type(first.profile.attrs["priority"]) is int


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("sip:sbc1.example.com", "sbc1.example.com"),
        ("sip:sbc1.example.com:5061;transport=tls", "sbc1.example.com"),
        ("sip:user:word@sbc1.example.com", "sbc1.example.com"),
        ("sip:[2001:db8::1]:5060", "[2001:db8::1]"),
        ("sip:sbc1.example.com?x=y", "sbc1.example.com"),
    ],
)
def test_origination_url_is_named_by_its_host(url: str, host: str) -> None:
    assert sip_host(url) == host


def test_agents_keep_all_declared_settings(loaded: Load) -> None:
    project = loaded(
        AGENTS.replace(
            "  voice-only: {",
            '  voice-only: {owner: voice-team, labels: {tier: "1"}, outbound_number: "+15550100100", ',
        )
    )
    support, only, ivr = project.agents.values()
    assert (support.kind, only.kind, ivr.kind) == ("webhooks", "webhooks", "application")
    assert support.parts == {"voice": VOICE, "sms": SMS, "status": STATUS}
    assert support.recording_status == Webhook("https://agents.example.com/recording")
    assert (only.owner, only.labels, only.outbound_number) == (
        "voice-team",
        {"tier": "1"},
        "+15550100100",
    )
    assert ivr.application == "APabcdef00000000000000000000000000"
    assert support.position == Position("reconciler.yaml", 6, 3)


def test_our_urls_are_all_declared_urls(loaded: Load) -> None:
    project = loaded(
        AGENTS
        + """\
numbers:
  "+15550100100": {webhooks: {voice: https://own.example.com/voice}}
bridge_numbers:
  "+15550100200": {voice: https://own.example.com/bridge}
"""
    )
    assert project.our_urls == {
        "https://agents.example.com/voice",
        "https://agents.example.com/sms",
        "https://fallback.example.com/sms",
        "https://agents.example.com/status",
        "https://agents.example.com/recording",
        "https://agents.example.com/only",
        "https://own.example.com/voice",
        "https://own.example.com/bridge",
    }


@given(
    name=st.sampled_from(sorted(OWN_FIELDS)),
    value=st.text(max_size=70)
    | st.from_regex("[PA][NC][0-9a-fA-F]{31,33}")
    | st.sampled_from(["x" * 64, "x" * 65, " ", "PN" + "0" * 32, True, None])
    | st.dictionaries(
        st.text(max_size=3), st.text(max_size=3) | st.booleans() | st.none(), max_size=2
    ).map(Map)
    | st.integers().map(Int)
    | st.floats().map(Float),
)
def test_settings_compiled_per_number_are_valid(name: str, value: Any) -> None:
    if OWN_FIELDS[name](value):
        Number.model_validate({name: value})


def test_numbers_with_different_own_settings_share_a_profile(loaded: Load) -> None:
    project = loaded(
        AGENTS
        + """\
numbers:
  "+15550100100": {agent: support, sid: PN0000000000000000000000000000000A, price: 1}
  "+15550100101": {agent: support, sid: PN0000000000000000000000000000000B, price: 1.5}
  "+15550100102": {agent: support, twilioNumberSid: PN0000000000000000000000000000000C}
  PN0000000000000000000000000000000d: {agent: support, sid: PN0000000000000000000000000000000D}
"""
    )
    numbers = [desired for desired in project.desired if desired.kind == "number"]
    assert [number.sid for number in numbers] == [f"PN{'0' * 31}{digit}" for digit in "abcd"]
    assert len({id(number.profile) for number in numbers}) == 1


def test_numbers_with_the_same_labels_share_a_profile(loaded: Load) -> None:
    """Labels are recorded in state, so they are part of the profile; their order is not."""
    project = loaded(
        AGENTS
        + """\
numbers:
  "+15550100100": {agent: support, labels: {team: a, tier: gold}}
  "+15550100101": {agent: support, labels: {tier: gold, team: a}}
  "+15550100102": {agent: support, labels: {team: b}, price: 1}
  "+15550100103": {agent: support, labels: {team: b}, price: 2}
  "+15550100104": {agent: support, labels: {}}
bridge_numbers:
  "+15550100105": {voice: "https://agents.example.com/bridge", labels: {team: a}}
"""
    )
    profiles = {
        desired.key[-1]: desired.profile for desired in project.desired if desired.kind != "trunk"
    }
    assert profiles["0"] is profiles["1"]
    assert profiles["2"] is profiles["3"]
    labels = {key: dict(profile.options.labels) for key, profile in profiles.items()}
    gold, team_b = {"team": "a", "tier": "gold"}, {"team": "b"}
    assert labels == {"0": gold, "1": gold, "2": team_b, "3": team_b, "4": {}, "5": {"team": "a"}}


def test_labels_of_a_number_outside_twilio_go_to_its_registration(loaded: Load) -> None:
    project = loaded(
        """\
platforms:
  lk: {type: livekit, base_url: "https://acme.livekit.cloud", api_key: {env: LK_KEY}, api_secret: {env: LK_SECRET}}
numbers:
  "+15550100101": {provider: sip, platform: lk, labels: {team: a}, sip: {server_address: sip.example.com}}
"""
    )
    (registration,) = project.desired
    assert registration.address == "registration/lk/+15550100101"
    assert registration.profile.options.labels == (("team", "a"),)


@pytest.mark.parametrize(
    "own", ["friendly_name: 5", "sid: PN1", "price: -1", "labels: {team: 1}", "labels: {team: }"]
)
def test_reports_an_error_in_an_own_setting_at_its_number(diagnosed: Diagnose, own: str) -> None:
    good = "friendly_name: A, sid: PN0000000000000000000000000000000A, price: 1, labels: {team: a}"
    found = diagnosed(f'numbers:\n  "+15550100100": {{{good}}}\n  "+15550100101": {{{own}}}\n')
    assert [(d.line, d.address) for d in found] == [(7, "number/+15550100101")]
