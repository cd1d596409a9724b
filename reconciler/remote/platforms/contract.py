"""What every adapter of a platform promises, and the values it is asked with; knows no platform and
no HTTP.

An adapter sends documented calls with documented fields only, and no others. Every method may raise
`reconciler.errors.RemoteError` with a code of the one taxonomy (docs/reference/codes.md). It stores
no credentials: it asks its `Vault` at the moment of a call. What `kind.can` does not list, it is
never asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from reconciler.errors import RemoteError
from reconciler.kinds.platforms import PlatformKind
from reconciler.model.route import Attrs


class RegistrationRequest(msgspec.Struct, frozen=True):
    """One number as it should be on a platform.

    `account` is the name of its Twilio account and `number_sid` its SID there; both are empty for a
    number outside Twilio. `attrs` are the attributes of its registration. `import_started`: an
    earlier run of ours has begun this very import and could not find out whether it was carried
    out.
    """

    address: str
    key: str
    attrs: Attrs
    account: str = ""
    number_sid: str = ""
    import_started: bool = False


class RegisteredNumber(msgspec.Struct, frozen=True):
    """One number as a platform has it.

    `id` is what its calls want to have, `attrs` what can be read of the registration's attributes.
    `secrets` are those that the platform gives back: to be compared, never to be kept.
    """

    id: str
    key: str
    attrs: Attrs
    secrets: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"Registered(id={self.id!r}, key={self.key!r}, attrs={dict(self.attrs)!r})"


class Complaint(msgspec.Struct, frozen=True):
    """What a platform says is wrong with its own side; `broken`: numbers cannot be imported there."""

    words: str
    broken: bool


class Vault(Protocol):
    """Where secrets are looked up when a call needs them.

    Raises ReconcilerError `secret_not_found`.
    """

    def platform(self, name: str, field: str) -> str:
        """A secret of a platform: its `api_key`, its `api_secret`."""
        ...

    def organization(self, name: str) -> str:
        """The organisation of a platform that wants one named; no secret."""
        ...

    def twilio(self, account: str) -> tuple[str, str]:
        """SID and auth token of a Twilio account."""
        ...

    def sip(self, address: str) -> Mapping[str, str]:
        """Password and PIN of a number outside Twilio, as far as it has them."""
        ...


class Adapter(Protocol):
    """One platform. May be used from any thread."""

    name: str
    """Its name in the configuration."""
    kind: PlatformKind

    def list(self, asked: Sequence[RegistrationRequest]) -> Sequence[RegisteredNumber]:
        """All numbers that are there; for those asked about, with all that can be read of them."""
        ...

    def preflight(self, asked: Sequence[RegistrationRequest]) -> Mapping[str, RemoteError]:
        """Ask what the platform would refuse of these numbers: address → why.

        At most one call for each distinct agent and connection, by reading only. What the platform
        has no call for, or does not answer clearly, is left out.
        """
        ...

    def create(
        self, asked: Sequence[RegistrationRequest]
    ) -> Sequence[RegisteredNumber | RemoteError]:
        """Import these numbers; one answer for each, in their order.

        Many at once only where `kind.bulk` says so.
        """
        ...

    def link(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        """Set who answers, and who calls out: the attributes of `kind.links` that `asked.attrs`
        has.
        """
        ...

    def update(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        """Change the attributes of `kind.updates` that `asked.attrs` has."""
        ...

    def delete(self, there: RegisteredNumber) -> None:
        """Take the number off the platform; it stays on Twilio.

        One that is not there any more is done.
        """
        ...

    def verify(self) -> Sequence[Complaint]:
        """What is wrong with the platform's own connection to Twilio, as it says itself; nothing
        when all is well.
        """
        ...

    def close(self) -> None:
        """Close the connections; calls that still wait for another attempt end as interrupted."""
        ...


_AGENTS = ("agent", "outbound_agent", "sms_agent")
"""Attributes of a registration that name an agent of the platform."""


def agent_ids_of(asked: RegistrationRequest) -> list[str]:
    """Return the platform's ids of the agents that a number is to be linked to."""
    return [str(asked.attrs[name]) for name in _AGENTS if asked.attrs.get(name) is not None]


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
    """The calls that a platform's documents do not describe: to ask for one is a mistake of ours,
    not of its user.
    """

    kind: PlatformKind

    def preflight(self, asked: Sequence[RegistrationRequest]) -> Mapping[str, RemoteError]:
        """Nothing can be asked."""
        return {}

    def link(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        """Not described."""
        raise AssertionError(f"{self.kind.title} has no call to link a number")

    def update(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        """Not described."""
        raise AssertionError(f"{self.kind.title} has no call to change a number")

    def delete(self, there: RegisteredNumber) -> None:
        """Not described."""
        raise AssertionError(f"{self.kind.title} has no call to remove a number")

    def verify(self) -> Sequence[Complaint]:
        """Not described."""
        raise AssertionError(f"{self.kind.title} has no call to verify its connection")
