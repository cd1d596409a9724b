"""List the questions about numbers that a plan buys, and check the offers found: price,
requirements for the owner, and the limits of `safety`; pure.

An unknown price counts as higher than every `max_spend`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

import msgspec

from reconciler.diagnostics import Diagnostic, Severity, sort_by_place
from reconciler.model.action import Action
from reconciler.model.address import Address
from reconciler.model.desired import Desired, Money, Purchase
from reconciler.planning.checks.limits import Limits
from reconciler.planning.plan import Plan

_SHOWN = 3
"""Number of addresses that a refusal names."""


class OfferQuestion(msgspec.Struct, frozen=True):
    """At which price and under which conditions does Twilio sell a number?

    `single`: whether to look up the number itself, and not only its country and type.
    """

    address: str
    account: str
    number: str
    purchase: Purchase
    single: bool


class Offer(msgspec.Struct, frozen=True):
    """The known facts about a number for sale; None for a fact that is not known.

    `regulated`: Twilio has a regulation for numbers of this type in this country, which a bundle
    has to satisfy. `address` is the number's `address_requirements`. `listed`: Twilio offers the
    number right now. `stand_in`: the answers come from a stand-in for Twilio, where nothing costs
    money and prices may be missing.
    """

    price: Money | None = None
    regulated: bool | None = None
    address: str | None = None
    listed: bool | None = None
    stand_in: bool = False


def list_questions(
    plan: Plan, desired: Iterable[Desired], max_purchases: int
) -> list[OfferQuestion]:
    """Return a question for each number that the plan would buy.

    A plan that buys more than `max_purchases` numbers is refused in any case: then single numbers
    are not looked up.
    """
    bought = [action for action in plan.actions if action.action == "purchase"]
    if not bought:
        return []

    declared: dict[str, Purchase] = {}
    for item in desired:
        if item.profile.purchase is not None:
            declared[item.address] = item.profile.purchase

    questions = []
    single = len(bought) <= max_purchases
    for action in bought:
        purchase = declared.get(action.address)
        if purchase is not None:
            number = Address.parse(action.address).name
            question = OfferQuestion(action.address, action.account, number, purchase, single)
            questions.append(question)
    return questions


def check_offers(
    plan: Plan, questions: Iterable[OfferQuestion], offers: Mapping[str, Offer]
) -> Plan:
    """Return the plan with the price of each purchase, and an error for each impossible one."""
    purchases = {question.address: question.purchase for question in questions}
    prices: dict[str, Money] = {}
    problems = list(plan.diagnostics)
    actions = []
    for action in plan.actions:
        if action.action == "purchase":
            offer = offers.get(action.address, Offer())
            if offer.price is not None:
                prices[action.address] = offer.price
            if action.address in purchases:
                problems += find_offer_problems(action, purchases[action.address], offer)
            note = str(offer.price) if offer.price is not None else "price not known"
            action = msgspec.structs.replace(action, note=note)
        actions.append(action)

    return msgspec.structs.replace(
        plan,
        actions=tuple(actions),
        prices=prices,
        diagnostics=tuple(sort_by_place(problems)),
    )


def find_offer_problems(action: Action, asked: Purchase, offer: Offer) -> Iterator[Diagnostic]:
    """Yield the problems of buying this number."""
    if asked.max_price is not None:
        yield from _price_problems(action, asked.max_price, offer)
    yield from _requirement_problems(action, asked, offer)

    if offer.listed is False:
        detail = (
            f"{action.address} is not among the numbers that Twilio offers in {asked.country} at "
            "present; another customer may have it. Choose one that is for sale:\n"
            f"  reconciler numbers search --country {asked.country} --type {asked.type}"
        )
        yield _problem(
            action, "number_not_for_sale", "Number not found for sale", detail, "warning"
        )


def _price_problems(action: Action, most: Money, offer: Offer) -> Iterator[Diagnostic]:
    """Yield a problem where the price is unknown, too high, or in another currency."""
    price = offer.price
    if price is None:
        # A stand-in for Twilio may have no prices, and nothing costs money there.
        severity: Severity = "warning" if offer.stand_in else "error"
        detail = (
            f"Twilio does not report the price of {action.address}, and `max_price` allows {most}."
        )
        yield _problem(
            action, "price_not_known", "The price of a number is not known", detail, severity
        )
        return

    if price.currency != most.currency:
        detail = (
            f"{action.address} costs {price}, and `max_price` is in {most.currency}: amounts in "
            "two currencies are not compared. State the limit in the currency of the account:\n"
            f"  max_price: {{amount: {most.amount:g}, currency: {price.currency}}}"
        )
        yield _problem(action, "price_currency", "Price in another currency", detail)
    elif price.amount > most.amount:
        detail = (
            f"{action.address} would cost {price}, and `max_price` allows {most}. Raise it, or "
            "choose another number."
        )
        yield _problem(action, "price_too_high", "A number would cost too much", detail)


def _requirement_problems(action: Action, asked: Purchase, offer: Offer) -> Iterator[Diagnostic]:
    """Yield a problem where the purchase does not name what Twilio requires of the owner.

    A bundle holds the address where one is needed, so it satisfies the number's address requirement
    as well.
    """
    if asked.bundle is not None:
        return

    kind = f"{asked.type.replace('_', '-')} numbers in {asked.country}"
    if offer.regulated:
        detail = (
            f"{action.address}: Twilio sells {kind} only with a regulatory bundle that it has approved, and "
            "`purchase.bundle` is missing. Create the bundle in the console under Phone Numbers > Regulatory "
            "Compliance, then name its SID:\n"
            f"  purchase: {{country: {asked.country}, type: {asked.type}, bundle: BU…}}"
        )
        yield _problem(action, "bundle_needed", "Regulatory bundle missing", detail)
    elif offer.address not in (None, "none") and asked.address is None:
        where = {
            "local": " in the number's country",
            "foreign": " outside the number's country",
        }.get(offer.address or "", "")
        detail = (
            f"{action.address}: Twilio sells this number only to an owner with an address{where} "
            f"(`address_requirements` is `{offer.address}`), and the purchase names none. Name the address in "
            "`purchase.address`, or a bundle that holds it in `purchase.bundle`:\n"
            f"  purchase: {{country: {asked.country}, type: {asked.type}, address: AD…}}"
        )
        yield _problem(action, "address_needed", "Address of the owner missing", detail)
    elif offer.regulated is None and offer.listed is not None:
        detail = (
            f"{action.address}: it cannot be read whether Twilio requires `purchase.bundle` for {kind}. If it does, "
            "Twilio refuses the purchase, and nothing is bought. The credentials need to read Regulatory Compliance."
        )
        yield _problem(
            action, "regulation_unknown", "Regulations of a number unknown", detail, "warning"
        )


def find_spending_refusals(plan: Plan, limits: Limits) -> list[Diagnostic]:
    """Return why this plan buys too much; empty when it does not. No flag lifts these limits."""
    bought = sorted({action.address for action in plan.actions if action.action == "purchase"})
    refusals = []
    if len(bought) > limits.max_purchases:
        detail = (
            f"The plan would buy {len(bought)} numbers, and `safety.max_purchases` allows {limits.max_purchases} in "
            "one run. Buy a part of them with `--target`, or raise the limit in the configuration. "
            "`--force` and `--allow-purchase` do not lift it."
        )
        refusals.append(
            Diagnostic(code="purchases_exceeded", summary="Purchase limit exceeded", detail=detail)
        )

    if bought and limits.max_spend is not None:
        refusals += _over_budget(plan, bought, limits.max_spend)
    return refusals


def _over_budget(plan: Plan, bought: list[str], most: Money) -> Iterator[Diagnostic]:
    """Yield why the purchases exceed `max_spend`; an unknown price exceeds any limit."""
    lifted = "`--force` and `--allow-purchase` do not lift it."
    unknown = [address for address in bought if address not in plan.prices]
    if unknown:
        detail = (
            f"`safety.max_spend` allows {most}, and the price of {_join_addresses(unknown)} is "
            "not known: it may be any amount. Let the credentials read prices (Pricing), or "
            f"exclude these numbers. {lifted}"
        )
        yield Diagnostic(code="spend_unknown", summary="Cost of purchases unknown", detail=detail)

    foreign = []
    total = Decimal(0)
    for address in bought:
        price = plan.prices.get(address)
        if price is None:
            continue
        if price.currency != most.currency:
            foreign.append(address)
        else:
            total += _exact(price)

    if foreign:
        detail = (
            f"`safety.max_spend` is in {most.currency}, and {_join_addresses(foreign)} would be paid in "
            f"{plan.prices[foreign[0]].currency}: amounts in two currencies are not added. State the limit in the "
            f"currency of the account. {lifted}"
        )
        yield Diagnostic(
            code="spend_currency", summary="Purchases in another currency", detail=detail
        )

    if total > _exact(most):
        detail = (
            f"The numbers that the plan would buy cost {total:.2f} {most.currency} a month together, and "
            f"`safety.max_spend` allows {most}. Buy a part of them with `--target`, or raise the limit in the "
            f"configuration. {lifted}"
        )
        yield Diagnostic(code="spend_exceeded", summary="Spending limit exceeded", detail=detail)


def _exact(money: Money) -> Decimal:
    """Return the amount as it is written, without the error of binary fractions."""
    return Decimal(str(money.amount))


def _join_addresses(addresses: list[str]) -> str:
    more = len(addresses) - _SHOWN
    return ", ".join(addresses[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _problem(
    action: Action, code: str, summary: str, detail: str, severity: Severity = "error"
) -> Diagnostic:
    return Diagnostic.at(
        action,
        severity=severity,
        code=code,
        summary=summary,
        detail=detail,
        address=action.address,
    )
