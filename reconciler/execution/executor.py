"""One plan carried out from first intent to saved state: walk, read back, correct, fold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Event
from typing import Protocol

from reconciler.errors import ReconcilerError
from reconciler.execution.actions import ActionRunner, sids_of
from reconciler.execution.intents import build_intents, group_by_address, stamp_times
from reconciler.execution.outcome import Failure, Outcome, Result
from reconciler.execution.readback import Readback
from reconciler.execution.registrations import RegistrationRunner
from reconciler.execution.scheduler import Scheduler
from reconciler.model.action import Action
from reconciler.model.entry import Entry
from reconciler.planning.identity.children import select_deleted
from reconciler.planning.identity.moved import rename_entries
from reconciler.planning.identity.observed import Observed
from reconciler.planning.plan import Plan
from reconciler.remote.gateway import Gateway
from reconciler.remote.platforms.contract import Adapter
from reconciler.state.format.document import State
from reconciler.state.problems import not_returned
from reconciler.state.records import Drop, Put, Record
from reconciler.state.stores.store import Journal, Store

NO_ADAPTERS: Mapping[str, Adapter] = {}


class ProgressSink(Protocol):
    """Who is told how it goes."""

    def start(self, total: int) -> None:
        """So many actions are about to start."""

    def report_outcome(self, outcome: Outcome) -> None:
        """One action is done."""


class ExecutionContext(Protocol):
    """What a run may use of its setting."""

    @property
    def concurrency(self) -> int:
        """Calls at once for each account."""

    @property
    def stop(self) -> Event:
        """Set when the run should finish what is in flight and save."""

    @property
    def progress(self) -> ProgressSink:
        """Who is told how it goes."""

    def now(self) -> str:
        """Now, as RFC 3339 in UTC."""


def execute_plan(
    plan: Plan,
    observed: Observed,
    state: State,
    store: Store,
    gateways: Mapping[str, Gateway],
    means: ExecutionContext,
    secrets: Mapping[str, str] | None = None,
    adapters: Mapping[str, Adapter] = NO_ADAPTERS,
) -> Result:
    """Carry out a plan under the lock of its state; returns every outcome. `secrets` by their fingerprints.

    A plan without anything writes nothing, but folds what an interrupted run has left in its journal. When the state
    cannot be written any more, the error knows what was recorded until then.
    """
    if not (plan.actions or plan.state_updates or plan.renames or state.journal_records):
        if state.serial and state.destinations not in (None, state.recorded_destinations):
            store.save(state)
        return Result(())
    recorded: list[Outcome] = []
    with _telling(recorded):
        means.progress.start(len(plan.actions))
        journal = store.begin(state)
        resources = rename_entries(state.resources, plan.renames)
        journal.append(_renames(state.resources, resources))
        others = {address: live.sid for address, live in observed.resources.items()}
        known = {**sids_of(resources), **others}
        names = {
            sid: address.split("/", 1)[1]
            for address, sid in others.items()
            if address.startswith("trunk/")
        }
        registrar = RegistrationRunner(adapters, gateways, observed, names, known)
        performer = ActionRunner(
            gateways, known, plan.fingerprints, secrets, registrar, _refusal(plan.actions, gateways)
        )
        verify = partial(_verify, store, journal)
        walked = partial(
            _walked, plan, observed, resources, journal, performer, means, recorded, verify
        )
        result = walked() if plan.actions else Result(())
        acted = {action.address for action in plan.actions}
        acted |= {
            o.action.parent
            for o in result.outcomes
            if o.learned is not None and o.action.parent is not None
        }
        learned = {
            address: entry for address, entry in plan.state_updates.items() if address not in acted
        }
        refreshed = [
            Put(address, stamp_times(entry, means.now())) for address, entry in learned.items()
        ]
        journal.fold([*refreshed, *_of_no_parent(result, resources)])
        return result


def _of_no_parent(result: Result, resources: Mapping[str, Entry]) -> list[Record]:
    """Drop what is remembered of deleted children whose parent state knows no longer."""
    ended = {
        o.action.address
        for o in result.outcomes
        if o.succeeded and o.action.action in ("delete", "forget")
    }
    deleted = select_deleted(resources) if ended else {}
    return [Drop(address) for address, entry in deleted.items() if entry.parent in ended]


def _refusal(
    actions: Sequence[Action], gateways: Mapping[str, Gateway]
) -> Callable[[Action], Failure | None]:
    """What still has to be looked at right before an action; for almost every plan that is nothing."""
    if not any(action.action == "delete" and action.parent is not None for action in actions):
        return lambda action: None
    from reconciler.execution.list_usage import ListUsage  # few plans take anything off a list

    return ListUsage(actions, gateways).refusal


@contextmanager
def _telling(recorded: Sequence[Outcome]) -> Iterator[None]:
    """An error that ends the run takes along what was recorded until then."""
    try:
        yield
    except ReconcilerError as error:
        error.done = tuple(recorded)
        raise


def _walked(
    plan: Plan,
    observed: Observed,
    resources: Mapping[str, Entry],
    journal: Journal,
    performer: ActionRunner,
    means: ExecutionContext,
    recorded: list[Outcome],
    verify: Callable[[], None],
) -> Result:
    def told(outcome: Outcome) -> None:
        recorded.append(outcome)
        means.progress.report_outcome(outcome)

    workers = means.concurrency * max(1, len({action.account for action in plan.actions}))
    base = {**resources, **plan.state_updates}
    walk = Scheduler(
        plan.actions,
        performer,
        journal,
        base,
        now=means.now,
        workers=workers,
        stop=means.stop,
        on_outcome=told,
        verify=verify,
    )
    result = walk.run()
    totals = {account: len(numbers) for account, numbers in observed.numbers.items()}
    readback = Readback(performer.gateways, performer, totals, plan.fingerprints, workers=workers)
    outcomes = performer.check(readback.check(result.outcomes))
    journal.append(_corrections(result.outcomes, outcomes, base, means.now()))
    return Result(tuple(outcomes), result.interrupted)


def _verify(store: Store, journal: Journal) -> None:
    """Read the state back, and raise StateError unless it holds all that the journal was given.

    Prior values that cannot be read again would be lost with the first write to Twilio.
    """
    written = journal.state.resources
    found = store.load()
    kept = found.resources if found is not None else {}
    if kept == written:
        return
    for address in sorted(written.keys() | kept.keys()):
        if written.get(address) != kept.get(address):
            raise not_returned(address)


def _renames(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> list[Record]:
    """What the journal has to say about resources that got another name: all of it at once, or nothing."""
    if before is after:
        return []
    drops = [Drop(address) for address in before if address not in after]
    return [
        *drops,
        *(Put(address, entry) for address, entry in after.items() if before.get(address) != entry),
    ]


def _corrections(
    walked: Sequence[Outcome], checked: Sequence[Outcome], base: Mapping[str, Entry], at: str
) -> list[Record]:
    """The entries of writes that turned out not to be there: as they were begun, so that the next run tries again.

    A write that could not be read back keeps the entry that its reply confirmed, so that the next plan compares it. One
    that leaves no entry, such as a release, has to keep what there was: its prior values would be lost.
    Where a trunk or application still hides what a platform wrote, the entry holds that already: it is drift.
    """
    pairs = zip(walked, checked, strict=True)
    lost: set[str] = set()
    for was, now in pairs:
        failed = was.succeeded and not now.succeeded
        if failed and not was.action.unhides and (now.status == "dropped" or now.entry is None):
            lost.add(was.action.address)
    of_lost = group_by_address(o.action for o in walked if o.action.address in lost)
    begun = build_intents(of_lost, base, at)
    return [
        Put(address, begun[address] if address in begun else base[address]) for address in of_lost
    ]
