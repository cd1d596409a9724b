"""Call the API of Vapi: list numbers, import each with the credentials of its Twilio account, change
them in place, remove them, and check agents; authenticate, and read refusals.

https://docs.vapi.ai/api-reference/phone-numbers. Vapi returns the credentials of Twilio in every
answer: they are compared here and go no further. A change sends `provider`, which tells the forms of
the body apart, and `smsEnabled`, whose default would overwrite the messaging URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from typing import Any
from urllib.parse import quote

from reconciler.errors import RemoteError
from reconciler.kinds.platforms.vapi import SAME, TRUNK, TWILIO, VAPI, split_agent
from reconciler.model.credentials import TwilioLogin
from reconciler.model.route import Attrs
from reconciler.remote.parallel import map_each
from reconciler.remote.platforms import errors, vapi_trunk
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
from reconciler.remote.platforms.parsing import refusal_text, text_in
from reconciler.remote.platforms.platform_type import PlatformType
from reconciler.remote.platforms.vapi_rows import (
    Row,
    find_login,
    list_agent_keys,
    list_all_rows,
    pick_row,
    to_number,
)

_PATH = "/phone-number"
_AT_ONCE = 8
_MOST_AGENTS = 300
"""Most agents that are looked up before an import."""
_AGENT_PATHS = {"assistantId": "/assistant", "squadId": "/squad"}
_CREDENTIAL = re.compile(r"\b(?!(?:AC|SK|PN|TK)[0-9a-fA-F]{32}\b)[0-9A-Za-z]{32,}\b")
"""The form of Twilio's auth tokens and secrets of API keys, which a refusal might repeat."""


class Vapi(UndocumentedCalls):
    """See `reconciler.remote.platforms.contract.Adapter`."""

    kind = VAPI

    def __init__(self, name: str, caller: Caller, vault: Vault) -> None:
        self.name = name
        self._caller = caller
        self._vault = vault
        self._trunk_lock = Lock()
        self._written_trunks: dict[str, Mapping[str, object]] = {}

    def list(self, asked: Sequence[RegistrationRequest]) -> Sequence[RegisteredNumber]:
        """Return all numbers, each once.

        Of several records of a requested number, the one of its Twilio account counts.
        """
        by_number: dict[str, list[Row]] = {}
        for row in self._rows():
            key = text_in(row, "number")
            if key is not None:
                by_number.setdefault(key, []).append(row)

        accounts = {each.key: each.account for each in asked}
        providers = {each.key: str(each.attrs.get("provider") or TWILIO) for each in asked}
        logins = self._logins(accounts.values())
        by_sid = {login.sid: login for login in logins.values()}
        # A number may be requested by its SID, which no record shows.
        has_sids = any(key[:1] != "+" for key in accounts)

        found: list[RegisteredNumber] = []
        for key, rows in by_number.items():
            login = logins.get(accounts.get(key, ""))
            if login is None and has_sids:
                login = find_login(rows, by_sid)
            is_asked = key in accounts or login is not None
            provider = providers.get(key, TWILIO)
            row = pick_row(self.name, key, rows, login, is_asked=is_asked, provider=provider)
            found.append(to_number(self.name, row, login))
        return found

    def preflight(self, asked: Sequence[RegistrationRequest]) -> Mapping[str, RemoteError]:
        """Return an error for each assistant or squad that Vapi does not have."""
        agents = list_agents(asked)[:_MOST_AGENTS]
        answers = map_each(self._agent_refusal, agents, workers=_AT_ONCE, name="vapi")

        refused = {
            agent: error for agent, error in zip(agents, answers, strict=True) if error is not None
        }
        return map_first_refusals(asked, refused)

    def create(
        self, asked: Sequence[RegistrationRequest]
    ) -> Sequence[RegisteredNumber | RemoteError]:
        """Import each number with one call; one whose import an earlier run began is looked up
        first.
        """
        begun = [each for each in asked if each.import_started]
        try:
            there = {number.key: number for number in self.list(begun)} if begun else {}
        except RemoteError as error:
            return [error] * len(asked)

        results: list[RegisteredNumber | RemoteError] = []
        for each in asked:
            known = there.get(each.key) if each.import_started else None
            results.append(known or self._import(each))
        return results

    def link(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        """Set the assistant or the squad, and remove the one of the other kind."""
        agent = asked.attrs["agent"]
        body: dict[str, object] = {}
        for key in list_agent_keys(there.attrs.get("agent")):
            body[key] = None
        if agent is not None:
            key, body[key] = split_agent(str(agent))
        self._change(there, asked, body)

    def update(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        """Change credentials, SMS switch, trunk and server, in place. Raises RemoteError."""
        body: dict[str, object] = {}
        if not vapi_trunk.ATTRIBUTES.isdisjoint(asked.attrs):
            self._set_trunk(asked, {**there.attrs, **asked.attrs})
            if "trunk_credential" in asked.attrs:
                body["credentialId"] = asked.attrs["trunk_credential"]
            elif asked.attrs.keys() <= vapi_trunk.ATTRIBUTES:
                return  # the number itself stays as it is

        if "server_url" in asked.attrs:
            url = asked.attrs["server_url"]
            body["server"] = None if url is None else {"url": url}

        credentials = asked.attrs.get("credentials", "")
        if credentials == SAME:
            body |= _credentials(self._vault.login(asked.account))
        elif credentials:
            message = "the credentials that it had before are not known here"
            raise errors.number_error(self.name, asked.key, "platform_refused", message)
        self._change(there, asked, body)

    def delete(self, there: RegisteredNumber) -> None:
        """Remove the number; it stays on Twilio. What its URLs are afterwards is not documented."""
        try:
            self._caller.send("DELETE", f"{_PATH}/{quote(there.id, safe='')}")
        except RemoteError as error:
            if error.status != 404:
                raise

    def verify(self) -> Sequence[Complaint]:
        """Return the numbers that Vapi does not have in use."""
        return [
            Complaint(number.problem, broken=False) for number in self.list(()) if number.problem
        ]

    def close(self) -> None:
        """Close the connections."""
        self._caller.close()

    def _rows(self) -> Sequence[Row]:
        return list_all_rows(self.name, lambda query: self._caller.send("GET", _PATH, query=query))

    def _logins(self, accounts: Iterable[str]) -> dict[str, TwilioLogin]:
        """Return the credentials of these accounts; none of an account that is not declared."""
        logins: dict[str, TwilioLogin] = {}
        for account in {*accounts} - {""}:
            try:
                logins[account] = self._vault.login(account)
            except KeyError:
                continue  # a number of an account that is no longer declared is removed
        return logins

    def _agent_refusal(self, agent: str) -> RemoteError | None:
        """Return why this agent cannot be used, None if it can.

        Raises RemoteError for an answer that does not show it.
        """
        key, agent_id = split_agent(agent)
        path = _AGENT_PATHS.get(key)
        if path is None:
            return None
        try:
            self._caller.send("GET", f"{path}/{quote(agent_id, safe='')}")
        except RemoteError as error:
            if error.status != 404:
                raise
            # A server without this call answers 404 for every agent.
            self._caller.send("GET", path, query={"limit": 1})
            return errors.with_code(error, "agent_not_found")
        return None

    def _import(self, asked: RegistrationRequest) -> RegisteredNumber | RemoteError:
        provider = asked.attrs.get("provider", TWILIO)
        if provider not in (TWILIO, TRUNK):
            message = "only numbers of Twilio, and those on a trunk, can be imported"
            return errors.number_error(self.name, asked.key, "platform_refused", message)

        login = None
        body: dict[str, object] = {"provider": provider, "number": asked.key}
        if provider == TWILIO:
            login = self._vault.login(asked.account)
            body |= _credentials(login)
            body["smsEnabled"] = asked.attrs.get("sms_enabled") is True
        else:
            body["credentialId"] = asked.attrs["trunk_credential"]
            body["numberE164CheckEnabled"] = True
        agent = asked.attrs.get("agent")
        if agent is not None:
            key, body[key] = split_agent(str(agent))
        if asked.attrs.get("server_url") is not None:
            body["server"] = {"url": asked.attrs["server_url"]}

        secrets = login.secrets if login is not None else ()
        try:
            # The gateways of the trunk come first: a number without them would refuse calls.
            if provider == TRUNK:
                self._set_trunk(asked, asked.attrs)
            answer = self._caller.send("POST", _PATH, body=body, secrets=secrets)
            return self._read_answer(answer, asked, login)
        except RemoteError as error:
            return error

    def _read_answer(
        self, answer: Any, asked: RegistrationRequest, login: TwilioLogin | None
    ) -> RegisteredNumber:
        """Return the imported number.

        Raises RemoteError for an answer about anything else: then the list shows what was made.
        """
        row = answer if isinstance(answer, Mapping) else {}
        provider = asked.attrs.get("provider", TWILIO)
        is_it = (text_in(row, "number"), text_in(row, "provider")) == (asked.key, provider)
        if not is_it or text_in(row, "id") is None:
            message = "the answer to the import is not about this number"
            raise errors.number_error(self.name, asked.key, "unexpected_answer", message)
        return to_number(self.name, row, login)

    def _change(
        self, there: RegisteredNumber, asked: RegistrationRequest, body: Mapping[str, object]
    ) -> None:
        provider = there.attrs.get("provider") or TWILIO
        whole: dict[str, object] = {"provider": provider, **body}
        if provider != TRUNK:
            switch = asked.attrs.get("sms_enabled", there.attrs.get("sms_enabled"))
            whole["smsEnabled"] = switch is True

        login = self._logins([asked.account]).get(asked.account)
        path = f"{_PATH}/{quote(there.id, safe='')}"
        secrets = login.secrets if login is not None else ()
        self._caller.send("PATCH", path, body=whole, secrets=secrets)

    def _set_trunk(self, asked: RegistrationRequest, attrs: Attrs) -> None:
        """Write the whole credential of a trunk, once in a run for all numbers that share it."""
        secrets = self._vault.sip(asked.address)
        body = vapi_trunk.to_credential(attrs, secrets)
        path = f"/credential/{quote(str(attrs['trunk_credential']), safe='')}"
        with self._trunk_lock:
            if self._written_trunks.get(path) == body:
                return
            self._caller.send("PATCH", path, body=body, secrets=tuple(secrets.values()))
            self._written_trunks[path] = body


def _credentials(login: TwilioLogin) -> dict[str, object]:
    """Return the fields that sign in to Twilio: the API key of the account, else its auth token."""
    fields: dict[str, object] = {"twilioAccountSid": login.sid}
    if login.api_key and login.api_secret:
        return fields | {"twilioApiKey": login.api_key, "twilioApiSecret": login.api_secret}
    return fields | {"twilioAuthToken": login.auth_token}


def headers(vault: Vault, name: str) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Return the private key as a bearer token."""
    key = vault.platform(name, "api_key")
    return {"Authorization": f"Bearer {key}"}, (key,)


def read_refusal(status: int, body: Any) -> tuple[str | None, str]:
    """Read ``{"message": … or […]}``; its documents name no codes, so the status decides.

    What looks like a credential of Twilio is masked, whose ever it is.
    """
    message = refusal_text(body, "message", "error")
    parts = body.get("message") if isinstance(body, Mapping) else None
    if isinstance(parts, list):
        message = "; ".join(part for part in parts if isinstance(part, str))
    return None, _CREDENTIAL.sub("***", message)


TYPE = PlatformType(
    headers=headers,
    read_refusal=read_refusal,
    make=lambda settings, caller, vault: Vapi(settings.name, caller, vault),
)
