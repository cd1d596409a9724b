from __future__ import annotations

import pytest

from reconciler.model.route import ApplicationRoute, TrunkRoute, Value, Webhook
from reconciler.planning.decide.takeover import overwritten_values

OURS = {"https://agents.example.com/voice"}
FOREIGN = Webhook(
    "https://old.example.net/voice", "POST", "https://old.example.net/fallback", "POST"
)
WANT = Webhook("https://agents.example.com/voice")


@pytest.mark.parametrize(
    ("part", "have", "want", "fields"),
    [
        ("voice", FOREIGN, WANT, ["voice_url", "voice_fallback_url"]),
        ("voice", FOREIGN, FOREIGN, []),
        ("voice", FOREIGN, None, ["voice_url", "voice_fallback_url"]),
        ("voice", FOREIGN, Webhook(FOREIGN.url), ["voice_fallback_url"]),
        ("status", Webhook("https://old.example.net/s"), None, ["status_callback"]),
        ("voice", None, WANT, []),
        ("voice", Webhook("https://demo.twilio.com/welcome/voice/"), WANT, []),
        ("voice", Webhook("https://demo.twilio.com.example.net/"), WANT, ["voice_url"]),
        ("voice", Webhook("http://[::1"), WANT, ["voice_url"]),
        ("voice", Webhook("https://agents.example.com/voice", "GET"), WANT, []),
        ("voice", WANT, None, []),
        ("voice", TrunkRoute("TK" + "1" * 32), WANT, ["trunk"]),
        ("voice", TrunkRoute("edge"), WANT, []),
        ("sms", ApplicationRoute("AP" + "1" * 32), None, ["sms_application"]),
        ("voice", ApplicationRoute("menu"), WANT, []),
        ("friendly_name", "Theirs", "Ours", []),
    ],
)
def test_only_foreign_values_count_as_lost(
    part: str, have: Value, want: Value, fields: list[str]
) -> None:
    assert [change.field for change in overwritten_values(part, have, want, OURS)] == fields
