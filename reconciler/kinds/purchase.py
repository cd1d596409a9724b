"""Define the endpoints that search, price and buy numbers, and convert a purchase to changes of a
plan and to request parameters; pure, buys nothing.

Sources: AvailablePhoneNumbers of the 2010 API, the Pricing API, and the Regulations of Regulatory
Compliance.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from reconciler.kinds.kind import Endpoint, Params
from reconciler.model.action import Change
from reconciler.model.desired import Money, Purchase

_ACCOUNT = "/2010-04-01/Accounts/{account_sid}"
BUY = Endpoint("POST", "api", f"{_ACCOUNT}/IncomingPhoneNumbers.json", idempotent=False)
FOR_SALE = Endpoint(
    "GET", "api", f"{_ACCOUNT}/AvailablePhoneNumbers/{{country}}/{{type}}.json", optional=True
)
PRICES = Endpoint("GET", "pricing", "/v1/PhoneNumbers/Countries/{country}")
REGULATIONS = Endpoint(
    "GET", "numbers", "/v2/RegulatoryCompliance/Regulations", items="results", optional=True
)

TYPES = {"local": "Local", "mobile": "Mobile", "toll_free": "TollFree"}
"""Type of number in `purchase` → the same type in the paths of AvailablePhoneNumbers."""

PARAMS = {
    "phone_number": "PhoneNumber",
    "bundle": "BundleSid",
    "address": "AddressSid",
    "identity": "IdentitySid",
}
"""Field of a purchase → request parameter."""


class NumberForSale(msgspec.Struct, frozen=True, kw_only=True):
    """One number that can be bought.

    `capabilities` are some of voice, sms, mms and fax. `address_requirements` is none, any, local
    or foreign; `bundle_required` is true when Twilio has a regulation for such numbers. Null means
    unknown.
    """

    phone_number: str
    country: str
    type: str
    locality: str | None
    region: str | None
    capabilities: list[str]
    address_requirements: str | None
    bundle_required: bool | None
    price: Money | None


def purchase_changes(e164: str, purchase: Purchase | None) -> tuple[Change, ...]:
    """Return the changes of a purchase for the plan: the number, and the documents that Twilio
    requires.
    """
    changes = [Change("phone_number", None, e164)]
    if purchase is None:
        return tuple(changes)

    for field in ("bundle", "address", "identity"):
        sid = getattr(purchase, field)
        if sid is not None:
            changes.append(Change(field, None, sid))
    return tuple(changes)


def purchase_params(changes: Iterable[Change]) -> Params:
    """Return the parameters of the call that executes the changes of a plan."""
    return {PARAMS[change.field]: change.after for change in changes}


def normalise_number_type(name: object) -> str:
    """Return a type of number in the spelling of `purchase`: Twilio also writes `toll free` and
    `tollfree`.
    """
    letters = "".join(char for char in str(name).lower() if char.isalpha())
    return "toll_free" if letters == "tollfree" else letters
