"""Call the API of Feather: list, import, link, change, delete and check bridge numbers (for warm
transfers) and phone numbers with an agent for each channel; read refusals.

https://doc.featherhq.com (OpenAPI). Its Twilio account is connected in a browser beforehand; no
credentials are sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.errors import RemoteError
from reconciler.kinds.platforms.feather import FEATHER
from reconciler.model.route import Value
from reconciler.remote.parallel import map_each
from reconciler.remote.platforms import errors
from reconciler.remote.platforms.caller import Caller
from reconciler.remote.platforms.contract import (
    Complaint,
    RegisteredNumber,
    RegistrationRequest,
    Vault,
    list_agents,
    map_first_refusals,
)
from reconciler.remote.platforms.listing import list_rows, read_numbers, read_single_page
from reconciler.remote.platforms.parsing import refusal_text, rows_in, text_in, validation_text
from reconciler.remote.platforms.platform_type import PlatformType

_BRIDGES = "/v1/identity/org/bridge-numbers"
_NUMBERS = "/v1/communication/phone-numbers"
_INTEGRATIONS = "/v1/integrations/connections"
_ASSISTANTS = "/v1/assistants"
_ASSISTANTS_PAGE = 200
_CHANNELS = {"agent": "inbound_call", "outbound_agent": "outbound_call", "sms_agent": "sms"}
_RETIRED = "retired"
_AT_ONCE = 8


class Feather:
    """See `reconciler.remote.platforms.contract.Adapter`.

    `connections` are ids of integrations by Twilio account.
    """

    kind = FEATHER

    def __init__(self, name: str, caller: Caller, connections: Mapping[str, str]) -> None:
        self.name = name
        self._caller = caller
        self._connections = connections

    def list(self, asked: Sequence[RegistrationRequest]) -> Sequence[RegisteredNumber]:
        """Return bridge numbers and phone numbers, with the channels of those asked about.

        A retired number counts as gone.
        """
        wanted = {each.key: each.attrs.get("bridge") is True for each in asked}
        rows = list_rows(self.name, self._caller.send("GET", _BRIDGES))
        bridges = read_single_page(self.name, read_numbers(self.name, rows, _to_bridge_number))
        rows = [
            row
            for row in list_rows(self.name, self._caller.send("GET", _NUMBERS))
            if not _is_retired(row)
        ]
        numbers = read_single_page(
            self.name, read_numbers(self.name, rows, _to_number, ("status",))
        )

        # A number may be both: then the declared one counts.
        found = {number.key: number for number in (*bridges, *numbers)}
        found |= {n.key: n for n in (*bridges, *numbers) if wanted.get(n.key) is n.attrs["bridge"]}

        def complete(number: RegisteredNumber) -> RegisteredNumber:
            return self._with_channels(number) if number.key in wanted else number

        return map_each(complete, found.values(), workers=_AT_ONCE, name="feather")

    def preflight(self, asked: Sequence[RegistrationRequest]) -> Mapping[str, RemoteError]:
        """Return errors if the Twilio account is not connected, or for missing agents."""
        problem = self._connection_problem()
        if problem is not None:
            error = errors.number_error(self.name, "Twilio", *problem)
            return {each.address: error for each in asked}

        agents = list_agents(asked)
        missing = self._find_missing_agents(agents)
        refused: dict[str, RemoteError] = {}
        for agent in agents:
            if agent in missing:
                refused[agent] = errors.number_error(
                    self.name,
                    f"The agent {agent}",
                    "agent_not_found",
                    "it is not among its assistants",
                )
        return map_first_refusals(asked, refused)

    def _find_missing_agents(self, agents: Sequence[str]) -> set[str]:
        """Return the agents that are not in the list of assistants.

        None if the list is not understood, or has more pages than there are agents: those pages
        may be read, to keep the number of calls small.
        """
        missing = set(agents)
        cursor = None
        for _ in agents:
            query = {"limit": _ASSISTANTS_PAGE, "include_archived": True, "cursor": cursor}
            page = self._caller.send("GET", _ASSISTANTS, query=query)
            missing -= {text_in(row, "id") or "" for row in rows_in(page, "assistants")}
            cursor = text_in(page, "next_cursor") if isinstance(page, Mapping) else None

            if not isinstance(page, Mapping) or not isinstance(page.get("assistants"), list):
                return set()
            if not missing or page.get("has_more") is not True:
                return missing
        return set()

    def create(
        self, asked: Sequence[RegistrationRequest]
    ) -> Sequence[RegisteredNumber | RemoteError]:
        """Import each number with one call; a retired phone number is restored."""
        return [self._import(each) for each in asked]

    def link(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        """Replace the bindings of each channel; without an agent it is emptied."""
        for name, channel in _CHANNELS.items():
            if name not in asked.attrs:
                continue

            agent = asked.attrs[name]
            bindings = [{"agent_id": agent}] if agent is not None else []
            try:
                self._caller.send(
                    "PUT", f"{_NUMBERS}/{there.id}/channels/{channel}", body={"bindings": bindings}
                )
            except RemoteError as error:
                raise errors.with_code_if_missing(error, "agent_not_found") from error

    def update(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        """Set the status of a phone number."""
        self._caller.send("PATCH", f"{_NUMBERS}/{there.id}", body={"status": asked.attrs["status"]})

    def delete(self, there: RegisteredNumber) -> None:
        """Delete a bridge number, whose webhook is cleared; retire a phone number."""
        base = _BRIDGES if there.attrs.get("bridge") is True else _NUMBERS
        try:
            self._caller.send("DELETE", f"{base}/{there.id}")
        except RemoteError as error:
            if error.status != 404:
                raise

    def verify(self) -> Sequence[Complaint]:
        """Return a complaint unless exactly one Twilio account is selected and connected."""
        problem = self._connection_problem()
        return [Complaint(problem[1], True)] if problem is not None else []

    def close(self) -> None:
        """Close the connections."""
        self._caller.close()

    def _connection_problem(self) -> tuple[str, str] | None:
        """Return code and message of what is wrong with the connected Twilio accounts.

        None when nothing is.
        """
        connected: list[str] = []
        for row in list_rows(self.name, self._caller.send("GET", _INTEGRATIONS)):
            if row.get("integration_key") == "twilio":
                connected.append(text_in(row, "id") or "")
        if not connected:
            message = "no Twilio account is connected: connect it in the dashboard"
            return "no_twilio_integration", message

        unknown: list[str] = []
        for account, sid in self._connections.items():
            if sid not in connected:
                unknown.append(f"{account} ({sid})")
        if unknown:
            message = f"it does not know these ids under `connections`: {', '.join(unknown)}"
            return "integration_not_found", message

        if len(connected) > 1 and not self._connections:
            names = ", ".join(connected)
            message = f"several Twilio accounts are connected, name one of them: {names}"
            return "ambiguous_integration", message
        return None

    def _with_channels(self, number: RegisteredNumber) -> RegisteredNumber:
        if number.attrs["bridge"] is True:
            return number

        channels = list_rows(
            self.name, self._caller.send("GET", f"{_NUMBERS}/{number.id}/channels")
        )
        attrs: dict[str, Value] = {**number.attrs, **dict.fromkeys(_CHANNELS)}
        for name, channel in _CHANNELS.items():
            bound = [
                text_in(row, "agent_id") or text_in(row, "team_id")
                for row in channels
                if row.get("channel_type") == channel
            ]
            attrs[name] = ", ".join(sorted(filter(None, bound))) or None
        return RegisteredNumber(number.id, number.key, attrs)

    def _import(self, asked: RegistrationRequest) -> RegisteredNumber | RemoteError:
        connection = self._connections.get(asked.account)
        chosen = {"integration_connection_id": connection} if connection else {}
        try:
            if asked.attrs.get("bridge") is True:
                body: dict[str, object] = {"twilio_number_sid": asked.number_sid, **chosen}
                answer = self._caller.send("POST", _BRIDGES, body=body, idempotent=True)
                return _to_bridge_number(answer) or RegisteredNumber("", asked.key, {})

            # A retired number cannot be imported again: it is restored.
            retired = self._find_retired(asked.key)
            if retired is not None:
                answer = self._caller.send("POST", f"{_NUMBERS}/{retired}/restore", idempotent=True)
                return self._with_channels(
                    _to_number(answer) or RegisteredNumber(retired, asked.key, {"bridge": False})
                )

            has_sms = asked.attrs.get("sms_agent") is not None
            body = {
                "phone_e164": asked.key,
                "vendor": "twilio",
                "vendor_mode": "byo",
                "capabilities": ["voice", "sms"] if has_sms else ["voice"],
                **chosen,
            }
            answer = self._caller.send("POST", _NUMBERS, body=body)
            return _to_number(answer) or RegisteredNumber("", asked.key, {})
        except RemoteError as error:
            return self._name_connection_problem(error)

    def _name_connection_problem(self, error: RemoteError) -> RemoteError:
        """Return the refusal of an import under the code of what its connections show.

        A validation has no code for a missing or an ambiguous Twilio account: the documented list
        of connections shows both.
        """
        if error.status != 422:
            return error
        try:
            problem = self._connection_problem()
        except RemoteError:
            return error
        return error if problem is None else errors.with_code(error, problem[0])

    def _find_retired(self, key: str) -> str | None:
        there = list_rows(self.name, self._caller.send("GET", _NUMBERS, query={"status": _RETIRED}))
        return next((text_in(row, "id") for row in there if row.get("phone_e164") == key), None)


def headers(vault: Vault, name: str) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Return the key in a header of its own, never as a bearer token."""
    key = vault.platform(name, "api_key")
    return {"x-api-key": key}, (key,)


def read_refusal(status: int, body: Any) -> tuple[str | None, str]:
    """Read ``{error, message}``, or the findings of a validation.

    Of these only places and messages, never the input.
    """
    if status != 422:
        return None, refusal_text(body, "message", "error")
    return "validation_error", validation_text(body)


def _is_retired(row: Mapping[str, Any]) -> bool:
    return row.get("status") == _RETIRED


def _to_bridge_number(row: Any) -> RegisteredNumber | None:
    key, sid = _key_and_id(row)
    return RegisteredNumber(sid, key, {"bridge": True}) if key and sid else None


def _to_number(row: Any) -> RegisteredNumber | None:
    key, sid = _key_and_id(row)
    if not (key and sid):
        return None
    return RegisteredNumber(sid, key, {"bridge": False, "status": text_in(row, "status")})


def _key_and_id(row: Any) -> tuple[str | None, str | None]:
    if not isinstance(row, Mapping):
        return None, None
    return text_in(row, "phone_e164"), text_in(row, "id")


TYPE = PlatformType(
    headers=headers,
    read_refusal=read_refusal,
    make=lambda settings, caller, vault: Feather(settings.name, caller, settings.connections),
)
