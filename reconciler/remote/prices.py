"""What the numbers of a plan would cost a month, asked of Twilio before one is bought; and whether it is too much.

Source: Twilio's Pricing API, ``GET /v1/PhoneNumbers/Countries/{country}``: prices a month by type of number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import msgspec

from reconciler.diagnostics import Diagnostic, in_reading_order
from reconciler.errors import RemoteError
from reconciler.kinds.kind import Endpoint
from reconciler.model import Action, Desired, Purchase
from reconciler.planning.plan import Plan
from reconciler.remote.gateway import Gateway

COUNTRY = Endpoint("GET", "pricing", "/v1/PhoneNumbers/Countries/{country}")


class Account(Protocol):
    """What has to be known of an account here."""

    @property
    def base_url(self) -> str | None:
        """Another address than Twilio's: a stand-in, where nothing costs money."""


class Price(msgspec.Struct, frozen=True):
    """What a number costs a month, in a currency (ISO 4217)."""

    amount: float
    currency: str

    def __str__(self) -> str:
        return f"{self.amount:.2f} {self.currency} a month"


def priced(
    plan: Plan, desired: Iterable[Desired], gateways: Mapping[str, Gateway], accounts: Mapping[str, Account]
) -> Plan:
    """The plan with the price of each purchase as its note, and an error for each that costs more than declared.

    One call for each country. Where the price cannot be learnt, a purchase with `max_price` is an error on Twilio
    itself, and said only on a stand-in.
    """
    if not any(action.action == "purchase" for action in plan.actions):
        return plan
    wanted = {want.address: want.profile.purchase for want in desired if want.profile.purchase is not None}
    known: dict[tuple[str, str], dict[str, Price]] = {}
    actions: list[Action] = []
    problems: list[Diagnostic] = []
    for action in plan.actions:
        asked = wanted.get(action.address)
        if action.action != "purchase" or asked is None:
            actions.append(action)
            continue
        place = (action.account, asked.country)
        if place not in known:
            known[place] = _prices(gateways[action.account], asked.country)
        price = known[place].get(asked.type)
        actions.append(msgspec.structs.replace(action, note=str(price) if price else "price not known"))
        problems += _problems(action, asked, price, sure=accounts[action.account].base_url is None)
    return msgspec.structs.replace(
        plan, actions=tuple(actions), diagnostics=tuple(in_reading_order([*plan.diagnostics, *problems]))
    )


def _prices(gateway: Gateway, country: str) -> dict[str, Price]:
    """Prices by type of number, as far as Twilio tells them."""
    try:
        row = gateway.call(COUNTRY, country=country)
    except RemoteError:
        return {}
    prices: dict[str, Price] = {}
    rows = row.get("phone_number_prices")
    for entry in rows if isinstance(rows, list) else ():
        try:
            told = msgspec.convert(entry, dict[str, str | float], strict=False)
            kind = str(told["number_type"]).lower().replace(" ", "_")
            prices[kind] = Price(float(told["current_price"]), str(row.get("price_unit") or "USD"))
        except (msgspec.ValidationError, KeyError, ValueError):
            continue
    return prices


def _problems(action: Action, asked: Purchase, price: Price | None, *, sure: bool) -> list[Diagnostic]:
    most = asked.max_price
    if most is None or (price is not None and price.amount <= most):
        return []
    if price is None:
        severity = "error" if sure else "warning"
        detail = f"Twilio does not tell what {action.address} would cost, and `max_price` allows {most:.2f}."
    else:
        severity = "error"
        detail = f"{action.address} would cost {price}, and `max_price` allows {most:.2f}. Raise it, or choose another."
    return [
        Diagnostic(
            severity="error" if severity == "error" else "warning",
            code="price_too_high" if price is not None else "price_not_known",
            summary="A number would cost too much" if price is not None else "The price of a number is not known",
            detail=detail,
            address=action.address,
            file=action.file,
            line=action.line,
            column=action.column,
        )
    ]
