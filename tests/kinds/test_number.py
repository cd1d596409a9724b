from __future__ import annotations

import pytest

from reconciler.kinds.number import (
    BRIDGE_NUMBER,
    NUMBER,
    Observer,
    canonical_routes,
    describe_hidden_voice,
    describe_route,
    make_webhook,
    observe,
    restore_params,
    to_wire,
    user_fields,
)
from reconciler.kinds.number_row import NumberRow
from reconciler.kinds.table import KINDS, kind_of
from reconciler.model.route import ApplicationRoute, TrunkRoute, Value, Webhook

URL = "https://agents.example.com/voice"
HOOK = Webhook(URL, "GET", "https://backup.example.com/voice", "POST")


@pytest.mark.parametrize(
    ("wire", "voice"),
    [
        (
            {"trunk_sid": "TK1", "voice_application_sid": "AP1", "voice_url": URL},
            TrunkRoute("edge"),
        ),
        ({"trunk_sid": "TK2", "voice_url": URL}, TrunkRoute("TK2")),
        (
            {"trunk_sid": None, "voice_application_sid": "AP1", "voice_url": URL},
            ApplicationRoute("AP1"),
        ),
        ({"voice_url": URL}, Webhook(URL)),
        ({"voice_url": URL, "voice_method": "get"}, Webhook(URL, "GET")),
        ({"voice_url": URL, "voice_fallback_method": "GET"}, Webhook(URL)),
        ({"voice_url": "", "voice_method": "POST"}, None),
        ({}, None),
    ],
)
def test_the_first_present_of_trunk_application_and_url_is_the_voice(
    wire: dict[str, str], voice: Value
) -> None:
    assert canonical_routes(wire, {"TK1": "edge"})["voice"] == voice


def test_trunk_does_not_affect_messages() -> None:
    found = canonical_routes({"trunk_sid": "TK1", "sms_url": URL, "status_callback": URL}, {})
    assert (found["sms"], found["status"]) == (Webhook(URL), Webhook(URL))


def test_null_and_empty_are_equal() -> None:
    row = {"sid": "PN1", "phone_number": "+15550100101"}
    assert observe({**row, "voice_url": None}, "main", {}) == observe(
        {**row, "voice_url": ""}, "main", {}
    )


def test_webhook_may_have_only_a_fallback() -> None:
    assert make_webhook("", "", URL) == Webhook("", "POST", URL, "POST")


def test_equally_configured_numbers_share_one_configuration() -> None:
    observer = Observer({})
    one, two = (
        observer.live(NumberRow(f"PN{i}", f"+1555010010{i}", voice_url=URL), "main") for i in (1, 2)
    )
    assert one.attrs is two.attrs
    assert one.wire is two.wire


@pytest.mark.parametrize(
    ("wire", "hidden"),
    [
        ({"voice_url": URL}, []),
        ({"trunk_sid": "TK1", "voice_url": URL}, [f"webhook {URL}"]),
        ({"voice_application_sid": "AP1", "voice_url": URL}, [f"webhook {URL}"]),
        ({"trunk_sid": "TK1", "voice_application_sid": "AP1"}, ["application AP1"]),
    ],
)
def test_settings_without_effect_are_hidden(wire: dict[str, str], hidden: list[str]) -> None:
    assert describe_hidden_voice(wire) == hidden


@pytest.mark.parametrize(
    ("attrs", "params"),
    [
        ({"friendly_name": "Sales"}, {"FriendlyName": "Sales"}),
        ({"friendly_name": None}, {"FriendlyName": ""}),
        ({"voice": TrunkRoute("edge")}, {"TrunkSid": "TK1"}),
        ({"voice": TrunkRoute("TK9")}, {"TrunkSid": "TK9"}),
        ({"voice": ApplicationRoute("menu")}, {"VoiceApplicationSid": "AP1"}),
        ({"sms": ApplicationRoute("AP9")}, {"SmsApplicationSid": "AP9"}),
        (
            {"voice": HOOK},
            {
                "VoiceUrl": URL,
                "VoiceMethod": "GET",
                "VoiceFallbackUrl": "https://backup.example.com/voice",
                "VoiceFallbackMethod": "POST",
            },
        ),
        ({"voice": None}, {"VoiceUrl": "", "VoiceFallbackUrl": ""}),
        ({"status": None}, {"StatusCallback": ""}),
        ({"status": Webhook(URL)}, {"StatusCallback": URL, "StatusCallbackMethod": "POST"}),
    ],
)
def test_a_managed_part_is_sent_whole(attrs: dict[str, Value], params: dict[str, str]) -> None:
    assert to_wire(attrs, {"trunk/edge": "TK1", "application/menu": "AP1"}) == params


def test_restored_values_are_sent_unchanged_except_empty_methods() -> None:
    wire = {"voice_url": None, "voice_method": "", "sms_url": URL, "sms_method": "GET"}
    assert restore_params(wire) == {"VoiceUrl": "", "SmsUrl": URL, "SmsMethod": "GET"}


@pytest.mark.parametrize(
    ("part", "value", "fields"),
    [
        ("friendly_name", "Sales", {"friendly_name": "Sales"}),
        ("friendly_name", None, {"friendly_name": None}),
        ("voice", TrunkRoute("edge"), {"trunk": "edge"}),
        ("sms", ApplicationRoute("menu"), {"sms_application": "menu"}),
        ("voice", None, {}),
        ("status", Webhook(URL), {"status_callback": URL, "status_callback_method": "POST"}),
        ("sms", Webhook(URL), {"sms_url": URL, "sms_method": "POST"}),
        (
            "voice",
            HOOK,
            {
                "voice_url": URL,
                "voice_method": "GET",
                "voice_fallback_url": "https://backup.example.com/voice",
                "voice_fallback_method": "POST",
            },
        ),
    ],
)
def test_describes_a_part_with_the_field_names_of_the_configuration(
    part: str, value: Value, fields: dict[str, str]
) -> None:
    assert user_fields(part, value) == fields


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (TrunkRoute("edge"), "trunk edge"),
        (ApplicationRoute("menu"), "application menu"),
        (Webhook(URL), f"webhook {URL}"),
        (Webhook("", "POST", URL, "POST"), f"fallback {URL} only"),
        (None, "nothing"),
    ],
)
def test_a_route_has_words(value: Value, words: str) -> None:
    assert describe_route(value) == words


def test_a_number_is_paid_and_can_neither_be_created_nor_deleted() -> None:
    for kind in (NUMBER, BRIDGE_NUMBER):
        assert kind.paid
        assert kind.create is None
        assert kind.delete is None
    assert NUMBER.rank == BRIDGE_NUMBER.rank, "they are written in the order of their addresses"


def test_address_identifies_its_kind() -> None:
    assert kind_of("bridge_number/+15550100101") is BRIDGE_NUMBER
    with pytest.raises(KeyError):
        kind_of("fax/+15550100101")


def test_referenced_kinds_have_a_lower_rank() -> None:
    for kind in KINDS.values():
        for above in (kind.parent, kind.refers):
            assert above is None or KINDS[above].rank < kind.rank
        assert kind.paid is (kind.rank > KINDS["trunk"].rank and kind.parent is None)


def test_every_parameter_of_a_kind_names_its_field() -> None:
    assert NUMBER.params["VoiceApplicationSid"] == "voice_application_sid"
    assert NUMBER.params["StatusCallback"] == "status_callback"
