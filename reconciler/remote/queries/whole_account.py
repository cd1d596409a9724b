"""Read all numbers, trunks with their children, messaging services, and used TwiML applications of
whole accounts for an export, declared or not; access and credential lists are not read.

Numbers by pages, trunks with their children, TwiML applications if a number uses one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from reconciler.diagnostics import Diagnostic
from reconciler.errors import RemoteError
from reconciler.kinds.application import APPLICATION
from reconciler.kinds.kind import Row
from reconciler.kinds.messaging_service import MESSAGING_SERVICE
from reconciler.kinds.number import Observer
from reconciler.kinds.table import children_of
from reconciler.kinds.trunk import TRUNK
from reconciler.model.live import Live
from reconciler.planning.identity.match import index_by_address, index_children
from reconciler.planning.identity.observed import Observed, Service
from reconciler.remote.gateway import Gateway
from reconciler.remote.parallel import map_each
from reconciler.remote.queries.account_reader import ChildListing, Pages
from reconciler.remote.queries.messaging_services import (
    SERVICES,
    add_memberships,
    read_members,
    to_service,
)
from reconciler.remote.queries.rows import read_child_rows, read_rows

_AT_ONCE = 8
_SET = ("voice_application_sid", "sms_application_sid")


def read_accounts(
    accounts: Sequence[str],
    gateways: Mapping[str, Gateway],
    progress: Callable[[str, int], None] = lambda account, count: None,
) -> Observed:
    """Return everything in these accounts, under SIDs in place of names.

    An account that cannot be read is in `unread`. Raises RemoteError when none can be read.
    """
    numbers: dict[str, dict[str, Live]] = {}
    others: dict[str, Live] = {}
    failed: dict[str, RemoteError] = {}
    partial: dict[str, Diagnostic] = {}
    for account in accounts:
        try:
            found, below = _read_account(gateways[account], progress, partial)
        except RemoteError as error:
            # The end of the whole run is not a failure of the account.
            if error.code in ("timed_out", "interrupted"):
                raise
            failed[account] = error
        else:
            numbers[account] = found
            others.update(below)

    if failed and not numbers:
        raise next(iter(failed.values()))
    return Observed(
        numbers,
        others,
        unread={account: error.diagnostics[0] for account, error in failed.items()},
        partial=partial,
    )


def read_all_numbers(
    gateway: Gateway, progress: Callable[[str, int], None] = lambda account, count: None
) -> dict[str, Live]:
    """Return the numbers of one account by E.164, with SIDs in place of names. Raises
    RemoteError.
    """
    return _collect_numbers(gateway, gateway.number_pages(), progress)


def _collect_numbers(
    gateway: Gateway, pages: Pages, progress: Callable[[str, int], None]
) -> dict[str, Live]:
    """Read all pages, and return their numbers by E.164."""
    observer, found = Observer({}), dict[str, Live]()
    for page in pages:
        found.update((row.phone_number, observer.live(row, gateway.account)) for row in page)
        progress(gateway.account, len(found))
    return found


def _read_account(
    gateway: Gateway, progress: Callable[[str, int], None], partial: dict[str, Diagnostic]
) -> tuple[dict[str, Live], dict[str, Live]]:
    """Return the numbers of one account by E.164, and trunks, applications and messaging services by
    address. The reason why its services cannot be read is added to `partial`.

    Raises RemoteError.
    """
    pages = gateway.number_pages()
    others = _read_trunks(gateway)
    found = _collect_numbers(gateway, pages, progress)

    # Hot path: one pass over the numbers, which stops at the first that uses an application.
    voice, sms = _SET
    if any(live.wire.get(voice) or live.wire.get(sms) for live in found.values()):
        applications = [
            APPLICATION.observe(row, gateway.account, {}) for row in read_rows(gateway, APPLICATION)
        ]
        others.update(index_by_address("application", applications, {}))

    services, members = _read_services(gateway, partial)
    others.update(services)
    found.update(add_memberships(found, members, {}, _keys_of(found, members)))
    return found, others


def _read_services(
    gateway: Gateway, partial: dict[str, Diagnostic]
) -> tuple[dict[str, Live], dict[str, Service]]:
    """Return the messaging services of an account by address, and the service of each number by SID.

    The rest of the account does not depend on them.
    """
    try:
        rows = gateway.rows(SERVICES)
        members = read_members(gateway, [to_service(row) for row in rows])
    except RemoteError as error:
        if error.code in ("timed_out", "interrupted"):
            raise
        if error.status != 404:  # 404: a server that stands in for Twilio has none
            partial[gateway.account] = error.diagnostics[0]
        return {}, {}
    live = [MESSAGING_SERVICE.observe(row, gateway.account, {}) for row in rows]
    return index_by_address(MESSAGING_SERVICE.name, live, {}), members


def _keys_of(numbers: Mapping[str, Live], members: Mapping[str, Service]) -> list[str]:
    if not members:
        return []
    return [key for key, live in numbers.items() if live.sid in members]


def _read_trunks(gateway: Gateway) -> dict[str, Live]:
    """Return all trunks of an account and their children, by address."""
    rows = {str(row["sid"]): row for row in read_rows(gateway, TRUNK)}
    trunks = [TRUNK.observe(row, gateway.account, {}) for row in rows.values()]
    found = index_by_address("trunk", trunks, {})

    listings: list[ChildListing] = []
    for kind in children_of("trunk"):
        listings += [(kind, sid, row) for sid, row in rows.items()]

    def read(listing: ChildListing) -> list[Row]:
        return read_child_rows(gateway, *listing)

    answers = map_each(read, listings, workers=_AT_ONCE, name="children")

    for (kind, sid, _), children in zip(listings, answers, strict=True):
        live = [kind.observe({**row, "parent_sid": sid}, gateway.account, {}) for row in children]
        found.update(index_children(kind.name, live, {}))
    return found
