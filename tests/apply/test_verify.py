from __future__ import annotations

import pytest

from reconciler.execution.verify import fields_sent, judge_repaired, judge_write
from reconciler.kinds.number import NUMBER
from reconciler.model.route import Wire

A, B = "https://a.example.com/", "https://b.example.com/"


@pytest.mark.parametrize(
    ("sent", "stored", "before", "verdict"),
    [
        ({"voice_url": A}, {"voice_url": A}, {}, ("applied", [])),
        ({"voice_url": A}, {}, {}, ("applied", [])),
        ({"voice_url": ""}, {"voice_url": None}, {"voice_url": A}, ("applied", [])),
        ({"secure": True}, {"secure": "true"}, {}, ("applied", [])),
        ({"voice_url": A}, {"voice_url": None}, {"voice_url": B}, ("dropped", ["voice_url"])),
        ({"voice_url": A}, {"voice_url": B}, {"voice_url": B}, ("dropped", ["voice_url"])),
        ({"voice_url": ""}, {"voice_url": B}, {"voice_url": A}, ("dropped", ["voice_url"])),
        (
            {"voice_url": A},
            {"voice_url": A.upper()},
            {"voice_url": B},
            ("normalised", ["voice_url"]),
        ),
        (
            {"sms_url": "", "sms_method": "GET"},
            {"sms_url": None, "sms_method": None},
            {},
            ("applied", []),
        ),
        (
            {"sms_method": "POST"},
            {"sms_url": "", "sms_method": "GET"},
            {"sms_method": "GET"},
            ("applied", []),
        ),
        (
            {"sms_method": "POST"},
            {"sms_url": A, "sms_method": "GET"},
            {},
            ("normalised", ["sms_method"]),
        ),
        (
            {"sms_url": A, "sms_method": "GET"},
            {"sms_url": A, "sms_method": ""},
            {},
            ("dropped", ["sms_method"]),
        ),
        ({"a": "x", "b": "y"}, {"a": "X", "b": ""}, {}, ("dropped", ["b"])),
        (
            {"voice_url": A + "#rc=3"},
            {"voice_url": A},
            {"voice_url": B},
            ("dropped", ["voice_url"]),
        ),
        ({"voice_url": A}, {"voice_url": B}, {}, ("dropped", ["voice_url"])),
        ({"voice_url": A}, {"voice_url": A + "x"}, {}, ("normalised", ["voice_url"])),
        ({"trunk_sid": "TK1"}, {"trunk_sid": "TK2"}, {}, ("dropped", ["trunk_sid"])),
        (
            {"domain_name": "a.pstn.twilio.com"},
            {"domain_name": "b.pstn.twilio.com"},
            {},
            ("dropped", ["domain_name"]),
        ),
        (
            {"sip_url": "sip:sbc1.example.com"},
            {"sip_url": "sip:sbc2.example.com"},
            {},
            ("dropped", ["sip_url"]),
        ),
        (
            {"friendly_name": "Sales"},
            {"friendly_name": "Support"},
            {},
            ("normalised", ["friendly_name"]),
        ),
        (
            {"voice_url": A + "#rc=3"},
            {"voice_url": A.upper() + "#rc=3"},
            {},
            ("normalised", ["voice_url"]),
        ),
    ],
)
def test_judges_a_write_by_the_stored_value(
    sent: Wire, stored: Wire, before: Wire, verdict: tuple[str, object]
) -> None:
    assert judge_write(sent, stored, before) == verdict


def test_sent_parameters_map_to_the_names_of_the_response() -> None:
    assert fields_sent(NUMBER, {"VoiceUrl": A, "TrunkSid": ""}) == {"voice_url": A, "trunk_sid": ""}


def test_flags_and_numbers_have_no_normalised_form() -> None:
    """Else `secure: true` that Twilio did not keep would be taken for the same thing said differently, for ever."""
    assert judge_write({"secure": True}, {"secure": False}, {}) == ("dropped", ["secure"])
    assert judge_write({"weight": 20}, {"weight": 10}, {}) == ("dropped", ["weight"])


@pytest.mark.parametrize(
    ("sent", "stored", "verdict"),
    [
        ("https://Agents.example.com/voice", "https://agents.example.com/voice", "normalised"),
        ("https://agents.example.com/", "https://agents.example.com", "normalised"),
        ("https://agents.example.com/a%7Eb", "https://agents.example.com/a~b", "normalised"),
        ("https://agents.example.com:443?to=1", "https://agents.example.com/?to=1", "normalised"),
        ("http://agents.example.com/a", "http://agents.example.com:80/a", "normalised"),
        ("https://agents.example.com/Voice", "https://agents.example.com/voice", "dropped"),
        ("https://agents.example.com/a", "https://agents.example.com/a/", "dropped"),
        ("https://agents.example.com:8443/", "https://agents.example.com/", "dropped"),
        ("Sales  US", "sales us", "dropped"),
        ("Sales ", "Sales", "dropped"),
        ("https://agents.example.com/#rc=3", "https://agents.example.com/#RC=3", "dropped"),
        ("https://agents.example.com/#rc=3", "https://agents.example.com/", "dropped"),
        ("https://agents.example.com/voice", "https://agents.example.com/other", "dropped"),
    ],
)
def test_previous_value_in_normalised_form_does_not_count_as_dropped(
    sent: str, stored: str, verdict: str
) -> None:
    found = {"voice_url": stored}
    assert judge_write({"voice_url": sent}, found, found)[0] == "dropped", (
        "it is sent once more before this is believed"
    )
    assert judge_repaired({"voice_url": sent}, found, found)[0] == verdict
