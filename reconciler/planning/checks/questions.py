"""List the `Questions` that a plan leaves open, and add the `Facts` that answer them to the plan,
as prices, regions, errors and warnings; pure.

Planning does no I/O. A plan whose checks need more than the resources lists questions, the
workflow answers them (`workflows/answers.py`), and the checks read the facts. A question without an
answer is reported as a warning among the facts: unknown is never taken for good.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec

from reconciler.diagnostics import Diagnostic, sort_by_place
from reconciler.kinds.table import REGISTRATION
from reconciler.model.action import Action, ActionName
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.planning.checks import inbound_regions, purchases, webhook_rules
from reconciler.planning.checks.purchases import Offer, OfferQuestion
from reconciler.planning.checks.region_limits import limit_questions
from reconciler.planning.checks.region_questions import RegionFacts, RegionQuestion, RoutedId
from reconciler.planning.checks.webhook_rules import RuleFacts
from reconciler.planning.plan import Plan

_CHECKED_BY_PLATFORMS: frozenset[ActionName] = frozenset({"register", "link", "reassign", "update"})
"""Actions that a platform can refuse because of what they name."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a run that decides which questions are asked.

    `max_purchases`: a plan that buys more numbers is refused in any case, so single numbers are not
    looked up. `recorded` holds the selected entries. The regions of `prefetched` numbers are on
    their way. At most `max_regions` are read (None: all). `rule_accounts` declare that their webhook
    rules are checked; nothing is asked about `unread_accounts`.
    """

    desired: Collection[Desired]
    recorded: Mapping[str, Entry]
    regions: Mapping[str, str | None]
    max_purchases: int
    prefetched: frozenset[RoutedId] = frozenset()
    max_regions: int | None = None
    rule_accounts: frozenset[str] = frozenset()
    unread_accounts: frozenset[str] = frozenset()


class Questions(msgspec.Struct, frozen=True):
    """The open questions of a plan: offers of numbers to buy, changes on platforms that may be
    refused, and regions by address. `notes` name what is not asked because of a limit. `rules` are the
    accounts whose webhook rules matter, `rules_required` those that declare it.
    """

    offers: tuple[OfferQuestion, ...] = ()
    registrations: tuple[Action, ...] = ()
    regions: Mapping[str, RegionQuestion] = {}
    notes: tuple[Diagnostic, ...] = ()
    rules: frozenset[str] = frozenset()
    rules_required: frozenset[str] = frozenset()


class Facts(msgspec.Struct, frozen=True):
    """The answers: offers by address, what platforms would refuse, regions, and webhook rules."""

    offers: Mapping[str, Offer] = {}
    refusals: tuple[Diagnostic, ...] = ()
    regions: RegionFacts = RegionFacts()
    rules: RuleFacts = RuleFacts()


def list_questions(plan: Plan, scope: Scope) -> Questions:
    """Return the questions that the checks of this plan need answers to."""
    registrations = []
    for action in plan.actions:
        if action.kind == REGISTRATION and action.action in _CHECKED_BY_PLATFORMS:
            registrations.append(action)

    regions, notes = limit_questions(
        inbound_regions.list_questions(plan, scope.recorded, scope.regions, scope.prefetched),
        scope.max_regions,
        scope.prefetched,
    )
    rules = webhook_rules.list_accounts_to_ask(scope.desired, scope.rule_accounts)
    return Questions(
        offers=tuple(purchases.list_questions(plan, scope.desired, scope.max_purchases)),
        registrations=tuple(registrations),
        regions=regions,
        notes=notes,
        rules=frozenset(rules) - scope.unread_accounts,
        rules_required=scope.rule_accounts,
    )


def check_facts(
    plan: Plan,
    questions: Questions,
    facts: Facts,
    recorded: Mapping[str, Entry],
    desired: Iterable[Desired],
) -> Plan:
    """Return the plan with what the facts add: prices, regions, errors and warnings.

    No fact adds or removes an action. `recorded` are all recorded entries.
    """
    if questions.offers:
        plan = purchases.check_offers(plan, questions.offers, facts.offers)
    if facts.refusals:
        plan = _add_diagnostics(plan, facts.refusals)
    if questions.regions:
        plan = inbound_regions.check_regions(
            plan, recorded, desired, questions.regions, facts.regions
        )
    if questions.rules:
        effects = webhook_rules.find_rule_effects(desired, facts.rules, questions.rules_required)
        plan = _add_diagnostics(plan, effects)
    return plan


def _add_diagnostics(plan: Plan, diagnostics: Iterable[Diagnostic]) -> Plan:
    """Return the plan with more diagnostics, sorted by place."""
    joined = tuple(sort_by_place([*plan.diagnostics, *diagnostics]))
    return msgspec.structs.replace(plan, diagnostics=joined)
