"""Call the API of Ravan AI (Agni): add a number by its E.164 and its SID, and check the key;
nothing else is documented. Authenticate, and read refusals.

https://docs.ravan.ai. The path of its list is not shown there; nothing changes, links or removes a
number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.errors import RemoteError
from reconciler.kinds.platforms.ravan import RAVAN
from reconciler.remote.platforms import errors
from reconciler.remote.platforms.caller import Caller
from reconciler.remote.platforms.contract import (
    Complaint,
    RegisteredNumber,
    RegistrationRequest,
    UndocumentedCalls,
    Vault,
)
from reconciler.remote.platforms.parsing import object_in, refusal_text, text_in
from reconciler.remote.platforms.platform_type import PlatformType

_ADD = "/api/v1/phone-numbers/add-twilio"
_OTHER_FORM = frozenset({301, 302, 307, 308, 404, 405})
"""Statuses of a server that needs the slash at the end, as other pages of the documents have it."""


class Ravan(UndocumentedCalls):
    """See `reconciler.remote.platforms.contract.Adapter`."""

    kind = RAVAN

    def __init__(self, name: str, caller: Caller) -> None:
        self.name = name
        self._caller = caller

    def list(self, asked: Sequence[RegistrationRequest]) -> Sequence[RegisteredNumber]:
        """Raise AssertionError: the call is not documented."""
        raise AssertionError("Ravan AI has no call to list numbers")

    def create(
        self, asked: Sequence[RegistrationRequest]
    ) -> Sequence[RegisteredNumber | RemoteError]:
        """Import the numbers, one call for each.

        There is no list that could show whose an existing number is (409). So it is a success only
        for an import that an earlier run of ours started without seeing its end; any other existing
        number belongs to somebody else.
        """
        return [self._add(each) for each in asked]

    def verify(self) -> Sequence[Complaint]:
        """Return whether the key is accepted.

        The list of agents is the one call that shows it and changes nothing.
        """
        answer = self._caller.send("GET", "/api/v1/agents/", query={"limit": 1})
        if isinstance(answer, Mapping) and answer.get("success") is True:
            return []

        message = refusal_text(answer, "message") or "it does not say whether it succeeded"
        return [Complaint(message, True)]

    def close(self) -> None:
        """Close the connections."""
        self._caller.close()

    def _add(self, asked: RegistrationRequest) -> RegisteredNumber | RemoteError:
        body: dict[str, object] = {"phone_number": asked.key, "number_sid": asked.number_sid}
        if asked.attrs.get("friendly_name") is not None:
            body["friendly_name"] = asked.attrs["friendly_name"]
        if asked.attrs.get("price") is not None:
            body["price"] = float(str(asked.attrs["price"]))

        try:
            answer = self._send(body)
        except RemoteError as error:
            refusal = error
        else:
            if isinstance(answer, Mapping) and answer.get("success") is True:
                return RegisteredNumber(
                    text_in(object_in(answer, "data"), "id") or asked.key, asked.key, {}
                )
            message = refusal_text(answer, "message")
            words = message or "it does not say whether it succeeded"
            refusal = errors.number_error(self.name, asked.key, "success_false", words)

        if asked.import_started and refusal.code == "number_already_imported":
            return RegisteredNumber(asked.key, asked.key, {})
        return refusal

    def _send(self, body: Mapping[str, object]) -> Any:
        try:
            return self._caller.send("POST", _ADD, body=body)
        except RemoteError as error:
            if error.status not in _OTHER_FORM:
                raise
            return self._caller.send("POST", f"{_ADD}/", body=body)


def headers(vault: Vault, name: str) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Return the key in a header of its own."""
    key = vault.platform(name, "api_key")
    return {"X-Api-Key": key}, (key,)


def read_refusal(status: int, body: Any) -> tuple[str | None, str]:
    """Read ``{success, message, data}``; errors are not documented at all."""
    return None, refusal_text(body, "message", "detail", "error")


TYPE = PlatformType(
    headers=headers,
    read_refusal=read_refusal,
    make=lambda settings, caller, vault: Ravan(settings.name, caller),
)
