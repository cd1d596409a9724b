"""Collect the SIDs of trunks, applications and messaging services that numbers declare or get back,
and find those that the account lacks.

Twilio would refuse them only when a number is written, after other writes for the same number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reconciler.kinds.application import APPLICATION
from reconciler.kinds.messaging_service import MESSAGING_SERVICE
from reconciler.kinds.table import KINDS, NUMBER_KINDS
from reconciler.kinds.trunk import TRUNK
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.identity_map import list_distinct
from reconciler.planning.checks.unknown_routes import literal_sids, sids_to_restore
from reconciler.remote.gateway import Gateway
from reconciler.remote.queries.absent import ResourceQuestion, fetch_absent

_KINDS = {"TK": TRUNK.name, "AP": APPLICATION.name, "MG": MESSAGING_SERVICE.name}


def collect_literal_sids(
    desired: Sequence[Desired], recorded: Mapping[str, Entry]
) -> dict[str, set[str]]:
    """Return the SIDs of trunks and applications that numbers are to be attached to, by account.

    Declared numbers get what is declared, released ones what they had before.
    """
    # Profiles are shared by many numbers: each one is read once.
    profiles = list_distinct(item.profile for item in desired if item.kind in NUMBER_KINDS)

    named: dict[str, set[str]] = {}
    for profile in profiles:
        for sid in literal_sids(profile.attrs):
            named.setdefault(profile.account, set()).add(sid)

    for entry in _find_restored_entries(desired, recorded):
        named.setdefault(entry.account, set()).update(sids_to_restore(entry.prior))
    return named


def _find_restored_entries(
    desired: Iterable[Desired], recorded: Mapping[str, Entry]
) -> list[Entry]:
    """Return the recorded, undeclared numbers whose earlier trunk or application is restored."""
    candidates: list[Entry] = []
    for entry in recorded.values():
        if entry.kind not in NUMBER_KINDS or not entry.prior:
            continue
        if entry.options.on_removal == "restore" and sids_to_restore(entry.prior):
            candidates.append(entry)
    if not candidates:
        return []

    declared = {item.key for item in desired if item.kind in NUMBER_KINDS}
    return [e for e in candidates if e.key not in declared and e.sid not in declared]


def find_unknown(
    gateway: Gateway, named: Iterable[str], listed: Mapping[str, Mapping[str, object]]
) -> set[str]:
    """Return those of these SIDs that the account does not have; `listed` are the read rows by
    kind.

    Raises RemoteError for any answer but a row or 404.
    """
    asked = [
        ResourceQuestion(KINDS[_KINDS[sid[:2]]], sid)
        for sid in sorted(named)
        if sid not in listed.get(_KINDS[sid[:2]], {})
    ]

    there = {one.sid for one, _ in fetch_absent(gateway, asked)}
    return {one.sid for one in asked} - there
