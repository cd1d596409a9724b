from __future__ import annotations

import pytest

from reconciler.kinds.kind import is_same_value, plain_params
from reconciler.kinds.origination_url import FIELDS, ORIGINATION_URL
from reconciler.kinds.trunk import TRUNK
from reconciler.model.route import TrunkRoute, WireValue

ROW = {
    "sid": "OU1",
    "parent_sid": "TK1",
    "sip_url": "sip:sbc1.example.com",
    "priority": 0,
    "weight": 7,
    "enabled": False,
    "friendly_name": "",
}


def test_identifies_a_trunk_by_domain_then_name_then_sid() -> None:
    row = {
        "sid": "TK1",
        "friendly_name": "Edge",
        "domain_name": "edge.pstn.twilio.com",
        "secure": True,
    }
    assert TRUNK.observe(row, "main", {}).key == "edge.pstn.twilio.com"
    assert TRUNK.observe({**row, "domain_name": None}, "main", {}).key == "Edge"
    assert TRUNK.observe({"sid": "TK1"}, "main", {}).key == "TK1"


def test_absent_fields_of_a_row_are_defaults() -> None:
    assert TRUNK.observe({"sid": "TK1"}, "main", {}).attrs == {
        "friendly_name": None,
        "domain_name": None,
        "secure": False,
        "cnam_lookup_enabled": False,
        "transfer_mode": "disable-all",
        "transfer_caller_id": "from-transferee",
        "disaster_recovery_url": None,
        "disaster_recovery_method": None,
    }


def test_identifies_an_origination_url_by_its_url_and_trunk() -> None:
    live = ORIGINATION_URL.observe(ROW, "main", {"TK1": "edge"})
    assert (live.key, live.parent) == ("sip:sbc1.example.com", "trunk/edge")
    assert ORIGINATION_URL.observe(ROW, "main", {}).parent == "trunk/TK1"


def test_zero_and_false_are_values() -> None:
    attrs = ORIGINATION_URL.observe(ROW, "main", {}).attrs
    assert (attrs["priority"], attrs["enabled"], attrs["friendly_name"]) == (0, False, None)


def test_sends_only_given_values_and_no_empty_ones() -> None:
    assert ORIGINATION_URL.to_wire({"weight": 5, "friendly_name": None}, {}) == {
        "Weight": 5,
        "FriendlyName": "",
    }
    assert TRUNK.to_wire({"secure": False}, {}) == {"Secure": False}


def test_a_route_is_no_plain_value() -> None:
    with pytest.raises(TypeError):
        plain_params(FIELDS, {"weight": TrunkRoute("edge")})


@pytest.mark.parametrize(
    ("sent", "stored", "alike"),
    [
        ("", None, True),
        (None, "", True),
        (True, "true", True),
        ("False", False, True),
        (10, "10", True),
        ("a", "A", False),
        (1, True, False),
        ("", False, False),
    ],
)
def test_form_encoding_knows_no_types(sent: WireValue, stored: WireValue, alike: bool) -> None:
    assert is_same_value(sent, stored) is alike
