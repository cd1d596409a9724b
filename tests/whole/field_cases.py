"""Two values of every field that a section offers, and what Twilio shows for the second.

`tests/whole/test_every_field.py` reads this table. A field of a model without a row here fails the test, so a new
field comes with a case, or with the reason why Twilio never sees it. Another section is one more `SectionCases`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from reconciler.config.sections.agent import Application
from reconciler.config.sections.fields import Section
from reconciler.config.sections.messaging_service import MessagingService
from reconciler.config.sections.number import Number
from reconciler.config.sections.trunk import Trunk

NUMBER = "+15552000001"
HOST = "https://agents.example.com"


def sid(prefix: str, digit: str) -> str:
    """A SID that no account has."""
    return prefix + digit * 32


class Case(NamedTuple):
    """A field's first and second value, and the fields of Twilio's row once the second is applied.

    `names` are fields of Twilio whose value is a SID of this run: only that they are set is compared. `elsewhere` names
    the resource that shows them when it is not the row of the section itself.
    """

    first: object
    second: object
    shows: Mapping[str, object] = {}
    names: tuple[str, ...] = ()
    elsewhere: str = ""


class SectionCases(NamedTuple):
    """The cases of one section: its model, the entry that is declared, and the fields that Twilio never sees."""

    section: str
    key: str
    model: type[Section]
    cases: Mapping[str, Case]
    local: Mapping[str, str]


APPLICATION_CASES = SectionCases(
    "applications",
    "menu",
    Application,
    {
        "friendly_name": Case("Menu", "Main menu", {"friendly_name": "Main menu"}),
        "voice": Case(
            f"{HOST}/menu",
            {"url": f"{HOST}/menu-2", "method": "GET", "fallback_url": f"{HOST}/fallback"},
            {
                "voice_url": f"{HOST}/menu-2",
                "voice_method": "GET",
                "voice_fallback_url": f"{HOST}/fallback",
            },
        ),
        "sms": Case(f"{HOST}/sms", f"{HOST}/sms-2", {"sms_url": f"{HOST}/sms-2"}),
        "status": Case(
            f"{HOST}/status", f"{HOST}/status-2", {"status_callback": f"{HOST}/status-2"}
        ),
        "message_status_callback": Case(
            f"{HOST}/m", f"{HOST}/m-2", {"message_status_callback": f"{HOST}/m-2"}
        ),
        "sms_status_callback": Case(f"{HOST}/s", "none", {"sms_status_callback": None}),
        "caller_id_lookup": Case(True, False, {"voice_caller_id_lookup": False}),
        "public_application_connect": Case(
            False, True, {"public_application_connect_enabled": True}
        ),
    },
    {
        "account": "the account is where Twilio has it",
        "on_removal": "tests/whole/test_application.py",
        "protect": "a rule of the plan",
    },
)

TRUNK_CASES = SectionCases(
    "trunks",
    "edge",
    Trunk,
    {
        "friendly_name": Case("Edge", "Edge two", {"friendly_name": "Edge two"}),
        "domain": Case(
            "acme-edge.pstn.twilio.com",
            "acme-two.pstn.twilio.com",
            {"domain_name": "acme-two.pstn.twilio.com"},
        ),
        "secure": Case(True, False, {"secure": False}),
        "cnam_lookup": Case(True, False, {"cnam_lookup_enabled": False}),
        "transfer_mode": Case("sip-only", "enable-all", {"transfer_mode": "enable-all"}),
        "transfer_caller_id": Case(
            "from-transferor", "from-transferee", {"transfer_caller_id": "from-transferee"}
        ),
        "disaster_recovery": Case(
            {"url": f"{HOST}/dr"},
            {"url": f"{HOST}/dr-2", "method": "GET"},
            {"disaster_recovery_url": f"{HOST}/dr-2", "disaster_recovery_method": "GET"},
        ),
        "origination": Case(
            [{"sip_url": "sip:sbc1.example.com", "priority": 10, "weight": 10}],
            [{"sip_url": "sip:sbc1.example.com", "priority": 20, "weight": 0, "enabled": False}],
            {"priority": 20, "weight": 0, "enabled": False},
            elsewhere="origination_urls",
        ),
        "recording": Case(
            {"mode": "record-from-answer", "trim": "trim-silence"},
            {"mode": "record-from-ringing", "trim": "do-not-trim"},
            {"mode": "record-from-ringing", "trim": "do-not-trim"},
            elsewhere="recording",
        ),
        "ip_access_control_lists": Case(
            [{"name": "offices", "addresses": [{"cidr": "203.0.113.0/28", "name": "hq"}]}],
            [{"name": "offices", "addresses": [{"cidr": "203.0.113.0/28", "name": "new hq"}]}],
            {"friendly_name": "new hq"},
            elsewhere="ip_addresses",
        ),
        "credential_lists": Case(
            [{"name": "pbx", "credentials": [{"username": "pbx", "password": {"env": "P1"}}]}],
            [{"name": "pbx", "credentials": [{"username": "pbx-2", "password": {"env": "P2"}}]}],
            {"username": "pbx-2"},
            elsewhere="credentials",
        ),
    },
    {
        "account": "the account is where Twilio has it",
        "unlisted": "a rule of the plan: tests/whole/test_unlisted.py",
        "on_removal": "tests/whole/test_trunk_removal.py",
        "protect": "a rule of the plan",
    },
)

SERVICE_CASES = SectionCases(
    "messaging_services",
    "texts",
    MessagingService,
    {
        "friendly_name": Case("Texts", "Texts two", {"friendly_name": "Texts two"}),
        "inbound": Case(
            f"{HOST}/in",
            {"url": f"{HOST}/in-2", "method": "GET"},
            {"inbound_request_url": f"{HOST}/in-2", "inbound_method": "GET"},
        ),
        "fallback": Case(f"{HOST}/fb", f"{HOST}/fb-2", {"fallback_url": f"{HOST}/fb-2"}),
        "status": Case(f"{HOST}/st", f"{HOST}/st-2", {"status_callback": f"{HOST}/st-2"}),
        "sticky_sender": Case(False, True, {"sticky_sender": True}),
        "mms_converter": Case(False, True, {"mms_converter": True}),
        "smart_encoding": Case(False, True, {"smart_encoding": True}),
        "scan_message_content": Case("disable", "enable", {"scan_message_content": "enable"}),
        "area_code_geomatch": Case(False, True, {"area_code_geomatch": True}),
        "validity_period": Case(14_400, 600, {"validity_period": 600}),
        "usecase": Case("marketing", "poll", {"usecase": "poll"}),
    },
    {
        "account": "the account is where Twilio has it",
        "use_number_webhook": "stands in place of `inbound`: tests/whole/test_messaging_service.py",
        "on_removal": "tests/whole/test_messaging_service.py",
        "protect": "a rule of the plan",
    },
)

NUMBER_CASES = SectionCases(
    "numbers",
    NUMBER,
    Number,
    {
        "agent": Case("first", "second", {"sms_url": f"{HOST}/second-sms"}),
        "trunk": Case("edge", "other", names=("trunk_sid",)),
        "webhooks": Case(
            {"status": f"{HOST}/own"},
            {"status": f"{HOST}/own-2"},
            {"status_callback": f"{HOST}/own-2"},
        ),
        "messaging_service": Case("texts", "other-texts"),
        "friendly_name": Case("Sales", "Sales US", {"friendly_name": "Sales US"}),
        "emergency_address": Case(
            sid("AD", "1"),
            sid("AD", "2"),
            {"emergency_address_sid": sid("AD", "2"), "emergency_address_status": "registered"},
        ),
        "address": Case(sid("AD", "3"), sid("AD", "4"), {"address_sid": sid("AD", "4")}),
        "bundle": Case(sid("BU", "5"), sid("BU", "6"), {"bundle_sid": sid("BU", "6")}),
        "identity": Case(sid("RI", "7"), "none", {"identity_sid": None}),
        "caller_id_lookup": Case(True, False, {"voice_caller_id_lookup": False}),
        # Comes before `receive_mode`: a number with a declared voice receives no faxes.
        "supports_inbound": Case(True, False, {"trunk_sid": None}),
        "receive_mode": Case("voice", "fax", {"voice_receive_mode": "fax"}),
    },
    {
        "account": "the account is where Twilio has it",
        "sid": "names the number",
        "phone_number": "names the number",
        "labels": "kept in the state",
        "price": "kept in the file",
        "supports_outbound": "only a platform uses it",
        "manage": "a rule of the plan: tests/whole/test_native.py",
        "takeover": "a rule of the plan",
        "protect": "a rule of the plan",
        "on_removal": "tests/whole/test_number_fields.py",
        "purchase": "tests/whole/test_purchase.py",
        "provider": "numbers outside Twilio: tests/e2e",
        "platform": "numbers outside Twilio: tests/e2e",
        "sip": "numbers outside Twilio: tests/e2e",
    },
)

SECTIONS = (APPLICATION_CASES, TRUNK_CASES, SERVICE_CASES, NUMBER_CASES)

AROUND: dict[str, Any] = {
    "agents": {
        name: {
            "webhooks": {
                "voice": f"{HOST}/{name}",
                "sms": f"{HOST}/{name}-sms",
                "status": f"{HOST}/{name}-status",
            }
        }
        for name in ("first", "second")
    },
    "trunks": {"other": {"domain": "acme-other.pstn.twilio.com", "friendly_name": "other"}},
    "messaging_services": {"other-texts": {"friendly_name": "other", "use_number_webhook": True}},
}
"""What the cases refer to."""
