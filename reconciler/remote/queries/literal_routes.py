"""Check by reading that trunks and applications which the configuration names by SID are in the
account.

Twilio would refuse them only when a number is written, after other writes for the same number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reconciler.kinds.application import APPLICATION
from reconciler.kinds.table import KINDS, NUMBER_KINDS
from reconciler.kinds.trunk import TRUNK
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.planning.checks.unknown_routes import literal_sids, sids_to_restore
from reconciler.remote.gateway import Gateway
from reconciler.remote.queries.absent import ResourceQuestion, fetch_absent

_KINDS = {"TK": TRUNK.name, "AP": APPLICATION.name}


def collect_literal_sids(
    desired: Sequence[Desired], resources: Mapping[str, Entry]
) -> dict[str, set[str]]:
    """Return the SIDs of trunks and applications that numbers are to be put on, by account.

    Declared numbers are put on what is declared, and those that are let go of on what they had
    before.
    """
    profiles = {id(want.profile): want.profile for want in desired if want.kind in NUMBER_KINDS}
    named: dict[str, set[str]] = {}
    for profile in profiles.values():
        for sid in literal_sids(profile.attrs):
            named.setdefault(profile.account, set()).add(sid)
    for entry in _find_restored_entries(desired, resources):
        named.setdefault(entry.account, set()).update(sids_to_restore(entry.prior))
    return named


def _find_restored_entries(
    desired: Iterable[Desired], resources: Mapping[str, Entry]
) -> list[Entry]:
    """Return the recorded numbers that get a trunk or an application of before again, as nothing
    declares them.
    """
    had = [
        (a, e)
        for a, e in resources.items()
        if e.kind in NUMBER_KINDS and e.prior and sids_to_restore(e.prior)
    ]
    had = [(address, entry) for address, entry in had if entry.options.on_removal == "restore"]
    if not had:
        return []
    declared = {want.key for want in desired if want.kind in NUMBER_KINDS}
    return [entry for _, entry in had if entry.key not in declared and entry.sid not in declared]


def find_unknown(
    gateway: Gateway, named: Iterable[str], listed: Mapping[str, Mapping[str, object]]
) -> set[str]:
    """Return those of these SIDs that the account does not have; `listed` are the rows that were
    read, by kind.

    Raises RemoteError for any answer but a row or 404.
    """
    asked = [
        ResourceQuestion(KINDS[_KINDS[sid[:2]]], sid)
        for sid in sorted(named)
        if sid not in listed.get(_KINDS[sid[:2]], {})
    ]
    there = {one.sid for one, _ in fetch_absent(gateway, asked)}
    return {one.sid for one in asked} - there
