"""Read what a plan needs from all accounts at the same time; one that cannot be read is marked.
Also prefetches numbers, and fetches one number by its SID.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reconciler.errors import RemoteError
from reconciler.kinds.number import NUMBER
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.planning.identity.observed import Observed, Service
from reconciler.remote.gateway import Gateway
from reconciler.remote.parallel import map_each
from reconciler.remote.queries.absent import ResourceQuestion, fetch_row
from reconciler.remote.queries.account_reader import (
    AccountReader,
    AccountResources,
    Pages,
    Progress,
)
from reconciler.remote.queries.needs import kinds_by_account


def prefetch_numbers(
    desired: Iterable[Desired], gateways: Mapping[str, Gateway]
) -> dict[str, Pages]:
    """Start to fetch the numbers of all accounts that declare some; the result is for `observe`."""
    accounts = {item.profile.account for item in desired if item.kind in NUMBER_KINDS}
    return {account: gateways[account].number_pages() for account in sorted(accounts)}


def observe(
    desired: Sequence[Desired],
    recorded: Mapping[str, Entry],
    gateways: Mapping[str, Gateway],
    progress: Progress = lambda account, count: None,
    prefetched: Mapping[str, Pages] | None = None,
) -> Observed:
    """Return what Twilio has in every account that is declared or recorded.

    An account that cannot be read is in `unread`. Raises RemoteError when none can be read.
    """
    kinds = kinds_by_account(desired, recorded)
    reader = AccountReader(desired, recorded, progress, prefetched or {})
    if len(kinds) == 1:
        alone = {account: reader.read(gateways[account], kinds[account]) for account in kinds}
        return _join_accounts(alone, {}, reader.unknown, desired)

    # Connected here, in one thread: a missing secret ends the run.
    used = {account: gateways[account] for account in kinds}

    def read_account(name: str) -> AccountResources | RemoteError:
        return _read_or_error(reader, used[name], kinds[name])

    results = map_each(read_account, kinds, workers=len(kinds), name="observe")

    read: dict[str, AccountResources] = {}
    failed: dict[str, RemoteError] = {}
    for account, result in zip(kinds, results, strict=True):
        if isinstance(result, RemoteError):
            failed[account] = result
        else:
            read[account] = result
    if failed and not read:
        raise next(iter(failed.values()))
    return _join_accounts(read, failed, reader.unknown, desired)


def fetch_number(gateway: Gateway, sid: str) -> Live | None:
    """Return one number by its SID; None when Twilio does not have it.

    Raises RemoteError for any other answer.
    """
    row = fetch_row(gateway, ResourceQuestion(NUMBER, sid))
    return None if row is None else NUMBER.observe(row, gateway.account, {})


def _read_or_error(
    reader: AccountReader, gateway: Gateway, kinds: set[str]
) -> AccountResources | RemoteError:
    """Read one account; return the error if that fails.

    The end of the whole run is not a failure of the account, and is raised.
    """
    try:
        return reader.read(gateway, kinds)
    except RemoteError as error:
        if error.code in ("timed_out", "interrupted"):
            raise
        return error


def _join_accounts(
    read: Mapping[str, AccountResources],
    failed: Mapping[str, RemoteError],
    unknown: Iterable[tuple[str, str]],
    desired: Iterable[Desired],
) -> Observed:
    """Join the resources of all accounts."""
    numbers = {account: part.numbers for account, part in read.items()}
    complete: set[tuple[str, str]] = set()
    for part in read.values():
        complete |= part.complete

    resources = _join_resources([part.resources for part in read.values()], desired)
    unread = {account: error.diagnostics[0] for account, error in failed.items()}
    services: dict[str, Service] = {}
    members: dict[str, Service] = {}
    for part in read.values():
        services.update(part.services)
        members.update(part.members)
    return Observed(
        numbers,
        resources,
        services=members,
        known_services=services,
        complete=frozenset(complete),
        unknown=frozenset(unknown),
        unread=unread,
    )


def _join_resources(
    parts: Sequence[Mapping[str, Live]], desired: Iterable[Desired]
) -> dict[str, Live]:
    """Return the resources of all accounts by address.

    Of two with the same address, the one in the account that declares it.
    """
    resources: dict[str, Live] = {}
    for part in parts:
        resources.update(part)
    if len(resources) == sum(map(len, parts)):
        return resources

    home = {item.address: item.profile.account for item in desired if item.kind not in NUMBER_KINDS}
    for part in parts:
        for address, live in part.items():
            if home.get(address) == live.account:
                resources[address] = live
    return resources
