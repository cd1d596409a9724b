"""Check purchases of numbers: their price, what Twilio requires of their owner, and the limits of
`safety`; pure.

Unknown is never zero and never fine: a price that is not known is over every `max_spend`.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from reconciler.diagnostics import Diagnostic, Severity
from reconciler.model.action import Action
from reconciler.model.desired import Money, Purchase
from reconciler.planning.checks.limits import Limits
from reconciler.planning.plan import Plan

_SHOWN = 3
"""How many addresses a refusal names."""


class Offer(msgspec.Struct, frozen=True):
    """What is known of a number for sale; None where it is not known.

    `regulated`: Twilio has a regulation for numbers of this type in this country, which a bundle
    has to satisfy. `address` is the number's `address_requirements`. `listed`: Twilio offers the
    number right now.
    """

    price: Money | None = None
    regulated: bool | None = None
    address: str | None = None
    listed: bool | None = None


def find_offer_problems(
    action: Action, asked: Purchase, offer: Offer, *, sure: bool
) -> Iterator[Diagnostic]:
    """Yield the problems of buying this number.

    `sure` is false on a stand-in for Twilio, where nothing costs money and prices may be missing.
    """
    if asked.max_price is not None:
        yield from _price_problems(action, asked.max_price, offer.price, sure=sure)
    yield from _requirement_problems(action, asked, offer)

    if offer.listed is False:
        detail = (
            f"{action.address} is not among the numbers that Twilio offers in {asked.country} at present; another "
            "customer may have it. Choose one that is for sale:\n"
            f"  reconciler numbers search --country {asked.country} --type {asked.type}"
        )
        yield _problem(
            action, "number_not_for_sale", "Number not found for sale", detail, "warning"
        )


def _price_problems(
    action: Action, most: Money, price: Money | None, *, sure: bool
) -> Iterator[Diagnostic]:
    if price is None:
        detail = (
            f"Twilio does not tell what {action.address} would cost, and `max_price` allows {most}."
        )
        severity: Severity = "error" if sure else "warning"
        yield _problem(
            action, "price_not_known", "The price of a number is not known", detail, severity
        )
    elif price.currency != most.currency:
        detail = (
            f"{action.address} costs {price}, and `max_price` is in {most.currency}: amounts in two currencies are not "
            f"compared. State the limit in the currency of the account:\n"
            f"  max_price: {{amount: {most.amount:g}, currency: {price.currency}}}"
        )
        yield _problem(action, "price_currency", "Price in another currency", detail)
    elif price.amount > most.amount:
        detail = f"{action.address} would cost {price}, and `max_price` allows {most}. Raise it, or choose another."
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
    """Why this plan buys too much; empty when it does not. No flag lifts these limits."""
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
    lifted = "`--force` and `--allow-purchase` do not lift it."
    unknown = [address for address in bought if address not in plan.prices]
    if unknown:
        detail = (
            f"`safety.max_spend` allows {most}, and the price of {_join_addresses(unknown)} is not known: it may be any amount. "
            f"Let the credentials read prices (Pricing), or exclude these numbers. {lifted}"
        )
        yield Diagnostic(code="spend_unknown", summary="Cost of purchases unknown", detail=detail)

    foreign = [
        address
        for address in bought
        if address in plan.prices and _foreign(plan.prices[address], most)
    ]
    if foreign:
        detail = (
            f"`safety.max_spend` is in {most.currency}, and {_join_addresses(foreign)} would be paid in "
            f"{plan.prices[foreign[0]].currency}: amounts in two currencies are not added. State the limit in the "
            f"currency of the account. {lifted}"
        )
        yield Diagnostic(
            code="spend_currency", summary="Purchases in another currency", detail=detail
        )

    total = sum(
        (
            _exact(plan.prices[address])
            for address in bought
            if address in plan.prices and address not in foreign
        ),
        Decimal(0),
    )
    if total > _exact(most):
        detail = (
            f"The numbers that the plan would buy cost {total:.2f} {most.currency} a month together, and "
            f"`safety.max_spend` allows {most}. Buy a part of them with `--target`, or raise the limit in the "
            f"configuration. {lifted}"
        )
        yield Diagnostic(code="spend_exceeded", summary="Spending limit exceeded", detail=detail)


def _exact(money: Money) -> Decimal:
    """The amount as it is written, without the error of binary fractions."""
    return Decimal(str(money.amount))


def _foreign(price: Money, most: Money) -> bool:
    return price.currency != most.currency


def _join_addresses(addresses: list[str]) -> str:
    more = len(addresses) - _SHOWN
    return ", ".join(addresses[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _problem(
    action: Action, code: str, summary: str, detail: str, severity: Severity = "error"
) -> Diagnostic:
    return Diagnostic(
        severity=severity,
        code=code,
        summary=summary,
        detail=detail,
        address=action.address,
        file=action.file,
        line=action.line,
        column=action.column,
    )
