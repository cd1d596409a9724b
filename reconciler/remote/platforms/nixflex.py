"""Call the API of Nixflex: list numbers, import each under its agent with the Twilio account's own
token, remove them, and check agents; authenticate, and read refusals.

https://docs.nixflex.com. A number is moved by removing and importing it. The import overwrites
voice, SMS and status webhooks, the removal clears them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from reconciler.errors import RemoteError
from reconciler.kinds.platforms.nixflex import NIXFLEX
from reconciler.remote.parallel import map_each
from reconciler.remote.platforms import errors
from reconciler.remote.platforms.caller import Caller
from reconciler.remote.platforms.contract import (
    RegisteredNumber,
    RegistrationRequest,
    UndocumentedCalls,
    Vault,
    list_agents,
    map_first_refusals,
)
from reconciler.remote.platforms.listing import (
    NumberPages,
    list_rows,
    read_numbers,
    read_until_steady,
)
from reconciler.remote.platforms.parsing import object_in, refusal_text, text_in
from reconciler.remote.platforms.platform_type import PlatformType

_PAGE = 100
_AT_ONCE = 8
_MOST_AGENTS = 300
"""Most agents that are looked up before an import: half of what Nixflex allows in a minute."""
_ACCOUNT = re.compile(r"AC[a-f0-9]{32}")
_CODES = {
    "key_secret_required": "invalid_api_key",
    "number_not_found": "not_found",
    "twilio_error": "platform_refused",
}


class Nixflex(UndocumentedCalls):
    """See `reconciler.remote.platforms.contract.Adapter`."""

    kind = NIXFLEX

    def __init__(self, name: str, caller: Caller, vault: Vault) -> None:
        self.name = name
        self._caller = caller
        self._vault = vault

    def list(self, asked: Sequence[RegistrationRequest]) -> Sequence[RegisteredNumber]:
        """Return all numbers.

        Read again if shifting pages may have left out one of those asked about.
        """
        return read_until_steady(self.name, self._numbers, [each.key for each in asked])

    def _numbers(self) -> NumberPages:
        """Read all pages once, newest first.

        A number that a shifting page repeats is kept once.
        """
        pages, offset = NumberPages(self.name), 0
        while True:
            query = {"limit": _PAGE, "offset": offset}
            page = list_rows(
                self.name,
                self._caller.send("GET", "/v1/phone-numbers", query=query),
                "phone_numbers",
            )

            has_next = len(page) >= _PAGE
            pages.add(read_numbers(self.name, page, _to_number, ("agent_id",)), has_next=has_next)

            if not has_next:
                return pages
            offset += _PAGE

    def preflight(self, asked: Sequence[RegistrationRequest]) -> Mapping[str, RemoteError]:
        """Return an error for each agent that is missing or not ours."""
        agents = list_agents(asked)[:_MOST_AGENTS]
        answers = map_each(self._agent_refusal, agents, workers=_AT_ONCE, name="nixflex")

        refused = {
            agent: error for agent, error in zip(agents, answers, strict=True) if error is not None
        }
        return map_first_refusals(asked, refused)

    def _agent_refusal(self, agent: str) -> RemoteError | None:
        """Return why this agent cannot be used, None if it can.

        Raises RemoteError for an answer that does not show it.
        """
        try:
            self._caller.send("GET", f"/v1/agents/{quote(agent, safe='')}")
        except RemoteError as error:
            if error.status == 404:
                return errors.with_code(error, "agent_not_found")
            if error.status == 403:
                return errors.with_code(error, "agent_not_owned")
            raise
        return None

    def create(
        self, asked: Sequence[RegistrationRequest]
    ) -> Sequence[RegisteredNumber | RemoteError]:
        """Import each number with one call."""
        return [self._import(each) for each in asked]

    def delete(self, there: RegisteredNumber) -> None:
        """Remove the number; its webhooks are cleared, the number itself stays."""
        try:
            self._caller.send("DELETE", f"/v1/phone-numbers/{quote(there.key, safe='')}")
        except RemoteError as error:
            if error.status != 404:
                raise

    def close(self) -> None:
        """Close the connections."""
        self._caller.close()

    def _import(self, asked: RegistrationRequest) -> RegisteredNumber | RemoteError:
        sid, token = self._vault.twilio(asked.account)
        if not _ACCOUNT.fullmatch(sid):
            return errors.number_error(
                self.name, asked.key, "invalid_twilio_sid", "Nixflex accepts lower-case SIDs only"
            )

        body = {
            "phone_number": asked.key,
            "twilio_sid": sid,
            "twilio_token": token,
            "agent_id": asked.attrs["agent"],
        }

        try:
            answer = self._caller.send("POST", "/v1/phone-numbers", body=body, secrets=(token,))
        except RemoteError as error:
            return error
        return _to_number(object_in(answer, "phone_number")) or RegisteredNumber(
            asked.key, asked.key, {"agent": asked.attrs["agent"]}
        )


def headers(vault: Vault, name: str) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Return the key as ``KEY_ID:KEY_SECRET``. Raises RemoteError when it has another form."""
    key = vault.platform(name, "api_key")
    if key.count(":") != 1 or not all(key.split(":")):
        raise errors.number_error(
            name, "api_key", "invalid_api_key", "Nixflex requires KEY_ID:KEY_SECRET"
        )
    return {"Authorization": f"Bearer {key}"}, (key, key.split(":")[1])


def read_refusal(status: int, body: Any) -> tuple[str | None, str]:
    """Read ``{"error": {type, code, message}}``; its codes are those of the one taxonomy."""
    error = object_in(body, "error")
    code = text_in(error, "code") or ""
    return _CODES.get(code, code), refusal_text(error, "message", "type")


def _to_number(row: Mapping[str, Any]) -> RegisteredNumber | None:
    key = text_in(row, "phone_number")
    return RegisteredNumber(key, key, {"agent": text_in(row, "agent_id")}) if key else None


TYPE = PlatformType(
    headers=headers,
    read_refusal=read_refusal,
    make=lambda settings, caller, vault: Nixflex(settings.name, caller, vault),
)
