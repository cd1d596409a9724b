"""Define the `Adapter` protocol of a platform with its requests, results and secrets (`Vault`), and
what adapters share: agent ids, refusals, undocumented calls. Sends nothing.

An adapter sends documented calls with documented fields only. Every method may raise
`reconciler.errors.RemoteError` with a code of the one taxonomy (docs/reference/codes.md). An
adapter stores no credentials: it asks its `Vault` at the moment of a call. It is never asked for
what `kind.can` does not list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from reconciler.errors import RemoteError
from reconciler.kinds.platforms.kind import PlatformKind
from reconciler.model.credentials import TwilioLogin
from reconciler.model.route import Attrs


class RegistrationRequest(msgspec.Struct, frozen=True):
    """One number as it should be on a platform.

    `account` is the name of its Twilio account and `number_sid` its SID there; both are empty for a
    number outside Twilio. `attrs` are the attributes of its registration. `import_started`: an
    earlier run started this import and could not find out whether it was carried out. `recorded`
    are the attributes that the state holds, where the list of a platform is read.
    """

    address: str
    key: str
    attrs: Attrs
    account: str = ""
    number_sid: str = ""
    import_started: bool = False
    recorded: Attrs = {}


class RegisteredNumber(msgspec.Struct, frozen=True):
    """One number as a platform has it.

    `id` is its identifier in calls, `attrs` the readable attributes of the registration. `secrets`
    are those that the platform returns: they are compared and never kept. `problem` is a sentence
    about a number that the platform does not have in use, empty for one that it has. `stamp`
    changes with each change of the number, on platforms that have one.
    """

    id: str
    key: str
    attrs: Attrs
    secrets: Mapping[str, str] = {}
    problem: str = ""
    stamp: str = ""

    def __repr__(self) -> str:
        return f"Registered(id={self.id!r}, key={self.key!r}, attrs={dict(self.attrs)!r})"


class PartialList(list[RegisteredNumber]):
    """The numbers that a platform shows where its list has pages that no documented call returns.

    A number that is missing here may be on the platform. `problem` is the error about those.
    """

    def __init__(self, numbers: Iterable[RegisteredNumber], problem: RemoteError) -> None:
        super().__init__(numbers)
        self.problem = problem


def missing_pages(found: Sequence[RegisteredNumber]) -> RemoteError | None:
    """Return the error about numbers that a list does not show; None for a complete list."""
    return found.problem if isinstance(found, PartialList) else None


class Complaint(msgspec.Struct, frozen=True):
    """A problem that a platform reports on its own side.

    `broken`: numbers cannot be imported there.
    """

    words: str
    broken: bool


class Vault(Protocol):
    """Lookup of secrets at the moment of a call. Raises ReconcilerError `secret_not_found`."""

    def platform(self, name: str, field: str) -> str:
        """Return a secret of a platform: its `api_key`, its `api_secret`."""
        ...

    def organization(self, name: str) -> str:
        """Return the organisation of a platform that needs one; no secret."""
        ...

    def twilio(self, account: str) -> tuple[str, str]:
        """Return SID and auth token of a Twilio account."""
        ...

    def login(self, account: str) -> TwilioLogin:
        """Return SID, auth token and API key of a Twilio account, as far as it declares them."""
        ...

    def sip(self, address: str) -> Mapping[str, str]:
        """Return password and PIN of a number outside Twilio, if it has them."""
        ...


class Adapter(Protocol):
    """One platform. May be used from any thread."""

    name: str
    """Its name in the configuration."""
    kind: PlatformKind

    def list(self, asked: Sequence[RegistrationRequest]) -> Sequence[RegisteredNumber]:
        """Return all numbers on the platform; for those asked about, all readable attributes.

        A `PartialList` where some of them cannot be read.
        """
        ...

    def preflight(self, asked: Sequence[RegistrationRequest]) -> Mapping[str, RemoteError]:
        """Return what the platform would refuse of these numbers: address → error.

        At most one call for each distinct agent and connection, by reading only. Anything the
        platform has no call for, or does not answer clearly, is left out.
        """
        ...

    def create(
        self, asked: Sequence[RegistrationRequest]
    ) -> Sequence[RegisteredNumber | RemoteError]:
        """Import these numbers; return one answer for each, in their order.

        Many at once only if `kind.bulk` says so.
        """
        ...

    def link(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        """Set who answers and who calls out: the attributes of `kind.links` in `asked.attrs`."""
        ...

    def update(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        """Change the attributes of `kind.updates` in `asked.attrs`."""
        ...

    def delete(self, there: RegisteredNumber) -> None:
        """Remove the number from the platform; it stays on Twilio.

        A number that is already gone counts as done.
        """
        ...

    def verify(self) -> Sequence[Complaint]:
        """Return what the platform reports as wrong with its own connection to Twilio."""
        ...

    def close(self) -> None:
        """Close the connections; calls that still wait for another attempt end as interrupted."""
        ...


_AGENTS = ("agent", "outbound_agent", "sms_agent")
"""Attributes of a registration that name an agent of the platform."""


def agent_ids_of(asked: RegistrationRequest) -> list[str]:
    """Return the platform's ids of the agents that a number is to be linked to."""
    return [str(asked.attrs[name]) for name in _AGENTS if asked.attrs.get(name) is not None]


def list_agents(asked: Sequence[RegistrationRequest]) -> list[str]:
    """Return the ids of all agents that these numbers are to be linked to, each once."""
    agents: dict[str, None] = {}
    for each in asked:
        agents.update(dict.fromkeys(agent_ids_of(each)))
    return list(agents)


def map_first_refusals(
    asked: Sequence[RegistrationRequest], refused: Mapping[str, RemoteError]
) -> dict[str, RemoteError]:
    """Return for each address the refusal of the first of its agents that has one."""
    found: dict[str, RemoteError] = {}
    for each in asked:
        for agent in agent_ids_of(each):
            if agent in refused:
                found[each.address] = refused[agent]
                break
    return found


class UndocumentedCalls:
    """The calls that a platform's documents do not describe.

    Calling one is a mistake in this program, not of its user.
    """

    kind: PlatformKind

    def preflight(self, asked: Sequence[RegistrationRequest]) -> Mapping[str, RemoteError]:
        """Return nothing: there is no call to ask."""
        return {}

    def link(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        """Raise AssertionError: the call is not documented."""
        raise AssertionError(f"{self.kind.title} has no call to link a number")

    def update(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        """Raise AssertionError: the call is not documented."""
        raise AssertionError(f"{self.kind.title} has no call to change a number")

    def delete(self, there: RegisteredNumber) -> None:
        """Raise AssertionError: the call is not documented."""
        raise AssertionError(f"{self.kind.title} has no call to remove a number")

    def verify(self) -> Sequence[Complaint]:
        """Raise AssertionError: the call is not documented."""
        raise AssertionError(f"{self.kind.title} has no call to verify its connection")
