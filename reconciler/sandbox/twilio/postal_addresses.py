"""Imitate Addresses of owners (2010 API), which some countries require for a number: create, list,
fetch, change, delete, and list the numbers that use one.
"""

from __future__ import annotations

from reconciler.sandbox.http.messages import Reply
from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.store import Row, Shelf, Store
from reconciler.sandbox.twilio.accounts import owner_of
from reconciler.sandbox.twilio.auth import TwilioCall, on_account_in_path
from reconciler.sandbox.twilio.dates import rfc2822
from reconciler.sandbox.twilio.forms import Param, flag, friendly_name, read_form, require, text
from reconciler.sandbox.twilio.numbers import NUMBERS, Number
from reconciler.sandbox.twilio.pages import v2010_page
from reconciler.sandbox.twilio.resources import V2010Resource


class PostalAddress(Row, kw_only=True):
    """The address of an owner of numbers."""

    city: str = ""
    customer_name: str = ""
    date_created: str = ""
    date_updated: str = ""
    friendly_name: str | None = None
    iso_country: str = ""
    postal_code: str = ""
    region: str = ""
    street: str = ""
    street_secondary: str | None = None
    emergency_enabled: bool = False
    validated: bool = False
    verified: bool = False
    uri: str = ""


_REQUIRED = ("CustomerName", "Street", "City", "Region", "PostalCode", "IsoCountry")
_PARAMS = (
    Param("CustomerName", "customer_name", text),
    Param("Street", "street", text),
    Param("StreetSecondary", "street_secondary", text),
    Param("City", "city", text),
    Param("Region", "region", text),
    Param("PostalCode", "postal_code", text),
    Param("FriendlyName", "friendly_name", friendly_name),
    Param("EmergencyEnabled", "emergency_enabled", flag),
)
_CREATE_PARAMS = (*_PARAMS, Param("IsoCountry", "iso_country", text))
_FILTERS = {
    "CustomerName": "customer_name",
    "FriendlyName": "friendly_name",
    "IsoCountry": "iso_country",
}


def _complete(store: Store, address: PostalAddress) -> None:
    owner_of(store, address)
    address.sid = address.sid or store.new_sid("AD")
    address.date_created = address.date_created or rfc2822(store.now())
    address.date_updated = address.date_updated or address.date_created
    address.uri = f"/2010-04-01/Accounts/{address.account_sid}/Addresses/{address.sid}.json"


POSTAL_ADDRESSES = Shelf("addresses", PostalAddress, "AD", _complete)


class _PostalAddresses(V2010Resource[PostalAddress]):
    """Handlers of addresses. The country of an address is set once."""

    def read(self, call: TwilioCall, row: PostalAddress | None) -> dict[str, object]:
        """Return the fields that a form sets."""
        return read_form(call.request.form, _CREATE_PARAMS if row is None else _PARAMS)

    def check_create(self, call: TwilioCall) -> None:
        """Refuse an incomplete address."""
        require(call.request.form, *_REQUIRED)

    def list(self, call: TwilioCall) -> Reply:
        """Answer a page of addresses, filtered by customer, name and country."""
        wanted = [
            (field, call.request.query[name])
            for name, field in _FILTERS.items()
            if name in call.request.query
        ]
        return v2010_page(
            call,
            self.table(call),
            wanted=lambda row: all(getattr(row, field) == value for field, value in wanted),
        )

    def list_numbers(self, call: TwilioCall) -> Reply:
        """Answer a page of the numbers that use an address."""
        address = self.find(call)

        def uses(number: Number) -> bool:
            return address.sid in (number.address_sid, number.emergency_address_sid)

        table = call.store.table(NUMBERS)
        return v2010_page(call, table, key="dependent_phone_numbers", wanted=uses)


_BASE = "/2010-04-01/Accounts/{account}/Addresses"
_ADDRESSES = _PostalAddresses(POSTAL_ADDRESSES)
ROUTES = (
    *_ADDRESSES.routes(f"{_BASE}.json", f"{_BASE}/{{sid}}.json", on_account_in_path),
    Route(
        "GET",
        f"{_BASE}/{{sid}}/DependentPhoneNumbers.json",
        on_account_in_path(_ADDRESSES.list_numbers),
    ),
)
