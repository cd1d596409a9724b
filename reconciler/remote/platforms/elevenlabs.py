"""Call the API of ElevenLabs Agents: list numbers page by page, import them with the credentials of
their Twilio account, change agent and label in place, remove them, and check agents; authenticate,
and read refusals.

https://elevenlabs.io/docs/eleven-agents/api-reference/phone-numbers/create. An answer drops unknown
fields silently, so nothing counts as written before the list shows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from reconciler.errors import RemoteError
from reconciler.kinds.platforms.elevenlabs import ELEVENLABS
from reconciler.kinds.platforms.kind import uses_own_trunk
from reconciler.kinds.platforms.table import agent_in_key
from reconciler.model.route import Value
from reconciler.remote.parallel import map_each
from reconciler.remote.platforms import elevenlabs_trunk, errors
from reconciler.remote.platforms.caller import Caller
from reconciler.remote.platforms.contract import (
    RegisteredNumber,
    RegistrationRequest,
    UndocumentedCalls,
    Vault,
    list_agents,
    map_first_refusals,
)
from reconciler.remote.platforms.elevenlabs_splits import list_splits, write_split
from reconciler.remote.platforms.listing import (
    NumberPages,
    Row,
    list_rows,
    read_numbers,
    read_until_steady,
)
from reconciler.remote.platforms.parsing import (
    object_in,
    refusal_text,
    text_in,
    validation_text,
)
from reconciler.remote.platforms.platform_type import PlatformType

_NUMBERS = "/v1/convai/phone-numbers"
_LIST = "/v1/convai/v2/phone-numbers"
_PAGE = 100
_AT_ONCE = 8
_MOST_AGENTS = 300
"""Most agents that are looked up before an import."""
_FIELDS = {
    "agent": "agent_id",
    "branch": "branch_id",
    "environment": "environment",
    "friendly_name": "label",
}
"""Attribute of a registration → the field of a change."""
_CODES = {
    "invalid_api_key": "invalid_api_key",
    "missing_permissions": "platform_forbidden",
    "quota_exceeded": "payment_required",
}
"""Documented status in a refusal → our code: all of them come with 401."""


class ElevenLabs(UndocumentedCalls):
    """See `reconciler.remote.platforms.contract.Adapter`."""

    kind = ELEVENLABS

    def __init__(self, name: str, caller: Caller, vault: Vault) -> None:
        self.name = name
        self._caller = caller
        self._vault = vault

    def list(self, asked: Sequence[RegistrationRequest]) -> Sequence[RegisteredNumber]:
        """Return all numbers of the workspace, and the splits of the agents that are asked about.

        Read again if shifting pages may have left out one of those asked about.
        """
        agents: list[str] = []
        numbers: list[str] = []
        for each in asked:
            agent = agent_in_key(each.key)
            if agent is None:
                numbers.append(each.key)
            else:
                agents.append(agent)

        found: list[RegisteredNumber] = []
        if numbers or not agents:
            found += read_until_steady(self.name, self._numbers, numbers)
        return [*found, *list_splits(self.name, self._caller, agents)]

    def preflight(self, asked: Sequence[RegistrationRequest]) -> Mapping[str, RemoteError]:
        """Return an error for each agent that is missing."""
        agents = list_agents(asked)[:_MOST_AGENTS]
        answers = map_each(self._agent_refusal, agents, workers=_AT_ONCE, name="elevenlabs")

        refused: dict[str, RemoteError] = {}
        for agent, error in zip(agents, answers, strict=True):
            if error is not None:
                refused[agent] = error
        return map_first_refusals(asked, refused)

    def create(
        self, asked: Sequence[RegistrationRequest]
    ) -> Sequence[RegisteredNumber | RemoteError]:
        """Import each number with one call, under its agent."""
        return [self._import(each) for each in asked]

    def link(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        """Set the agent, its branch and its environment with one call."""
        body = _changes(asked)

        # A branch belongs to its agent: the former one means nothing to the new agent.
        if "agent" in asked.attrs and there.attrs.get("branch") is not None:
            body.setdefault("branch_id", None)
        try:
            self._caller.send("PATCH", _path(there), body=body)
        except RemoteError as error:
            # The number and the agent of the call may both be missing.
            if error.status == 404 and self._exists(there):
                raise errors.with_code(error, "agent_not_found") from error
            raise

    def update(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        """Set the label or the trunk of a number, or the split of an agent."""
        agent = agent_in_key(asked.key)
        if agent is not None:
            if isinstance(asked.attrs.get("split"), str):
                write_split(self._caller, agent, str(asked.attrs["split"]))
            return

        body = _changes(asked)
        secrets: Mapping[str, str] = {}
        if not elevenlabs_trunk.ATTRIBUTES.isdisjoint(asked.attrs):
            # A change replaces the whole configuration: fields that are not ours are sent back.
            row = self._caller.send("GET", _path(there))
            secrets = self._vault.sip(asked.address)
            attrs = {**there.attrs, **asked.attrs}
            body["outbound_trunk_config"] = elevenlabs_trunk.to_config(attrs, secrets, row)
        self._caller.send("PATCH", _path(there), body=body, secrets=tuple(secrets.values()))

    def delete(self, there: RegisteredNumber) -> None:
        """Remove the number; it stays on Twilio."""
        try:
            self._caller.send("DELETE", _path(there))
        except RemoteError as error:
            if error.status != 404:
                raise

    def close(self) -> None:
        """Close the connections."""
        self._caller.close()

    def _numbers(self) -> NumberPages:
        """Read all pages once; each answer has the cursor of the next one."""
        pages = NumberPages(self.name)
        cursor: str | None = None
        seen: set[str] = set()
        while True:
            answer = self._caller.send("GET", _LIST, query={"page_size": _PAGE, "cursor": cursor})
            rows = list_rows(self.name, answer, "phone_numbers")
            cursor = self._next_cursor(answer, seen)
            pages.add(self._read(rows), has_next=cursor is not None)
            if cursor is None:
                return pages

    def _read(self, rows: Sequence[Row]) -> Sequence[RegisteredNumber]:
        """Return the numbers of a page. Raises RemoteError for a row that is not understood."""
        numbers = read_numbers(self.name, rows, _to_number, ("label", "provider"))
        for row, number in zip(rows, numbers, strict=True):
            # An agent that cannot be read would pass for none, and be set again.
            agent = row.get("assigned_agent")
            if agent is not None and number.attrs["agent"] is None:
                message = f"`assigned_agent` of {number.key} does not show the agent"
                raise errors.number_error(self.name, "the list", "unexpected_answer", message)
        return numbers

    def _next_cursor(self, answer: Any, seen: set[str]) -> str | None:
        """Return the cursor of the next page, None after the last one.

        Raises RemoteError for an answer that has more and does not say where, and for a cursor that
        an earlier page had: its pages have no end.
        """
        cursor = text_in(answer, "next_cursor")
        if answer.get("has_more") is not True:
            return None
        if cursor is None:
            message = "the list has more numbers and no cursor for them"
            raise errors.number_error(self.name, "the list", "unexpected_answer", message)
        if cursor in seen:
            message = "the list returns to a page that it has shown before"
            raise errors.number_error(self.name, "the list", "endless_listing", message)
        seen.add(cursor)
        return cursor

    def _agent_refusal(self, agent: str) -> RemoteError | None:
        """Return why this agent cannot be used, None if it can.

        Raises RemoteError for an answer that does not show it.
        """
        try:
            self._caller.send("GET", f"/v1/convai/agents/{quote(agent, safe='')}")
        except RemoteError as error:
            if error.status != 404:
                raise
            # A server without this call answers 404 for every agent.
            self._caller.send("GET", "/v1/convai/agents", query={"page_size": 1})
            return errors.with_code(error, "agent_not_found")
        return None

    def _exists(self, there: RegisteredNumber) -> bool:
        try:
            self._caller.send("GET", _path(there))
        except RemoteError as error:
            return error.status != 404
        return True

    def _import(self, asked: RegistrationRequest) -> RegisteredNumber | RemoteError:
        try:
            # No answer is documented for a number that is there already: a second import might make
            # a second record.
            body, secrets = self._body(asked)
            found = self._find(asked.key, secrets)
            if found is not None:
                return self._judge_found(found, asked)
            answer = self._caller.send("POST", _NUMBERS, body=body, secrets=secrets)
        except RemoteError as error:
            return errors.with_code_if_missing(error, "agent_not_found")

        number = text_in(answer, "phone_number_id") if isinstance(answer, Mapping) else None
        if number is None:
            message = "the answer to the import has no `phone_number_id`"
            return errors.number_error(self.name, asked.key, "unexpected_answer", message)
        return RegisteredNumber(number, asked.key, {"agent": asked.attrs.get("agent")})

    def _find(self, key: str, secrets: tuple[str, ...]) -> RegisteredNumber | None:
        """Return the record of one number, None without one.

        `secrets` are those of an import: an error of the platform may repeat what it has got before.
        """
        query = {"phone_number": key, "page_size": _PAGE}
        answer = self._caller.send("GET", _LIST, query=query, secrets=secrets)
        rows = list_rows(self.name, answer, "phone_numbers")
        for number in self._read(rows):
            if number.key == key:
                return number
        return None

    def _judge_found(
        self, found: RegisteredNumber, asked: RegistrationRequest
    ) -> RegisteredNumber | RemoteError:
        """Return a record that is there already if it is as requested, otherwise an error."""
        agent = found.attrs.get("agent")
        is_free = agent in (None, asked.attrs.get("agent"))
        if is_free and found.attrs.get("provider") == asked.attrs.get("provider"):
            return found

        owner = f"the agent {agent} has it" if agent else "it is imported in another way"
        return errors.number_error(self.name, asked.key, "number_already_imported", owner)

    def _body(self, asked: RegistrationRequest) -> tuple[dict[str, object], tuple[str, ...]]:
        """Return the body of an import, and the secrets in it."""
        body: dict[str, object] = {
            "provider": "twilio",
            "phone_number": asked.key,
            "label": asked.attrs.get("friendly_name") or asked.key,
        }
        if asked.attrs.get("agent") is not None:
            body["agent_id"] = asked.attrs["agent"]
        if uses_own_trunk(asked.attrs):
            passwords = self._vault.sip(asked.address)
            body["provider"] = "sip_trunk"
            body["outbound_trunk_config"] = elevenlabs_trunk.to_config(asked.attrs, passwords, {})
            return body, tuple(passwords.values())

        login = self._vault.login(asked.account)
        body["enable_sms"] = asked.attrs.get("enable_sms") is True

        # With an API key ElevenLabs needs the auth token as well, to check Twilio's signatures.
        if login.api_key and login.api_secret:
            body |= {"sid": login.api_key, "token": login.api_secret}
            body["account_auth_token"] = login.auth_token
        else:
            body |= {"sid": login.sid, "token": login.auth_token}

        region = asked.attrs.get("region")
        if isinstance(region, str):
            region_id, _, edge = region.partition("/")
            body["region_config"] = {
                "region_id": region_id,
                "token": login.auth_token,
                "edge_location": edge,
            }
        return body, login.secrets


def _changes(asked: RegistrationRequest) -> dict[str, object]:
    """Return the fields of a change; None takes a value off."""
    return {_FIELDS[name]: value for name, value in asked.attrs.items() if name in _FIELDS}


def _path(there: RegisteredNumber) -> str:
    return f"{_NUMBERS}/{quote(there.id, safe='')}"


def _to_number(row: Mapping[str, Any]) -> RegisteredNumber | None:
    key, number = text_in(row, "phone_number"), text_in(row, "phone_number_id")
    agent = object_in(row, "assigned_agent")
    attrs: dict[str, Value] = {
        "provider": text_in(row, "provider"),
        "agent": text_in(agent, "agent_id"),
        "branch": text_in(agent, "branch_id"),
        "environment": text_in(agent, "environment"),
        "friendly_name": text_in(row, "label"),
    }
    # A verified caller id of Twilio calls out only.
    if isinstance(row.get("supports_inbound"), bool):
        attrs["supports_inbound"] = row["supports_inbound"]
    if attrs["provider"] == "sip_trunk":
        attrs |= elevenlabs_trunk.to_attrs(row)
    return RegisteredNumber(number, key, attrs) if key and number else None


def headers(vault: Vault, name: str) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Return the key in a header of its own."""
    key = vault.platform(name, "api_key")
    return {"xi-api-key": key}, (key,)


def read_refusal(status: int, body: Any) -> tuple[str | None, str]:
    """Read ``{"detail": [{loc, msg, type}]}`` of a validation error, or ``{"detail": {status,
    message}}``.

    https://help.elevenlabs.io/hc/en-us/articles/19572237925521
    """
    if status == 422:
        return "validation_error", validation_text(body) or refusal_text(body, "detail")

    detail = object_in(body, "detail")
    code = _CODES.get(text_in(detail, "status") or "")
    return code, refusal_text(detail, "message", "status") or refusal_text(body, "detail")


TYPE = PlatformType(
    headers=headers,
    read_refusal=read_refusal,
    make=lambda settings, caller, vault: ElevenLabs(settings.name, caller, vault),
)
