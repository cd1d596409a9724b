"""Carry out a plan: independent addresses at once, each address in order, every outcome durable before the next step.

This thread alone decides and records; worker threads do nothing but single calls. One failure stops only what
depends on it.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import msgspec

from reconciler.execution.actions import ActionRunner
from reconciler.execution.intents import (
    accept_platform_writes,
    build_intents,
    entry_after_step,
    entry_after_undo,
    group_by_address,
)
from reconciler.execution.outcome import Failure, Outcome, Result
from reconciler.kinds.table import REGISTRATION
from reconciler.model.action import Action
from reconciler.model.entry import Entry
from reconciler.model.route import Value
from reconciler.state.records import Drop, Put, Record
from reconciler.state.stores.store import Journal

_WITHOUT_CALLS = frozenset({"import", "forget"})
"""What only concerns state; an import is durable with the intents already."""

_AHEAD = 2
"""How many actions are given out for each worker, so that none waits for another's outcome to become durable."""

_GATHER = 0.02
"""Seconds in which outcomes are gathered to be made durable together, while every worker has more to do..."""
_CROWD = 16
"""...and there are so many workers: to wake for the outcome of each costs them more than their calls do."""

Clock = Callable[[], str]
"""Now, as RFC 3339 in UTC."""


class Scheduler:
    """One run over the actions of a plan."""

    def __init__(
        self,
        actions: Sequence[Action],
        performer: ActionRunner,
        journal: Journal,
        base: Mapping[str, Entry],
        *,
        now: Clock,
        workers: int,
        stop: Event,
        on_outcome: Callable[[Outcome], None] = lambda outcome: None,
        verify: Callable[[], None] = lambda: None,
    ) -> None:
        self._performer = performer
        self._journal = journal
        self._base = base
        self._now = now
        self._workers = workers
        self._stop = stop
        self._on_outcome = on_outcome
        self._verify = verify  # that the intents can be read again, before the first call
        self._order = list(actions)
        self._chains = group_by_address(actions)
        self._position = dict.fromkeys(self._chains, 0)
        self._waits = {address: _needs(address, chain) for address, chain in self._chains.items()}
        self._paused: dict[str, list[Action]] = {}
        self._waiting = dict(self._chains)
        self._outcomes: dict[int, Outcome] = {}
        self._completed: queue.SimpleQueue[tuple[Action, Outcome]] = queue.SimpleQueue()
        self._forms: dict[str, dict[str, list[Value]]] = {}
        self._broken: set[str] = set()
        self._finished: set[str] = set()
        self._known: dict[str, Entry] = {}
        self._held: dict[str, list[Action]] = {}

    def run(self) -> Result:
        """Carry out everything that can be; returns all outcomes in the order of the plan."""
        planned = build_intents(self._chains, self._base, self._now())
        self._known = dict(planned)
        self._journal.append([Put(address, entry) for address, entry in planned.items()])
        self._verify()
        with ThreadPoolExecutor(self._workers, thread_name_prefix="apply") as pool:
            try:
                self._loop(pool)
            except BaseException:
                self._stop.set()  # what cannot be recorded any more must not be begun either
                raise
        for action in self._order:
            if id(action) not in self._outcomes:
                self._outcomes[id(action)] = _stopped(action)
        if records := self._never_made():
            self._journal.append(records)
        return Result(
            tuple(self._outcomes[id(action)] for action in self._order), self._cut_short()
        )

    def _never_made(self) -> list[Record]:
        """Take back the intents of what was refused or not tried: what appears there later is not our work."""
        outcomes = (
            self._outcomes[id(action)]
            for action in self._order
            if action.action in ("create", "purchase")
        )
        unmade = [o.action.address for o in outcomes if o.unmade or o.status == "skipped"]
        return [Put(a, self._base[a]) if a in self._base else Drop(a) for a in unmade]

    def _cut_short(self) -> bool:
        """Whether a stop left anything undone."""
        codes = {
            outcome.error.code for outcome in self._outcomes.values() if outcome.error is not None
        }
        return "interrupted" in codes

    def _loop(self, pool: ThreadPoolExecutor) -> None:
        ready = self._hold(self._ready())
        running = 0
        while ready or running or self._held:
            while ready and running < _AHEAD * self._workers and not self._stop.is_set():
                action = ready.popleft()
                if action.action in _WITHOUT_CALLS:
                    self._work(action)
                else:
                    pool.submit(self._work, action)
                running += 1
            if not running and not self._stop.is_set():
                running += self._give_out_held(pool)
            if not running:
                return
            under_way = running - self._completed.qsize()
            done = self._drain(gather=under_way > self._workers >= _CROWD)
            running -= len(done)
            ready.extendleft(reversed(self._hold(self._record(done))))
            ready.extend(self._hold(self._ready()))

    def _hold(self, actions: Sequence[Action]) -> deque[Action]:
        """Those that go singly; what one call may serve together waits until nothing else is left that may join it."""
        single: deque[Action] = deque()
        for action in actions:
            batch = self._performer.batch_of(action)
            if batch is None:
                single.append(action)
            else:
                self._held.setdefault(batch, []).append(action)
        return single

    def _give_out_held(self, pool: ThreadPoolExecutor) -> int:
        held, self._held = self._held, {}
        for actions in held.values():
            pool.submit(self._work_together, actions)
        return sum(map(len, held.values()))

    def _work(self, action: Action) -> None:
        try:
            outcome = _stopped(action) if self._stop.is_set() else self._performer.perform(action)
        except Exception as error:  # noqa: BLE001 - a worker must always answer; the run goes on and says so
            outcome = _broken(action, error)
        self._completed.put((action, outcome))

    def _work_together(self, actions: list[Action]) -> None:
        try:
            outcomes = self._performer.perform_together(actions)
        except Exception as error:  # noqa: BLE001 - as above
            outcomes = [_broken(action, error) for action in actions]
        for action, outcome in zip(actions, outcomes, strict=True):
            self._completed.put((action, outcome))

    def _drain(self, *, gather: bool) -> list[tuple[Action, Outcome]]:
        """Wait for one completed action, and a little for more; then take all there are: one fsync serves them all."""
        done = [self._completed.get()]
        if gather:
            self._stop.wait(_GATHER)
        while not self._completed.empty():
            done.append(self._completed.get())
        return done

    def _record(self, done: Sequence[tuple[Action, Outcome]]) -> list[Action]:
        """Make outcomes durable, then give out the next step of each address that may go on."""
        now = self._now()
        records: list[Record] = []
        following: list[Action] = []
        for action, outcome in done:
            self._outcomes[id(action)] = outcome
            rest = self._rest(action)
            if outcome.succeeded:
                reached = self._known[action.address] if action.unhides else outcome.entry
                entry = reached and entry_after_step(self._with_forms(action, reached), rest, now)
                if action.action != "import":
                    records.append(
                        Put(action.address, entry) if entry is not None else Drop(action.address)
                    )
                if entry is not None:
                    self._known[action.address] = entry
                records += self._rebase(action, outcome, now)
                if outcome.sid and action.action in ("create", "purchase"):
                    self._performer.sids[action.address] = outcome.sid
                following += self._next(action.address, rest)
                if not rest:
                    self._finished.add(action.address)
            else:
                if (
                    outcome.entry is not None
                ):  # created, but not as it should be: never to be created again
                    records.append(
                        Put(action.address, entry_after_step(outcome.entry, [action], now))
                    )
                elif outcome.unmade and action.kind == REGISTRATION:
                    records.append(self._taken_back(action.address, outcome.sid, now))
                records += self._rebase(action, outcome, now)
                self._break(action.address, rest)
        if records:
            self._journal.append(records)
        for _, outcome in done:
            self._on_outcome(outcome)
        return following

    def _next(self, address: str, rest: list[Action]) -> list[Action]:
        """The next step of an address, unless it has to wait until its platform has registered the number."""
        if rest and rest[0].unhides:
            self._paused[address] = rest
            return []
        return rest[:1]

    def _taken_back(self, address: str, sid: str | None, now: str) -> Record:
        """The entry of a registration without what was begun and undone; `sid` when undoing has made it anew."""
        known = self._known.get(address, self._base.get(address))
        entry = entry_after_undo(known, sid, now) if known is not None else None
        return Put(address, entry) if entry is not None else Drop(address)

    def _rebase(self, action: Action, outcome: Outcome, now: str) -> list[Record]:
        """The entry of the number that a platform has written to, with what it shows now."""
        number = action.parent or ""
        entry = self._known.get(number, self._base.get(number))
        if outcome.learned is None or entry is None:
            return []
        self._known[number] = entry = accept_platform_writes(entry, outcome.learned, now)
        return [Put(number, entry)]

    def _with_forms(self, action: Action, entry: Entry) -> Entry:
        """The entry with the forms that earlier steps of its address have met; the plan could not know them."""
        known = self._forms.get(action.address, entry.normalised)
        kept = {name: form for name, form in known.items() if name not in action.set}
        own = {name: form for name, form in entry.normalised.items() if name in action.set}
        self._forms[action.address] = forms = {**kept, **own}
        return (
            entry if forms == entry.normalised else msgspec.structs.replace(entry, normalised=forms)
        )

    def _rest(self, action: Action) -> list[Action]:
        chain = self._chains[action.address]
        self._position[action.address] += 1
        return chain[self._position[action.address] :]

    def _break(self, address: str, rest: Sequence[Action]) -> None:
        self._broken.add(address)
        for action in rest:
            self._skip(action, "dependency_failed", "Not tried: the step before it failed.")

    def _resumable(self) -> list[Action]:
        """The next step of every address that was waiting for its platform; what waits in vain is skipped."""
        ready: list[Action] = []
        for address, rest in list(self._paused.items()):
            needs = {need for need in rest[0].depends_on if need in self._chains}
            if broken := sorted(needs & self._broken):
                del self._paused[address]
                self._broken.add(address)
                for action in rest:
                    self._skip(action, "dependency_failed", f"Not tried: {broken[0]} failed.")
            elif needs <= self._finished:
                del self._paused[address]
                ready.append(rest[0])
        return ready

    def _is_past(self, need: str, address: str) -> bool:
        """Whether `need` has done all that `address` waits for: it may itself wait for `address` in the middle."""
        if need in self._finished:
            return True
        return need in self._paused and address in self._paused[need][0].depends_on

    def _ready(self) -> list[Action]:
        """The first action of every address that waits for nobody any more."""
        ready: list[Action] = self._resumable() if self._paused else []
        if not (
            self._finished
            or self._broken
            or self._paused
            or len(self._waiting) == len(self._chains)
        ):
            return ready

        # An address that pauses before its first step lets another one start, which may stand before it.
        paused = -1
        while paused != len(self._paused):
            paused = len(self._paused)
            ready += self._startable()
        return ready

    def _startable(self) -> list[Action]:
        """The first action of every address whose needs are met; what waits in vain is skipped."""
        ready: list[Action] = []
        for address, chain in list(self._waiting.items()):
            needs = self._waits[address]
            if broken := sorted(needs & self._broken):
                del self._waiting[address]
                self._broken.add(address)
                for action in chain:
                    self._skip(action, "dependency_failed", f"Not tried: {broken[0]} failed.")
            elif all(self._is_past(need, address) for need in needs):
                del self._waiting[address]
                ready += self._next(address, chain)
        return ready

    def _skip(self, action: Action, code: str, message: str) -> None:
        outcome = Outcome(action=action, status="skipped", error=Failure(code, message))
        self._outcomes[id(action)] = outcome
        self._on_outcome(outcome)


def _stopped(action: Action) -> Outcome:
    failure = Failure("interrupted", "The run was stopped before this action was tried.")
    return Outcome(action=action, status="skipped", error=failure)


def _broken(action: Action, error: Exception) -> Outcome:
    return Outcome(action=action, status="failed", error=Failure("internal_error", repr(error)))


def _needs(address: str, chain: Sequence[Action]) -> set[str]:
    """What a chain waits for before its first step; a step that uncovers webhooks waits by itself."""
    return {
        need
        for action in chain
        if not action.unhides
        for need in action.depends_on
        if need != address
    }
