"""Call the API of Butter AI: list numbers, import them unassigned, and assign them to agents, which
writes their webhooks; authenticate, and read refusals.

https://docs.getbutter.ai. Answers are ``{success, message, data}``. No call is documented that
changes or removes an imported number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from reconciler.errors import RemoteError
from reconciler.kinds.platforms.butter import BUTTER
from reconciler.model.route import Value
from reconciler.remote.platforms import errors
from reconciler.remote.platforms.caller import Caller
from reconciler.remote.platforms.contract import (
    PartialList,
    RegisteredNumber,
    RegistrationRequest,
    UndocumentedCalls,
    Vault,
)
from reconciler.remote.platforms.documented_texts import code_for_text
from reconciler.remote.platforms.listing import list_rows, read_numbers, read_single_page
from reconciler.remote.platforms.parsing import object_in, refusal_text, text_in
from reconciler.remote.platforms.platform_type import PlatformType

_NUMBERS = "/api/phone-numbers"
_STATUSES = ("free", "assigned")
"""The values of the documented filter; every number has one of them."""
_SIP = {
    "trunk_name": "sip_trunk_name",
    "username": "sip_username",
    "server_address": "sip_server_address",
    "room_name": "inbound_room_name",
    "media_encryption": "media_encryption",
}
_SIP_SECRETS = {"password": "sip_password", "pin": "inbound_pin"}


class _Page(NamedTuple):
    """The first page of a list; `total` counts the numbers on all pages, 0 where it is unknown."""

    numbers: Sequence[RegisteredNumber]
    has_more: bool
    total: int


class Butter(UndocumentedCalls):
    """See `reconciler.remote.platforms.contract.Adapter`.

    `connections` are ids of integrations by Twilio account.
    """

    kind = BUTTER

    def __init__(
        self, name: str, caller: Caller, connections: Mapping[str, str], vault: Vault
    ) -> None:
        self.name = name
        self._caller = caller
        self._connections = connections
        self._vault = vault

    def list(self, asked: Sequence[RegistrationRequest]) -> Sequence[RegisteredNumber]:
        """Return all numbers of the organisation.

        The documents have no call for a second page, but a filter by status: each filtered list
        has a first page of its own.
        """
        first = self._read_page()
        if not first.has_more:
            return first.numbers

        found = {number.key: number for number in first.numbers}
        pages = [self._read_page(status) for status in _STATUSES]
        for page in pages:
            found |= {number.key: number for number in page.numbers}

        # A number whose status changes between the two calls is in neither: the total shows it.
        is_complete = not any(page.has_more for page in pages) and len(found) >= first.total
        if is_complete:
            return [*found.values()]
        message = (
            f"its list shows {len(found)} numbers and has more, also by status, and its documents "
            "do not say how to ask for a second page"
        )
        problem = errors.number_error(self.name, "the list", "unexpected_answer", message)
        return PartialList(found.values(), problem)

    def create(
        self, asked: Sequence[RegistrationRequest]
    ) -> Sequence[RegisteredNumber | RemoteError]:
        """Import each number with one call; the agent is set by another call."""
        return [self._import(each) for each in asked]

    def link(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        """Take the number from the agent that has it, and assign it to its new agent."""
        had, agent = there.attrs.get("agent"), asked.attrs["agent"]
        if had is not None:
            self._unassign(str(had), there.id)
        if agent is not None:
            self._assign(str(agent), there.id)

    def close(self) -> None:
        """Close the connections."""
        self._caller.close()

    def _read_page(self, status: str | None = None) -> _Page:
        answer = self._caller.send("GET", _NUMBERS, query={"status": status})
        rows = list_rows(self.name, answer, "data")
        numbers = read_numbers(self.name, rows, _to_number, ("assigned_agent_id",))

        pagination = object_in(answer, "pagination")
        total = pagination.get("total_count")
        return _Page(
            read_single_page(self.name, numbers),
            pagination.get("has_more") is True,
            total if isinstance(total, int) else 0,
        )

    def _unassign(self, agent: str, number: str) -> None:
        path = f"/api/agents/{quote(agent, safe='')}/unassign-phone-number/{quote(number, safe='')}"
        try:
            _check_success(self.name, self._caller.send("POST", path, idempotent=True))
        except RemoteError as error:
            # 400 is the answer for a number that is not assigned to this agent any more, and for
            # anything else.
            if error.status not in (400, 404) or self._has(agent, number):
                raise

    def _assign(self, agent: str, number: str) -> None:
        path = f"/api/agents/{quote(agent, safe='')}/assign-phone-number"
        try:
            _check_success(
                self.name, self._caller.send("POST", path, body={"phone_number_id": number})
            )
        except RemoteError as error:
            if error.status == 409 and self._has(agent, number):
                return

            if error.status == 404:
                raise errors.with_code(error, "agent_not_found") from error
            raise

    def _has(self, agent: str, number: str) -> bool:
        """Return whether the number is already this agent's.

        The platform answers that like a number of another agent.
        """
        return any(
            there.id == number and there.attrs.get("agent") == agent for there in self.list(())
        )

    def _import(self, asked: RegistrationRequest) -> RegisteredNumber | RemoteError:
        body, secrets = self._body(asked)
        try:
            answer = _check_success(
                self.name, self._caller.send("POST", _NUMBERS, body=body, secrets=secrets)
            )
        except RemoteError as error:
            return errors.with_code_if_missing(error, "integration_not_found")
        return _to_number(object_in(answer, "data")) or RegisteredNumber("", asked.key, {})

    def _body(self, asked: RegistrationRequest) -> tuple[dict[str, object], tuple[str, ...]]:
        """Return the body of an import, and the secrets in it."""
        body: dict[str, object] = {
            "phone_number": asked.key,
            "supports_inbound": asked.attrs["supports_inbound"],
            "supports_outbound": asked.attrs["supports_outbound"],
        }
        if asked.number_sid:
            body["provider"] = "twilio"
            body["integration_id"] = self._connections[asked.account]
            return body, ()

        body["provider"] = "sip"
        for ours, theirs in _SIP.items():
            if asked.attrs.get(ours) is not None:
                body[theirs] = asked.attrs[ours]
        secrets = self._vault.sip(asked.address)
        for ours, theirs in _SIP_SECRETS.items():
            if ours in secrets:
                body[theirs] = secrets[ours]
        return body, tuple(secrets.values())


def headers(vault: Vault, name: str) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Return key and organisation."""
    key = vault.platform(name, "api_key")
    return {"X-API-Key": key, "X-Organization-Id": vault.organization(name)}, (key,)


def read_refusal(status: int, body: Any) -> tuple[str | None, str]:
    """Read an error body, which is only documented to be an object.

    400 is documented for two problems, which the text tells apart.
    """
    message = refusal_text(body, "detail", "message", "error")
    if status == 400:
        return code_for_text("butter", message), message
    return ("integration_wrong_org" if status == 403 else None), message


def _check_success(name: str, answer: Any) -> Any:
    """Return the answer, unless it reports a failure under a 200."""
    if isinstance(answer, Mapping) and answer.get("success") is False:
        raise errors.number_error(
            name, "the call", "success_false", refusal_text(answer, "message", "detail", "error")
        )
    return answer


def _to_number(row: Mapping[str, Any]) -> RegisteredNumber | None:
    key, sid = text_in(row, "phone_number"), text_in(row, "phone_number_id")
    attrs: dict[str, Value] = {"agent": text_in(row, "assigned_agent_id")}
    for name in ("supports_inbound", "supports_outbound"):
        if isinstance(row.get(name), bool):
            attrs[name] = row[name]
    return RegisteredNumber(sid, key, attrs) if key and sid else None


TYPE = PlatformType(
    headers=headers,
    read_refusal=read_refusal,
    make=lambda settings, caller, vault: Butter(settings.name, caller, settings.connections, vault),
)
