"""The independent Twilio with messaging services, and with the fields of a number that only some teams use.

Paths, fields and errors are those of the documentation. Unset fields are null or absent, and pages are small. An emergency
address is registered and unregistered in its own time: `advance` does it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.support.processes.http_server import Body, Call, Refusal, Row
from tests.support.processes.independent_twilio import (
    SETTABLE,
    IndependentTwilio,
    render_number,
    render_row,
)

SERVICE = {
    "FriendlyName": "friendly_name",
    "InboundRequestUrl": "inbound_request_url",
    "InboundMethod": "inbound_method",
    "FallbackUrl": "fallback_url",
    "FallbackMethod": "fallback_method",
    "StatusCallback": "status_callback",
    "StickySender": "sticky_sender",
    "MmsConverter": "mms_converter",
    "SmartEncoding": "smart_encoding",
    "ScanMessageContent": "scan_message_content",
    "AreaCodeGeomatch": "area_code_geomatch",
    "ValidityPeriod": "validity_period",
    "Usecase": "usecase",
    "UseInboundWebhookOnNumber": "use_inbound_webhook_on_number",
}
FLAGS = {
    "sticky_sender",
    "mms_converter",
    "smart_encoding",
    "area_code_geomatch",
    "use_inbound_webhook_on_number",
}
UNSET: Row = {
    "inbound_request_url": None,
    "inbound_method": "POST",
    "fallback_url": None,
    "fallback_method": "POST",
    "status_callback": None,
    "sticky_sender": True,
    "mms_converter": True,
    "smart_encoding": True,
    "scan_message_content": "inherit",
    "area_code_geomatch": True,
    "validity_period": 36000,
    "usecase": "undeclared",
    "use_inbound_webhook_on_number": False,
    "us_app_to_person_registered": False,
}
NUMBER = {
    "EmergencyAddressSid": "emergency_address_sid",
    "AddressSid": "address_sid",
    "BundleSid": "bundle_sid",
    "IdentitySid": "identity_sid",
    "VoiceCallerIdLookup": "voice_caller_id_lookup",
    "VoiceReceiveMode": "voice_receive_mode",
}
_ONE = r"/v1/Services/(?P<service>MG\w{32})"


class IndependentTwilioWithServices(IndependentTwilio):
    """Add messaging services and the rare fields of numbers. `senders` are short codes by service."""

    def __init__(self, *, page_size: int = 3) -> None:
        super().__init__(page_size=page_size)
        self.services: dict[str, Row] = {}
        self.members: dict[str, str] = {}
        self.senders: dict[str, list[Row]] = {}

    def add_service(self, account: str, name: str, **fields: object) -> str:
        """Somebody has made a service."""
        sid = f"MG{next(self._ids):032x}"
        self.services[sid] = {
            **UNSET,
            **fields,
            "sid": sid,
            "account_sid": account,
            "friendly_name": name,
        }
        return sid

    def members_of(self, service: str) -> set[str]:
        """The numbers of a service, in E.164."""
        found = set()
        for sid, owner in self.members.items():
            if owner == service:
                found.add(str(self.numbers[sid]["phone_number"]))
        return found

    def service_of(self, name: str) -> str:
        """The SID of the only service of this name."""
        [sid] = [sid for sid, row in self.services.items() if row["friendly_name"] == name]
        return sid

    def carry_out(self, call: Call, account: str) -> tuple[int, Body]:
        for method, pattern, function in _ROUTES:
            match = re.fullmatch(pattern, call.path)
            if match and method == call.method:
                return function(self, call, account, **match.groupdict())
        return super().carry_out(call, account)

    def update_whole(self, call: Call, account: str, owner: str, sid: str) -> tuple[int, Body]:
        row = self._owned(self.numbers, sid, account)
        fields = {NUMBER[name]: value for name, value in call.form.items() if name in NUMBER}
        if "emergency_address_sid" in fields:
            self._set_emergency(row, fields.pop("emergency_address_sid"))
        if "voice_caller_id_lookup" in fields:
            row["voice_caller_id_lookup"] = fields.pop("voice_caller_id_lookup") == "true"
        row.update(fields)
        if not set(call.form) & set(SETTABLE):
            return 200, render_number(row)
        return self.update_number(call, account, owner, sid)

    def _set_emergency(self, row: Row, address: str) -> None:
        status = row.get("emergency_address_status", "unregistered")
        if address and status != "unregistered":
            raise Refusal(400, 21646, "The emergency address is not unregistered yet")
        row["emergency_address_sid"] = address or row.get("emergency_address_sid")
        row["emergency_address_status"] = (
            "pending-registration" if address else "pending-unregistration"
        )

    def advance(self) -> None:
        """What was pending with the emergency services is done."""
        for row in self.numbers.values():
            if row.get("emergency_address_status") == "pending-registration":
                row["emergency_address_status"] = "registered"
            if row.get("emergency_address_status") == "pending-unregistration":
                row["emergency_address_status"] = "unregistered"
                row["emergency_address_sid"] = None

    def list_services(self, call: Call, account: str) -> tuple[int, Body]:
        rows = [row for row in self.services.values() if row["account_sid"] == account]
        return self._v1("services", rows, call)

    def create_service(self, call: Call, account: str) -> tuple[int, Body]:
        if not call.form.get("FriendlyName"):
            raise Refusal(400, 20001, "Missing required parameter FriendlyName in the post body")
        sid = self.add_service(account, "")
        self._set_service(self.services[sid], call)
        return 201, render_row(self.services[sid])

    def get_service(self, call: Call, account: str, service: str) -> tuple[int, Body]:
        return 200, render_row(self._owned(self.services, service, account))

    def update_service(self, call: Call, account: str, service: str) -> tuple[int, Body]:
        row = self._owned(self.services, service, account)
        self._set_service(row, call)
        return 200, render_row(row)

    def delete_service(self, call: Call, account: str, service: str) -> tuple[int, Body]:
        self._owned(self.services, service, account)
        del self.services[service]
        for sid in [sid for sid, owner in self.members.items() if owner == service]:
            del self.members[sid]
        return 204, None

    def _set_service(self, row: Row, call: Call) -> None:
        for name, value in call.form.items():
            if name not in SERVICE:
                raise Refusal(400, 20001, f"Unknown parameter {name}")
            field = SERVICE[name]
            if field.endswith("_url") and value and not re.match(r"https?://[^/]", value):
                raise Refusal(400, 21402, f"{name} is not a valid URL")
            if field.endswith("_method") and value not in ("GET", "POST"):
                raise Refusal(400, 21403, f"{name} must be GET or POST")
            if field in FLAGS:
                row[field] = value.lower() == "true"
            else:
                row[field] = int(value) if field == "validity_period" else value or None

    def list_members(self, call: Call, account: str, service: str) -> tuple[int, Body]:
        self._owned(self.services, service, account)
        rows = [self._member(sid) for sid, owner in self.members.items() if owner == service]
        return self._v1("phone_numbers", rows, call)

    def join(self, call: Call, account: str, service: str) -> tuple[int, Body]:
        self._owned(self.services, service, account)
        sid = call.form.get("PhoneNumberSid", "")
        if sid not in self.numbers or self.numbers[sid]["account_sid"] != account:
            raise Refusal(400, 21421, "The phone number is invalid")
        if self.members.get(sid) == service:
            raise Refusal(409, 21710, "Phone Number Already Exists in Messaging Service")
        if sid in self.members:
            raise Refusal(409, 21712, "Phone Number is associated with another Messaging Service")
        self.members[sid] = service
        return 201, render_row(self._member(sid))

    def get_member(self, call: Call, account: str, service: str, sid: str) -> tuple[int, Body]:
        if self.members.get(sid) != service:
            raise Refusal(404, 20404, f"The requested resource {sid} was not found")
        return 200, render_row(self._member(sid))

    def leave(self, call: Call, account: str, service: str, sid: str) -> tuple[int, Body]:
        self.get_member(call, account, service, sid)
        del self.members[sid]
        return 204, None

    def list_senders(self, call: Call, account: str, service: str, kind: str) -> tuple[int, Body]:
        self._owned(self.services, service, account)
        keys = {"ShortCodes": "short_codes", "AlphaSenders": "alpha_senders"}
        rows = self.senders.get(service, []) if kind == "ShortCodes" else []
        return self._v1(keys.get(kind, "senders"), rows, call)

    def _member(self, sid: str) -> Row:
        number = self.numbers[sid]
        return {
            "sid": sid,
            "account_sid": number["account_sid"],
            "service_sid": self.members[sid],
            "phone_number": number["phone_number"],
            "country_code": "US",
            "capabilities": ["SMS", "Voice"],
        }


_Handler = Callable[..., tuple[int, Body]]
_NUMBER = r"/2010-04-01/Accounts/(?P<owner>AC\w{32})/IncomingPhoneNumbers/(?P<sid>PN\w{32})\.json"
_ROUTES: list[tuple[str, str, _Handler]] = [
    ("POST", _NUMBER, IndependentTwilioWithServices.update_whole),
    ("GET", "/v1/Services", IndependentTwilioWithServices.list_services),
    ("POST", "/v1/Services", IndependentTwilioWithServices.create_service),
    ("GET", _ONE, IndependentTwilioWithServices.get_service),
    ("POST", _ONE, IndependentTwilioWithServices.update_service),
    ("DELETE", _ONE, IndependentTwilioWithServices.delete_service),
    ("GET", _ONE + "/PhoneNumbers", IndependentTwilioWithServices.list_members),
    ("POST", _ONE + "/PhoneNumbers", IndependentTwilioWithServices.join),
    ("GET", _ONE + r"/PhoneNumbers/(?P<sid>PN\w{32})", IndependentTwilioWithServices.get_member),
    ("DELETE", _ONE + r"/PhoneNumbers/(?P<sid>PN\w{32})", IndependentTwilioWithServices.leave),
    (
        "GET",
        _ONE + "/(?P<kind>ShortCodes|AlphaSenders|ChannelSenders)",
        IndependentTwilioWithServices.list_senders,
    ),
]
