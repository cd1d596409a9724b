"""Which stored values are forms of the ones that were sent: each rule, and what no rule may swallow."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.kinds import forms
from reconciler.kinds.forms import compare_forms

URL = "https://agents.example.com/voice?to=1"


@pytest.mark.parametrize(
    ("field", "sent", "stored", "form"),
    [
        ("voice_url", "", None, "same"),
        ("secure", True, "true", "same"),
        ("weight", 10, "10", "same"),
        ("voice_method", "POST", "post", "listed"),
        ("voice_url", URL, URL.replace("agents", "AGENTS").replace("https", "HTTPS"), "listed"),
        (
            "voice_url",
            "https://agents.example.com/a%7eb%2f",
            "https://agents.example.com/a~b%2F",
            "listed",
        ),
        ("voice_url", "https://agents.example.com:443", "https://agents.example.com/", "listed"),
        ("voice_url", "http://agents.example.com/a", "http://agents.example.com:80/a", "listed"),
        ("domain_name", "Edge.pstn.twilio.com", "edge.pstn.twilio.com", "listed"),
        (
            "sip_url",
            "sip:SBC1.example.com;transport=tls",
            "SIP:sbc1.example.com;transport=tls",
            "listed",
        ),
        ("friendly_name", "Sales ", "Sales", "unexpected"),
        ("friendly_name", " Sales", "Sales", "unexpected"),
        ("friendly_name", "Sales  US", "Sales US", "unexpected"),
        ("friendly_name", "Büro", "BÜRO", "unexpected"),
        (
            "voice_url",
            "https://agents.example.com/a%20b",
            "https://agents.example.com/a+b",
            "unexpected",
        ),
        (
            "voice_url",
            "https://agents.example.com/a%2Fb",
            "https://agents.example.com/a/b",
            "unexpected",
        ),
        (
            "voice_url",
            "https://agents.example.com/%41",
            "https://agents.example.com/a",
            "unexpected",
        ),
        ("voice_url", URL, "https://agents.example.com/Voice?to=1", "unexpected"),
        ("voice_url", URL, "https://agents.example.com/voice/?to=1", "unexpected"),
        ("voice_url", URL, "https://agents.example.com/voice", "unexpected"),
        ("sip_url", "sip:sbc1.example.com;transport=tls", "sip:sbc1.example.com", "unexpected"),
        ("voice_method", "POST", "GET", "unexpected"),
        ("friendly_name", "Sales", "sales", "unexpected"),
        ("voice_url", URL, "https://something-else.example.net/voice?to=1", "other"),
        ("voice_url", URL, "http://agents.example.com/voice?to=1", "other"),
        ("voice_url", URL, "https://agents.example.com:8443/voice?to=1", "other"),
        ("voice_url", URL, "https://user@agents.example.com/voice?to=1", "other"),
        ("voice_url", URL, "no address at all", "other"),
        ("voice_url", URL, "https://[broken/", "other"),
        ("voice_url", URL, "", "other"),
        ("voice_url", "", URL, "other"),
        ("voice_url", f"{URL}#rc=3", f"{URL}#RC=3", "other"),
        ("sip_url", "sip:sbc1.example.com", "sips:sbc1.example.com", "other"),
        ("sip_url", "sip:a@sbc1.example.com", "sip:b@sbc1.example.com", "other"),
        ("sip_url", "sip:sbc1.example.com", "sip:sbc1.example.com:5070", "other"),
        ("domain_name", "edge.pstn.twilio.com", "edges.pstn.twilio.com", "other"),
        ("ip_address", "203.0.113.1", "203.0.113.2", "other"),
        ("username", "pbx", "pbx2", "other"),
        ("username", "pbx", "PBX", "other"),
        ("username", "pbx ", "pbx", "other"),
        ("domain_name", "edge.pstn.twilio.com ", "edge.pstn.twilio.com", "other"),
        ("domain_name", "straße.example.com", "strasse.example.com", "other"),
        ("sip_url", "sip:sbc1.example.com", "sip:sbc1.example.com:5060", "other"),
        ("sip_url", "sips:sbc1.example.com:5061", "sips:sbc1.example.com", "other"),
        ("voice_url", "https://agents.example.com:80/a", "https://agents.example.com/a", "other"),
        ("voice_url", "http://agents.example.com:443/a", "http://agents.example.com/a", "other"),
        ("voice_application_sid", "AP1", "AP2", "other"),
        ("weight", 10, 20, "other"),
        ("secure", True, False, "other"),
    ],
)
def test_a_stored_value_is_a_form_by_a_listed_rule_only(
    field: str, sent: object, stored: object, form: str
) -> None:
    assert compare_forms(field, sent, stored) == form  # type: ignore[arg-type]


RULES = {
    "empty": [("voice_url", "", None), ("voice_url", None, "")],
    "no types": [("secure", True, "true"), ("secure", False, "false"), ("weight", 10, "10")],
    "method": [("voice_method", "post", "POST"), ("voice_method", "GET", "get")],
    "scheme and host": [("voice_url", "HTTPS://A.example.com/x", "https://a.example.com/x")],
    "escapes": [
        ("voice_url", "https://a.example.com/%7e", "https://a.example.com/~"),
        ("voice_url", "https://a.example.com/%2f?b=%c3", "https://a.example.com/%2F?b=%C3"),
    ],
    "port": [
        ("voice_url", "https://a.example.com:443/x", "https://a.example.com/x"),
        ("voice_url", "http://a.example.com/x", "http://a.example.com:80/x"),
    ],
    "empty path": [
        ("voice_url", "https://a.example.com", "https://a.example.com/"),
        ("voice_url", "https://a.example.com?x=1", "https://a.example.com/?x=1"),
    ],
    "domain": [
        ("domain_name", "A.pstn.twilio.com", "a.pstn.twilio.com"),
        ("sip_url", "sip:User@A.example.com", "sip:User@a.example.com"),
    ],
}


@pytest.mark.parametrize("rule", RULES)
def test_each_listed_rule_holds_both_ways(rule: str) -> None:
    for field, sent, stored in RULES[rule]:
        assert compare_forms(field, sent, stored) in ("same", "listed")  # type: ignore[arg-type]
        assert compare_forms(field, stored, sent) in ("same", "listed")  # type: ignore[arg-type]


def test_the_listed_rules_are_these_and_each_has_a_source() -> None:
    """A rule without a specification or a document of Twilio behind it would hide a value that was not stored."""
    table = re.findall(
        r"^\| ([a-z ]+?) +\| (.+?) +\| (.+?) +\|$", forms.__doc__ or "", re.MULTILINE
    )
    assert [name for name, _, _ in table] == list(RULES)
    for _, _, source in table:
        assert re.search(r"RFC \d+|OpenAPI|form-encoded", source)

    page = Path(__file__).parents[2] / "docs" / "reference" / "twilio.md"
    documented = page.read_text(encoding="utf-8").partition(
        "By these rules a stored value is a form of the sent value:"
    )[2]
    rows = re.findall(r"^\| ([a-z ]+) \|", documented.partition("\n\nAny other")[0], re.MULTILINE)
    assert sorted(rows) == sorted([*RULES, "idle method"])
