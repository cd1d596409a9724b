"""Read what a plan needs from every account, each in a thread of its own.

Numbers by whole pages, all resources of the other kinds that are declared or remembered, and what
hangs below them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from reconciler.errors import RemoteError
from reconciler.kinds.kind import Kind, Row
from reconciler.kinds.number import NUMBER, NumberRow, Observer
from reconciler.kinds.table import KINDS, NUMBER_KINDS, REGISTRATION, list_watched_child_kinds
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.planning.identity.children import group_recorded_children, is_bound
from reconciler.planning.identity.match import (
    has_unmatched,
    index_by_address,
    index_children,
    names_of,
)
from reconciler.planning.identity.observed import Observed
from reconciler.remote.gateway import Gateway
from reconciler.remote.queries.absent import ResourceQuestion, fetch_absent, fetch_row
from reconciler.remote.queries.literal_routes import collect_literal_sids, find_unknown
from reconciler.remote.queries.reread import find_unlisted_numbers, read_rows_again
from reconciler.remote.queries.rows import check_row, read_rows

Progress = Callable[[str, int], None]
"""Told (account, numbers read so far)."""


Pages = Iterator[list[NumberRow]]

_SIDE_BY_SIDE = 8
"""Children read at once; the account's own limit holds besides."""


def prefetch_numbers(
    desired: Iterable[Desired], gateways: Mapping[str, Gateway]
) -> dict[str, Pages]:
    """Begin to fetch the numbers of all accounts that declare some, while other things are done;
    for `observe`.
    """
    accounts = {want.profile.account for want in desired if want.kind in NUMBER_KINDS}
    return {account: gateways[account].number_pages() for account in sorted(accounts)}


def observe(
    desired: Sequence[Desired],
    resources: Mapping[str, Entry],
    gateways: Mapping[str, Gateway],
    progress: Progress = lambda account, count: None,
    begun: Mapping[str, Pages] | None = None,
) -> Observed:
    """What Twilio has, in every account that is declared or remembered.

    An account that cannot be read is in `unread`. Raises RemoteError when none can be read.
    """
    kinds = _kinds_by_account(desired, resources)
    reader = _Reader(desired, resources, progress, begun or {})
    if len(kinds) == 1:
        alone = {account: reader.read(gateways[account], kinds[account]) for account in kinds}
        return _join_accounts(alone, {}, reader.unknown, desired)

    used = {
        account: gateways[account] for account in kinds
    }  # connected here: a missing secret ends the run
    with ThreadPoolExecutor(max(len(kinds), 1), thread_name_prefix="observe") as pool:
        found = dict(
            zip(
                kinds,
                pool.map(lambda a: _read_or_error(reader, used[a], kinds[a]), kinds),
                strict=True,
            )
        )
    failed = {account: error for account, error in found.items() if isinstance(error, RemoteError)}
    read = {account: part for account, part in found.items() if not isinstance(part, RemoteError)}
    if failed and not read:
        raise next(iter(failed.values()))
    return _join_accounts(read, failed, reader.unknown, desired)


def _read_or_error(
    reader: _Reader, gateway: Gateway, kinds: set[str]
) -> _AccountResources | RemoteError:
    """Read one account; the end of the run is no matter of the account, and is raised."""
    try:
        return reader.read(gateway, kinds)
    except RemoteError as error:
        if error.code in ("timed_out", "interrupted"):
            raise
        return error


def _join_accounts(
    read: Mapping[str, _AccountResources],
    failed: Mapping[str, RemoteError],
    unknown: Iterable[tuple[str, str]],
    desired: Iterable[Desired],
) -> Observed:
    """Join what the accounts have."""
    numbers = {account: part.numbers for account, part in read.items()}
    complete = frozenset(pair for part in read.values() for pair in part.complete)
    others = _join_resources([part.others for part in read.values()], desired)
    unread = {account: error.diagnostics[0] for account, error in failed.items()}
    return Observed(numbers, others, complete=complete, unknown=frozenset(unknown), unread=unread)


class _AccountResources(NamedTuple):
    """What one account has: numbers by E.164, other resources by address, and whose children were
    all read.
    """

    numbers: dict[str, Live]
    others: dict[str, Live]
    complete: frozenset[tuple[str, str]]


def _join_resources(
    parts: Sequence[Mapping[str, Live]], desired: Iterable[Desired]
) -> dict[str, Live]:
    """What all accounts have by address; of two that are called alike, the one where it is
    declared.
    """
    others = {address: live for part in parts for address, live in part.items()}
    if len(others) < sum(map(len, parts)):
        home = {
            want.address: want.profile.account for want in desired if want.kind not in NUMBER_KINDS
        }
        at_home = (
            pair for part in parts for pair in part.items() if home.get(pair[0]) == pair[1].account
        )
        others.update(at_home)
    return others


def _kinds_by_account(
    desired: Iterable[Desired], resources: Mapping[str, Entry]
) -> dict[str, set[str]]:
    """The kinds to read in each account: those declared or remembered, and what these hang below or
    refer to.
    """
    pairs = {(want.profile.account, want.kind) for want in desired}
    pairs |= {(entry.account, entry.kind) for entry in resources.values()}
    if any(kind in _USERS for _, kind in pairs):
        pairs |= {
            (account, user)
            for account, kind in _undeclared_used_kinds(desired, resources)
            for user in _USERS[kind]
        }
    kinds: dict[str, set[str]] = {}
    for account, kind in sorted(pair for pair in pairs if pair[1] != REGISTRATION):
        below = [child.name for child in list_watched_child_kinds(kind)]
        needed = (kind, KINDS[kind].parent, KINDS[kind].refers, *below)
        kinds.setdefault(account, set()).update(name for name in needed if name is not None)
    return kinds


_USERS = {
    used: [kind.name for kind in KINDS.values() if kind.refers == used]
    for used in {kind.refers for kind in KINDS.values() if kind.refers is not None}
}
"""Kinds that others name → the kinds that name them."""


def _undeclared_used_kinds(
    desired: Iterable[Desired], resources: Mapping[str, Entry]
) -> set[tuple[str, str]]:
    """(account, kind) of what others may use, is remembered and no longer declared: who else uses
    it must be known.
    """
    remembered = [(address, entry) for address, entry in resources.items() if entry.kind in _USERS]
    declared = {want.address for want in desired if want.kind in _USERS} if remembered else set()
    return {(entry.account, entry.kind) for address, entry in remembered if address not in declared}


def _find_unbound_children(
    desired: Iterable[Desired], resources: Mapping[str, Entry]
) -> set[tuple[str, str]]:
    """(kind, parent) of the declared children whose SID is not in state: a plan makes those that it
    does not find.
    """
    found: set[tuple[str, str]] = set()
    for want in desired:
        entry = resources.get(want.address)
        if want.parent is not None and (entry is None or not is_bound(entry)):
            found.add((want.kind, want.parent))
    return found


def _index_recorded_numbers(resources: Mapping[str, Entry]) -> dict[str, list[tuple[str, str]]]:
    """(SID, E.164) of the numbers in state, by account."""
    recorded: dict[str, list[tuple[str, str]]] = {}
    for entry in resources.values():
        if entry.kind in NUMBER_KINDS and entry.sid:
            recorded.setdefault(entry.account, []).append((entry.sid, entry.key))
    return recorded


def _find_sought_numbers(
    desired: Iterable[Desired], resources: Mapping[str, Entry]
) -> dict[str, tuple[list[str], list[str]]]:
    """The numbers that are declared by SID, and those that may be bought, by account."""
    sought: dict[str, tuple[list[str], list[str]]] = {}
    for want in desired:
        if want.kind not in NUMBER_KINDS:
            continue
        if want.key.startswith("PN"):
            sought.setdefault(want.profile.account, ([], []))[0].append(want.key)
        elif want.profile.purchase is not None and want.address not in resources:
            sought.setdefault(want.profile.account, ([], []))[1].append(want.key)
    return sought


class _Reader:
    def __init__(
        self,
        desired: Sequence[Desired],
        resources: Mapping[str, Entry],
        progress: Progress,
        begun: Mapping[str, Pages],
    ) -> None:
        self._begun = begun
        self._small = [want for want in desired if want.kind not in NUMBER_KINDS]
        self._needed = {(want.profile.account, want.kind) for want in self._small}
        self._needed |= {(entry.account, entry.kind) for entry in resources.values()}
        self._declared = frozenset(want.address for want in self._small)
        self._unbound = _find_unbound_children(self._small, resources)
        self._leaving = _undeclared_used_kinds(self._small, resources)
        self._resources = {a: e for a, e in resources.items() if e.kind not in NUMBER_KINDS}
        self._recorded = _index_recorded_numbers(resources)
        self._every_recorded = resources
        self._declared_numbers = [want for want in desired if want.kind in NUMBER_KINDS]
        self._named = collect_literal_sids(desired, resources)
        self.unknown: set[tuple[str, str]] = set()
        self._sought = _find_sought_numbers(desired, resources)
        self._progress = progress

    def read(self, gateway: Gateway, kinds: set[str]) -> _AccountResources:
        """Read one account."""
        names: dict[str, str] = {}
        others: dict[str, Live] = {}
        rows: dict[str, dict[str, Row]] = {}
        every: dict[str, Mapping[str, Row]] = {}
        for kind in (
            KINDS[name] for name in sorted(kinds - NUMBER_KINDS) if KINDS[name].parent is None
        ):
            found = {str(row["sid"]): row for row in read_rows(gateway, kind)}
            found |= self._not_listed(gateway, kind, found)
            live = [kind.observe(row, gateway.account, {}) for row in found.values()]
            called = names_of(kind.name, gateway.account, self._small, self._resources, live)
            if self._may_be_left_out(gateway, kind, called):
                found = {
                    str(row["sid"]): row for row in read_rows_again(gateway, kind, found.values())
                }
                live = [kind.observe(row, gateway.account, {}) for row in found.values()]
                called = names_of(kind.name, gateway.account, self._small, self._resources, live)
            others.update(index_by_address(kind.name, live, called))
            every[kind.name] = found
            rows[kind.name] = {sid: row for sid, row in found.items() if sid in called}
            names.update(called)
        children, complete = self._children(gateway, kinds, names, rows, every)
        others.update(children)
        unknown = find_unknown(gateway, self._named.get(gateway.account, ()), every)
        self.unknown |= {(gateway.account, sid) for sid in unknown}
        used = any(address.startswith(("trunk/", "application/")) for address in others)
        numbers = self._numbers(gateway, names) if kinds & NUMBER_KINDS or used else {}
        return _AccountResources(numbers, others, complete)

    def _children(
        self,
        gateway: Gateway,
        kinds: set[str],
        names: Mapping[str, str],
        parents: Mapping[str, Mapping[str, Row]],
        every: Mapping[str, Mapping[str, Row]],
    ) -> tuple[dict[str, Live], frozenset[tuple[str, str]]]:
        """What hangs below the resources that have a name here, read side by side: one call for
        each.

        The second value holds the pairs of a parent and a kind of child whose children were all
        read.

        Who uses a list that is about to go is asked of every trunk, also of those that are nobody's
        here.
        """
        children = [
            kind for kind in map(KINDS.__getitem__, sorted(kinds)) if kind.parent is not None
        ]
        going = {kind for account, kind in self._leaving if account == gateway.account}
        wanted = [
            (kind, sid, row)
            for kind in children
            for sid, row in (every if kind.refers in going else parents)[kind.parent or ""].items()
        ]
        if not wanted:
            return {}, frozenset()
        with ThreadPoolExecutor(_SIDE_BY_SIDE, thread_name_prefix="children") as pool:
            answers = list(
                pool.map(
                    lambda below: self._child_rows(gateway, below[0], below[1], below[2], names),
                    wanted,
                )
            )
        found = [rows if rows is not None else [] for rows in answers]
        self._add_children_not_listed(gateway, wanted, found, names)
        live: dict[str, list[Live]] = {}
        for (kind, sid, _), rows in zip(wanted, found, strict=True):
            below = (
                kind.observe({**row, "parent_sid": sid}, gateway.account, names) for row in rows
            )
            live.setdefault(kind.name, []).extend(below)
        found_at: dict[str, Live] = {}
        for name, rows_of_kind in live.items():
            found_at |= index_children(
                name, rows_of_kind, self._resources, frozenset(names.values()), self._declared
            )
        read = zip(wanted, answers, strict=True)
        complete = {
            (f"{kind.parent}/{names[sid]}", kind.name)
            for (kind, sid, _), rows in read
            if rows is not None and sid in names
        }
        return found_at, frozenset(complete)

    def _may_be_left_out(self, gateway: Gateway, kind: Kind, called: Mapping[str, str]) -> bool:
        """Whether the listing may lack a resource that a plan would make: it has pages, and
        something is not found.
        """
        if not gateway.took_pages(kind.listing):
            return False
        return has_unmatched(kind.name, gateway.account, self._small, self._resources, called)

    def _child_rows(
        self, gateway: Gateway, kind: Kind, sid: str, parent: Row, names: Mapping[str, str]
    ) -> list[Row] | None:
        """The rows of a kind below one parent; None where a server lacks this listing, and nothing
        here needs it.
        """
        try:
            rows = read_child_rows(gateway, kind, sid, parent)
            if kind.singleton or not gateway.took_pages(kind.listing, parent_sid=sid):
                return rows
            address = f"{kind.parent}/{names.get(sid, sid)}"
            return (
                read_rows_again(gateway, kind, rows, sid)
                if (kind.name, address) in self._unbound
                else rows
            )
        except RemoteError as error:
            if error.status == 404 and (gateway.account, kind.name) not in self._needed:
                return None  # a server that stands in for Twilio may not have the listing
            raise

    def _numbers(self, gateway: Gateway, names: Mapping[str, str]) -> dict[str, Live]:
        observer = Observer(names)
        account = gateway.account
        numbers: dict[str, Live] = {}
        pages = 0
        for page in self._begun.get(account) or gateway.number_pages():
            for row in page:
                numbers[row.phone_number] = observer.live(row, account)
            pages += 1
            self._progress(account, len(numbers))
        numbers.update(self._numbers_not_listed(gateway, names, numbers))

        # Only a listing of several pages can have left out a number, and only a declared one is
        # missed.
        missing = self._never_seen(account, numbers) if pages > 1 else []
        for row in find_unlisted_numbers(gateway, missing):
            numbers[row.phone_number] = observer.live(row, account)
        return numbers

    def _never_seen(self, account: str, numbers: Mapping[str, Live]) -> list[str]:
        """The declared numbers of an account that are not recorded, not to be bought, and not among
        `numbers`.
        """
        return [
            want.key
            for want in self._declared_numbers
            if want.key not in numbers
            and want.profile.account == account
            and want.profile.purchase is None
            and not want.key.startswith("PN")
            and want.address not in self._every_recorded
        ]

    def _not_listed(self, gateway: Gateway, kind: Kind, found: Mapping[str, Row]) -> dict[str, Row]:
        """The recorded resources of a kind that are there although the listing lacks them, by SID."""
        entries = (
            e
            for e in self._resources.values()
            if e.kind == kind.name and e.account == gateway.account
        )
        absent = [
            ResourceQuestion(kind, entry.sid)
            for entry in entries
            if entry.sid and entry.sid not in found
        ]
        return {asked.sid: row for asked, row in fetch_absent(gateway, absent)}

    def _add_children_not_listed(
        self,
        gateway: Gateway,
        wanted: Sequence[tuple[Kind, str, Row]],
        found: Sequence[list[Row]],
        names: Mapping[str, str],
    ) -> None:
        """Add to the rows below each parent the recorded ones that are there although the listing
        lacks them.
        """
        recorded: dict[tuple[str, str], list[str]] = {}
        for entry in self._resources.values():
            if entry.parent is not None and is_bound(entry) and entry.account == gateway.account:
                recorded.setdefault((entry.kind, entry.parent), []).append(entry.sid)
        for (kind_name, above), sids in group_recorded_children(
            self._resources, gateway.account
        ).items():
            recorded.setdefault((kind_name, above), []).extend(sids)

        absent: list[ResourceQuestion] = []
        place: dict[tuple[str, str], list[Row]] = {}
        for (kind, sid, _), rows in zip(wanted, found, strict=True):
            if kind.singleton:
                continue
            place[kind.name, sid] = rows
            listed = {row["sid"] for row in rows}
            known = recorded.get((kind.name, f"{kind.parent}/{names.get(sid, sid)}"), ())
            absent += [ResourceQuestion(kind, each, sid) for each in known if each not in listed]

        for asked, row in fetch_absent(gateway, absent):
            place[asked.kind.name, asked.parent].append(row)

    def _numbers_not_listed(
        self, gateway: Gateway, names: Mapping[str, str], numbers: Mapping[str, Live]
    ) -> dict[str, Live]:
        """The numbers that are recorded, or declared by SID or to be bought, and that only the
        listing lacks.
        """
        absent: list[str] = []
        for sid, number in self._recorded.get(gateway.account, ()):
            live = numbers.get(number)
            if live is None or live.sid != sid:
                absent.append(sid)
        sids, to_buy = self._sought.get(gateway.account, ((), ()))
        if not (absent or sids or to_buy):
            return {}

        there = {live.sid for live in numbers.values()}
        asked = [ResourceQuestion(NUMBER, sid) for sid in (*absent, *sids) if sid not in there]
        found = [
            NUMBER.observe(row, gateway.account, names) for _, row in fetch_absent(gateway, asked)
        ]

        # A number that is to be bought has no SID yet, but Twilio finds it by its E.164.
        observer = Observer(names)
        for number in to_buy:
            if number not in numbers:
                found += [
                    observer.live(row, gateway.account) for row in gateway.find_numbers(number)
                ]
        return {live.key: live for live in found}


def read_child_rows(gateway: Gateway, kind: Kind, sid: str, parent: Row) -> list[Row]:
    """The rows of a kind below one parent; what there is exactly one of may stand in the parent's
    own row.
    """
    if not kind.singleton:
        return read_rows(gateway, kind, parent_sid=sid)
    shown = parent.get(kind.name)
    row = shown if isinstance(shown, dict) else gateway.call(kind.fetch, parent_sid=sid)
    check_row(gateway.account, kind, row)
    return [row]


def fetch_number(gateway: Gateway, sid: str) -> Live | None:
    """One number by its SID; None when Twilio does not have it. Raises RemoteError for any other
    answer.
    """
    row = fetch_row(gateway, ResourceQuestion(NUMBER, sid))
    return None if row is None else NUMBER.observe(row, gateway.account, {})
