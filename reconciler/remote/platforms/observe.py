"""Read the numbers on every declared or recorded platform, all at the same time. A platform without
a list call is assumed to have what was last applied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.platforms.table import platform_name, registration_address
from reconciler.kinds.table import REGISTRATION
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Value
from reconciler.remote.parallel import map_each
from reconciler.remote.platforms.contract import (
    Adapter,
    RegisteredNumber,
    RegistrationRequest,
    Vault,
    missing_pages,
)


class PlatformReading(msgspec.Struct, frozen=True):
    """What was read from the platforms of a run.

    `registrations` are their numbers, by the address of the registration. `partial` are the
    platforms of which some numbers could not be read, with the reason. `problems` are sentences
    about numbers that a platform does not have in use, by address.
    """

    registrations: Mapping[str, Live] = {}
    partial: Mapping[str, Diagnostic] = {}
    problems: Mapping[str, str] = {}


STAMP = "last_modification_timestamp"
"""The raw field of a registration that changes with each change on its platform."""
_DIFFERS = "(another one)"


def find_platforms(desired: Iterable[Desired], recorded: Mapping[str, Entry]) -> set[str]:
    """Return the platforms on which numbers are declared or recorded."""
    names = {platform_name(item.address) for item in desired if item.kind == REGISTRATION}
    return names | {
        platform_name(address)
        for address in recorded
        if Address.parse(address).kind == REGISTRATION
    }


def observe_platforms(
    names: Iterable[str],
    desired: Sequence[Desired],
    recorded: Mapping[str, Entry],
    adapters: Mapping[str, Adapter],
    vault: Vault,
) -> PlatformReading:
    """Return every number on these platforms.

    Raises RemoteError, ReconcilerError.
    """
    names = sorted(names)
    if not names:
        return PlatformReading()

    registrations = [item for item in desired if item.kind == REGISTRATION]

    def read(name: str) -> PlatformReading:
        return _read(adapters[name], registrations, recorded, vault)

    found: dict[str, Live] = {}
    partial: dict[str, Diagnostic] = {}
    problems: dict[str, str] = {}
    for part in map_each(read, names, workers=len(names), name="platforms"):
        found.update(part.registrations)
        partial.update(part.partial)
        problems.update(part.problems)
    return PlatformReading(found, partial, problems)


def _read(
    adapter: Adapter, desired: Sequence[Desired], recorded: Mapping[str, Entry], vault: Vault
) -> PlatformReading:
    """Return the numbers on one platform."""
    if "list" not in adapter.kind.can:
        return PlatformReading(_last_applied_registrations(adapter.name, recorded))

    declared: dict[str, Desired] = {}
    for item in desired:
        if platform_name(item.address) == adapter.name:
            declared[item.address] = item
    asked: list[RegistrationRequest] = []
    for item in declared.values():
        entry = recorded.get(item.address)
        request = RegistrationRequest(
            item.address,
            item.key,
            item.profile.attrs,
            item.profile.account,
            recorded=entry.last_applied if entry is not None else {},
        )
        asked.append(request)
    if adapter.kind.pages:
        asked += _only_recorded(adapter.name, declared, recorded)

    numbers = adapter.list(asked)
    found: dict[str, Live] = {}
    problems: dict[str, str] = {}
    for number in numbers:
        address = registration_address(adapter.name, number.key)
        if number.problem:
            problems[address] = number.problem
        found[address] = _to_live(number, declared.get(address), recorded.get(address), vault)

    problem = missing_pages(numbers)
    partial = {} if problem is None else {adapter.name: problem.diagnostics[0]}
    return PlatformReading(found, partial, problems)


def _only_recorded(
    name: str, declared: Mapping[str, Desired], recorded: Mapping[str, Entry]
) -> list[RegistrationRequest]:
    """Return the recorded numbers of a platform that are no longer declared.

    Its list must not miss one of them.
    """
    requests: list[RegistrationRequest] = []
    for address, entry in recorded.items():
        is_there = entry.kind == REGISTRATION and platform_name(address) == name and entry.sid
        if is_there and address not in declared:
            request = RegistrationRequest(
                address, entry.key, {}, entry.account, recorded=entry.last_applied
            )
            requests.append(request)

    return requests


def _last_applied_registrations(name: str, recorded: Mapping[str, Entry]) -> dict[str, Live]:
    """Return what a platform without a list should have: what we wrote last."""
    registrations: dict[str, Live] = {}
    for address, entry in recorded.items():
        if entry.kind == REGISTRATION and platform_name(address) == name and entry.sid:
            registrations[address] = Live(
                entry.sid, entry.key, entry.account, {}, entry.last_applied
            )
    return registrations


def _to_live(
    number: RegisteredNumber, item: Desired | None, entry: Entry | None, vault: Vault
) -> Live:
    """Return the registration as planning sees it.

    Attributes that cannot be read are assumed to be as we wrote them last. Secrets that the
    platform returns are compared here, and go no further.
    """
    known = dict(entry.last_applied) if entry is not None else {}
    attrs: dict[str, Value] = {**known, **number.attrs}

    declared = vault.sip(item.address) if item is not None and number.secrets else {}
    for name, secret in number.secrets.items():
        as_declared = item.profile.attrs.get(name) if item is not None else known.get(name)
        attrs[name] = as_declared if declared.get(name, "") == secret else _DIFFERS

    wire: dict[str, str | int | bool | None] = {}
    if number.stamp:
        wire[STAMP] = number.stamp
    for name, value in attrs.items():
        if value is None or isinstance(value, str | int | bool):
            wire[name] = value
    return Live(number.id, number.key, item.profile.account if item else "", wire, attrs)
