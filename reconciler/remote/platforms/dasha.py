"""Call the API of Dasha BlackBox: list numbers, import them into a provider's trunk in bulk, link
agents, delete, verify and check beforehand; authenticate, and read refusals.

https://blackbox.dasha.ai/docs/api-reference. An import continues after a number that fails, and
reports that under a 200. Answers may hold SIP passwords: only what is named here is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

from reconciler.errors import RemoteError
from reconciler.kinds.platforms.dasha import DASHA
from reconciler.remote.platforms import errors
from reconciler.remote.platforms.caller import Caller
from reconciler.remote.platforms.contract import (
    Complaint,
    RegisteredNumber,
    RegistrationRequest,
    UndocumentedCalls,
    Vault,
    list_agents,
    map_first_refusals,
)
from reconciler.remote.platforms.documented_texts import code_for_text
from reconciler.remote.platforms.listing import (
    NumberPages,
    list_rows,
    read_numbers,
    read_until_steady,
)
from reconciler.remote.platforms.parsing import refusal_text, rows_in, text_in
from reconciler.remote.platforms.platform_type import PlatformType

_PAGE = 1000
_MODES = {"agent": "inbound", "outbound_agent": "replaceOutbound"}


class Dasha(UndocumentedCalls):
    """See `reconciler.remote.platforms.contract.Adapter`.

    `connections` are provider ids by Twilio account.
    """

    kind = DASHA

    def __init__(self, name: str, caller: Caller, connections: Mapping[str, str]) -> None:
        self.name = name
        self._caller = caller
        self._connections = connections

    def list(self, asked: Sequence[RegistrationRequest]) -> Sequence[RegisteredNumber]:
        """Return the numbers of all our providers.

        The agent that calls out with a number is read for those that declare one.
        """
        callers = {each.key for each in asked if "outbound_agent" in each.attrs}
        found: dict[str, RegisteredNumber] = {}
        for provider in dict.fromkeys(self._connections.values()):
            # Without its account a number may belong to any provider.
            sought = [
                each.key
                for each in asked
                if self._connections.get(each.account, provider) == provider
            ]
            for number in read_until_steady(self.name, partial(self._numbers, provider), sought):
                attrs = dict(number.attrs)
                if number.key in callers:
                    attrs["outbound_agent"] = self._outbound(number.id)
                found[number.key] = RegisteredNumber(number.id, number.key, attrs)
        return [*found.values()]

    def preflight(self, asked: Sequence[RegistrationRequest]) -> Mapping[str, RemoteError]:
        """Return errors for missing providers and agents."""
        found: dict[str, RemoteError] = {}
        for account in dict.fromkeys(each.account for each in asked):
            try:
                self._caller.send(
                    "GET", f"/api/v1/providers/{quote(self._connections[account], safe='')}"
                )
            except RemoteError as error:
                if error.status != 404:
                    raise
                refused = errors.with_code(error, "integration_not_found")
                found |= {each.address: refused for each in asked if each.account == account}

        agents = list_agents(asked)
        if not agents:
            return found

        # A list without ids is not understood: nothing is concluded from it.
        known = {text_in(row, "id") for row in rows_in(self._caller.send("GET", "/api/v1/agents"))}
        if known - {None}:
            missing: dict[str, RemoteError] = {}
            for agent in agents:
                if agent not in known:
                    missing[agent] = errors.number_error(
                        self.name,
                        f"The agent {agent}",
                        "agent_not_found",
                        "it is not among its agents",
                    )
            found = {**map_first_refusals(asked, missing), **found}
        return found

    def create(
        self, asked: Sequence[RegistrationRequest]
    ) -> Sequence[RegisteredNumber | RemoteError]:
        """Import all numbers of a provider with one call."""
        results: dict[str, RegisteredNumber | RemoteError] = {}
        for account in dict.fromkeys(each.account for each in asked):
            results |= self._import(account, [each for each in asked if each.account == account])
        return [results[each.key] for each in asked]

    def link(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        """Set or remove the agent that takes the calls, and the one that calls out."""
        for name, mode in _MODES.items():
            if name not in asked.attrs:
                continue

            agent, path = asked.attrs[name], f"/api/v1/sip-phone-numbers/{there.id}/agent-link"
            if agent is not None:
                self._put(path, str(agent), mode)
            elif there.attrs.get(name) is not None:
                query = {
                    "mode": mode,
                    "agentId": there.attrs[name] if name == "outbound_agent" else None,
                }
                self._caller.send("DELETE", path, query=query)

    def delete(self, there: RegisteredNumber) -> None:
        """Unlink the number, detach it from the trunk and delete its record."""
        provider = self._provider_of(there)
        if provider is None:
            return

        # A linked number cannot be deleted (409).
        linked = {name: None for name in _MODES if there.attrs.get(name) is not None}
        self.link(there, RegistrationRequest("", there.key, linked))

        try:
            self._caller.send(
                "DELETE", f"/api/v1/providers/twilio/{provider}/phone-numbers/{there.id}"
            )
        except RemoteError as error:
            if error.status == 409:
                message = f"agents still use it: {self._users(there.id)}"
                raise errors.number_error(self.name, there.key, "number_in_use", message) from error
            if error.status != 404:
                raise

    def verify(self) -> Sequence[Complaint]:
        """Return what each provider reports as wrong.

        It checks credentials, trunk, credential list and numbers.
        """
        complaints: list[Complaint] = []
        for account, provider in self._connections.items():
            complaints += self._verify_provider(account, provider)
        return complaints

    def close(self) -> None:
        """Close the connections."""
        self._caller.close()

    def _numbers(self, provider: str) -> NumberPages:
        pages, offset = NumberPages(self.name), 0
        while True:
            query = {"providerId": provider, "skip": offset, "take": _PAGE}
            page = list_rows(
                self.name,
                self._caller.send("GET", "/api/v1/sip-phone-numbers", query=query),
                "items",
            )

            has_next = len(page) >= _PAGE
            pages.add(
                read_numbers(self.name, page, _to_number, ("incomingCallsAgentId",)),
                has_next=has_next,
            )

            if not has_next:
                return pages
            offset += _PAGE

    def _verify_provider(self, account: str, provider: str) -> Sequence[Complaint]:
        try:
            row = self._caller.send("POST", f"/api/v1/providers/{provider}/verify", idempotent=True)
        except RemoteError as error:
            raise errors.with_code_if_missing(error, "integration_not_found") from error

        if not isinstance(row, Mapping):
            return [Complaint(f"the provider of {account} does not say how it is", False)]
        status = text_in(row, "verificationStatus") or text_in(row, "status") or "pending"
        if status in ("verified", "pending"):
            return []

        details = row.get("verificationDetails")
        reasons = "; ".join(map(str, details)) if isinstance(details, list) else ""
        return [
            Complaint(
                f"the provider of {account} is {status}: {reasons or 'no reason given'}",
                status == "failed",
            )
        ]

    def _import(
        self, account: str, asked: Sequence[RegistrationRequest]
    ) -> dict[str, RegisteredNumber | RemoteError]:
        """Import numbers with one call and return the result of each.

        The answer has counts and the SIDs that failed; the other results are read from the list.
        """
        provider = self._connections[account]
        sids = ["PN" + each.number_sid[2:].lower() for each in asked]
        path = f"/api/v1/providers/twilio/{provider}/import-numbers"
        try:
            answer = self._caller.send(
                "POST", path, body={"phoneNumberSids": [*dict.fromkeys(sids)]}
            )
        except RemoteError as error:
            failure = errors.with_code_if_missing(error, "integration_not_found")
            return {each.key: failure for each in asked}

        failed = {
            text_in(row, "phoneNumberSid"): text_in(row, "errorMessage") or "failed"
            for row in rows_in(answer, "errors")
        }
        there = {number.key: number for number in self.list(asked)}
        results: dict[str, RegisteredNumber | RemoteError] = {}
        for each, sid in zip(asked, sids, strict=True):
            results[each.key] = self._result(each, there.get(each.key), failed.get(sid))
        return results

    def _result(
        self, asked: RegistrationRequest, there: RegisteredNumber | None, message: str | None
    ) -> RegisteredNumber | RemoteError:
        if there is not None and (message is None or self._is_free_for(asked, there)):
            return there
        if there is not None:
            owner = f"the agent {there.attrs.get('agent')} has it"
            return errors.number_error(self.name, asked.key, "number_already_imported", owner)

        # An import's errors have no code and no status, only a documented text.
        words = message or "it is not in the list after the import"
        code = code_for_text("dasha", message or "") or "platform_refused"
        return errors.number_error(self.name, asked.key, code, f"{asked.number_sid}: {words}")

    def _is_free_for(self, asked: RegistrationRequest, there: RegisteredNumber) -> bool:
        """Return whether no other agent takes its calls: a link would replace that one silently."""
        return there.attrs.get("agent") in (None, asked.attrs.get("agent"))

    def _put(self, path: str, agent: str, mode: str) -> None:
        try:
            self._caller.send("PUT", path, query={"agentId": agent, "mode": mode})
        except RemoteError as error:
            raise errors.with_code_if_missing(error, "agent_not_found") from error

    def _outbound(self, sid: str) -> str | None:
        """Return the id of the agent that calls out with a number, None without one."""
        affected = list_rows(
            self.name, self._caller.send("GET", f"/api/v1/sip-phone-numbers/{sid}/affected-agents")
        )
        for row in affected:
            agent = text_in(row, "agentId")
            if agent and "outbound" in _uses(row):
                return agent
        return None

    def _users(self, sid: str) -> str:
        """Return the names of the agents that use a number."""
        affected = rows_in(
            self._caller.send("GET", f"/api/v1/sip-phone-numbers/{sid}/affected-agents")
        )
        return ", ".join(
            text_in(row, "agentName") or text_in(row, "agentId") or "?" for row in affected
        )

    def _provider_of(self, there: RegisteredNumber) -> str | None:
        try:
            row = self._caller.send("GET", f"/api/v1/sip-phone-numbers/{there.id}")
        except RemoteError as error:
            if error.status == 404:
                return None
            raise
        return text_in(row, "providerId") if isinstance(row, Mapping) else None


def _to_number(row: Mapping[str, Any]) -> RegisteredNumber | None:
    key, sid = text_in(row, "phoneNumber"), text_in(row, "id")
    return (
        RegisteredNumber(sid, key, {"agent": text_in(row, "incomingCallsAgentId")})
        if key and sid
        else None
    )


def _uses(row: Mapping[str, Any]) -> Sequence[Any]:
    uses = row.get("uses")
    return uses if isinstance(uses, list) else ()


def headers(vault: Vault, name: str) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Return a bearer token."""
    key = vault.platform(name, "api_key")
    return {"Authorization": f"Bearer {key}"}, (key,)


def read_refusal(status: int, body: Any) -> tuple[str | None, str]:
    """Read a problem of RFC 7807; a missing provider or agent is only named in words."""
    return ("validation_error" if status in (400, 422) else None), refusal_text(
        body, "detail", "title"
    )


TYPE = PlatformType(
    headers=headers,
    read_refusal=read_refusal,
    make=lambda settings, caller, vault: Dasha(settings.name, caller, settings.connections),
)
