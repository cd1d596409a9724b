"""Which stored values are forms of the ones that were sent: each rule, and what no rule may swallow."""

from __future__ import annotations

import pytest

from reconciler.kinds.forms import form_of

URL = "https://agents.example.com/voice?to=1"


@pytest.mark.parametrize(
    ("field", "sent", "stored", "form"),
    [
        ("voice_url", "", None, "same"),
        ("secure", True, "true", "same"),
        ("weight", 10, "10", "same"),
        ("voice_method", "POST", "post", "listed"),
        ("voice_url", URL, URL.replace("agents", "AGENTS").replace("https", "HTTPS"), "listed"),
        ("voice_url", "https://agents.example.com/a%7eb%2f", "https://agents.example.com/a~b%2F", "listed"),
        ("voice_url", "https://agents.example.com:443", "https://agents.example.com/", "listed"),
        ("voice_url", "http://agents.example.com/a", "http://agents.example.com:80/a", "listed"),
        ("domain_name", "Edge.pstn.twilio.com", "edge.pstn.twilio.com", "listed"),
        ("sip_url", "sip:SBC1.example.com;transport=tls", "sip:sbc1.example.com:5060;transport=tls", "listed"),
        ("friendly_name", "Sales ", "Sales", "listed"),
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
        ("voice_application_sid", "AP1", "AP2", "other"),
        ("weight", 10, 20, "other"),
        ("secure", True, False, "other"),
    ],
)
def test_a_stored_value_is_a_form_by_a_listed_rule_only(field: str, sent: object, stored: object, form: str) -> None:
    assert form_of(field, sent, stored) == form  # type: ignore[arg-type]
