"""Read the monthly price of numbers in a country, by type, from Twilio's Pricing API; a price that
cannot be read is left out, never an error.
"""

from __future__ import annotations

import math

import msgspec

from reconciler.errors import RemoteError
from reconciler.kinds.purchase import PRICES, normalise_number_type
from reconciler.model.desired import Money
from reconciler.model.route import Json
from reconciler.remote.gateway import Gateway


def read_prices(gateway: Gateway, country: str) -> dict[str, Money]:
    """Return the prices by type of number.

    A type whose price or currency cannot be read is left out.
    """
    try:
        row = gateway.call(PRICES, country=country)
    except RemoteError:
        return {}

    rows, unit = row.get("phone_number_prices"), row.get("price_unit")
    if not isinstance(rows, list) or not isinstance(unit, str) or not unit.strip():
        return {}

    prices: dict[str, Money] = {}
    for entry in rows:
        if not isinstance(entry, dict):
            continue
        amount = _amount(entry.get("current_price"))
        if amount is not None:
            prices[normalise_number_type(entry.get("number_type"))] = Money(
                amount, unit.strip().upper()
            )
    return prices


def _amount(price: Json) -> float | None:
    """Return a price as a number; None for anything but an amount of money."""
    try:
        amount = msgspec.convert(price, float, strict=False)
    except msgspec.ValidationError:
        return None
    return amount if math.isfinite(amount) and amount >= 0 else None
