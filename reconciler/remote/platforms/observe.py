"""Read what a plan needs from every platform, each in a thread of its own: the numbers it has, by
address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from reconciler.kinds.platforms import platform_name, registration_address
from reconciler.kinds.table import REGISTRATION
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Value
from reconciler.remote.platforms.contract import (
    Adapter,
    RegisteredNumber,
    RegistrationRequest,
    Vault,
)

_DIFFERS = "(another one)"


def find_platforms(desired: Iterable[Desired], resources: Mapping[str, Entry]) -> set[str]:
    """The platforms that numbers are declared or remembered on."""
    names = {platform_name(want.address) for want in desired if want.kind == REGISTRATION}
    return names | {
        platform_name(address) for address in resources if address.startswith("registration/")
    }


def observe_platforms(
    names: Iterable[str],
    desired: Sequence[Desired],
    resources: Mapping[str, Entry],
    adapters: Mapping[str, Adapter],
    vault: Vault,
) -> dict[str, Live]:
    """Every number on these platforms, by the address of its registration.

    Raises RemoteError, ReconcilerError.
    """
    names = sorted(names)
    wanted = [want for want in desired if want.kind == REGISTRATION]
    if not names:
        return {}
    with ThreadPoolExecutor(len(names), thread_name_prefix="platforms") as pool:
        parts = pool.map(lambda name: _read(adapters[name], wanted, resources, vault), names)
        return {address: live for part in parts for address, live in part.items()}


def _read(
    adapter: Adapter, desired: Sequence[Desired], resources: Mapping[str, Entry], vault: Vault
) -> dict[str, Live]:
    mine = {want.address: want for want in desired if platform_name(want.address) == adapter.name}
    asked = [
        RegistrationRequest(want.address, want.key, want.profile.attrs) for want in mine.values()
    ]
    if "list" not in adapter.kind.can:
        return _last_applied_registrations(adapter.name, resources)
    if adapter.kind.pages:
        asked += _only_recorded(adapter.name, mine, resources)
    found: dict[str, Live] = {}
    for number in adapter.list(asked):
        address = registration_address(adapter.name, number.key)
        want, entry = mine.get(address), resources.get(address)
        found[address] = _to_live(number, want, entry, vault)
    return found


def _only_recorded(
    name: str, declared: Mapping[str, Desired], resources: Mapping[str, Entry]
) -> list[RegistrationRequest]:
    """The recorded numbers of a platform that are no longer declared: its list must not leave one
    out.
    """
    recorded: list[RegistrationRequest] = []
    for address, entry in resources.items():
        is_there = entry.kind == REGISTRATION and platform_name(address) == name and entry.sid
        if is_there and address not in declared:
            recorded.append(RegistrationRequest(address, entry.key, {}, entry.account))
    return recorded


def _last_applied_registrations(name: str, resources: Mapping[str, Entry]) -> dict[str, Live]:
    """What a platform without a list has, as far as we know: what we have put there."""
    return {
        address: Live(entry.sid, entry.key, entry.account, {}, entry.last_applied)
        for address, entry in resources.items()
        if entry.kind == REGISTRATION and platform_name(address) == name and entry.sid
    }


def _to_live(
    number: RegisteredNumber, want: Desired | None, entry: Entry | None, vault: Vault
) -> Live:
    """The registration as planning sees it. What cannot be read is taken for what we wrote last.

    Secrets that the platform gives back are compared here, and none of them goes any further.
    """
    known = dict(entry.last_applied) if entry is not None else {}
    attrs: dict[str, Value] = {**known, **number.attrs}
    declared = vault.sip(want.address) if want is not None and number.secrets else {}
    for name, secret in number.secrets.items():
        as_declared = want.profile.attrs.get(name) if want is not None else known.get(name)
        attrs[name] = as_declared if declared.get(name, "") == secret else _DIFFERS
    wire = {
        name: value
        for name, value in attrs.items()
        if isinstance(value, str | int | bool) or value is None
    }
    return Live(number.id, number.key, want.profile.account if want else "", wire, attrs)
