"""Read price, regulation and availability for each number that a plan would buy; a fact that cannot
be read is None. Also recognises a test server, where nothing costs money.

All of it is read before the first purchase. Prices and regulations take one call for each country;
availability takes one call for each number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from reconciler.errors import RemoteError
from reconciler.kinds.purchase import FOR_SALE, REGULATIONS, TYPES, normalise_number_type
from reconciler.model.desired import Money, Purchase
from reconciler.model.route import Json
from reconciler.planning.checks.purchases import Offer, OfferQuestion
from reconciler.remote.facts.prices import read_prices
from reconciler.remote.gateway import Gateway
from reconciler.remote.parallel import map_each
from reconciler.remote.transport.pool import is_loopback

_AT_ONCE = 8


class Account(Protocol):
    """The part of an account that is needed here."""

    @property
    def base_url(self) -> str | None:
        """Return another address than Twilio's: a stand-in on this machine, or a proxy."""


def read_offers(
    questions: Sequence[OfferQuestion],
    gateways: Mapping[str, Gateway],
    accounts: Mapping[str, Account],
) -> dict[str, Offer]:
    """Return the offer for each address; a fact that cannot be read is None in it."""
    prices: dict[tuple[str, str], dict[str, Money]] = {}
    regulated: dict[tuple[str, str], frozenset[str] | None] = {}
    for question in questions:
        country = question.purchase.country
        place = (question.account, country)
        if place not in prices:
            gateway = gateways[question.account]
            prices[place] = read_prices(gateway, country)
            regulated[place] = read_regulated_types(gateway, country)

    def read_offer(question: OfferQuestion) -> Offer:
        purchase = question.purchase
        place = (question.account, purchase.country)
        types = regulated[place]
        offer = Offer(
            price=prices[place].get(purchase.type),
            regulated=None if types is None else purchase.type in types,
            stand_in=is_stand_in(accounts[question.account].base_url),
        )
        if not question.single:
            return offer

        query = {"Contains": question.number.removeprefix("+")}
        rows = read_for_sale(gateways[question.account], purchase, query)
        return _with_row(offer, question.number, rows)

    offers = map_each(read_offer, questions, workers=_AT_ONCE, name="offers")
    return {question.address: offer for question, offer in zip(questions, offers, strict=True)}


def is_stand_in(base_url: str | None) -> bool:
    """Return whether an address is a stand-in for Twilio, where nothing costs money.

    Only an address on this machine is; any other may be a proxy to Twilio itself.
    """
    return base_url is not None and is_loopback(urlsplit(base_url).hostname or "")


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
