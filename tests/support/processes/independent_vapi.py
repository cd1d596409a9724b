"""A second implementation of Vapi, from its OpenAPI document (CreateTwilioPhoneNumberDTO, UpdateTwilioPhoneNumberDTO,
TwilioPhoneNumber).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping

from tests.support.processes.independent_platform import (
    E164,
    STRANGE,
    IndependentPlatform,
    Refusal,
    Request,
    Row,
)


class IndependentVapi(IndependentPlatform):
    """Vapi: numbers of provider twilio; credentials come back in answers."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.credentials: dict[str, Row] = {}

    def is_allowed(self, headers: Mapping[str, str]) -> bool:
        return headers.get("authorization") == f"Bearer {self.key}"

    def answer(self, request: Request) -> tuple[int, object]:
        one = re.fullmatch(r"/phone-number/([0-9a-f-]{36})", request.path)
        if request.path == "/phone-number" and request.method == "GET":
            return 200, self._list(request)
        if request.path == "/phone-number" and request.method == "POST":
            return 201, self._create(request)
        agent = re.fullmatch(r"/(assistant|squad)/([0-9a-f-]{36})", request.path)
        if agent and request.method == "GET":
            return 200, self.find_agent(agent[2])
        if request.path in ("/assistant", "/squad") and request.method == "GET":
            return 200, self.list_agents()
        credential = re.fullmatch(r"/credential/([0-9a-f-]{36})", request.path)
        if credential and request.method == "PATCH":
            return 200, self._change_credential(request, credential[1])
        if not one:
            raise Refusal(404, {"statusCode": 404, "message": f"Cannot {request}"})

        row = self.numbers.get(one[1])
        if row is None:
            raise Refusal(404, {"statusCode": 404, "message": "Couldn't find phone number."})
        if request.method == "PATCH":
            return 200, self._update(request, row)
        if request.method == "DELETE":
            del self.numbers[one[1]]
            self.after_removal(row["number"])
        return 200, {**row, **STRANGE}

    def _list(self, request: Request) -> list[Row]:
        rows = sorted(self.numbers.values(), key=lambda row: str(row["createdAt"]), reverse=True)
        before = request.query.get("createdAtLt")
        at_most = request.query.get("createdAtLe")
        kept = []
        for row in rows:
            if (before is None or row["createdAt"] < before) and (
                at_most is None or row["createdAt"] <= at_most
            ):
                kept.append({**row, **STRANGE})
        limit = int(request.query.get("limit", 100))
        if not 0 < limit <= 1000:
            self.refuse_misuse(request, "limit is 1 to 1000")
        return kept[: min(limit, 100)]

    _FIELDS = frozenset(
        {
            "provider",
            "number",
            "twilioAccountSid",
            "twilioAuthToken",
            "twilioApiKey",
            "twilioApiSecret",
            "smsEnabled",
            "name",
            "assistantId",
            "squadId",
            "workflowId",
            "server",
            "fallbackDestination",
            "hooks",
        }
    )

    _TRUNK = frozenset(
        {"provider", "number", "credentialId", "numberE164CheckEnabled", "assistantId", "squadId"}
        | {"name", "server", "fallbackDestination", "hooks"}
    )
    _CREDENTIAL = frozenset(
        {"provider", "name", "gateways", "outboundAuthenticationPlan", "techPrefix"}
        | {"outboundLeadingPlusEnabled", "sipDiversionHeader"}
    )

    def _change_credential(self, request: Request, sid: str) -> Row:
        if sid not in self.credentials:
            raise Refusal(404, {"statusCode": 404, "message": "Couldn't find credential."})
        body = self.check(request, self._CREDENTIAL)
        for gateway in body.get("gateways", []):
            is_address = re.fullmatch(r"[0-9.]+", gateway["ip"])
            if not is_address and gateway.get("inboundEnabled", True):
                self.refuse_misuse(request, "a host name takes no calls")
            if not 24 <= gateway.get("netmask", 32) <= 32:
                self.refuse_misuse(request, "netmask")
        self.credentials[sid].update(body)
        shown = {**self.credentials[sid], "outboundAuthenticationPlan": None}
        return {"id": sid, **shown, **STRANGE}

    def _create_on_trunk(self, request: Request) -> Row:
        body = self.check(request, self._TRUNK, frozenset({"provider", "credentialId"}))
        gateways = self.credentials.get(body["credentialId"], {}).get("gateways")
        if not gateways:
            self.refuse_misuse(request, "the credential has no gateways yet")
        now = self._time()
        row = {"id": str(uuid.uuid4()), "createdAt": now, "updatedAt": now, **body}
        self.numbers[row["id"]] = row
        return {**row, **STRANGE}

    def _create(self, request: Request) -> Row:
        if isinstance(request.body, dict) and request.body.get("provider") == "byo-phone-number":
            return self._create_on_trunk(request)
        body = self.check(
            request, self._FIELDS, frozenset({"provider", "number", "twilioAccountSid"})
        )
        self._check(request, body)
        if "twilioAuthToken" not in body and not {"twilioApiKey", "twilioApiSecret"} <= set(body):
            self.refuse_misuse(request, "no credentials of Twilio")
        number = self.twilio.number(body["number"])
        if number["account_sid"] != body["twilioAccountSid"]:
            raise Refusal(400, {"statusCode": 400, "message": "Number not found on Twilio."})
        if any(row["number"] == body["number"] for row in self.numbers.values()):
            raise Refusal(400, {"statusCode": 400, "message": "Existing Phone Number Found."})

        now = self._time()
        row = {"id": str(uuid.uuid4()), "orgId": str(uuid.uuid4()), "status": "active"}
        row |= {"createdAt": now, "updatedAt": now, **body}
        self.numbers[row["id"]] = row
        self._write(row)
        return {**row, **STRANGE}

    def _update(self, request: Request, row: Row) -> Row:
        by_trunk = row["provider"] == "byo-phone-number"
        allowed = self._TRUNK if by_trunk else self._FIELDS
        body = self.check(request, allowed, frozenset({"provider"}))
        if not by_trunk:
            self._check(request, body)
        for name, value in body.items():
            if value is None:
                row.pop(name, None)
            else:
                row[name] = value
        row["updatedAt"] = self._time()
        if not by_trunk:
            self._write(row)
        return {**row, **STRANGE}

    def _check(self, request: Request, body: Row) -> None:
        if body["provider"] != "twilio":
            self.refuse_misuse(request, "provider")
        if "number" in body and not E164.fullmatch(body["number"]):
            self.refuse_misuse(request, "number")
        if len(body.get("name") or "") > 40:
            self.refuse_misuse(request, "name is longer than 40")
        for name in ("assistantId", "squadId"):
            if body.get(name) is not None and not re.fullmatch(r"[0-9a-f-]{36}", body[name]):
                self.refuse_misuse(request, name)
        if "smsEnabled" in body and not isinstance(body["smsEnabled"], bool):
            self.refuse_misuse(request, "smsEnabled")

    def _write(self, row: Row) -> None:
        fields = {"voice_url": "https://api.vapi.ai/twilio/inbound_call"}
        if row.get("smsEnabled", True):
            fields["sms_url"] = "https://api.vapi.ai/twilio/sms"
        self.write_urls(row["number"], **fields)

    def _time(self) -> str:
        tick = self.tick() // 1000
        return f"2026-11-{1 + tick // 86400 % 28:02d}T{tick // 3600 % 24:02d}:{tick // 60 % 60:02d}:{tick % 60:02d}.000Z"
