"""Read the region in which calls of numbers and trunks are answered: one call for each to Twilio's
Routes API. A refusal is a warning, never an error.

The first refusal ends the questions about an account. Version 3 of the API has the region of a
number's messages too, and only at Twilio's home region. A number that Twilio has assigned to no region
is answered with 404, and is handled there:
https://www.twilio.com/docs/global-infrastructure/inbound-processing-api
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from threading import Event

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.errors import RemoteError
from reconciler.kinds.kind import Endpoint
from reconciler.planning.checks.region_questions import HOME, RegionFacts, RegionQuestion, RoutedId
from reconciler.remote.gateway import Gateway
from reconciler.remote.parallel import map_each

FETCH_NUMBER = Endpoint("GET", "routes", "/v2/PhoneNumbers/{number}", optional=True)
FETCH_NUMBER_WITH_MESSAGES = Endpoint("GET", "routes", "/v3/PhoneNumbers/{number}", optional=True)
FETCH_TRUNK = Endpoint("GET", "routes", "/v2/Trunks/{domain}", optional=True)

_WORKERS = 16


class AccountRegions(msgspec.Struct, frozen=True):
    """The region by E.164 or domain, for every number and trunk whose region is known.

    `messages` has the regions of messages. `problem` is a warning that explains why others are
    unknown.
    """

    regions: dict[str, str]
    messages: dict[str, str] = {}
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
    messages: dict[RoutedId, str] = {}
    problems: list[Diagnostic] = []
    for account in sorted(by_account):
        asked = by_account[account]
        required = any(not question.sampled for question in asked)

        # A sample is small: asking all of it at once saves a round trip.
        keys = {question.key for question in asked}
        with_messages = {question.key for question in asked if question.messages}
        is_home = all(question.managed == HOME and not question.sampled for question in asked)
        answer = read_account_regions(
            gateways[account],
            keys,
            with_messages=with_messages,
            is_home=is_home,
            probe=required,
            stop=stop,
        )
        for key, region in answer.regions.items():
            regions[account, key] = region
        for key, region in answer.messages.items():
            messages[account, key] = region
        if answer.problem is not None and required:
            problems.append(answer.problem)
    return RegionFacts(regions, messages, tuple(problems))


def read_account_regions(
    gateway: Gateway,
    keys: Collection[str],
    *,
    with_messages: Collection[str] = (),
    is_home: bool = False,
    probe: bool = True,
    stop: Event | None = None,
) -> AccountRegions:
    """Return the regions of these numbers (E.164) and trunks (domain) of one account; never raises
    RemoteError.

    `with_messages` are the numbers whose region of messages matters. `is_home`: the account manages
    Twilio's home region, where a number without an assigned region is handled. `probe`: ask about
    one of them alone first, so that an account that refuses costs one call.
    """
    reader = _RegionReader(gateway, stop or Event(), frozenset(with_messages), is_home)
    waiting = sorted(keys)
    if probe and waiting:
        reader.read(waiting.pop(0))
    if not reader.is_refused:
        map_each(reader.read, waiting, workers=_WORKERS, name="regions")
    return AccountRegions(reader.regions, reader.messages, reader.problem)


class _RegionReader:
    """Read regions of one account until it refuses or the run is to stop. Safe in any thread."""

    def __init__(
        self, gateway: Gateway, stop: Event, with_messages: frozenset[str], is_home: bool
    ) -> None:
        self._gateway = gateway
        self._stop = stop
        self._with_messages = with_messages
        self._is_home = is_home
        self._lacks_messages = False
        self.regions: dict[str, str] = {}
        self.messages: dict[str, str] = {}
        self.problem: Diagnostic | None = None
        self.is_refused = False

    def read(self, key: str) -> None:
        """Read the region of one number or trunk."""
        if self.is_refused or self._stop.is_set():
            return

        if key in self._with_messages and self._read_with_messages(key):
            return

        is_trunk = not key.startswith("+")
        try:
            row = self._fetch(key, is_trunk=is_trunk)
        except RemoteError as error:
            if self._is_home and not is_trunk and error.status == 404:
                self.regions[key] = HOME
                return

            # Twilio's documents leave open what a trunk without an assigned region answers: a 404
            # is about this trunk only.
            if not (is_trunk and error.status == 404):
                self.is_refused = True
            self.problem = self.problem or _unknown_warning(self._gateway.account, error, key)
            return

        # A server without version 3 does not know there what version 2 knows.
        if self.messages.pop(key, None) is not None:
            self._lacks_messages = True
        region = _region_in(row, "voice_region", "voiceRegion")
        if region:
            self.regions[key] = region

    def _read_with_messages(self, key: str) -> bool:
        """Read both regions of a number by one call; return whether there was an answer.

        A number that this version does not know is handled at home, as far as messages go.
        """
        if self._lacks_messages:
            return False
        try:
            row = self._gateway.call(FETCH_NUMBER_WITH_MESSAGES, number=key)
        except RemoteError as error:
            if error.status == 404:
                self.messages[key] = HOME
            else:
                self._lacks_messages = True
                self.problem = self.problem or _unknown_warning(self._gateway.account, error, key)
            return False

        calls = _region_in(row, "voice_region", "voiceRegion")
        messages = _region_in(row, "messaging_region", "messagingRegion")
        if messages:
            self.messages[key] = messages
        if calls:
            self.regions[key] = calls
        return bool(calls)

    def _fetch(self, key: str, *, is_trunk: bool) -> Mapping[str, object]:
        if is_trunk:
            return self._gateway.call(FETCH_TRUNK, domain=key)
        return self._gateway.call(FETCH_NUMBER, number=key)


def _region_in(row: Mapping[str, object], *names: str) -> str:
    """Return the region under one of these names; "" without one.

    Twilio's page shows names with underscores, and its OpenAPI document names in camel case.
    """
    for name in names:
        value = row.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


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
