"""Imitate the Pricing API: return the monthly prices of numbers, the same in every country."""

from __future__ import annotations

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.twilio.auth import TwilioCall, on_own_account
from reconciler.sandbox.twilio.refusals import refusal

PRICES = {"local": "1.15", "mobile": "3.75", "toll free": "2.15"}
"""Monthly prices in dollars, by type of number as this API names it."""


def _fetch_prices(call: TwilioCall) -> Reply:
    country = call.path["country"].upper()
    if len(country) != 2 or not country.isalpha():
        raise refusal(
            20404,
            f"The requested resource /PhoneNumbers/Countries/{country} was not found",
            status=404,
        )

    path = f"/v1/PhoneNumbers/Countries/{country}"
    prices = [
        {"number_type": kind, "base_price": price, "current_price": price}
        for kind, price in PRICES.items()
    ]

    return json_reply(
        200,
        {
            "country": country,
            "iso_country": country,
            "phone_number_prices": prices,
            "price_unit": "USD",
            "url": call.request.base_url + path,
        },
    )


ROUTES = (Route("GET", "/v1/PhoneNumbers/Countries/{country}", on_own_account(_fetch_prices)),)
