"""Read the region in which calls of numbers and trunks are answered: one call for each to Twilio's
Routes API. A refusal is a warning, never an error.

The first refusal ends the questions about an account.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from threading import Event

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.errors import RemoteError
from reconciler.kinds.kind import Endpoint
from reconciler.planning.checks.inbound_regions import RegionFacts, RegionQuestion, RoutedId
from reconciler.remote.gateway import Gateway
from reconciler.remote.parallel import map_each

FETCH_NUMBER = Endpoint("GET", "routes", "/v2/PhoneNumbers/{number}", optional=True)
FETCH_TRUNK = Endpoint("GET", "routes", "/v2/Trunks/{domain}", optional=True)

_WORKERS = 16


class AccountRegions(msgspec.Struct, frozen=True):
    """The region by E.164 or domain, for every number and trunk whose region is known.

    `problem` is a warning that explains why others are unknown.
    """

    regions: dict[str, str]
    problem: Diagnostic | None = None


def read_regions(
    gateways: Mapping[str, Gateway], questions: Iterable[RegionQuestion], stop: Event
) -> RegionFacts:
    """Return the regions of these numbers and trunks; never raises RemoteError.

    Once `stop` is set, nothing more is asked. An account of which all numbers are sampled gets no
    warning: nothing there depends on the answer.
    """
    by_account: dict[str, list[RegionQuestion]] = {}
    for question in questions:
        by_account.setdefault(question.account, []).append(question)

    regions: dict[RoutedId, str] = {}
    problems: list[Diagnostic] = []
    for account in sorted(by_account):
        asked = by_account[account]
        required = any(not question.sampled for question in asked)

        # A sample is small: asking all of it at once saves a round trip.
        keys = {question.key for question in asked}
        answer = read_account_regions(gateways[account], keys, probe=required, stop=stop)
        for key, region in answer.regions.items():
            regions[account, key] = region
        if answer.problem is not None and required:
            problems.append(answer.problem)
    return RegionFacts(regions, tuple(problems))


def read_account_regions(
    gateway: Gateway,
    keys: Collection[str],
    *,
    probe: bool = True,
    stop: Event | None = None,
) -> AccountRegions:
    """Return the regions of these numbers (E.164) and trunks (domain) of one account; never raises
    RemoteError.

    `probe`: ask about one of them alone first, so that an account that refuses costs one call.
    """
    reader = _RegionReader(gateway, stop or Event())
    waiting = sorted(keys)
    if probe and waiting:
        reader.read(waiting.pop(0))
    if not reader.is_refused:
        map_each(reader.read, waiting, workers=_WORKERS, name="regions")
    return AccountRegions(reader.regions, reader.problem)


class _RegionReader:
    """Read regions of one account until it refuses or the run is to stop. Safe in any thread."""

    def __init__(self, gateway: Gateway, stop: Event) -> None:
        self._gateway = gateway
        self._stop = stop
        self.regions: dict[str, str] = {}
        self.problem: Diagnostic | None = None
        self.is_refused = False

    def read(self, key: str) -> None:
        """Read the region of one number or trunk."""
        if self.is_refused or self._stop.is_set():
            return

        is_trunk = not key.startswith("+")
        try:
            row = self._fetch(key, is_trunk=is_trunk)
        except RemoteError as error:
            # Twilio's documents leave open what a trunk without an assigned region answers: a 404
            # is about this trunk only.
            if not (is_trunk and error.status == 404):
                self.is_refused = True
            self.problem = self.problem or _unknown_warning(self._gateway.account, error, key)
            return

        region = row.get("voice_region")
        if isinstance(region, str) and region:
            self.regions[key] = region

    def _fetch(self, key: str, *, is_trunk: bool) -> Mapping[str, object]:
        if is_trunk:
            return self._gateway.call(FETCH_TRUNK, domain=key)
        return self._gateway.call(FETCH_NUMBER, number=key)


def _unknown_warning(account: str, error: RemoteError, key: str) -> Diagnostic:
    cause = error.diagnostics[0]
    routed = "number" if key.startswith("+") else "trunk"
    return Diagnostic(
        severity="warning",
        code="region_unknown",
        summary="Inbound region unknown",
        detail=f"Calls to {routed}s of account `{account}` may be answered in another region than "
        "the managed one, and Twilio does not report it. Check the routing of the "
        f"{routed} in the console, or use credentials that may read it. {cause.detail or cause.summary}",
    )
