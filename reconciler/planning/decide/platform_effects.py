"""Define `PlatformEffects`, the effects of registrations on their numbers: what the actions wait
for, and which entry a release restores; pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec

from reconciler.model.action import Action
from reconciler.model.entry import Entry
from reconciler.model.live import Live

_SWITCH_FIELDS = {
    "voice": ("trunk_sid", "voice_application_sid"),
    "sms": ("sms_application_sid",),
}
"""Part of a number → the wire fields in which a trunk or an application hides its webhooks."""


class PlatformEffects(msgspec.Struct, frozen=True):
    """The effects of the registrations of one plan, by the address of the number.

    - `rewritten`: a platform writes the webhooks of this number, or has written them for a run that
      died. They are no drift.
    - `freed`: rewritten numbers that are reached by webhooks, so nothing may hide those.
    - `leaving`: the registration that ends before anything is written to the number.
    - `cleared`: an import or a removal was interrupted, and the platform may have written to the
      number.
    - `writes`: the actions after which a platform may have written to the number.
    - `by_own_trunk`: numbers whose calls reach their platform by a declared trunk.
    """

    rewritten: frozenset[str] = frozenset()
    freed: frozenset[str] = frozenset()
    leaving: Mapping[str, str] = MappingProxyType({})
    cleared: frozenset[str] = frozenset()
    writes: Mapping[str, Sequence[Action]] = MappingProxyType({})
    by_own_trunk: frozenset[str] = frozenset()

    def wait_for_leaving(self, address: str, actions: Sequence[Action]) -> Sequence[Action]:
        """Let the actions of a number wait until its registration has ended."""
        registration = self.leaving.get(address)
        if registration is None:
            return actions
        return [add_dependency(action, registration) for action in actions]

    def entry_to_release(self, address: str, entry: Entry, live: Live) -> tuple[Entry, bool]:
        """Return the entry of a number to release, and whether it leaves its platform first."""
        # What a number shows after an import or a removal that died half way is our doing.
        if address in self.cleared:
            applied = dict(entry.last_applied)
            for part in entry.last_applied:
                if part in live.attrs:
                    applied[part] = live.attrs.get(part)
            entry = msgspec.structs.replace(entry, last_applied=applied, pending=None)
        elif address in self.leaving:
            entry = _restore_unswitched_parts(entry, live)
        return entry, address in self.leaving


def add_dependency(action: Action, address: str) -> Action:
    """Let an action wait for the actions of another address."""
    return msgspec.structs.replace(action, depends_on=(*action.depends_on, address))


def _restore_unswitched_parts(entry: Entry, live: Live) -> Entry:
    """Take the live values of parts that still have the trunk or application of before the import.

    A run died between the import on the platform and the switch of the number. What the platform
    wrote behind the trunk goes with it, so the prior values of that part are put back.
    """
    applied = dict(entry.last_applied)
    for part, fields in _SWITCH_FIELDS.items():
        if part in entry.last_applied and _has_prior_switch(entry, live, fields):
            applied[part] = live.attrs.get(part)

    if applied == entry.last_applied:
        return entry
    return msgspec.structs.replace(entry, last_applied=applied)


def _has_prior_switch(entry: Entry, live: Live, fields: Sequence[str]) -> bool:
    for field in fields:
        sid = live.wire.get(field)
        if sid and sid == entry.prior.get(field):
            return True
    return False
