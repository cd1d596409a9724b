"""Execute one plan under the lock of its state: record the intents, run the actions, read back and
repair writes, and save the next version of the state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Event
from typing import NamedTuple, Protocol

from reconciler.clock import SystemClock
from reconciler.errors import ReconcilerError
from reconciler.execution.actions import ActionRunner, sids_of
from reconciler.execution.heal_records import Heals
from reconciler.execution.intents import build_intents, group_by_address, stamp_times
from reconciler.execution.outcome import Failure, Outcome, Result
from reconciler.execution.readback import Readback
from reconciler.execution.registrations import RegistrationRunner
from reconciler.execution.scheduler import Scheduler
from reconciler.model.action import Action
from reconciler.model.address import Address
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
    """The receiver of progress reports."""

    def start(self, total: int) -> None:
        """Report that this many actions are about to start."""

    def report_outcome(self, outcome: Outcome) -> None:
        """Report that one action is done."""


class ExecutionContext(Protocol):
    """The part of a run's setting that an execution may use."""

    @property
    def concurrency(self) -> int:
        """Calls at once for each account."""

    @property
    def stop(self) -> Event:
        """Set when the run should finish what is in flight and save."""

    @property
    def progress(self) -> ProgressSink:
        """The receiver of progress reports."""

    def now(self) -> str:
        """Return the present time, as RFC 3339 in UTC."""


class _Execution(NamedTuple):
    """One plan under way. `resources` is the base of its intents; `recorded` grows with every
    outcome.
    """

    plan: Plan
    observed: Observed
    resources: Mapping[str, Entry]
    journal: Journal
    context: ExecutionContext
    recorded: list[Outcome]


def execute_plan(
    plan: Plan,
    observed: Observed,
    state: State,
    store: Store,
    gateways: Mapping[str, Gateway],
    context: ExecutionContext,
    secrets: Mapping[str, str] | None = None,
    adapters: Mapping[str, Adapter] = NO_ADAPTERS,
) -> Result:
    """Execute a plan under the lock of its state, and return every outcome. `secrets` maps
    fingerprints to secrets.

    1. Open the journal, which folds what an interrupted run has left in it.
    2. Record renamed addresses.
    3. Run the actions, read them back and correct what was not stored.
    4. Fold the journal, with what is recorded without a write, into the next version of the state.

    An empty plan on a state without journal records writes nothing. When the state cannot be
    written any more, the error carries the outcomes that were recorded until then.
    """
    if not (plan.actions or plan.state_updates or plan.renames or state.journal_records):
        if state.serial and state.destinations not in (None, state.recorded_destinations):
            store.save(state)
        return Result(())

    recorded: list[Outcome] = []
    with _add_outcomes_to_errors(recorded):
        context.progress.start(len(plan.actions))
        journal = store.begin(state)

        resources = rename_entries(state.resources, plan.renames)
        journal.append(_rename_records(state.resources, resources))

        execution = _Execution(plan, observed, resources, journal, context, recorded)
        result = Result(())
        if plan.actions:
            runner = _action_runner(execution, gateways, secrets, adapters)
            result = _run_actions(execution, runner, partial(_verify, store, journal))

        journal.fold([*_update_records(execution, result), *_orphan_records(result, resources)])
        return result


def _action_runner(
    execution: _Execution,
    gateways: Mapping[str, Gateway],
    secrets: Mapping[str, str] | None,
    adapters: Mapping[str, Adapter],
) -> ActionRunner:
    plan, observed = execution.plan, execution.observed
    live_sids = {address: live.sid for address, live in observed.resources.items()}
    sids = {**sids_of(execution.resources), **live_sids}

    trunk_names: dict[str, str] = {}
    for address, sid in live_sids.items():
        if Address.parse(address).kind == "trunk":
            trunk_names[sid] = Address.parse(address).name

    registrar = RegistrationRunner(adapters, gateways, observed, trunk_names, sids)
    refusal, stop = _refusal(plan.actions, gateways), execution.context.stop

    def pause(seconds: float) -> bool:
        SystemClock().pause(seconds, stop)
        return not stop.is_set()

    return ActionRunner(gateways, sids, plan.fingerprints, secrets, registrar, refusal, pause)


def _refusal(
    actions: Sequence[Action], gateways: Mapping[str, Gateway]
) -> Callable[[Action], Failure | None]:
    """Return the check right before an action; almost every plan needs none."""
    removes_child = [a for a in actions if a.action == "delete" and a.parent is not None]
    if not removes_child:
        return lambda action: None

    # Imported late: few plans take anything off a list.
    from reconciler.execution.list_usage import ListUsage

    return ListUsage(actions, gateways).refusal


@contextmanager
def _add_outcomes_to_errors(recorded: Sequence[Outcome]) -> Iterator[None]:
    """Add what was recorded until then to an error that ends the run."""
    try:
        yield
    except ReconcilerError as error:
        error.done = tuple(recorded)
        raise


def _run_actions(execution: _Execution, runner: ActionRunner, verify: Callable[[], None]) -> Result:
    """Run the actions of the plan, read back what they wrote, and record corrections."""
    plan, observed, context = execution.plan, execution.observed, execution.context

    def record_outcome(outcome: Outcome) -> None:
        execution.recorded.append(outcome)
        context.progress.report_outcome(outcome)

    accounts = {action.account for action in plan.actions}
    workers = context.concurrency * max(1, len(accounts))
    base = {**execution.resources, **plan.state_updates}
    result = Scheduler(
        plan.actions,
        runner,
        execution.journal,
        base,
        now=context.now,
        workers=workers,
        stop=context.stop,
        on_outcome=record_outcome,
        verify=verify,
        heals=plan.heals,
    ).run()

    totals = {account: len(numbers) for account, numbers in observed.numbers.items()}
    readback = Readback(runner.gateways, runner, totals, plan.fingerprints, workers=workers)
    outcomes = runner.check(readback.check(result.outcomes))
    execution.journal.append(
        _correction_records(result.outcomes, outcomes, base, context.now(), plan.heals)
    )
    return Result(tuple(outcomes), result.interrupted)


def _verify(store: Store, journal: Journal) -> None:
    """Read the state back, and raise StateError unless it holds all that was appended to the
    journal.

    Prior values that cannot be read again would be lost with the first write to Twilio.
    """
    written = journal.state.resources
    loaded = store.load()
    found = loaded.resources if loaded is not None else {}
    if found == written:
        return

    for address in sorted(written.keys() | found.keys()):
        if written.get(address) != found.get(address):
            raise not_returned(address)


def _rename_records(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> list[Record]:
    """Return the records of renamed addresses; they are appended as one batch, all or nothing."""
    if before is after:
        return []

    records: list[Record] = [Drop(address) for address in before if address not in after]
    for address, entry in after.items():
        if before.get(address) != entry:
            records.append(Put(address, entry))
    return records


def _update_records(execution: _Execution, result: Result) -> list[Record]:
    """Return the records of what the plan learned about addresses that it does not write.

    A number to which a platform has written has a newer entry already, from the outcome of its
    registration.
    """
    written = {action.address for action in execution.plan.actions}
    for outcome in result.outcomes:
        if outcome.learned is not None and outcome.action.parent is not None:
            written.add(outcome.action.parent)

    records: list[Record] = []
    now = execution.context.now
    for address, entry in execution.plan.state_updates.items():
        if address not in written:
            # Nothing was written to the resource: the time of the last write stays.
            stamped = stamp_times(entry, entry.updated_at or now())
            records.append(Put(address, stamped))
    return records


def _orphan_records(result: Result, resources: Mapping[str, Entry]) -> list[Record]:
    """Drop the entries of deleted children whose parent was deleted or forgotten in this run."""
    ended: set[str] = set()
    for outcome in result.outcomes:
        if outcome.succeeded and outcome.action.action in ("delete", "forget"):
            ended.add(outcome.action.address)
    if not ended:
        return []

    deleted = select_deleted(resources)
    return [Drop(address) for address, entry in deleted.items() if entry.parent in ended]


def _correction_records(
    before: Sequence[Outcome],
    checked: Sequence[Outcome],
    base: Mapping[str, Entry],
    at: str,
    heals: Heals,
) -> list[Record]:
    """Return the entries of writes that were not stored after all: as before the write, so that the
    next run repeats it.

    A write that could not be read back keeps the entry that its reply confirmed, so that the next
    plan compares it. One that leaves no entry, such as a release, has to keep the former entry: its
    prior values would be lost. Where a trunk or application still hides what a platform wrote, the
    entry holds that already: it is drift.
    """
    lost: set[str] = set()
    for was, now in zip(before, checked, strict=True):
        failed = was.succeeded and not now.succeeded
        if failed and not was.action.unhides and (now.status == "dropped" or now.entry is None):
            lost.add(was.action.address)

    repeated: list[Action] = []
    for outcome in before:
        if outcome.action.address in lost:
            repeated.append(outcome.action)
    chains = group_by_address(repeated)
    intents = build_intents(chains, base, at, heals)
    records: list[Record] = []
    for address in chains:
        records.append(Put(address, intents[address] if address in intents else base[address]))
    return records
