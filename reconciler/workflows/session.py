"""Define the options, consent and results of a run; open its gateways and state store, start its
first reads, and refuse new destinations of secrets.

Decides nothing; the workflows do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Protocol

import msgspec

from reconciler.config.desired.accounts import FROM_ENVIRONMENT
from reconciler.config.project import Project
from reconciler.config.secrets.destinations import (
    KnownDestinations,
    UsedEndpoints,
    check_consent,
    destinations_of,
    find_new,
    find_trusted,
    refuse_new,
)
from reconciler.config.secrets.references import credentials, reveal
from reconciler.config.variable_sources import NO_SOURCES, VariableSources
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError
from reconciler.model.destination import Destination
from reconciler.planning.checks.inbound_regions import MOST_REGION_CALLS, prefetch_questions
from reconciler.planning.plan import UNREAD
from reconciler.planning.selection.patterns import find_selection, list_named
from reconciler.planning.selection.scope import find_accounts_outside, keep_inside
from reconciler.remote.facts import messaging_services as messaging
from reconciler.remote.gateway import CallRecord, Gateway, Wait
from reconciler.remote.queries.account_reader import Pages
from reconciler.remote.queries.observe import prefetch_numbers
from reconciler.remote.transport.time_limit import TimeLimit
from reconciler.state.format.codec import Cipher
from reconciler.state.format.document import State
from reconciler.state.stores.open import open_store
from reconciler.state.stores.store import Store
from reconciler.workflows.answers import RegionPrefetch, prefetch_regions

if TYPE_CHECKING:
    from reconciler.config.load.merge import Merged
    from reconciler.execution.outcome import Outcome, Result
    from reconciler.planning.checks.baseline_config import Baseline
    from reconciler.planning.decide.drift import EventLog
    from reconciler.planning.identity.observed import Observed
    from reconciler.planning.plan import Plan
    from reconciler.remote.platforms.contract import Adapter
    from reconciler.remote.platforms.for_project import Adapters

MOST_CALLS = 32
"""Concurrent calls for an account without `--concurrency`: a run begins with `FIRST_CALLS` and goes
up to this.
"""
FIRST_CALLS = 8
DEFAULT_FILE = "reconciler.yaml"


class Progress(Protocol):
    """Receiver of progress reports: a terminal draws a bar, a log prints lines, a test ignores
    them.
    """

    def report_read(self, account: str, numbers: int) -> None:
        """Report how many numbers of an account have been read."""

    def show_plan(self, planned: Planned) -> None:
        """Show the plan that is about to be applied."""

    def start(self, total: int) -> None:
        """Report how many actions are about to start."""

    def report_outcome(self, outcome: Outcome) -> None:
        """Report the outcome of one action."""


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a run receives from outside. Durations in seconds.

    `ramp`: begin with few concurrent calls, and go up to `concurrency` while Twilio answers well.
    `on_wait` is called, from any thread, when a call waits for another attempt.
    """

    directory: Path
    environ: Mapping[str, str]
    progress: Progress
    clock: Callable[[], datetime]
    file: str = DEFAULT_FILE
    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    concurrency: int = MOST_CALLS
    ramp: bool = False
    limit: TimeLimit = msgspec.field(default_factory=TimeLimit)
    lock_timeout: float = 0.0
    refresh: bool = True
    command: str = ""
    max_region_calls: int | None = MOST_REGION_CALLS
    """The most numbers whose inbound region is read, each with one call; None for all."""
    baseline: str | None = None
    declared_takeovers: bool = False
    """Whether `takeover: allow` of a number counts, also where the baseline does not have it."""
    allowed_destinations: tuple[str, ...] = ()
    planned: KnownDestinations | None = None
    """The destinations that a saved plan was made with; set only while it is applied."""
    stop: Event = msgspec.field(default_factory=Event)
    on_call: Callable[[CallRecord], None] | None = None
    on_wait: Callable[[Wait], None] | None = None
    merged: list[Merged] = msgspec.field(default_factory=list)
    """The configuration as the check of output paths has read it. `validate` removes it, so it is
    used once.
    """
    static_warnings: list[Diagnostic] = msgspec.field(default_factory=list)
    """The warnings of the configuration alone, added by `validate`; text shows their number."""
    variables: VariableSources = NO_SOURCES
    """Where the values of the configuration's variables come from."""
    baselines: dict[str, Project] = msgspec.field(default_factory=dict)
    """Cache of the baselines that have been read, by name."""

    def now(self) -> str:
        """Return the present time as RFC 3339 in UTC."""
        return self.clock().strftime("%Y-%m-%dT%H:%M:%SZ")


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """Consent to takeovers of these addresses (globs), to purchases, to exceeding limits, and to a
    new local state in CI.
    """

    takeovers: tuple[str, ...] = ()
    purchases: bool = False
    force: bool = False
    local_state: bool = False


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A plan and what it was made from.

    `notes` are the diagnostics of the configuration and of the guards, `refusals` everything that
    makes an apply refuse the plan (exit 4), and `baseline` the other configuration that it must not
    go beyond. `secrets` are those behind the fingerprints in the plan; they are never shown or
    stored. `events` is whether the event log could be read, which has the actors; None for a plan
    that asks for none.
    """

    project: Project
    state: State
    plan: Plan
    observed: Observed
    notes: tuple[Diagnostic, ...]
    refusals: tuple[Diagnostic, ...] = ()
    baseline: Baseline | None = None
    secrets: Mapping[str, str] = {}
    events: EventLog | None = None

    @property
    def new_destinations(self) -> list[Destination]:
        """Return the destinations of secrets that the last apply did not have."""
        return find_new(destinations_of(self.project), self.state.recorded_destinations)

    @property
    def would_refuse(self) -> list[str]:
        """Return the codes with which an apply would refuse this plan, each once.

        Read from the list that `guards.raise_if_refused` raises, so that a plan never announces
        anything else.
        """
        return list(dict.fromkeys(refusal.code for refusal in self.refusals))

    @property
    def unread_accounts(self) -> list[str]:
        """Return the accounts that could not be read."""
        return sorted(self.observed.unread)

    @property
    def left_undecided(self) -> list[str]:
        """Return the accounts and registrations that could not be read: nothing was done there."""
        return [
            *self.unread_accounts,
            *(each.address or "" for each in self.plan.diagnostics if each.code in UNREAD),
        ]

    def __repr__(self) -> str:
        return f"Planned(actions={len(self.plan.actions)})"


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an apply; `declined` when the plan was shown and not confirmed."""

    planned: Planned
    result: Result
    declined: bool = False


def load_baseline_project(options: RunOptions) -> Project | None:
    """Load the configuration that `--baseline` names; once in a run. Raises ReconcilerError."""
    if options.baseline is None:
        return None
    if options.baseline not in options.baselines:
        from reconciler.config.load.baseline import load_baseline  # most runs have none

        entry = options.directory / options.file
        options.baselines[options.baseline] = load_baseline(
            options.baseline, entry, options.directory, options.environ, options.variables
        )
    return options.baselines[options.baseline]


def check_destinations(options: RunOptions, project: Project) -> None:
    """Raise Refused for a destination of secrets that the baseline, or a saved plan, does not have.

    Called before the first connection.
    """
    check_consent(project, options.allowed_destinations)
    baseline = load_baseline_project(options)
    known = [options.planned] if options.planned is not None else []
    if baseline is not None:
        name = f"the baseline, {options.baseline},"
        known.append(KnownDestinations(name, baseline.state, destinations_of(baseline)))

    for each in known:
        refuse_new(project, each, options.allowed_destinations)


def list_trusted_destinations(
    options: RunOptions, project: Project, state: State, gateways: Gateways
) -> tuple[Destination, ...]:
    """Return the destinations for the next version of the state: those this run has used, and those
    recorded before.
    """
    selection = find_selection(
        options.targets, options.excludes, list_named(project.desired, (state.resources,))
    )
    used = UsedEndpoints(frozenset(gateways), frozenset(gateways.adapters), selection.selects)
    return find_trusted(project, used, state.recorded_destinations)


def open_state_store(options: RunOptions, project: Project) -> Store:
    """Open the store of the state of this project."""
    cipher = state_cipher(options, project)
    return open_store(
        project.state, project.base, project.name, cipher=cipher, environ=options.environ
    )


def state_cipher(options: RunOptions, project: Project) -> Cipher | None:
    """Return the cipher of the state of this project; None when it is not encrypted."""
    if not project.encryption_keys:
        return None

    # cryptography is an optional extra, and takes time to import.
    from reconciler.state.format.cipher import Aes

    return Aes([reveal(key, options.environ, project.base) for key in project.encryption_keys])


class Gateways(dict[str, Gateway]):
    """The gateways of a run by account, each connected at first use."""

    def __init__(self, options: RunOptions, project: Project) -> None:
        super().__init__()
        self._options = options
        self._project = project

    @cached_property
    def adapters(self) -> Adapters:
        """Return the adapters of the project's platforms."""
        # Imported here, because the first call to Twilio should be on its way before.
        from reconciler.remote.platforms.for_project import Adapters

        options = self._options
        return Adapters(
            self._project,
            options.environ,
            stop=options.stop,
            on_call=options.on_call,
            on_wait=options.on_wait,
        )

    def close(self) -> None:
        """Close all connections that were made."""
        for gateway in self.values():
            gateway.close()
        adapters: Mapping[str, Adapter] = vars(self).get("adapters", {})
        for adapter in adapters.values():
            adapter.close()

    def __missing__(self, name: str) -> Gateway:
        # The twilio package takes a tenth of a second to import.
        from reconciler.remote.twilio.gateway import connect

        account = self._project.accounts.get(name)
        if account is None:
            raise ReconcilerError(_unknown_account(name, self._project))
        secret = credentials(account, self._options.environ, self._project.base)
        self[name] = gateway = connect(
            secret,
            concurrency=self._options.concurrency,
            start=FIRST_CALLS if self._options.ramp else None,
            stop=self._options.stop,
            on_call=self._options.on_call,
            seconds_left=self._options.limit.seconds_left,
            on_wait=self._options.on_wait,
        )
        return gateway


@contextmanager
def open_gateways(options: RunOptions, project: Project) -> Iterator[Gateways]:
    """Open the gateways of a run, and close them at its end."""
    gateways = Gateways(options, project)
    try:
        yield gateways
    finally:
        gateways.close()


class Prefetch(msgspec.Struct, frozen=True):
    """Reads that are on their way: numbers by account, messaging services, and the inbound regions
    of some new numbers.
    """

    pages: Mapping[str, Pages]
    services: Future[messaging.ServiceFacts]
    regions: RegionPrefetch = msgspec.field(default_factory=RegionPrefetch)


def prefetch(
    options: RunOptions, project: Project, gateways: Gateways, *, services: bool = True
) -> Prefetch:
    """Begin to read what a plan needs, as far as the configuration alone determines it; nothing
    with `--no-refresh`.
    """
    if not options.refresh:
        return Prefetch({}, messaging.no_services())

    # The state is not loaded yet. An account that only the state refers to is read later, by
    # `observe`.
    outside = find_accounts_outside(options.targets, project.desired, {})
    declared, _ = keep_inside(project.desired, {}, outside)
    pages = prefetch_numbers(declared, gateways)
    if not services:
        return Prefetch(pages, messaging.no_services())
    return Prefetch(pages, messaging.prefetch_services(declared, gateways))


def prefetch_with_regions(
    options: RunOptions, project: Project, state: State, gateways: Gateways, pages: Prefetch
) -> Prefetch:
    """Also prefetch the inbound region of some numbers that will be imported, in accounts without a
    `region`.
    """
    if not options.refresh:
        return pages

    named = list_named(project.desired, (state.resources,))
    selection = find_selection(options.targets, options.excludes, named)
    declared_regions = {name: account.region for name, account in project.accounts.items()}
    questions = prefetch_questions(
        project.desired,
        state.resources,
        declared_regions,
        selection.selects,
        options.max_region_calls,
    )
    regions = prefetch_regions(gateways, questions, options.stop)
    return msgspec.structs.replace(pages, regions=regions)


def _unknown_account(name: str, project: Project) -> Diagnostic:
    """Return the error for an account that only the state names; usually it was renamed."""
    source = ""
    if name == FROM_ENVIRONMENT:
        source = ", the name of the account of the TWILIO_* variables"
    declared = " and ".join([f"`{each}`" for each in project.accounts])

    return Diagnostic(
        code="no_twilio_integration",
        summary="Account in the state is not declared",
        detail=f"State holds resources of account `{name}`{source}. Declared: {declared}. An account cannot be "
        f"renamed: if one of these is the same account, call it `{name}` again:\n"
        f"  accounts: {{{name}: {{sid: AC…, auth_token: {{env: …}}}}}}\n"
        f"Otherwise declare `{name}` as well, until its resources are released.",
    )
