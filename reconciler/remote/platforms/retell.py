"""Call the API of Retell AI: list numbers page by page, import them with the trunk that leads to
them, change them in place unless somebody else has changed them since, remove them, and check
agents; authenticate, and read refusals.

https://docs.retellai.com/api-references/import-phone-number. A number is its own id. Retell has no
conditional write: `last_modification_timestamp` is read and compared before each one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from reconciler.errors import RemoteError
from reconciler.kinds.platforms.retell import RETELL, parse_agents
from reconciler.remote.parallel import map_each
from reconciler.remote.platforms import errors
from reconciler.remote.platforms.caller import Caller
from reconciler.remote.platforms.contract import (
    RegisteredNumber,
    RegistrationRequest,
    UndocumentedCalls,
    Vault,
)
from reconciler.remote.platforms.listing import NumberPages, list_rows, read_until_steady
from reconciler.remote.platforms.parsing import refusal_text, text_in
from reconciler.remote.platforms.platform_type import PlatformType
from reconciler.remote.platforms.retell_rows import changes_of, import_of, is_foreign, to_number

_E164 = re.compile(r"\+[1-9]\d{1,14}", re.ASCII)
"""Retell also has numbers of other forms, for extensions of a telephone system."""
_LIST = "/v2/list-phone-numbers"
_PAGE = 100
_AT_ONCE = 8
_MOST_AGENTS = 300
"""Most agents that are looked up before an import."""


class Retell(UndocumentedCalls):
    """See `reconciler.remote.platforms.contract.Adapter`."""

    kind = RETELL

    def __init__(self, name: str, caller: Caller, vault: Vault) -> None:
        self.name = name
        self._caller = caller
        self._vault = vault
        self._own_stamps: dict[str, str] = {}
        """The stamps of the numbers after our own last write."""

    def list(self, asked: Sequence[RegistrationRequest]) -> Sequence[RegisteredNumber]:
        """Return all numbers that were imported; not those that Retell itself has sold.

        Read again if shifting pages may have left out one of those asked about.
        """
        wanted = {each.key: each for each in asked}
        return read_until_steady(self.name, lambda: self._numbers(wanted), wanted)

    def preflight(self, asked: Sequence[RegistrationRequest]) -> Mapping[str, RemoteError]:
        """Return an error for each number with an agent that is missing."""
        agents_of = {each.address: _agent_ids(each) for each in asked}
        agents = [*dict.fromkeys(agent for ids in agents_of.values() for agent in ids)]
        agents = agents[:_MOST_AGENTS]
        answers = map_each(self._agent_refusal, agents, workers=_AT_ONCE, name="retell")

        refused: dict[str, RemoteError] = {}
        for agent, error in zip(agents, answers, strict=True):
            if error is not None:
                refused[agent] = error

        found: dict[str, RemoteError] = {}
        for address, ids in agents_of.items():
            missing = [agent for agent in ids if agent in refused]
            if missing:
                found[address] = refused[missing[0]]
        return found

    def create(
        self, asked: Sequence[RegistrationRequest]
    ) -> Sequence[RegisteredNumber | RemoteError]:
        """Import each number with one call, under its agents."""
        return [self._import(each) for each in asked]

    def link(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        """Set the agents of both directions with one call."""
        self._change(there, asked)

    def update(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        """Change trunk, user, protocol, label and countries with one call."""
        self._change(there, asked)

    def delete(self, there: RegisteredNumber) -> None:
        """Remove the number; it stays on Twilio.

        The call would give back a number that Retell itself has sold: such a one is not the number
        that was imported, which is gone.
        """
        row = self._fetch(there.key)
        if row is None or is_foreign(row):
            return
        self._check_unchanged(row, there)
        try:
            self._caller.send("DELETE", _path("delete-phone-number", there.key))
        except RemoteError as error:
            if error.status != 404:
                raise

    def close(self) -> None:
        """Close the connections."""
        self._caller.close()

    def _numbers(self, wanted: Mapping[str, RegistrationRequest]) -> NumberPages:
        """Read all pages once; each answer has the key of the next one."""
        pages = NumberPages(self.name)
        key: str | None = None
        seen: set[str] = set()
        while True:
            query = {"limit": _PAGE, "sort_order": "ascending", "pagination_key": key}
            answer = self._caller.send("GET", _LIST, query=query)

            numbers: list[RegisteredNumber] = []
            for row in list_rows(self.name, answer, "items"):
                number = self._to_number(row, wanted.get(text_in(row, "phone_number") or ""))
                if not is_foreign(row) and _E164.fullmatch(number.key):
                    numbers.append(number)

            key = self._next_key(answer, seen)
            pages.add(numbers, has_next=key is not None)
            if key is None:
                return pages

    def _next_key(self, answer: Any, seen: set[str]) -> str | None:
        """Return the key of the next page, None after the last one.

        Raises RemoteError for an answer that has more and does not say where, and for a key that an
        earlier page had: its pages have no end.
        """
        key = text_in(answer, "pagination_key")
        has_more = answer.get("has_more", key is not None)
        if not isinstance(has_more, bool):
            raise self._error(
                "the list", "unexpected_answer", "`has_more` is neither true nor false"
            )
        if not has_more:
            return None
        if key is None:
            message = "the list has more numbers and no key for them"
            raise self._error("the list", "unexpected_answer", message)
        if key in seen:
            message = "the list returns to a page that it has shown before"
            raise self._error("the list", "endless_listing", message)
        seen.add(key)
        return key

    def _to_number(
        self, row: Mapping[str, Any], asked: RegistrationRequest | None
    ) -> RegisteredNumber:
        """Return the number of a row. Raises RemoteError for a row that is not understood."""
        try:
            return to_number(row, asked)
        except ValueError as error:
            where = text_in(row, "phone_number") or "the list"
            raise self._error(where, "unexpected_answer", str(error)) from error

    def _agent_refusal(self, agent: str) -> RemoteError | None:
        """Return why this agent cannot be used, None if it can.

        Raises RemoteError for an answer that does not show it.
        """
        try:
            self._caller.send("GET", _path("get-agent", agent))
        except RemoteError as error:
            if error.status != 404:
                raise
            # A server without this call answers 404 for every agent. The list is read by POST.
            self._caller.send("POST", "/v2/list-agents", body={"limit": 1}, idempotent=True)
            return errors.with_code(error, "agent_not_found")
        return None

    def _fetch(self, key: str) -> Mapping[str, Any] | None:
        """Return the row of one number, None where there is none."""
        try:
            answer = self._caller.send("GET", _path("get-phone-number", key))
        except RemoteError as error:
            if error.status == 404:
                return None
            raise
        return self._row_of(answer, key)

    def _row_of(self, answer: Any, key: str) -> Mapping[str, Any]:
        """Return an answer about one number. Raises RemoteError for anything else."""
        if isinstance(answer, Mapping) and answer.get("phone_number") == key:
            return answer
        raise self._error(key, "unexpected_answer", "the answer does not show the number")

    def _import(self, asked: RegistrationRequest) -> RegisteredNumber | RemoteError:
        try:
            # No answer is documented for a number that is there already: a second import might make
            # a second record.
            row = self._fetch(asked.key)
            if row is not None:
                return self._take_found(row, asked)

            body, secrets = import_of(asked, self._vault.sip(asked.address))
            answer = self._caller.send("POST", "/import-phone-number", body=body, secrets=secrets)
            return self._written(self._row_of(answer, asked.key), asked)
        except RemoteError as error:
            return errors.with_code_if_missing(error, "agent_not_found")

    def _take_found(self, row: Mapping[str, Any], asked: RegistrationRequest) -> RegisteredNumber:
        """Return a number that is there already, as requested.

        Raises RemoteError for one that has other agents: it belongs to somebody else.
        """
        self._check_own(row, asked.key)
        found = self._to_number(row, asked)
        for name in self.kind.links if not asked.import_started else ():
            owner = found.attrs.get(name)
            if owner is not None and owner != asked.attrs.get(name):
                message = f"the agent {owner} has it"
                raise self._error(asked.key, "number_already_imported", message)
        return self._send_change(asked)

    def _change(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        row = self._fetch(there.key)
        if row is None:
            message = "it is not there any more"
            raise self._error(there.key, "not_found", message)
        self._check_own(row, there.key)
        self._check_unchanged(row, there)
        try:
            self._send_change(asked)
        except RemoteError as error:
            # The number has just been read: what is missing is an agent.
            raise errors.with_code_if_missing(error, "agent_not_found") from error

    def _send_change(self, asked: RegistrationRequest) -> RegisteredNumber:
        body, secrets = changes_of(asked, self._vault.sip(asked.address))
        path = _path("update-phone-number", asked.key)
        answer = self._caller.send("PATCH", path, body=body, secrets=secrets)
        return self._written(self._row_of(answer, asked.key), asked)

    def _written(self, row: Mapping[str, Any], asked: RegistrationRequest) -> RegisteredNumber:
        number = self._to_number(row, asked)
        self._own_stamps[number.key] = number.stamp
        return number

    def _check_own(self, row: Mapping[str, Any], key: str) -> None:
        """Raise RemoteError for a number that Retell itself has sold."""
        if is_foreign(row):
            message = "Retell AI itself provides this number, so it was not imported"
            raise self._error(key, "number_already_imported", message)

    def _check_unchanged(self, row: Mapping[str, Any], there: RegisteredNumber) -> None:
        """Raise RemoteError for a number that somebody else has changed since it was read."""
        stamp = self._to_number(row, None).stamp
        known = (there.stamp, self._own_stamps.get(there.key))
        if there.stamp and stamp not in known:
            message = "somebody else has changed it since the plan was made"
            raise self._error(there.key, errors.CHANGED_MEANWHILE, message)

    def _error(self, key: str, code: str, message: str) -> RemoteError:
        return errors.number_error(self.name, key, code, message)


def _agent_ids(asked: RegistrationRequest) -> list[str]:
    """Return the ids of all agents that a number is to have, each once."""
    ids: dict[str, None] = {}
    for name in ("agent", "outbound_agent"):
        for share in parse_agents(asked.attrs.get(name)):
            ids[share.id or ""] = None
    return [*ids]


def _path(call: str, of: str) -> str:
    return f"/{call}/{quote(of, safe='')}"


def headers(vault: Vault, name: str) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Return the key as a bearer token."""
    key = vault.platform(name, "api_key")
    return {"Authorization": f"Bearer {key}"}, (key,)


def read_refusal(status: int, body: Any) -> tuple[str | None, str]:
    """Read ``{"status": "error", "message": …}``; the status decides about the code.

    https://docs.retellai.com/api-references/import-phone-number, responses.
    """
    code = "validation_error" if status in (400, 422) else None
    return code, refusal_text(body, "message", "error_message")


TYPE = PlatformType(
    headers=headers,
    read_refusal=read_refusal,
    make=lambda settings, caller, vault: Retell(settings.name, caller, vault),
)
