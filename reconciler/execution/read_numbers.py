"""Read the raw fields of numbers from Twilio, one by one or by listing, whichever is fewer calls;
return the error of a number that cannot be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from reconciler.errors import RemoteError
from reconciler.kinds.number import FETCH, WIRE_FIELDS
from reconciler.kinds.platforms.kind import uses_own_trunk
from reconciler.model.action import Action
from reconciler.model.live import Live
from reconciler.model.route import Wire
from reconciler.planning.identity.observed import Observed
from reconciler.remote.gateway import Gateway

PAGE = 1000
Rows = dict[str, Wire | RemoteError]
"""Address of a registration → the raw fields of its number, or why they could not be read."""


class NumberReader:
    """Reads the raw fields of numbers. `observed` says how many numbers each account has."""

    def __init__(self, gateways: Mapping[str, Gateway], observed: Observed) -> None:
        self._gateways = gateways
        self._observed = observed

    def read(self, wanted: Sequence[tuple[str, str, str]]) -> Rows:
        """Read the numbers given as (address of the registration, account, SID of the number)."""
        rows: Rows = {}
        for account in dict.fromkeys(account for _, account, _ in wanted):
            sids = {sid: address for address, of, sid in wanted if of == account}
            total = len(self._observed.numbers.get(account, {}))

            # One call for each number, or one for each page of the account: take what is fewer.
            by_listing = len(sids) > 1 and len(sids) > ceil(total / PAGE)
            read = self._read_by_listing if by_listing else self._read_one_by_one
            rows.update(read(self._gateways[account], sids))
        return rows

    def _read_by_listing(self, gateway: Gateway, sids: Mapping[str, str]) -> Rows:
        rows: Rows = {}
        try:
            for page in gateway.number_pages():
                for row in page:
                    address = sids.get(row.sid)
                    if address is not None:
                        rows[address] = {field: getattr(row, field) or "" for field in WIRE_FIELDS}
        except RemoteError as error:
            # Every number gets either its row or the reason why there is none.
            return {**dict.fromkeys(sids.values(), error), **rows}

        # A listing that changes while it is read can leave a number out.
        absent = {sid: address for sid, address in sids.items() if address not in rows}
        return {**rows, **self._read_one_by_one(gateway, absent)}

    def _read_one_by_one(self, gateway: Gateway, sids: Mapping[str, str]) -> Rows:
        rows: Rows = {}
        for sid, address in sids.items():
            try:
                row = gateway.call(FETCH, sid=sid)
            except RemoteError as error:
                rows[address] = error
            else:
                rows[address] = raw_fields(row)
        return rows


def ends_on_own_trunk(action: Action) -> bool:
    """Return whether a declared trunk takes the calls of the number after this action."""
    return action.entry is not None and uses_own_trunk(action.entry.last_applied)


def leaves_number(action: Action, live: Live | None) -> bool:
    """Return whether an action on a platform leaves the number on Twilio as it is, because a
    declared trunk takes its calls before and after.
    """
    attrs = [live.attrs] if live is not None else []
    if action.entry is not None:
        attrs.append(action.entry.last_applied)
    return bool(attrs) and all(uses_own_trunk(each) for each in attrs)


def raw_fields(row: Mapping[str, object]) -> Wire:
    """Return the fields that decide how a number is reached; what is not set is empty."""
    fields: dict[str, str] = {}
    for field in WIRE_FIELDS:
        value = row.get(field)
        fields[field] = value if isinstance(value, str) else ""
    return fields
