"""Read the region in which calls to numbers are answered: one call per number to Twilio's Routes
API.

Independent of what is declared. The first refusal ends the questions for an account.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.errors import RemoteError
from reconciler.kinds.kind import Endpoint
from reconciler.remote.gateway import Gateway

FETCH = Endpoint("GET", "routes", "/v2/PhoneNumbers/{number}", optional=True)


Number = tuple[str, str]
"""A number as (account, E.164)."""


class RegionFacts(msgspec.Struct, frozen=True):
    """The region by E.164, for every number whose region is known.

    `problem` is a warning that explains why others are unknown.
    """

    regions: dict[str, str]
    problem: Diagnostic | None = None


def read_regions(
    gateway: Gateway, numbers: Collection[str], *, workers: int = 16, stop: Event | None = None
) -> RegionFacts:
    """Return the regions of these numbers (E.164) of one account. Never raises RemoteError.

    One number is asked for alone first: an account that refuses costs one call. After the first
    refusal, and once `stop` is set, nothing more is asked.
    """
    reader = _RegionReader(gateway, stop or Event())
    first, *rest = sorted(numbers) or [""]
    if first:
        reader.read(first)

    if rest and reader.problem is None:
        with ThreadPoolExecutor(min(workers, len(rest)), thread_name_prefix="regions") as pool:
            try:
                list(pool.map(reader.read, rest))
            except BaseException:
                # Otherwise Ctrl-C would wait for ten thousand answers.
                reader.stop()
                raise

    return RegionFacts(reader.regions, reader.problem)


def read_regions_of(
    gateways: Mapping[str, Gateway], numbers: Iterable[tuple[str, str]], stop: Event | None = None
) -> tuple[dict[tuple[str, str], str], list[Diagnostic]]:
    """Return the regions of numbers given as (account, E.164).

    And at most one warning for each account.
    """
    by_account: dict[str, list[str]] = {}
    for account, number in numbers:
        by_account.setdefault(account, []).append(number)

    regions: dict[tuple[str, str], str] = {}
    problems: list[Diagnostic] = []
    for account in sorted(by_account):
        answer = read_regions(gateways[account], by_account[account], stop=stop)
        for number, region in answer.regions.items():
            regions[account, number] = region
        if answer.problem is not None:
            problems.append(answer.problem)
    return regions, problems


def _no_regions() -> dict[Number, str]:
    return {}


class RegionPrefetch(msgspec.Struct, frozen=True):
    """Numbers whose regions are being read; `wait` waits for them."""

    numbers: frozenset[Number] = frozenset()
    wait: Callable[[], dict[Number, str]] = _no_regions


def prefetch_regions(
    gateways: Mapping[str, Gateway], numbers: Sequence[Number], stop: Event | None = None
) -> RegionPrefetch:
    """Start to read the regions of a few numbers, all at once.

    Unknown regions are left out silently.
    """
    if not numbers:
        return RegionPrefetch()

    readers: dict[str, _RegionReader] = {}
    for account, _ in numbers:
        if account not in readers:
            readers[account] = _RegionReader(gateways[account], stop or Event())
    pool = ThreadPoolExecutor(len(numbers), thread_name_prefix="regions")
    futures = [pool.submit(readers[account].read, number) for account, number in numbers]
    pool.shutdown(wait=False)

    def wait() -> dict[Number, str]:
        for future in futures:
            future.result()

        regions: dict[Number, str] = {}
        for account, reader in readers.items():
            for number, region in reader.regions.items():
                regions[account, number] = region
        return regions

    return RegionPrefetch(frozenset(numbers), wait)


class _RegionReader:
    def __init__(self, gateway: Gateway, stop: Event) -> None:
        self._gateway = gateway
        self._stop_run = stop
        self._ended = Event()
        self.regions: dict[str, str] = {}
        self.problem: Diagnostic | None = None

    def stop(self) -> None:
        """Ask nothing more."""
        self._ended.set()

    def read(self, number: str) -> None:
        """Read the region of one number, unless one was refused or the run is to stop."""
        if self._ended.is_set() or self._stop_run.is_set():
            return

        try:
            region = self._gateway.call(FETCH, number=number).get("voice_region")
        except RemoteError as error:
            self.stop()
            self.problem = self.problem or _unknown_warning(self._gateway.account, error)
        else:
            if isinstance(region, str) and region:
                self.regions[number] = region


def _unknown_warning(account: str, error: RemoteError) -> Diagnostic:
    cause = error.diagnostics[0]
    return Diagnostic(
        severity="warning",
        code="region_unknown",
        summary="Inbound region unknown",
        detail=f"Calls to numbers of account `{account}` may be answered in another region than "
        "the managed one, and Twilio does not report it. Check the routing of the number in the "
        f"console, or use credentials that may read it. {cause.detail or cause.summary}",
    )
