"""Run the actions of a plan and record every outcome in the journal: independent addresses at once,
the steps of an address in order.

Every outcome is durable before what depends on it starts. One thread decides and records; worker threads make
single calls and nothing else. A failure stops only what depends on it.
"""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from reconciler.execution.actions import ActionRunner
from reconciler.execution.heal_records import NO_HEALS, Heals
from reconciler.execution.intents import (
    build_intents,
    group_by_address,
)
from reconciler.execution.outcome import Failure, Outcome, Result
from reconciler.execution.outcome_records import OutcomeRecords
from reconciler.model.action import Action
from reconciler.model.entry import Entry
from reconciler.model.identity_map import IdentityMap
from reconciler.state.records import Drop, Put, Record
from reconciler.state.stores.store import Journal

_WITHOUT_CALLS = frozenset({"import", "forget"})
"""Actions that concern the state only; an import is durable with the intents already."""

_AHEAD = 2
"""Actions submitted for each worker, so that no worker waits while outcomes are made durable."""

_GATHER = 0.02
"""Seconds to gather outcomes, so that one fsync makes all of them durable, while every worker has
more to do…
"""
_CROWD = 16
"""…and there are at least this many workers: to wake for each outcome would cost more than their
calls do.
"""

_LONGEST_GATHER = 60.0
"""The most seconds for which outcomes wait for others of their batch, if an append is expensive."""

Clock = Callable[[], str]
"""Now, as RFC 3339 in UTC."""


class Scheduler:
    """One run over the actions of a plan.

    `heals` are the drift that the plan puts back. `verify` checks, before the first call, that the
    store returns the intents.
    """

    def __init__(
        self,
        actions: Sequence[Action],
        runner: ActionRunner,
        journal: Journal,
        base: Mapping[str, Entry],
        *,
        now: Clock,
        workers: int,
        stop: Event,
        on_outcome: Callable[[Outcome], None] = lambda outcome: None,
        verify: Callable[[], None] = lambda: None,
        heals: Heals = NO_HEALS,
    ) -> None:
        self._runner = runner
        self._journal = journal
        self._base = base
        self._now = now
        self._workers = workers
        self._stop = stop
        self._on_outcome = on_outcome
        self._verify = verify
        self._heals = heals

        # The plan, by address.
        self._order = list(actions)
        self._chains = group_by_address(actions)
        self._position = dict.fromkeys(self._chains, 0)
        self._waits = {address: _needs(address, chain) for address, chain in self._chains.items()}
        self._waiting = dict(self._chains)
        """The addresses that have not started."""
        self._paused: dict[str, list[Action]] = {}
        """The addresses that wait for a platform, and their remaining steps."""
        self._batches: dict[str, list[Action]] = {}
        """The actions that wait for others of their batch."""

        # The results so far.
        self._outcomes: IdentityMap[Outcome] = IdentityMap()
        self._completed: queue.SimpleQueue[tuple[Action, Outcome]] = queue.SimpleQueue()
        self._failed: set[str] = set()
        self._finished: set[str] = set()
        self._records = OutcomeRecords(base, {}, runner.sids)

    def run(self) -> Result:
        """Run all actions that can be run, and return all outcomes in the order of the plan."""
        intents = build_intents(self._chains, self._base, self._now(), self._heals)
        self._records = OutcomeRecords(self._base, intents, self._runner.sids, self._heals)
        self._journal.append([Put(address, entry) for address, entry in intents.items()])
        self._verify()

        with ThreadPoolExecutor(self._workers, thread_name_prefix="apply") as pool:
            try:
                self._loop(pool)
            except BaseException:
                self._stop.set()  # what cannot be recorded any more must not be started either
                raise

        outcomes: list[Outcome] = []
        for action in self._order:
            outcome = self._outcomes.get(action)
            if outcome is None:
                outcome = self._outcomes.put(_interrupted_outcome(action), action)
            outcomes.append(outcome)

        records = self._withdrawn_intents()
        if records:
            self._journal.append(records)
        return Result(tuple(outcomes), self._is_interrupted())

    def _withdrawn_intents(self) -> list[Record]:
        """Return the records that withdraw the intents of resources that were refused or not tried.

        With the intent in the state, a resource that somebody else creates later would pass for
        ours.
        """
        records: list[Record] = []
        for action in self._order:
            outcome = self._outcomes.get(action)
            if outcome is None or action.action not in ("create", "purchase"):
                continue
            if not outcome.unmade and outcome.status != "skipped":
                continue

            former = self._base.get(action.address)
            if former is not None:
                records.append(Put(action.address, former))
            else:
                records.append(Drop(action.address))
        return records

    def _is_interrupted(self) -> bool:
        """Return whether a stop has prevented any action."""
        errors = [outcome.error for outcome in self._outcomes.values()]
        return any(error is not None and error.code == "interrupted" for error in errors)

    def _loop(self, pool: ThreadPoolExecutor) -> None:
        ready = self._without_batches(self._ready())
        running = 0
        done: list[tuple[Action, Outcome]] = []
        batch_size = self._journal.batch_size(len(self._order))
        recorded_at = time.monotonic()
        while ready or running or self._batches:
            # 1. Keep the workers busy, and start nothing new after a stop.
            while ready and running < _AHEAD * self._workers and not self._stop.is_set():
                action = ready.popleft()
                if action.action in _WITHOUT_CALLS:
                    self._work(action)
                else:
                    pool.submit(self._work, action)
                running += 1

            # 2. Start batches once nothing else is left that may join them.
            if not running and not self._stop.is_set():
                running += self._submit_batches(pool)
            if not running:
                return

            # 3. Record what is done. The next step of an address comes before addresses that have
            # not started.
            under_way = running - self._completed.qsize()
            arrived = self._drain(gather=under_way > self._workers >= _CROWD)
            running -= len(arrived)
            done += arrived

            # 4. Where each append sends the whole state, wait for a batch that is worth it. Nothing
            # that depends on these outcomes starts before they are durable.
            may_wait = running > 0 and time.monotonic() - recorded_at < _LONGEST_GATHER
            if may_wait and len(done) < batch_size:
                continue
            following, done = self._record(done), []
            recorded_at = time.monotonic()
            ready.extendleft(reversed(self._without_batches(following)))
            ready.extend(self._without_batches(self._ready()))

    def _without_batches(self, actions: Sequence[Action]) -> deque[Action]:
        """Return the actions that run alone, and put the others aside until their batch starts."""
        single: deque[Action] = deque()
        for action in actions:
            batch = self._runner.batch_of(action)
            if batch is None:
                single.append(action)
            else:
                self._batches.setdefault(batch, []).append(action)
        return single

    def _submit_batches(self, pool: ThreadPoolExecutor) -> int:
        """Submit all batches, and return the number of their actions."""
        batches, self._batches = self._batches, {}
        submitted = 0
        for actions in batches.values():
            pool.submit(self._work_together, actions)
            submitted += len(actions)
        return submitted

    def _work(self, action: Action) -> None:
        try:
            stopped = self._stop.is_set()
            outcome = _interrupted_outcome(action) if stopped else self._runner.perform(action)
        except Exception as error:  # noqa: BLE001 - a worker must always answer; the run continues and reports it
            outcome = _internal_error(action, error)
        self._completed.put((action, outcome))

    def _work_together(self, actions: list[Action]) -> None:
        try:
            outcomes = self._runner.perform_together(actions)
        except Exception as error:  # noqa: BLE001 - as above
            outcomes = [_internal_error(action, error) for action in actions]
        for action, outcome in zip(actions, outcomes, strict=True):
            self._completed.put((action, outcome))

    def _drain(self, *, gather: bool) -> list[tuple[Action, Outcome]]:
        """Wait for one outcome, with `gather` a little for more, and take all there are: one fsync
        serves them all.
        """
        done = [self._completed.get()]
        if gather:
            self._stop.wait(_GATHER)
        while not self._completed.empty():
            done.append(self._completed.get())
        return done

    def _record(self, done: Sequence[tuple[Action, Outcome]]) -> list[Action]:
        """Make outcomes durable, and return the next step of each address that may continue."""
        now = self._now()
        records: list[Record] = []
        following: list[Action] = []
        for action, outcome in done:
            self._outcomes.put(outcome, action)
            rest = self._rest(action)
            if outcome.succeeded:
                records += self._records.after_success(action, outcome, rest, now)
                following += self._next(action.address, rest)
                if not rest:
                    self._finished.add(action.address)
            else:
                records += self._records.after_failure(action, outcome, now)
                self._skip_rest(action.address, rest)

        # The caller reports an outcome only when it is durable.
        if records:
            self._journal.append(records)
        for _, outcome in done:
            self._on_outcome(outcome)
        return following

    def _next(self, address: str, rest: list[Action]) -> list[Action]:
        """Return the next step of an address, unless it has to wait until its platform has
        registered the number.
        """
        if rest and rest[0].waits_midway:
            self._paused[address] = rest
            return []
        return rest[:1]

    def _rest(self, action: Action) -> list[Action]:
        chain = self._chains[action.address]
        self._position[action.address] += 1
        return chain[self._position[action.address] :]

    def _skip_rest(self, address: str, rest: Sequence[Action]) -> None:
        self._failed.add(address)
        for action in rest:
            self._skip(action, "Not tried: the step before it failed.")

    def _resumable(self) -> list[Action]:
        """Return the next step of every address that was waiting for its platform; skips what waits
        in vain.
        """
        ready: list[Action] = []
        for address, rest in list(self._paused.items()):
            # What is no part of this run needs no waiting.
            needs = self._chains.keys() & set(rest[0].depends_on)
            failed = needs & self._failed
            if failed:
                del self._paused[address]
                self._skip_after(min(failed), address, rest)
            elif needs <= self._finished:
                del self._paused[address]
                ready.append(rest[0])
        return ready

    def _is_past(self, need: str, address: str) -> bool:
        """Return whether `need` has done all that `address` waits for: it may itself wait for
        `address` midway.
        """
        if need in self._finished:
            return True
        return need in self._paused and address in self._paused[need][0].depends_on

    def _ready(self) -> list[Action]:
        """Return the next action of every address whose dependencies are done."""
        ready: list[Action] = self._resumable() if self._paused else []

        # Fast path: nothing has changed since the last call.
        started = len(self._waiting) < len(self._chains)
        if started and not (self._finished or self._failed or self._paused):
            return ready

        # An address that pauses before its first step lets another one start, which may stand
        # before it.
        paused = -1
        while paused != len(self._paused):
            paused = len(self._paused)
            ready += self._startable()
        return ready

    def _startable(self) -> list[Action]:
        """Return the first action of every address whose needs are met; skips what waits in vain."""
        ready: list[Action] = []
        for address, chain in list(self._waiting.items()):
            needs = self._waits[address]
            failed = needs & self._failed

            # A failure is passed on to all that waits for it, in the order of the plan.
            if failed:
                del self._waiting[address]
                self._skip_after(min(failed), address, chain)
            elif all(self._is_past(need, address) for need in needs):
                del self._waiting[address]
                ready += self._next(address, chain)
        return ready

    def _skip_after(self, failed: str, address: str, actions: Sequence[Action]) -> None:
        self._failed.add(address)
        for action in actions:
            self._skip(action, f"Not tried: {failed} failed.")

    def _skip(self, action: Action, message: str) -> None:
        failure = Failure("dependency_failed", message)
        outcome = Outcome(action=action, status="skipped", error=failure)
        self._outcomes.put(outcome, action)
        self._on_outcome(outcome)


def _interrupted_outcome(action: Action) -> Outcome:
    failure = Failure("interrupted", "The run was stopped before this action was tried.")
    return Outcome(action=action, status="skipped", error=failure)


def _internal_error(action: Action, error: Exception) -> Outcome:
    return Outcome(action=action, status="failed", error=Failure("internal_error", repr(error)))


def _needs(address: str, chain: Sequence[Action]) -> set[str]:
    """Return the addresses that a chain waits for before its first step; a step that uncovers
    webhooks waits by itself.
    """
    needs: set[str] = set()
    for action in chain:
        if not action.waits_midway:
            needs.update(action.depends_on)
    needs.discard(address)
    return needs
