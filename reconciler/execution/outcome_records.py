"""Turn outcomes into the records of the journal (after a success, a failure or an undo), and
collect the SIDs of created resources. No I/O.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from reconciler.execution.heal_records import NO_HEALS, Heals, add_heals
from reconciler.execution.intents import (
    accept_platform_writes,
    entry_after_step,
    entry_after_undo,
)
from reconciler.execution.outcome import Outcome
from reconciler.kinds.table import REGISTRATION
from reconciler.model.action import Action
from reconciler.model.entry import Entry
from reconciler.model.route import Value
from reconciler.state.records import Drop, Put, Record


class OutcomeRecords:
    """The records of one run. `base` has the entries from before it, `intents` what its first batch
    has recorded; `sids` maps addresses to SIDs and grows as resources are created. `heals` are the
    drift that the plan puts back.
    """

    def __init__(
        self,
        base: Mapping[str, Entry],
        intents: Mapping[str, Entry],
        sids: dict[str, str],
        heals: Heals = NO_HEALS,
    ) -> None:
        self._base = base
        self._sids = sids
        self._heals = heals
        self._entries = dict(intents)
        """The entries that this run has recorded, by address."""
        self._forms: dict[str, dict[str, list[Value]]] = {}

    def after_success(
        self, action: Action, outcome: Outcome, rest: list[Action], now: str
    ) -> list[Record]:
        """Return the records of a step that succeeded; `rest` are the remaining steps of its
        address.
        """
        records: list[Record] = []
        reached = self._entries[action.address] if action.unhides else outcome.entry
        entry = reached and entry_after_step(self._with_forms(action, reached), rest, now)
        if entry is not None:
            former = self._present(action.address)
            entry = add_heals(
                entry, former, self._heals, now, rest=rest, done=action, sid=outcome.sid
            )
        if action.action != "import":  # an import is durable with its intent
            records.append(
                Put(action.address, entry) if entry is not None else Drop(action.address)
            )
        if entry is not None:
            self._entries[action.address] = entry

        records += self._platform_writes(action, outcome, now)
        if outcome.sid and action.action in ("create", "purchase"):
            self._sids[action.address] = outcome.sid
        return records

    def after_failure(self, action: Action, outcome: Outcome, now: str) -> list[Record]:
        """Return the records of a step that failed: most leave the entry as it is."""
        records: list[Record] = []
        if outcome.entry is not None:
            # Created, but not as it should be: it must never be created again.
            entry = entry_after_step(outcome.entry, [action], now)
            former = self._present(action.address)
            entry = add_heals(entry, former, self._heals, now, rest=[action])
            records.append(Put(action.address, entry))
        elif outcome.unmade and action.kind == REGISTRATION:
            records.append(self._undo_record(action.address, outcome.sid, now))
        records += self._platform_writes(action, outcome, now)
        return records

    def _present(self, address: str) -> Entry | None:
        """Return the entry of an address, as this run has recorded it or as it was before."""
        return self._entries.get(address, self._base.get(address))

    def _undo_record(self, address: str, sid: str | None, now: str) -> Record:
        """Return the record of a registration whose action was undone; `sid` is set when the undo
        created it again.
        """
        present = self._present(address)
        entry = entry_after_undo(present, sid, now) if present is not None else None
        return Put(address, entry) if entry is not None else Drop(address)

    def _platform_writes(self, action: Action, outcome: Outcome, now: str) -> list[Record]:
        """Return the record of the number that a platform has written to, with its present values
        as baseline.
        """
        number = action.parent or ""
        entry = self._present(number)
        if outcome.learned is None or entry is None:
            return []
        self._entries[number] = entry = accept_platform_writes(entry, outcome.learned, now)
        return [Put(number, entry)]

    def _with_forms(self, action: Action, entry: Entry) -> Entry:
        """Return the entry with the forms that earlier steps of its address have met; the plan
        cannot know them.
        """
        earlier = self._forms.get(action.address, entry.normalised)
        forms = {name: form for name, form in earlier.items() if name not in action.set}
        for name, form in entry.normalised.items():
            if name in action.set:
                forms[name] = form

        self._forms[action.address] = forms
        if forms == entry.normalised:
            return entry
        return msgspec.structs.replace(entry, normalised=forms)
