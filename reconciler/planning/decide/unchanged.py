"""Fast path: skip numbers whose declared, recorded and live values agree.

Declarations, entries and live configurations that are alike are the same objects, so the answer for
one number is the answer for all that share them. This is the one loop that runs for every number of
every plan. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.kinds.number_fields import BY_NAME, OWN_NAMES
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.identity_map import IdentityMap
from reconciler.model.live import Live
from reconciler.model.route import Attrs
from reconciler.planning.decide.emergency_address import is_settled
from reconciler.planning.decide.live_values import live_value
from reconciler.planning.identity.observed import Observed

_NO, _YES, _IF_NAMED_SO, _IF_OWN_VALUES = 0, 1, 2, 3


def skip_unchanged(
    desired: Sequence[Desired],
    resources: Mapping[str, Entry],
    observed: Observed,
    decided: set[str],
    managed_sids: set[str],
) -> list[Desired]:
    """Return the numbers that need a decision; add addresses and SIDs of all others to `decided`
    and `managed_sids`.
    """
    rest: list[Desired] = []
    verdicts: IdentityMap[int] = IdentityMap()
    known_verdict = verdicts.get

    account = ""
    numbers: Mapping[str, Live] = {}
    for declared in desired:
        if declared.kind not in NUMBER_KINDS:
            continue

        profile, address = declared.profile, declared.address
        if profile.account != account:
            account = profile.account
            numbers = observed.numbers.get(account, {})

        live, entry = numbers.get(declared.key), resources.get(address)
        if (
            live is None
            or entry is None
            or entry.sid != live.sid
            or address in decided
            or live.sid in managed_sids
        ):
            rest.append(declared)
            continue

        # One verdict for all numbers that share these objects; the rest differs by number.
        verdict = known_verdict(profile, entry.last_applied, entry.options, live.attrs)
        if verdict is None:
            verdict = _judge(verdicts, declared, entry, live)
        if (
            verdict == _NO
            or entry.pending is not None
            or entry.account != account
            or entry.kind != declared.kind
            or (declared.sid is not None and declared.sid != live.sid)
            or (verdict == _IF_NAMED_SO and profile.attrs["friendly_name"] != live.name)
            or (verdict == _IF_OWN_VALUES and not _has_own_values(profile.attrs, live))
        ):
            rest.append(declared)
            continue

        decided.add(address)
        managed_sids.add(live.sid)
    return rest


def _judge(verdicts: IdentityMap[int], declared: Desired, entry: Entry, live: Live) -> int:
    """Return the verdict on one number, and keep it for all that share its objects."""
    verdict = _agrees(declared, entry, live)
    verdicts.put(verdict, declared.profile, entry.last_applied, entry.options, live.attrs)
    return verdict


def _agrees(declared: Desired, entry: Entry, live: Live) -> int:
    """Return whether a declaration, the last applied and the live values agree in what alike
    numbers share.
    """
    attrs, options = declared.profile.attrs, declared.profile.options
    if options.observe_only or entry.options != options or entry.last_applied != attrs:
        return _NO

    # Friendly name and fields differ from number to number: the caller compares them.
    for name, value in attrs.items():
        if name not in OWN_NAMES and live.attrs.get(name) != value:
            return _NO
    if not BY_NAME.keys().isdisjoint(attrs):
        return _IF_OWN_VALUES
    return _IF_NAMED_SO if "friendly_name" in attrs else _YES


def _has_own_values(attrs: Attrs, live: Live) -> bool:
    """Return whether a number has the declared values that differ from number to number.

    False for an emergency address that is not settled: the decision reports it.
    """
    for name, value in attrs.items():
        if name in OWN_NAMES and live_value(live, name) != value:
            return False
    return is_settled(attrs, live)
