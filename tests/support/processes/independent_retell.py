"""A second implementation of Retell, from the models of the Python package retell-sdk 6.2."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

from tests.support.processes.independent_platform import (
    E164,
    STRANGE,
    IndependentPlatform,
    Refusal,
    Request,
    Row,
)


class IndependentRetell(IndependentPlatform):
    """Retell: numbers reach it by a trunk; it writes nothing on Twilio."""

    passwords: dict[str, str]

    def __post_init__(self) -> None:
        super().__post_init__()
        self.passwords = {}

    def is_allowed(self, headers: Mapping[str, str]) -> bool:
        return headers.get("authorization") == f"Bearer {self.key}"

    def answer(self, request: Request) -> tuple[int, object]:
        if str(request) == "GET /v2/list-phone-numbers":
            return 200, self._list(request)
        if str(request) == "POST /import-phone-number":
            return 201, self._import(request)
        if request.path.startswith("/get-agent/") and request.method == "GET":
            return 200, self.find_agent(unquote(request.path.rpartition("/")[2]))
        if str(request) == "POST /v2/list-agents":
            return 200, {"items": self.list_agents(), "has_more": False}

        verbs = {"GET": "get", "PATCH": "update", "DELETE": "delete"}
        one = re.fullmatch(r"/(get|update|delete)-phone-number/(.+)", request.path)
        if not one or verbs.get(request.method) != one[1]:
            raise Refusal(404, _retell_error(f"no route {request}"))
        row = self.numbers.get(unquote(one[2]))
        if row is None:
            raise Refusal(404, _retell_error("Phone number not found"))
        if request.method == "PATCH":
            return 200, self._update(request, row)
        if request.method == "DELETE":
            del self.numbers[row["phone_number"]]
            return 204, None
        return 200, {**row, **STRANGE}

    def _list(self, request: Request) -> Row:
        rows = [self.numbers[key] for key in sorted(self.numbers, reverse=True)]
        after = request.query.get("pagination_key")
        if after:
            rows = [row for row in rows if row["phone_number"] < after]
        size = min(int(request.query.get("limit", 50)), self.page)
        page = rows[:size]
        more = len(rows) > size
        answer: Row = {"items": [{**row, **STRANGE} for row in page], "has_more": more}
        if more:
            answer["pagination_key"] = page[-1]["phone_number"]
        return answer

    _SHARED = frozenset(
        {
            "termination_uri",
            "transport",
            "nickname",
            "inbound_agents",
            "outbound_agents",
            "inbound_webhook_url",
            "allowed_inbound_country_list",
            "allowed_outbound_country_list",
            "codecs",
        }
    )
    _IMPORT = frozenset(
        {
            *_SHARED,
            "phone_number",
            "sip_trunk_auth_username",
            "sip_trunk_auth_password",
            "ignore_e164_validation",
        }
    )
    _UPDATE = frozenset(
        {
            *_SHARED,
            "auth_username",
            "auth_password",
            "inbound_sms_agents",
            "outbound_sms_agents",
            "inbound_sms_webhook_url",
            "fallback_number",
        }
    )

    def _import(self, request: Request) -> Row:
        body = self.check(request, self._IMPORT, frozenset({"phone_number", "termination_uri"}))
        self._check(request, body)
        key = body["phone_number"]
        if not E164.fullmatch(key):
            self.refuse_misuse(request, "phone_number")
        if key in self.numbers:
            raise Refusal(409, _retell_error("Phone number already exists"))
        row: Row = {"phone_number": key, "phone_number_type": "custom"}
        self.numbers[key] = row
        trunk = {
            "termination_uri": body["termination_uri"],
            "auth_username": body.get("sip_trunk_auth_username"),
            "transport": body.get("transport", "TCP"),
        }
        row["sip_outbound_trunk_config"] = trunk
        self.passwords[key] = body.get("sip_trunk_auth_password", "")
        self._set(row, body)
        return {**row, **STRANGE}

    def _update(self, request: Request, row: Row) -> Row:
        body = self.check(request, self._UPDATE)
        self._check(request, body)
        trunk = row["sip_outbound_trunk_config"]
        for name in ("termination_uri", "auth_username", "transport"):
            if name in body:
                trunk[name] = body[name]
        if "auth_password" in body:
            self.passwords[row["phone_number"]] = body["auth_password"]
        self._set(row, body)
        return {**row, **STRANGE}

    def _set(self, row: Row, body: Row) -> None:
        for name in (
            "nickname",
            "inbound_agents",
            "outbound_agents",
            "inbound_sms_agents",
            "outbound_sms_agents",
            "allowed_inbound_country_list",
            "allowed_outbound_country_list",
        ):
            if name in body:
                row[name] = body[name]
        row["last_modification_timestamp"] = self.tick()

    def _check(self, request: Request, body: Row) -> None:
        uri = body.get("termination_uri", "x.pstn.twilio.com")
        if not uri.endswith(".pstn.twilio.com") or "://" in uri or uri.startswith("sip:"):
            self.refuse_misuse(request, "termination_uri")
        if body.get("transport", "TCP") not in ("TCP", "UDP", "TLS", None):
            self.refuse_misuse(request, "transport")
        for name in ("inbound_agents", "outbound_agents", "inbound_sms_agents"):
            agents = body.get(name) or []
            if agents and abs(sum(each["weight"] for each in agents) - 1) > 1e-9:
                self.refuse_misuse(request, f"the weights of {name}")
            for each in agents:
                version = each.get("agent_version", 0)
                strange = each.keys() - {"agent_id", "weight", "agent_version"}
                if strange or not each.get("agent_id") or not isinstance(version, int | str):
                    self.refuse_misuse(request, name)


def _retell_error(message: str) -> Row:
    return {"status": "error", "message": message}
