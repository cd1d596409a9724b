"""A second implementation of ElevenLabs, from the models of the Python package elevenlabs 2.78."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.support.processes.independent_platform import (
    STRANGE,
    IndependentPlatform,
    Refusal,
    Request,
    Row,
)


class IndependentElevenLabs(IndependentPlatform):
    """ElevenLabs: numbers of Twilio; `enable_sms` never comes back."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.deployments: dict[str, list[Row]] = {}

    def is_allowed(self, headers: Mapping[str, str]) -> bool:
        return headers.get("xi-api-key") == self.key

    def answer(self, request: Request) -> tuple[int, object]:
        base = "/v1/convai/phone-numbers"
        if str(request) == "GET /v1/convai/v2/phone-numbers":
            return 200, self._list(request)
        if str(request) == f"GET {base}":
            return 200, [self._view(row) for row in self.numbers.values()]
        if str(request) == f"POST {base}":
            return 200, self._create(request)
        if str(request) == "GET /v1/convai/agents":
            return 200, {"agents": self.list_agents(), "has_more": False, "next_cursor": None}
        agent = re.fullmatch(r"/v1/convai/agents/([\w-]+)", request.path)
        if agent and request.method == "GET":
            return 200, self.find_agent(agent[1])
        one = re.fullmatch(base + r"/([\w-]+)", request.path)
        if not one:
            raise Refusal(404, {"detail": {"status": "not_found", "message": str(request)}})

        row = self.numbers.get(one[1])
        if row is None:
            raise Refusal(404, {"detail": {"status": "not_found", "message": "no such number"}})
        if request.method == "PATCH":
            return 200, self._update(request, row)
        if request.method == "DELETE":
            del self.numbers[one[1]]
            self.after_removal(row["phone_number"])
            return 200, {}
        return 200, self._view(row)

    def _list(self, request: Request) -> Row:
        rows = list(self.numbers.values())
        if "cursor" in request.query:
            rows = rows[int(request.query["cursor"].removeprefix("c")) :]
        at = len(self.numbers) - len(rows)
        size = min(int(request.query.get("page_size", 30)), self.page)
        more = len(rows) > size
        page = [self._view(row) for row in rows[:size]]
        cursor = f"c{at + size}" if more else None
        return {"phone_numbers": page, "next_cursor": cursor, "has_more": more, **STRANGE}

    _CREATE = frozenset(
        {
            "provider",
            "phone_number",
            "label",
            "sid",
            "token",
            "account_auth_token",
            "agent_id",
            "region_config",
            "enable_sms",
        }
    )

    _UPDATE = frozenset(
        {"agent_id", "label", "livekit_stack", "store_sip_messages", "environment", "branch_id"}
    )

    def _create(self, request: Request) -> Row:
        body = self.check(
            request,
            self._CREATE,
            frozenset({"provider", "phone_number", "label", "sid", "token"}),
        )
        if body["provider"] != "twilio" or not re.fullmatch(r"(AC|SK)\w{32}", body["sid"]):
            self.refuse_misuse(request, "provider or sid")
        if body["sid"].startswith("SK") and not body.get("account_auth_token"):
            self.refuse_misuse(request, "an API key needs account_auth_token")
        if any(row["phone_number"] == body["phone_number"] for row in self.numbers.values()):
            raise Refusal(400, _eleven_error("phone_number", "already imported"))

        number_id = f"phnum_{next(self.ticks):x}"
        self.numbers[number_id] = {**body, "phone_number_id": number_id}
        fields = {"voice_url": "https://api.us.elevenlabs.io/twilio/inbound_call"}
        fields["status_callback"] = "https://api.us.elevenlabs.io/twilio/status-callback"
        if body.get("enable_sms", True):
            fields["sms_url"] = "https://api.us.elevenlabs.io/twilio/inbound_sms"
        self.write_urls(body["phone_number"], **fields)
        return {"phone_number_id": number_id}

    def _update(self, request: Request, row: Row) -> Row:
        body = self.check(request, self._UPDATE)
        row.update(body)
        return self._view(row)

    def _view(self, row: Row) -> Row:
        agent = None
        if row.get("agent_id"):
            agent = {"agent_id": row["agent_id"], "agent_name": "An agent", "branch_id": None}
        shown = {name: row[name] for name in ("phone_number_id", "label", "phone_number")}
        return {**STRANGE, "assigned_agent": agent, "provider": "twilio", **shown}


def _eleven_error(where: str, message: str) -> Row:
    return {"detail": [{"loc": ["body", where], "msg": message, "type": "value_error"}]}
