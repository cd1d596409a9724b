"""Read the numbers, resources and children that a plan needs from one account, look up what a
listing may lack, and collect declared SIDs that do not exist there.

Numbers by whole pages, all resources of the needed kinds, and their children.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from reconciler.errors import RemoteError
from reconciler.kinds.kind import Kind, Row
from reconciler.kinds.messaging_service import MESSAGING_SERVICE
from reconciler.kinds.number import NUMBER, Observer
from reconciler.kinds.number_row import NumberRow
from reconciler.kinds.table import KINDS
from reconciler.model.address import NUMBER_KINDS, Address
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.planning.identity.children import group_recorded_children, is_bound
from reconciler.planning.identity.match import (
    find_names,
    has_unmatched,
    index_by_address,
    index_children,
)
from reconciler.planning.identity.observed import Service
from reconciler.remote.gateway import Gateway
from reconciler.remote.parallel import map_each
from reconciler.remote.queries.absent import ResourceQuestion, fetch_absent
from reconciler.remote.queries.literal_routes import collect_literal_sids, find_unknown
from reconciler.remote.queries.messaging_services import (
    add_memberships,
    read_members,
    to_service,
    with_other_senders,
)
from reconciler.remote.queries.needs import (
    find_managed_fields,
    find_managed_members,
    find_sought_numbers,
    find_unbound_children,
    find_undeclared_used_kinds,
    index_recorded_numbers,
)
from reconciler.remote.queries.reread import find_unlisted_numbers, read_rows_again
from reconciler.remote.queries.rows import read_child_rows, read_rows

Progress = Callable[[str, int], None]
"""Notified with (account, numbers read so far)."""
Pages = Iterator[list[NumberRow]]
ChildListing = tuple[Kind, str, Row]
"""A kind of child, and SID and row of the parent whose children are read."""

_ROUTE_KINDS = frozenset({"trunk", "application", MESSAGING_SERVICE.name})
"""Kinds that numbers may be attached to."""

_AT_ONCE = 8
"""Listings of children that are read at once; the limit of the account applies as well."""


class AccountResources(NamedTuple):
    """The resources of one account: numbers by E.164, other resources by address.

    `complete` holds (parent, kind) of all parents whose children were all read. `services` are the
    messaging services by SID, and `members` the service of each number that is in one, where services
    are managed.
    """

    numbers: dict[str, Live]
    resources: dict[str, Live]
    complete: frozenset[tuple[str, str]]
    services: Mapping[str, Service]
    members: Mapping[str, Service]


class _TopLevel(NamedTuple):
    """The resources without a parent: named and all rows by kind and SID, and names by SID."""

    live: dict[str, Live]
    named: dict[str, dict[str, Row]]
    every: dict[str, Mapping[str, Row]]
    names: dict[str, str]


class AccountReader:
    """Reader of accounts; `read` may be called for several accounts at the same time.

    `unknown` holds (account, SID) of the trunks and applications that the configuration names by
    SID and that the account does not have.
    """

    def __init__(
        self,
        desired: Sequence[Desired],
        recorded: Mapping[str, Entry],
        progress: Progress,
        prefetched: Mapping[str, Pages],
    ) -> None:
        self._progress = progress
        self._prefetched = prefetched
        self.unknown: set[tuple[str, str]] = set()

        # Resources other than numbers: few, so they may be searched once for each kind.
        self._desired = [item for item in desired if item.kind not in NUMBER_KINDS]
        self._declared = {item.address: item for item in self._desired}
        self._recorded = {a: e for a, e in recorded.items() if e.kind not in NUMBER_KINDS}
        self._needed = {(item.profile.account, item.kind) for item in self._desired}
        self._needed |= {(entry.account, entry.kind) for entry in recorded.values()}
        self._unbound = find_unbound_children(self._desired, recorded)
        self._undeclared_used = find_undeclared_used_kinds(self._desired, recorded)
        self._literal_sids = collect_literal_sids(desired, recorded)

        self._desired_numbers = [item for item in desired if item.kind in NUMBER_KINDS]
        self._all_recorded = recorded
        self._with_fields = find_managed_fields(desired, recorded)
        self._recorded_numbers = index_recorded_numbers(recorded)
        self._sought_numbers = find_sought_numbers(desired, recorded)
        self._managed_members = find_managed_members(desired, recorded)

    def read(self, gateway: Gateway, kinds: set[str]) -> AccountResources:
        """Read one account. Raises RemoteError.

        1. Resources without a parent, then the children of those that have a name here.
        2. Trunks and applications that the configuration names by SID.
        3. Numbers, if they are needed or if something may be attached to them.
        4. The numbers of each messaging service, if services are managed.
        """
        top = self._read_top_level(gateway, kinds)
        children, complete = self._read_children(gateway, kinds, top)
        resources = {**top.live, **children}

        literal = self._literal_sids.get(gateway.account, ())
        unknown = find_unknown(gateway, literal, top.every)
        self.unknown |= {(gateway.account, sid) for sid in unknown}

        has_routes = any(Address.parse(address).kind in _ROUTE_KINDS for address in resources)
        numbers: dict[str, Live] = {}
        if kinds & NUMBER_KINDS or has_routes:
            numbers = self._read_numbers(gateway, top.names)

        services = self._read_services(gateway, top)
        managed = self._managed_members.get(gateway.account, ())
        members = read_members(gateway, list(services.values()))
        numbers.update(add_memberships(numbers, members, top.names, managed))
        return AccountResources(numbers, resources, complete, services, members)

    def _read_top_level(self, gateway: Gateway, kinds: set[str]) -> _TopLevel:
        """Read all resources of these kinds that have no parent."""
        top = _TopLevel({}, {}, {}, {})
        for kind_name in sorted(kinds - NUMBER_KINDS):
            kind = KINDS[kind_name]
            if kind.parent is not None:
                continue

            rows = {str(row["sid"]): row for row in read_rows(gateway, kind)}
            rows |= self._fetch_unlisted(gateway, kind, rows)
            live, names = self._name_rows(gateway, kind, rows)

            if self._may_lack_rows(gateway, kind, names):
                again = read_rows_again(gateway, kind, rows.values())
                rows = {str(row["sid"]): row for row in again}
                live, names = self._name_rows(gateway, kind, rows)

            top.live.update(index_by_address(kind.name, live, names))
            top.every[kind.name] = rows
            top.named[kind.name] = {sid: row for sid, row in rows.items() if sid in names}
            top.names.update(names)
        return top

    def _read_services(self, gateway: Gateway, top: _TopLevel) -> dict[str, Service]:
        """Return the messaging services of the account by SID, where services are managed."""
        services: dict[str, Service] = {}
        for sid, row in top.every.get(MESSAGING_SERVICE.name, {}).items():
            service = to_service(row)
            address = f"{MESSAGING_SERVICE.name}/{top.names.get(sid, sid)}"

            # Before it may be deleted, all its senders must be known.
            if address in self._recorded and address not in self._declared:
                service = with_other_senders(gateway, service, row)
            services[sid] = service
        return services

    def _name_rows(
        self, gateway: Gateway, kind: Kind, rows: Mapping[str, Row]
    ) -> tuple[list[Live], Mapping[str, str]]:
        """Return the live resources of a kind, and the names of those that have one, by SID."""
        live = [kind.observe(row, gateway.account, {}) for row in rows.values()]
        names = find_names(kind.name, gateway.account, self._desired, self._recorded, live)
        return live, names

    def _may_lack_rows(self, gateway: Gateway, kind: Kind, names: Mapping[str, str]) -> bool:
        """Return whether the listing may lack a resource that a plan would create.

        It has several pages, and something is not found in it.
        """
        if not gateway.took_pages(kind.listing):
            return False
        return has_unmatched(kind.name, gateway.account, self._desired, self._recorded, names)

    def _fetch_unlisted(
        self, gateway: Gateway, kind: Kind, rows: Mapping[str, Row]
    ) -> dict[str, Row]:
        """Return the recorded resources of a kind that exist although the listing lacks them."""
        absent: list[ResourceQuestion] = []
        for entry in self._recorded.values():
            if entry.kind != kind.name or entry.account != gateway.account:
                continue
            if entry.sid and entry.sid not in rows:
                absent.append(ResourceQuestion(kind, entry.sid))
        return {question.sid: row for question, row in fetch_absent(gateway, absent)}

    def _read_children(
        self, gateway: Gateway, kinds: set[str], top: _TopLevel
    ) -> tuple[dict[str, Live], frozenset[tuple[str, str]]]:
        """Return the children of the resources that have a name here, and which were all read.

        One call for each parent and kind, several at once.
        """
        listings = self._child_listings(gateway, kinds, top)
        if not listings:
            return {}, frozenset()

        def read(listing: ChildListing) -> list[Row] | None:
            return self._read_child_rows(gateway, listing, top.names)

        answers = map_each(read, listings, workers=_AT_ONCE, name="children")
        rows_of_each = [rows if rows is not None else [] for rows in answers]
        self._add_unlisted_children(gateway, listings, rows_of_each, top.names)

        live: dict[str, list[Live]] = {}
        for (kind, sid, _), rows in zip(listings, rows_of_each, strict=True):
            of_kind = live.setdefault(kind.name, [])
            for row in rows:
                of_kind.append(kind.observe({**row, "parent_sid": sid}, gateway.account, top.names))

        children: dict[str, Live] = {}
        parents = frozenset(top.names.values())
        for name, of_kind in live.items():
            children |= index_children(name, of_kind, self._recorded, parents, self._declared)

        complete: set[tuple[str, str]] = set()
        for (kind, sid, _), answer in zip(listings, answers, strict=True):
            if answer is not None and sid in top.names:
                complete.add((f"{kind.parent}/{top.names[sid]}", kind.name))
        return children, frozenset(complete)

    def _child_listings(
        self, gateway: Gateway, kinds: set[str], top: _TopLevel
    ) -> list[ChildListing]:
        """Return the listings of children to read.

        Before a list is deleted, every trunk is asked whether it uses the list, also those without
        a name here.
        """
        undeclared = {k for account, k in self._undeclared_used if account == gateway.account}
        listings: list[ChildListing] = []

        for name in sorted(kinds):
            kind = KINDS[name]
            if kind.parent is None:
                continue
            parents = (top.every if kind.refers in undeclared else top.named)[kind.parent]
            listings += [(kind, sid, row) for sid, row in parents.items()]
        return listings

    def _read_child_rows(
        self, gateway: Gateway, listing: ChildListing, names: Mapping[str, str]
    ) -> list[Row] | None:
        """Return the rows of a kind below one parent.

        None if a server lacks this listing and nothing here needs it.
        """
        kind, sid, parent = listing
        try:
            rows = read_child_rows(gateway, kind, sid, parent)
            if kind.singleton or not gateway.took_pages(kind.listing, parent_sid=sid):
                return rows

            address = f"{kind.parent}/{names.get(sid, sid)}"
            if (kind.name, address) in self._unbound:
                return read_rows_again(gateway, kind, rows, sid)
            return rows
        except RemoteError as error:
            # A server that stands in for Twilio may not have the listing.
            if error.status == 404 and (gateway.account, kind.name) not in self._needed:
                return None
            raise

    def _add_unlisted_children(
        self,
        gateway: Gateway,
        listings: Sequence[ChildListing],
        rows_of_each: Sequence[list[Row]],
        names: Mapping[str, str],
    ) -> None:
        """Add to the rows of each parent the recorded ones that only the listing lacks."""
        recorded: dict[tuple[str, str], list[str]] = {}
        for entry in self._recorded.values():
            if entry.parent is not None and is_bound(entry) and entry.account == gateway.account:
                recorded.setdefault((entry.kind, entry.parent), []).append(entry.sid)
        for place, sids in group_recorded_children(self._recorded, gateway.account).items():
            recorded.setdefault(place, []).extend(sids)

        absent: list[ResourceQuestion] = []
        rows_at: dict[tuple[str, str], list[Row]] = {}
        for (kind, sid, _), rows in zip(listings, rows_of_each, strict=True):
            if kind.singleton:
                continue
            rows_at[kind.name, sid] = rows
            listed = {row["sid"] for row in rows}
            known = recorded.get((kind.name, f"{kind.parent}/{names.get(sid, sid)}"), ())
            absent += [ResourceQuestion(kind, each, sid) for each in known if each not in listed]

        for question, row in fetch_absent(gateway, absent):
            rows_at[question.kind.name, question.parent].append(row)

    def _read_numbers(self, gateway: Gateway, names: Mapping[str, str]) -> dict[str, Live]:
        """Return all numbers of the account by E.164."""
        observer = Observer(names, with_fields=self._with_fields)
        account = gateway.account
        numbers: dict[str, Live] = {}
        pages = 0
        for page in self._prefetched.get(account) or gateway.number_pages():
            for row in page:  # hot path: once for each number of the account
                numbers[row.phone_number] = observer.live(row, account)
            pages += 1
            self._progress(account, len(numbers))
        numbers.update(self._fetch_unlisted_numbers(gateway, names, numbers))

        # Only a listing of several pages can lack a number, and only a declared one matters.
        missing = self._find_missing_numbers(account, numbers) if pages > 1 else []
        for row in find_unlisted_numbers(gateway, missing):
            numbers[row.phone_number] = observer.live(row, account)
        return numbers

    def _find_missing_numbers(self, account: str, numbers: Mapping[str, Live]) -> list[str]:
        """Return the declared numbers of an account that should exist and are not in `numbers`.

        Those that are recorded, declared by SID or to be bought have been looked up already.
        """
        missing: list[str] = []
        for item in self._desired_numbers:
            if item.key in numbers or item.profile.account != account:
                continue
            if item.profile.purchase is not None or item.key.startswith("PN"):
                continue

            if item.address not in self._all_recorded:
                missing.append(item.key)
        return missing

    def _fetch_unlisted_numbers(
        self, gateway: Gateway, names: Mapping[str, str], numbers: Mapping[str, Live]
    ) -> dict[str, Live]:
        """Return the numbers that exist although the listing lacks them.

        Asked about are those that are recorded, declared by SID, or to be bought.
        """
        absent: list[str] = []
        for sid, number in self._recorded_numbers.get(gateway.account, ()):
            live = numbers.get(number)
            if live is None or live.sid != sid:
                absent.append(sid)
        sids, to_buy = self._sought_numbers.get(gateway.account, ((), ()))
        if not (absent or sids or to_buy):
            return {}

        listed = {live.sid for live in numbers.values()}
        questions = [ResourceQuestion(NUMBER, sid) for sid in (*absent, *sids) if sid not in listed]
        found: list[Live] = []
        for _, row in fetch_absent(gateway, questions):
            found.append(NUMBER.observe(row, gateway.account, names))

        # A number that is to be bought has no SID yet, but Twilio finds it by its E.164.
        observer = Observer(names, with_fields=self._with_fields)
        for number in to_buy:
            if number not in numbers:
                rows = gateway.find_numbers(number)
                found += [observer.live(row, gateway.account) for row in rows]
        return {live.key: live for live in found}
