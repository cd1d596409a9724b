"""Check by reading that trunks and applications which the configuration names by SID are in the account.

Twilio would refuse them only when a number is written, after other writes for the same number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.kinds.application import APPLICATION
from reconciler.kinds.table import KINDS, NUMBER_KINDS
from reconciler.kinds.trunk import TRUNK
from reconciler.model import Desired
from reconciler.planning.unknown_routes import literal_sids
from reconciler.remote.absent import Asked, fetch_absent
from reconciler.remote.gateway import Gateway

_KINDS = {"TK": TRUNK.name, "AP": APPLICATION.name}


def named_by_account(desired: Iterable[Desired]) -> dict[str, set[str]]:
    """Return the SIDs of trunks and applications that declared numbers are to be put on, by account."""
    profiles = {id(want.profile): want.profile for want in desired if want.kind in NUMBER_KINDS}
    named: dict[str, set[str]] = {}
    for profile in profiles.values():
        for sid in literal_sids(profile.attrs):
            named.setdefault(profile.account, set()).add(sid)
    return named


def find_unknown(gateway: Gateway, named: Iterable[str], listed: Mapping[str, Mapping[str, object]]) -> set[str]:
    """Return those of these SIDs that the account does not have; `listed` are the rows that were read, by kind.

    Raises RemoteError for any answer but a row or 404.
    """
    asked = [Asked(KINDS[_KINDS[sid[:2]]], sid) for sid in sorted(named) if sid not in listed.get(_KINDS[sid[:2]], {})]
    there = {one.sid for one, _ in fetch_absent(gateway, asked)}
    return {one.sid for one in asked} - there
