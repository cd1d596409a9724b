"""Answer the questions of a plan about offers, registrations and inbound regions, and prefetch some
regions; a question without an answer leaves its fact unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from threading import Event

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.planning.checks.questions import Facts, Questions
from reconciler.planning.checks.region_questions import RegionFacts, RegionQuestion, RoutedId
from reconciler.remote.facts import inbound_regions, webhook_rules
from reconciler.remote.facts.purchases import Account, read_offers
from reconciler.remote.gateway import Gateway
from reconciler.remote.parallel import completed, start
from reconciler.remote.platforms.contract import Adapter
from reconciler.remote.platforms.preflight import find_expected_refusals


class RegionPrefetch(msgspec.Struct, frozen=True):
    """Questions about regions that were asked before the plan, with their answers to come."""

    numbers: frozenset[RoutedId] = frozenset()
    facts: Future[RegionFacts] = msgspec.field(default_factory=lambda: completed(RegionFacts()))


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can answer: Twilio and the platforms, and answers that are on their way.

    Once `stop` is set, no further region is asked about.
    """

    gateways: Mapping[str, Gateway]
    adapters: Mapping[str, Adapter]
    accounts: Mapping[str, Account]
    stop: Event
    prefetch: RegionPrefetch


def answer(questions: Questions, sources: Sources) -> Facts:
    """Return the facts that answer these questions; never raises RemoteError.

    A question that cannot be asked, or that gets no answer, leaves its fact unknown.
    """
    offers = read_offers(questions.offers, sources.gateways, sources.accounts)

    refusals: tuple[Diagnostic, ...] = ()
    if questions.registrations:
        refusals = tuple(find_expected_refusals(questions.registrations, sources.adapters))

    # The sample was asked about before the plan was made: only the other questions are new.
    new = []
    for question in questions.regions.values():
        if question.routed_id not in sources.prefetch.numbers:
            new.append(question)
    found = inbound_regions.read_regions(sources.gateways, new, sources.stop)
    early = sources.prefetch.facts.result()

    regions = RegionFacts({**early.regions, **found.regions}, found.messages, found.problems)
    return Facts(
        offers, refusals, regions, webhook_rules.read_rules(questions.rules, sources.gateways)
    )


def prefetch_regions(
    gateways: Mapping[str, Gateway], questions: list[RegionQuestion], stop: Event
) -> RegionPrefetch:
    """Start to read the regions of a few numbers."""
    if not questions:
        return RegionPrefetch()

    # Connected here, in one thread: threads must not do it at the same time.
    connected = {question.account: gateways[question.account] for question in questions}
    facts = start(lambda: inbound_regions.read_regions(connected, questions, stop), name="regions")
    numbers = frozenset(question.routed_id for question in questions)
    return RegionPrefetch(numbers, facts)
