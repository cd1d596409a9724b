from __future__ import annotations

import pytest

from reconciler.execution.verify import (
    fields_sent,
    find_unconfirmed,
    judge_repaired,
    judge_write,
    record_form,
)
from reconciler.kinds.number import NUMBER
from reconciler.model.desired import Options
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Value, Wire
from tests.support.memory.resources import hook

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


SENT, STORED = hook("Agent"), hook("agent")
PAIRS: dict[str, list[Value]] = {"sms": [hook("Sms"), hook("sms")]}


@pytest.mark.parametrize(
    ("writes", "shown", "name", "expected"),
    [
        ({"voice": SENT}, {"voice": STORED}, "", {**PAIRS, "voice": [SENT, STORED]}),
        ({"voice": SENT}, {"voice": SENT}, "", PAIRS),
        ({"voice": None}, {"voice": None}, "", PAIRS),
        ({"voice": SENT}, {"voice": None}, "", PAIRS),
        ({"sms": SENT}, {"sms": STORED}, "", {"sms": [SENT, STORED]}),
        ({"sms": SENT}, {"sms": SENT}, "", {}),
        ({}, {"voice": STORED}, "", PAIRS),
        ({"friendly_name": "Sales"}, {}, "SALES", {**PAIRS, "friendly_name": ["Sales", "SALES"]}),
        ({"friendly_name": "Sales"}, {}, "Sales", PAIRS),
        (
            {"friendly_name": "edge"},
            {"friendly_name": "EDGE"},
            "other",
            {**PAIRS, "friendly_name": ["edge", "EDGE"]},
        ),
    ],
)
def test_pairs_of_sent_and_stored_values_after_a_write(
    writes: dict[str, Value], shown: dict[str, Value], name: str, expected: dict[str, list[Value]]
) -> None:
    """Parts that were not written keep theirs; a written part has one only where its form differs."""
    entry = Entry("number", "main", "PN1", "+1", {}, Options(), normalised=PAIRS)
    live = Live("PN1", "+1", "main", {}, shown, name)
    assert record_form(entry, writes, live) == expected


@pytest.mark.parametrize(
    ("confirmed", "stored", "fields"),
    [
        ({"voice_url": A}, {"voice_url": A}, []),
        ({"voice_url": A}, {}, []),
        ({"voice_url": A}, {"voice_url": B}, ["voice_url"]),
        ({"voice_url": A}, {"voice_url": None}, ["voice_url"]),
        ({"voice_url": ""}, {"voice_url": None}, []),
        ({"voice_url": A}, {"voice_url": "https://A.example.com"}, []),
        ({"voice_url": A}, {"voice_url": A + "x"}, ["voice_url"]),
        ({"sms_method": "GET"}, {"sms_url": "", "sms_method": "POST"}, []),
        ({"sms_method": "GET"}, {"sms_url": A, "sms_method": "POST"}, ["sms_method"]),
        ({"sms_url": "", "sms_method": "GET"}, {"sms_url": A, "sms_method": "POST"}, ["sms_url"]),
        ({"a": "x", "b": "y"}, {"a": "y", "b": "y"}, ["a"]),
    ],
)
def test_a_field_is_confirmed_by_its_value_or_by_a_form_of_it(
    confirmed: Wire, stored: Wire, fields: list[str]
) -> None:
    assert find_unconfirmed(confirmed, stored) == fields
