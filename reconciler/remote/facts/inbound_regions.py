"""In which region the calls of numbers are answered: one call a number, to Twilio's Routes API.

Knows nothing of what is declared; the first answer that says no ends the asking for an account.
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
    """The region by E.164, for every number that has been told; `problem` is why others have not (a
    warning).
    """

    regions: dict[str, str]
    problem: Diagnostic | None = None


def read_regions(
    gateway: Gateway, numbers: Collection[str], *, workers: int = 16, stop: Event | None = None
) -> RegionFacts:
    """The regions of these numbers (E.164) of one account. Never raises RemoteError.

    One number is asked for alone first: an account that cannot be asked costs one call. After the
    first refusal, and once `stop` is set, nothing more is asked.
    """
    asking = _RegionReader(gateway, stop or Event())
    first, *rest = sorted(numbers) or [""]
    if first:
        asking.one(first)
    if rest and asking.problem is None:
        with ThreadPoolExecutor(min(workers, len(rest)), thread_name_prefix="regions") as pool:
            try:
                list(pool.map(asking.one, rest))
            except BaseException:
                asking.end()  # else Ctrl-C would wait for ten thousand answers
                raise
    return RegionFacts(asking.regions, asking.problem)


def read_regions_of(
    gateways: Mapping[str, Gateway], numbers: Iterable[tuple[str, str]], stop: Event | None = None
) -> tuple[dict[tuple[str, str], str], list[Diagnostic]]:
    """The regions of numbers given as (account, E.164), and at most one warning for each account."""
    by_account: dict[str, list[str]] = {}
    for account, number in numbers:
        by_account.setdefault(account, []).append(number)
    answers = {
        account: read_regions(gateways[account], by_account[account], stop=stop)
        for account in sorted(by_account)
    }
    found = {
        (account, n): region
        for account, answer in answers.items()
        for n, region in answer.regions.items()
    }
    return found, [answer.problem for answer in answers.values() if answer.problem is not None]


def _no_regions() -> dict[Number, str]:
    return {}


class RegionPrefetch(msgspec.Struct, frozen=True):
    """Numbers that are being asked about; `wait` waits for their regions."""

    numbers: frozenset[Number] = frozenset()
    wait: Callable[[], dict[Number, str]] = _no_regions


def prefetch_regions(
    gateways: Mapping[str, Gateway], numbers: Sequence[Number], stop: Event | None = None
) -> RegionPrefetch:
    """Begin to ask about a few numbers, all at once; what cannot be told is left out silently."""
    if not numbers:
        return RegionPrefetch()
    asking = {
        account: _RegionReader(gateways[account], stop or Event())
        for account in dict.fromkeys(a for a, _ in numbers)
    }
    pool = ThreadPoolExecutor(len(numbers), thread_name_prefix="regions")
    begun = [pool.submit(asking[account].one, number) for account, number in numbers]
    pool.shutdown(wait=False)

    def found() -> dict[Number, str]:
        for each in begun:
            each.result()
        return {
            (account, n): region
            for account, each in asking.items()
            for n, region in each.regions.items()
        }

    return RegionPrefetch(frozenset(numbers), found)


class _RegionReader:
    def __init__(self, gateway: Gateway, stop: Event) -> None:
        self._gateway = gateway
        self._stop = stop
        self._ended = Event()
        self.regions: dict[str, str] = {}
        self.problem: Diagnostic | None = None

    def end(self) -> None:
        """Ask nothing more."""
        self._ended.set()

    def one(self, number: str) -> None:
        """Ask about one number, unless there was a refusal or the run is to stop."""
        if self._ended.is_set() or self._stop.is_set():
            return
        try:
            region = self._gateway.call(FETCH, number=number).get("voice_region")
        except RemoteError as error:
            self.end()
            self.problem = self.problem or _unknown_warning(self._gateway.account, error)
        else:
            if isinstance(region, str) and region:
                self.regions[number] = region


def _unknown_warning(account: str, error: RemoteError) -> Diagnostic:
    said = error.diagnostics[0]
    return Diagnostic(
        severity="warning",
        code="region_unknown",
        summary="It cannot be told in which region numbers are answered",
        detail=f"Calls to numbers of account `{account}` may be answered in another region than "
        "the one that is managed, and Twilio does not say. Look in the console under the number's "
        f"routing, or give credentials that may read it. {said.detail or said.summary}",
    )
