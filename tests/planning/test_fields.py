from __future__ import annotations

from reconciler.model.action import Change
from reconciler.model.route import ApplicationRoute, TrunkRoute, Webhook
from reconciler.planning.decide.fields import diff_fields, flatten

URL = "https://agents.example.com/voice"


def test_lists_attributes_flat_and_in_order() -> None:
    attrs = {
        "voice": TrunkRoute("edge"),
        "sms": ApplicationRoute("menu"),
        "status": None,
        "friendly_name": "Sales",
    }
    assert flatten("number", attrs) == {
        "trunk": "edge",
        "sms_application": "menu",
        "friendly_name": "Sales",
    }
    assert flatten("trunk", {"secure": False, "domain_name": None}) == {
        "secure": False,
        "domain_name": None,
    }
    assert flatten("trunk", {"voice": TrunkRoute("edge")}) == {}


def test_ignores_a_default_method_that_comes_or_goes_with_its_url() -> None:
    assert diff_fields("number", {"voice": None}, {"voice": Webhook(URL)}) == (
        Change("voice_url", None, URL),
    )
    assert diff_fields("number", {"voice": Webhook(URL)}, {"voice": None}) == (
        Change("voice_url", URL, None),
    )
    assert diff_fields("number", {"voice": Webhook(URL)}, {"voice": Webhook(URL, "GET")}) == (
        Change("voice_method", "POST", "GET"),
    )


def test_compares_only_the_requested_fields() -> None:
    assert diff_fields("number", {"voice": Webhook(URL), "sms": None}, {"sms": None}) == ()
