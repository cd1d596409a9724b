"""Find the Twilio numbers of registrations: their addresses, their entries and their SIDs; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from reconciler.kinds.platforms.kind import uses_own_trunk
from reconciler.kinds.platforms.table import registration_address
from reconciler.model.action import Action
from reconciler.model.address import NUMBER_KINDS, Address
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.planning.decide.platform_losses import Number
from reconciler.planning.identity.observed import Observed


def find_number(
    declared: Desired, recorded: Mapping[str, Entry], observed: Observed
) -> tuple[Number | None, str]:
    """Find the number that a registration is about, and its E.164 as far as that is known.

    A number that is yet to be bought has no SID.
    """
    account, kind = declared.profile.account, Address.parse(declared.parent or "").kind
    live = observed.number(account, declared.key)
    if live is None:
        entry = _find_entry(kind, declared.key, recorded)
        if entry is not None:
            live = observed.bound_number(account, declared.key, entry.sid)
        elif declared.profile.purchase is not None and not any(observed.elsewhere(declared.key)):
            live = Live("", declared.key, account, {}, dict.fromkeys(("voice", "sms", "status")))

        if live is None:
            return None, entry.key if entry is not None else declared.key

    address = f"{kind}/{live.key}"
    return Number(address, recorded.get(address), live), live.key


def _find_entry(kind: str, key: str, recorded: Mapping[str, Entry]) -> Entry | None:
    """Return the bound entry of a number with this SID or E.164."""
    for entry in recorded.values():
        if entry.kind == kind and entry.sid and key in (entry.sid, entry.key):
            return entry
    return None


def with_number_address(
    declared: Desired, platform: str, key: str, number: Number | None
) -> Desired:
    """Return the declaration under the E.164 of its number, which may be declared by its SID."""
    parent = number.address if number is not None else declared.parent
    if key == declared.key and parent == declared.parent:
        return declared
    address = registration_address(platform, key)
    return msgspec.structs.replace(declared, address=address, key=key, parent=parent)


def map_number_accounts(desired: Sequence[Desired], observed: Observed) -> dict[str, str]:
    """Map the addresses of all declared numbers to their accounts.

    Those declared by SID have their E.164.
    """
    found: dict[str, str] = {}
    for declared in desired:
        if declared.kind not in NUMBER_KINDS:
            continue

        account = declared.profile.account
        live = None
        if declared.key.startswith("PN"):
            live = observed.number(account, declared.key)
        address = declared.address if live is None else f"{declared.kind}/{live.key}"
        found[address] = account
    return found


def fill_number_sids(actions: Iterable[Action], recorded: Mapping[str, Entry]) -> list[Action]:
    """Return the actions with the SIDs of their numbers, which state has for undeclared ones."""
    filled: list[Action] = []
    for action in actions:
        if not action.number_sid and not _is_by_own_trunk(action):
            sid = _find_number_sid(action, recorded)
            action = msgspec.structs.replace(action, number_sid=sid)
        filled.append(action)
    return filled


def _is_by_own_trunk(action: Action) -> bool:
    return action.entry is not None and uses_own_trunk(action.entry.last_applied)


def _find_number_sid(action: Action, recorded: Mapping[str, Entry]) -> str | None:
    """Return the SID that state has for the number of a registration, which may have another
    address since.
    """
    registration_entry = recorded.get(action.address)
    former = registration_entry.parent if registration_entry is not None else None
    for address in (action.parent, former):
        number = recorded.get(address or "")
        if number is not None and number.kind in NUMBER_KINDS and number.sid:
            return number.sid
    return None
