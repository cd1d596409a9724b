"""Collect the decisions about one address after another, until they make a plan."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.action import Action
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.planning.decide import number
from reconciler.planning.decide.registrations import Registrations
from reconciler.planning.decide.unlisted import ChildWatch
from reconciler.planning.identity.children import without_deleted
from reconciler.planning.identity.observed import Observed


class PlanBuilder:
    """A plan under construction, with the input that every decision reads.

    `decided` are the addresses that the configuration declares and that have been decided about;
    `managed_sids` the SIDs of their numbers. `undeclared` are recorded addresses that are not
    declared any more, `deleted` those that the plan deletes. `touched` holds the live resources
    that the plan changes.
    """

    def __init__(
        self,
        desired: Sequence[Desired],
        recorded: Mapping[str, Entry],
        observed: Observed,
        our_urls: Collection[str],
        recovered: Mapping[str, Entry],
    ) -> None:
        self.desired = desired
        self.child_watch = ChildWatch(desired, recorded, observed)
        self.recorded = without_deleted(recorded)
        self.observed = observed
        self.our_urls = our_urls
        self.recovered = recovered

        self.actions: list[Action] = []
        self.state_updates: dict[str, Entry] = {}
        self.diagnostics: list[Diagnostic] = []
        self.touched: dict[str, Live] = {}

        self.decided: set[str] = set()
        self.managed_sids: set[str] = set()
        self.undeclared: set[str] = set()
        self.deleted: set[str] = set()
        self.registrations = Registrations()
        self.adoptions = number.Adoptions()
        self._former: dict[str, Entry] | None = None

    def find_former_entry(self, sid: str) -> Entry | None:
        """Return an older entry of a number that its declared address has no entry of.

        It is the entry of an address that is declared no longer (a number may have become a bridge
        number), else of the state that went missing.
        """
        if self._former is None:
            declared = {want.address for want in self.desired}
            undeclared = [
                entry for address, entry in self.recorded.items() if address not in declared
            ]
            self._former = index_numbers_by_sid([*self.recovered.values(), *undeclared])
        return self._former.get(sid)

    def record(
        self,
        address: str,
        actions: list[Action],
        update: Entry | None,
        live: Live | None,
    ) -> None:
        """Add the actions of one address, the entry that state has to learn, and the live resource
        they change.
        """
        self.actions += self.registrations.after_leaving(address, actions)
        if update is not None:
            self.state_updates[address] = update
        if actions and live is not None:
            self.touched[address] = live


def index_numbers_by_sid(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Map SIDs to the entries of numbers; of several about one number the last one counts."""
    return {entry.sid: entry for entry in entries if entry.kind in NUMBER_KINDS and entry.sid}
