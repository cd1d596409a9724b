"""Read what a plan needs from every account, each in a thread of its own: numbers by whole pages, trunks, children."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from reconciler.errors import RemoteError
from reconciler.kinds.number import FETCH, NUMBER, NumberRow, Observer
from reconciler.kinds.origination_url import ORIGINATION_URL
from reconciler.kinds.table import NUMBER_KINDS, REGISTRATION
from reconciler.kinds.trunk import TRUNK
from reconciler.model import Desired, Entry, Live
from reconciler.planning.match import addressed, child_addresses, trunk_names
from reconciler.planning.observed import Observed
from reconciler.remote.gateway import Gateway

Progress = Callable[[str, int], None]
"""Told (account, numbers read so far)."""


Pages = Iterator[list[NumberRow]]


def begin(desired: Iterable[Desired], gateways: Mapping[str, Gateway]) -> dict[str, Pages]:
    """Begin to fetch the numbers of all accounts that declare some, while other things are done; for `observe`."""
    accounts = {want.profile.account for want in desired if want.kind in NUMBER_KINDS}
    return {account: gateways[account].number_pages() for account in sorted(accounts)}


def observe(
    desired: Sequence[Desired],
    resources: Mapping[str, Entry],
    gateways: Mapping[str, Gateway],
    progress: Progress = lambda account, count: None,
    begun: Mapping[str, Pages] | None = None,
) -> Observed:
    """What Twilio has, in every account that is declared or remembered. Raises RemoteError when one cannot be read."""
    kinds = _kinds_by_account(desired, resources)
    reader = _Reader(desired, resources, progress, begun or {})
    if len(kinds) == 1:
        parts = [reader.read(gateways[account], kinds[account]) for account in kinds]
    else:
        with ThreadPoolExecutor(max(len(kinds), 1), thread_name_prefix="observe") as pool:
            parts = list(pool.map(lambda account: reader.read(gateways[account], kinds[account]), kinds))
    numbers = {account: found for account, (found, _) in zip(kinds, parts, strict=True)}
    others = {address: live for _, found in parts for address, live in found.items()}
    return Observed(numbers, others)


def _kinds_by_account(desired: Iterable[Desired], resources: Mapping[str, Entry]) -> dict[str, set[str]]:
    pairs = {(want.profile.account, want.kind) for want in desired}
    pairs |= {(entry.account, entry.kind) for entry in resources.values()}
    kinds: dict[str, set[str]] = {}
    for account, kind in sorted(pair for pair in pairs if pair[1] != REGISTRATION):
        kinds.setdefault(account, set()).add(kind)
    return kinds


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
        self._resources = {a: e for a, e in resources.items() if e.kind not in NUMBER_KINDS}
        self._progress = progress

    def read(self, gateway: Gateway, kinds: set[str]) -> tuple[dict[str, Live], dict[str, Live]]:
        """One account: its numbers by E.164, and its other resources by address."""
        trunks = self._trunks(gateway) if kinds - NUMBER_KINDS else []
        names = trunk_names(gateway.account, self._small, self._resources, trunks)
        others = addressed("trunk", trunks, names)
        children = [live for sid in names for live in self._origination_urls(gateway, sid, names)]
        others.update(child_addresses("origination_url", children, self._resources))
        return self._numbers(gateway, names) if kinds & NUMBER_KINDS or trunks else {}, others

    def _trunks(self, gateway: Gateway) -> list[Live]:
        return [TRUNK.observe(row, gateway.account, {}) for row in gateway.rows(TRUNK.listing)]

    def _origination_urls(self, gateway: Gateway, sid: str, names: Mapping[str, str]) -> list[Live]:
        rows = gateway.rows(ORIGINATION_URL.listing, parent_sid=sid)
        return [ORIGINATION_URL.observe({**row, "trunk_sid": sid}, gateway.account, names) for row in rows]

    def _numbers(self, gateway: Gateway, names: Mapping[str, str]) -> dict[str, Live]:
        observer = Observer(names)
        account = gateway.account
        numbers: dict[str, Live] = {}
        for page in self._begun.get(account) or gateway.number_pages():
            for row in page:
                numbers[row.phone_number] = observer.live(row, account)
            self._progress(account, len(numbers))
        return numbers


def fetch_number(gateway: Gateway, sid: str) -> Live | None:
    """One number by its SID; None when Twilio does not have it. Raises RemoteError for any other answer."""
    try:
        row = gateway.call(FETCH, sid=sid)
    except RemoteError as error:
        if error.status == 404:
            return None
        raise
    return NUMBER.observe(row, gateway.account, {})
