"""Read the region in which calls to numbers are answered: one call per number to Twilio's Routes
API. A refusal is a warning, never an error.

The first refusal ends the questions about an account.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from threading import Event

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.errors import RemoteError
from reconciler.kinds.kind import Endpoint
from reconciler.planning.checks.inbound_regions import NumberId, RegionFacts, RegionQuestion
from reconciler.remote.gateway import Gateway
from reconciler.remote.parallel import map_each

FETCH = Endpoint("GET", "routes", "/v2/PhoneNumbers/{number}", optional=True)

_WORKERS = 16


class AccountRegions(msgspec.Struct, frozen=True):
    """The region by E.164, for every number whose region is known.

    `problem` is a warning that explains why others are unknown.
    """

    regions: dict[str, str]
    problem: Diagnostic | None = None


def read_regions(
    gateways: Mapping[str, Gateway], questions: Iterable[RegionQuestion], stop: Event
) -> RegionFacts:
    """Return the regions of these numbers; never raises RemoteError.

    Once `stop` is set, nothing more is asked. An account of which all numbers are sampled gets no
    warning: nothing there depends on the answer.
    """
    by_account: dict[str, list[RegionQuestion]] = {}
    for question in questions:
        by_account.setdefault(question.account, []).append(question)

    regions: dict[NumberId, str] = {}
    problems: list[Diagnostic] = []
    for account in sorted(by_account):
        asked = by_account[account]
        required = any(not question.sampled for question in asked)

        # A sample is small: asking all of it at once saves a round trip.
        numbers = {question.number for question in asked}
        answer = read_account_regions(gateways[account], numbers, probe=required, stop=stop)
        for number, region in answer.regions.items():
            regions[account, number] = region
        if answer.problem is not None and required:
            problems.append(answer.problem)
    return RegionFacts(regions, tuple(problems))


def read_account_regions(
    gateway: Gateway,
    numbers: Collection[str],
    *,
    probe: bool = True,
    stop: Event | None = None,
) -> AccountRegions:
    """Return the regions of these numbers (E.164) of one account; never raises RemoteError.

    `probe`: ask about one number alone first, so that an account that refuses costs one call.
    """
    reader = _RegionReader(gateway, stop or Event())
    waiting = sorted(numbers)
    if probe and waiting:
        reader.read(waiting.pop(0))
    if reader.problem is None:
        map_each(reader.read, waiting, workers=_WORKERS, name="regions")
    return AccountRegions(reader.regions, reader.problem)


class _RegionReader:
    """Read regions of one account until it refuses or the run is to stop. Safe in any thread."""

    def __init__(self, gateway: Gateway, stop: Event) -> None:
        self._gateway = gateway
        self._stop = stop
        self.regions: dict[str, str] = {}
        self.problem: Diagnostic | None = None

    def read(self, number: str) -> None:
        """Read the region of one number."""
        if self.problem is not None or self._stop.is_set():
            return

        try:
            region = self._gateway.call(FETCH, number=number).get("voice_region")
        except RemoteError as error:
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
