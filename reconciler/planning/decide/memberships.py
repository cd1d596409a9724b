"""Decide what becomes of a number's messaging service that is not declared any more; pure.

| the number is, on Twilio                | its service before us | decision                        |
|-----------------------------------------|-----------------------|---------------------------------|
| in the service that we put it in        | none                  | it leaves                       |
| in the service that we put it in        | another               | it goes back there              |
| in the service that it was in before us | the same              | it stays                        |
| anywhere else                           | any                   | it stays: somebody else did it  |

With `on_removal: keep` it stays in any case, with `clear` it leaves in the second case too.
"""

from __future__ import annotations

import msgspec

from reconciler.kinds.membership import MEMBERSHIP
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Membership, Value
from reconciler.planning.decide.compare import is_as_written, last_applied
from reconciler.planning.decide.live_values import live_value


def find_membership_to_restore(declared: Desired, entry: Entry, live: Live) -> dict[str, Value]:
    """Return the membership to write for a number that declares none any more; empty for nothing
    to write.
    """
    if MEMBERSHIP in declared.profile.attrs or MEMBERSHIP not in entry.last_applied:
        return {}
    return membership_after_us(entry, live)


def membership_after_us(entry: Entry, live: Live) -> dict[str, Value]:
    """Return the membership to write once it is not managed; empty for nothing to write."""
    if entry.options.on_removal == "keep" or not _is_ours(entry, live):
        return {}

    prior = entry.prior.get(MEMBERSHIP)
    present = live.wire.get(MEMBERSHIP)
    if (prior or None) == (present or None):
        return {}

    if isinstance(prior, str) and prior and entry.options.on_removal == "restore":
        return {MEMBERSHIP: Membership(prior)}
    return {MEMBERSHIP: None}


def _is_ours(entry: Entry, live: Live) -> bool:
    """Return whether a number is where we left it, also where a run died on its way back."""
    if MEMBERSHIP not in entry.last_applied:
        return is_as_written(entry, live, MEMBERSHIP)

    have = live_value(live, MEMBERSHIP)
    if have == last_applied(entry, live, MEMBERSHIP):
        return True
    return have is None and MEMBERSHIP in (entry.pending or {})


def keep_membership(base: Entry, entry: Entry) -> Entry:
    """Return `base` with the membership that `entry` has recorded as last applied."""
    kept = {**base.last_applied, MEMBERSHIP: entry.last_applied[MEMBERSHIP]}
    previous = _without(base.previously_managed)
    return msgspec.structs.replace(base, last_applied=kept, previously_managed=previous)


def without_membership(entry: Entry) -> Entry:
    """Return the entry of a number whose membership is not managed and is as before us."""
    return msgspec.structs.replace(
        entry,
        last_applied=_without(entry.last_applied),
        previously_managed=_without(entry.previously_managed),
    )


def _without(values: dict[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in values.items() if name != MEMBERSHIP}
