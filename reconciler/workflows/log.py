"""Return what happened to the resources of a project: the events of Twilio, and our own writes as the
kept versions of the state show them; write nothing.

1. Find the resource, if one is named.
2. Compare each kept version of the state with the one before it.
3. Read the event log of each account.
4. Merge both, oldest first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec

from reconciler.config.project import Project
from reconciler.config.secrets.references import credentials
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.address import Address
from reconciler.model.entry import Entry
from reconciler.planning.decide.drift import EventLog
from reconciler.planning.log.entries import LogEntry, OwnWrite
from reconciler.planning.log.merge import merge_log
from reconciler.planning.log.own_writes import (
    VersionStep,
    find_older_heals,
    find_own_writes,
)
from reconciler.remote.queries.attribution import RETENTION
from reconciler.remote.queries.event_log import MOST_EVENTS, EventHistory, Known, read_event_log
from reconciler.state.format.document import State
from reconciler.state.records import Saved
from reconciler.state.recovery import missing_state
from reconciler.state.stores.store import Store
from reconciler.workflows.recorded import find_entry
from reconciler.workflows.session import (
    Gateways,
    RunOptions,
    check_destinations,
    open_gateways,
    open_state_store,
)
from reconciler.workflows.validate import validate

Resources = dict[str, Entry]
_FIRST_SERIAL = 1
_EDITS_STATE = "state "
"""Commands that begin so edit the state, and write nothing to Twilio."""


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """The entries, oldest first, and what they may lack: `events` is whether Twilio's log could be
    read, `own_since` the time from which our own writes are known (None: all of them).
    """

    entries: list[LogEntry]
    events: EventLog
    own_since: str | None
    unread_accounts: list[str]
    diagnostics: list[Diagnostic]


class _History(msgspec.Struct, frozen=True):
    """Our own writes, every entry that the versions have, and since when they are complete."""

    writes: list[OwnWrite]
    addresses: dict[str, str]
    names: dict[str, str]
    complete_since: str | None


def log(options: RunOptions, what: str | None, seconds: float) -> Log:
    """Return the changes of the last `seconds`, of one resource if it is named. Raises
    ConfigInvalid, StateError, ReconcilerError for a resource that is not known.
    """
    project = validate(options)
    check_destinations(options, project)
    now = options.clock()
    since = now - timedelta(seconds=seconds)
    since_text = f"{since:%Y-%m-%dT%H:%M:%SZ}"

    store = open_state_store(options, project)
    state = missing_state.load_for_reading(store, project)
    history = _read_history(store, state, since_text, options.now())
    with open_gateways(options, project) as gateways:
        address, sids = _find_resource(what, project, state, history, gateways)
        accounts = sorted(project.accounts)
        known = Known(history.addresses, history.names, _own_credentials(options, project))
        events = read_event_log(gateways.__getitem__, accounts, known, since, sids)

    entries = merge_log(history.writes, events.events, state.resources, since_text)
    if address is not None:
        entries = [entry for entry in entries if _concerns(entry, address)]
    cut = history.complete_since
    own_since = cut if cut is not None and cut > since_text else None
    return Log(
        entries=entries,
        events=events.status,
        own_since=own_since,
        unread_accounts=list(events.unread),
        diagnostics=[
            *project.warnings,
            *events.problems,
            *_incomplete(events, own_since, since_text, now),
        ],
    )


# --- our own writes


def _read_history(store: Store, state: State, since: str, now: str) -> _History:
    """Compare the kept versions pair by pair, from the newest to the first before `since`.

    Two versions at a time are in memory.
    """
    writes: list[OwnWrite] = []
    addresses = _addresses_by_sid(state.resources)
    names = _names_by_sid(state.resources)
    newer, saved_at, by, edits = state.resources, now, None, False
    versions = [each for each in store.history() if each.serial <= state.serial]

    # A journal is newer than the present version: what an interrupted run has done so far.
    if not state.journal_records and versions:
        first = versions.pop(0)
        saved_at, by, edits = _origin(first.saved, now)
        if first.serial == _FIRST_SERIAL:
            step = VersionStep({}, newer, "", saved_at, by, edits)
            return _History(find_own_writes(step), addresses, names, None)

    for version in versions:
        older = store.version(version.serial)
        if older is None or older.lineage != state.lineage:
            break
        older_at, older_by, older_edits = _origin(version.saved, saved_at)
        step = VersionStep(older.resources, newer, older_at, saved_at, by, edits)
        writes = find_own_writes(step) + writes
        addresses = {**_addresses_by_sid(older.resources), **addresses}
        names = {**_names_by_sid(older.resources), **names}

        newer, saved_at, by, edits = older.resources, older_at, older_by, older_edits
        if older_at < since:
            return _History(writes, addresses, names, None)
        if version.serial == _FIRST_SERIAL:
            step = VersionStep({}, newer, "", saved_at, by, edits)
            return _History(find_own_writes(step) + writes, addresses, names, None)

    if not newer:
        return _History(writes, addresses, names, None)
    return _History(find_older_heals(newer, saved_at) + writes, addresses, names, saved_at)


def _origin(saved: Saved | None, otherwise: str) -> tuple[str, str | None, bool]:
    """Return when a version was written, by whom, and whether its command edited the state."""
    if saved is None:
        return otherwise, None, False
    by = f"{saved.who} with `{saved.command}`"
    return saved.at, by, saved.command.startswith(_EDITS_STATE)


def _addresses_by_sid(resources: Mapping[str, Entry]) -> dict[str, str]:
    return {entry.sid: address for address, entry in resources.items() if entry.sid}


def _names_by_sid(resources: Mapping[str, Entry]) -> dict[str, str]:
    """Return the names of trunks and applications, as routes have them."""
    names: dict[str, str] = {}
    for address, entry in resources.items():
        if entry.sid and entry.kind in ("trunk", "application"):
            names[entry.sid] = Address.parse(address).name
    return names


# --- the resource that is named


def _find_resource(
    what: str | None, project: Project, state: State, history: _History, gateways: Gateways
) -> tuple[str | None, list[str] | None]:
    """Return the address and the SIDs of a resource; None for both when none is named.

    A number may be given by its E.164 or SID, and need not be managed.
    """
    if what is None:
        return None, None
    sids = [sid for sid, address in history.addresses.items() if what in (sid, address)]
    if not sids and what.startswith("+"):
        sids = [sid for sid, each in history.addresses.items() if Address.parse(each).name == what]
    if sids:
        return history.addresses[sids[0]], sids

    kind, name = Address.parse(what)
    number = name if kind in NUMBER_KINDS else what
    if number.startswith("PN"):
        return str(Address.of("number", number)), [number]
    if number.startswith("+"):
        found = list(_find_on_twilio(number, project, gateways))
        if found:
            history.addresses.update(dict.fromkeys(found, str(Address.of("number", number))))
            return str(Address.of("number", number)), found
    find_entry(state.resources, what)  # raises, with the addresses that are near
    return what, []


def _find_on_twilio(number: str, project: Project, gateways: Gateways) -> Iterator[str]:
    """Yield the SIDs that a number has. Raises ReconcilerError when it is in no account that can be
    read, and some cannot.
    """
    problem: ReconcilerError | None = None
    count = 0
    for account in sorted(project.accounts):
        try:
            for row in gateways[account].find_numbers(number):
                count += 1
                yield row.sid
        except ReconcilerError as error:
            problem = problem or error
    if problem is not None and not count:
        raise problem


def _concerns(entry: LogEntry, address: str) -> bool:
    """Return whether an entry is about this resource, the registration of a number, or a part of a
    trunk.
    """
    found, wanted = Address.parse(entry.address), Address.parse(address)
    if found == wanted:
        return True
    if wanted.kind == "trunk":
        return found.name.startswith(f"{wanted.name}/")
    is_number = wanted.kind in NUMBER_KINDS
    return is_number and found.name.rpartition("/")[2] == wanted.name


def _own_credentials(options: RunOptions, project: Project) -> dict[str, frozenset[str]]:
    """Return the SIDs that Twilio may name as the actor of our calls, by account."""
    found: dict[str, frozenset[str]] = {}
    for name, account in project.accounts.items():
        sids = {account.sid, account.parent}
        # A missing secret is reported when the event log is read.
        with suppress(ReconcilerError):
            sids.add(credentials(account, options.environ, project.base).username)
        found[name] = frozenset([sid for sid in sids if sid])
    return found


# --- what may be missing


def _incomplete(
    events: EventHistory, own_since: str | None, since: str, now: datetime
) -> Iterator[Diagnostic]:
    """Yield a warning if the log does not reach back to `since`."""
    reasons: list[str] = []

    # Our own entries: the state keeps its last versions only.
    if own_since is not None:
        reasons.append(
            f"The state keeps its last versions only: writes of this project before {own_since} are "
            "listed as Twilio's events, if at all, with the credentials as their actor."
        )

    # Twilio's events: kept for a time, and read up to a number.
    kept = f"{now - RETENTION:%Y-%m-%dT%H:%M:%SZ}"
    if kept > since:
        reasons.append("Twilio keeps events for 30 days, longer in some editions.")
    for account in events.cut:
        reasons.append(
            f"Account `{account}` has more than {MOST_EVENTS:,} events: older ones are missing. Name "
            "an address, or a shorter --since."
        )

    if reasons:
        yield Diagnostic(
            severity="warning",
            code="log_incomplete",
            summary="The log may lack older changes",
            detail=" ".join(reasons),
        )
