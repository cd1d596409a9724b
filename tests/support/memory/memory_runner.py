"""Plan and apply declared resources on a Twilio and a state in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from itertools import count
from threading import Event
from typing import Any

from reconciler.execution.executor import execute_plan
from reconciler.execution.outcome import Result
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.planning.goals import rollback
from reconciler.planning.identity.observed import Observed
from reconciler.planning.plan import Plan
from reconciler.planning.planner import plan_resources
from reconciler.remote.queries.observe import observe
from reconciler.state.format.document import empty_state
from tests.support.memory.fake_twilio import Call, FakeTwilio
from tests.support.memory.memory_store import Fuse, MemoryStore, PowerCut
from tests.support.progress import SilentProgress

NOW = "2026-03-01T12:00:00Z"


class Means:
    """The means of a run: one worker by default, and a stopped clock."""

    def __init__(self, concurrency: int = 1) -> None:
        self.concurrency = concurrency
        self.stop = Event()
        self.progress = SilentProgress()

    def now(self) -> str:
        """Now."""
        return NOW


class MemoryRunner:
    """Accounts in memory, and the state that is kept between runs."""

    def __init__(self, accounts: Mapping[str, Mapping[str, Any]], ours: Iterable[str] = ()) -> None:
        self.twilio = FakeTwilio(accounts)
        self.store = MemoryStore()
        self.ours = frozenset(ours)
        self.means = Means()

    @property
    def entries(self) -> dict[str, Entry]:
        """The entries in the state."""
        return self.store.resources

    def observe(self, desired: Sequence[Desired]) -> Observed:
        """Read all accounts that are needed."""
        gateways = self.twilio.gateways()
        needed = {want.profile.account for want in desired} | {
            entry.account for entry in self.entries.values()
        }
        return observe(desired, self.entries, {name: gateways[name] for name in needed})

    def plan(self, desired: Sequence[Desired]) -> Plan:
        """Build the plan."""
        return plan_resources(desired, self.entries, self.observe(desired), self.ours)

    def apply(self, desired: Sequence[Desired], plan: Plan | None = None) -> Result:
        """Apply without the checks for consent."""
        observed = self.observe(desired)
        plan = plan or plan_resources(desired, self.entries, observed, self.ours)
        state = self.store.load() or empty_state("acme")
        return execute_plan(plan, observed, state, self.store, self.twilio.gateways(), self.means)

    def way_back(self, then: Mapping[str, Entry]) -> Plan:
        """Plan a rollback to these entries."""
        return self._back(then)[0]

    def back(self, then: Mapping[str, Entry]) -> Result:
        """Roll back to these entries, without the checks for consent."""
        plan, observed = self._back(then)
        state = self.store.load() or empty_state("acme")
        return execute_plan(plan, observed, state, self.store, self.twilio.gateways(), self.means)

    def _back(self, then: Mapping[str, Entry]) -> tuple[Plan, Observed]:
        there = rollback.rollback_target(then, self.entries)
        gateways = self.twilio.gateways()
        observed = observe(there.desired, rollback.entries_of_both(then, self.entries), gateways)
        return rollback.plan_rollback(there, observed, self.ours), observed

    def killed(self, desired: Sequence[Desired], at: int) -> bool:
        """Apply with a power cut at this instant. Return whether it happened before the end."""
        fuse = Fuse(at)

        def instant(call: Call) -> None:
            fuse.instant()

        self.store.fuse = fuse
        self.twilio.hooks.append(instant)
        self.twilio.after.append(instant)
        try:
            self.apply(desired)
        except PowerCut:
            pass
        finally:
            self.store.fuse = Fuse()
            self.means.stop = Event()  # the next run is another process
            self.twilio.hooks.remove(instant)
            self.twilio.after.remove(instant)
        return fuse.blown

    def twin(self) -> MemoryRunner:
        """Return an independent copy of the accounts and the state."""
        other = MemoryRunner({}, self.ours)
        other.twilio.accounts = deepcopy(self.twilio.accounts)
        other.twilio.sids = count(1000)
        other.store.version, other.store.journalled = (
            self.store.version,
            list(self.store.journalled),
        )
        return other

    def writes(self, act: Callable[[], object]) -> list[Call]:
        """Return the writing calls of a function."""
        before = len(self.twilio.calls)
        act()
        return self.twilio.calls[before:]
