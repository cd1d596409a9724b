"""Read prices, availability and regulations of the numbers that a plan would buy.

All of it is read before the first purchase. Prices and regulations take one call for each country;
availability takes one call for each number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from reconciler.diagnostics import sort_by_place
from reconciler.errors import RemoteError
from reconciler.kinds.purchase import FOR_SALE, REGULATIONS, TYPES, normalise_number_type
from reconciler.model.action import Action
from reconciler.model.desired import Desired, Money, Purchase
from reconciler.model.route import Json
from reconciler.planning.checks.purchases import Offer, find_offer_problems
from reconciler.planning.plan import Plan
from reconciler.remote.facts.prices import read_prices
from reconciler.remote.gateway import Gateway
from reconciler.remote.transport.pool import is_loopback

_AT_ONCE = 8


class Account(Protocol):
    """The part of an account that is needed here."""

    @property
    def base_url(self) -> str | None:
        """Return another address than Twilio's: a stand-in on this machine, or a proxy."""


def check_purchases(
    plan: Plan,
    desired: Iterable[Desired],
    gateways: Mapping[str, Gateway],
    accounts: Mapping[str, Account],
    *,
    most: int,
) -> Plan:
    """Add to the plan the price of each purchase, and an error for each impossible one.

    A plan that buys more than `most` numbers is refused anyway: then single numbers are not looked
    up.
    """
    bought = [action for action in plan.actions if action.action == "purchase"]
    if not bought:
        return plan

    declared: dict[str, Purchase] = {}
    for item in desired:
        if item.profile.purchase is not None:
            declared[item.address] = item.profile.purchase
    purchases = {
        action.address: declared[action.address] for action in bought if action.address in declared
    }
    offers = _read_offers(bought, purchases, gateways, single=len(bought) <= most)

    prices: dict[str, Money] = {}
    problems = list(plan.diagnostics)
    for action in bought:
        offer = offers.get(action.address, Offer())
        if offer.price is not None:
            prices[action.address] = offer.price
        if action.address in purchases:
            sure = not is_stand_in(accounts[action.account].base_url)
            problems += find_offer_problems(action, purchases[action.address], offer, sure=sure)

    return msgspec.structs.replace(
        plan,
        actions=tuple(_with_price(action, prices) for action in plan.actions),
        prices=prices,
        diagnostics=tuple(sort_by_place(problems)),
    )


def is_stand_in(base_url: str | None) -> bool:
    """Return whether an address is a stand-in for Twilio, where nothing costs money.

    Only an address on this machine is; any other may be a proxy to Twilio itself.
    """
    return base_url is not None and is_loopback(urlsplit(base_url).hostname or "")


def _with_price(action: Action, prices: Mapping[str, Money]) -> Action:
    if action.action != "purchase":
        return action
    price = prices.get(action.address)
    return msgspec.structs.replace(
        action, note=str(price) if price is not None else "price not known"
    )


def _read_offers(
    bought: Sequence[Action],
    purchases: Mapping[str, Purchase],
    gateways: Mapping[str, Gateway],
    *,
    single: bool,
) -> dict[str, Offer]:
    """Return the offer for each address; `single`: look up each number, too."""
    prices: dict[tuple[str, str], dict[str, Money]] = {}
    regulated: dict[tuple[str, str], frozenset[str] | None] = {}
    for action in bought:
        purchase = purchases.get(action.address)
        if purchase is None:
            continue
        place = (action.account, purchase.country)
        if place not in prices:
            gateway = gateways[action.account]
            prices[place] = read_prices(gateway, purchase.country)
            regulated[place] = read_regulated_types(gateway, purchase.country)

    def offer_of(action: Action) -> Offer:
        purchase = purchases[action.address]
        place = (action.account, purchase.country)
        types = regulated[place]
        offer = Offer(
            price=prices[place].get(purchase.type),
            regulated=None if types is None else purchase.type in types,
        )

        if not single:
            return offer

        e164 = action.address.split("/", 1)[1]
        rows = read_for_sale(
            gateways[action.account], purchase, {"Contains": e164.removeprefix("+")}
        )
        return _with_row(offer, e164, rows)

    known = [action for action in bought if action.address in purchases]
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="offers") as pool:
        offers = list(pool.map(offer_of, known))
    return {action.address: offer for action, offer in zip(known, offers, strict=True)}


def _with_row(offer: Offer, e164: str, rows: list[dict[str, Json]] | None) -> Offer:
    if rows is None:
        return offer
    for row in rows:
        if row.get("phone_number") == e164:
            requirement = row.get("address_requirements")
            return msgspec.structs.replace(
                offer, listed=True, address=requirement if isinstance(requirement, str) else None
            )
    return msgspec.structs.replace(offer, listed=False)


def read_for_sale(
    gateway: Gateway, purchase: Purchase, query: Mapping[str, str]
) -> list[dict[str, Json]] | None:
    """Return the numbers of this country and type that Twilio offers (at most one page).

    None when that cannot be read.
    """
    try:
        page = gateway.call(
            FOR_SALE, dict(query), country=purchase.country, type=TYPES[purchase.type]
        )
    except RemoteError:
        return None

    return rows_for_sale(page)


def rows_for_sale(page: Mapping[str, Json]) -> list[dict[str, Json]] | None:
    """Return the rows of one page of AvailablePhoneNumbers; None when it is no such page."""
    rows = page.get("available_phone_numbers")
    if not isinstance(rows, list):
        return None
    return [row for row in rows if isinstance(row, dict)]


def read_regulated_types(gateway: Gateway, country: str) -> frozenset[str] | None:
    """Return the types of numbers in a country that have a regulation.

    None when that cannot be read. A regulation without requirements (its lists are empty) does not
    count.
    """
    try:
        page = gateway.call(REGULATIONS, {"IsoCountry": country, "PageSize": "1000"})
    except RemoteError:
        return None

    rows = page.get("results")
    if not isinstance(rows, list):
        return None
    found = set()
    for row in rows:
        if isinstance(row, dict) and _is_in(row, country) and _requires_something(row):
            found.add(normalise_number_type(row.get("number_type")))
    return frozenset(found)


def _is_in(row: Mapping[str, Json], country: str) -> bool:
    return str(row.get("iso_country", "")).upper() == country


def _requires_something(row: Mapping[str, Json]) -> bool:
    requirements = row.get("requirements")
    return not isinstance(requirements, dict) or not requirements or any(requirements.values())
