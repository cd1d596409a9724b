"""Imitate IncomingPhoneNumbers of the 2010 API: list, buy, fetch, update, transfer and release
numbers.

A POST of a number that the account has already is an update of it, as on Twilio. The lists of one
type (`Local`, `Mobile`, `TollFree`) hold and sell the numbers of that type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec

from reconciler.sandbox.http.messages import Reply
from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.twilio.accounts import ACCOUNTS
from reconciler.sandbox.twilio.auth import TwilioCall, TwilioHandler, on_account_in_path
from reconciler.sandbox.twilio.countries import Range, range_of
from reconciler.sandbox.twilio.events import record_created, record_deleted
from reconciler.sandbox.twilio.forms import require
from reconciler.sandbox.twilio.messaging import remove_from_service
from reconciler.sandbox.twilio.numbers import (
    DEMO_SMS,
    DEMO_VOICE,
    E164,
    NUMBERS,
    RESOURCE_TYPE,
    Number,
    format_us_number,
    path_of,
    read_changes,
    set_fields,
    update_number,
)
from reconciler.sandbox.twilio.pages import fetch_row, plain_fields, render_row, v2010_page
from reconciler.sandbox.twilio.refusals import refusal

_TYPES = {"Local": "local", "Mobile": "mobile", "TollFree": "tollfree"}
"""Path of a list of one type → the type of its numbers."""

_DOCUMENTS = {
    "BundleSid": "bundle_sid",
    "AddressSid": "address_sid",
    "IdentitySid": "identity_sid",
}
"""Parameter → field of what a country may require of the owner."""


def _list(call: TwilioCall) -> Reply:
    table = call.store.table(NUMBERS)
    exact = table.get_by_key(call.request.query.get("PhoneNumber", "").strip())
    among = None if exact is None else [exact]
    return v2010_page(
        call, table, key="incoming_phone_numbers", wanted=_filter(call.request.query), among=among
    )


def _list_type(kind: str) -> TwilioHandler:
    """Return the handler of the list of one type."""

    def handle(call: TwilioCall) -> Reply:
        passes = _filter(call.request.query)

        def has_type(number: Number) -> bool:
            return number.type == kind and (passes is None or passes(number))

        table = call.store.table(NUMBERS)
        return v2010_page(
            call, table, key="incoming_phone_numbers", wanted=has_type, view=_view_without_type
        )

    return handle


def _create_type(kind: str) -> TwilioHandler:
    """Return the handler that buys a number of one type."""

    def handle(call: TwilioCall) -> Reply:
        require(call.request.form, "PhoneNumber")
        phone_number = call.request.form["PhoneNumber"]
        if E164.fullmatch(phone_number) and _type_of(phone_number) != kind:
            raise refusal(21422, f"PhoneNumber {phone_number} is not available")
        return Reply(201, _view_without_type(_provision(call)))

    return handle


def _view_without_type(number: Number) -> bytes:
    """Return a number as a list of one type shows it."""
    view = plain_fields(number)
    del view["type"]
    return msgspec.json.encode(view)


def _type_of(phone_number: str) -> str:
    number_range = range_of(phone_number)
    return number_range.type.replace("_", "") if number_range else "local"


def _filter(query: Mapping[str, str]) -> Callable[[Number], bool] | None:
    """Return the filters of a list as one test, None without filters.

    A phone number may be a part of one, with ``*`` for any digit.
    """
    tests: list[Callable[[Number], bool]] = []

    if "PhoneNumber" in query:
        part = re.compile(re.escape(query["PhoneNumber"].strip()).replace(r"\*", r"\d"))
        tests.append(lambda number: part.search(number.phone_number) is not None)
    if "FriendlyName" in query:
        tests.append(lambda number: number.friendly_name == query["FriendlyName"])
    if "Origin" in query:
        tests.append(lambda number: number.origin == query["Origin"])
    if query.get("Beta", "true").lower() == "false":
        tests.append(lambda number: not number.beta)

    return (lambda number: all(test(number) for test in tests)) if tests else None


def _create(call: TwilioCall) -> Reply:
    return render_row(call.store.table(NUMBERS), _provision(call), 201)


def _provision(call: TwilioCall) -> Number:
    """Buy a number; one that the account has already is updated."""
    table = call.store.table(NUMBERS)
    owned = table.get_by_key(call.request.form.get("PhoneNumber", ""))
    if owned is not None and owned.account_sid == call.account.sid:
        update_number(call.store, owned, form=call.request.form, actor=call.actor)
        return owned

    phone_number = _number_to_buy(call)
    number_range = range_of(phone_number)

    number = Number(
        sid=call.store.new_sid("PN"),
        account_sid=call.account.sid,
        phone_number=phone_number,
        friendly_name=format_us_number(phone_number),
        voice_url=DEMO_VOICE,
        sms_url=DEMO_SMS,
        address_requirements=number_range.address if number_range else "none",
        type=_type_of(phone_number),
    )
    NUMBERS.complete(call.store, number)

    # An emergency address is set by an update only; a purchase ignores it.
    form = {**call.request.form}
    form.pop("EmergencyAddressSid", None)
    changes = read_changes(call.store, number, form)
    _check_requirements(number_range, changes)

    table.add(number)
    table.change(number, changes)
    record_created(call.store, call.actor, kind=RESOURCE_TYPE, row=number)
    return number


def _check_requirements(number_range: Range | None, documents: Mapping[str, object]) -> None:
    """Refuse a number without what its country requires of the owner.

    A bundle holds address and identity as well.
    """
    if number_range is None or documents.get("bundle_sid"):
        return

    if number_range.regulated:
        raise refusal(21649, "Bundle required. A bundle_sid is required to buy this phone number")
    if number_range.address != "none" and not documents.get("address_sid"):
        raise refusal(
            21631, "Phone Number Requires an Address but the 'AddressSid' parameter was empty."
        )
    if number_range.identity and not documents.get("identity_sid"):
        raise refusal(
            21650, "Identity required. An identity_sid is required to buy this phone number"
        )


def _check_cleared_documents(number: Number, form: Mapping[str, str]) -> None:
    """Refuse an update that takes off a document which the country requires of the owner."""
    cleared = [name for name in _DOCUMENTS if form.get(name) == ""]
    if not cleared:
        return
    documents: dict[str, object] = {}
    for name, field in _DOCUMENTS.items():
        documents[field] = form.get(name, getattr(number, field))
    _check_requirements(range_of(number.phone_number), documents)


def _number_to_buy(call: TwilioCall) -> str:
    """Return the number that a purchase names, or the first free one of its area code."""
    form, table = call.request.form, call.store.table(NUMBERS)
    phone_number, area_code = form.get("PhoneNumber", ""), form.get("AreaCode", "")
    if phone_number:
        if not E164.fullmatch(phone_number):
            raise refusal(21421, f"PhoneNumber is invalid: {phone_number}")
        if table.get_by_key(phone_number) or phone_number in call.store.released:
            raise refusal(21422, f"PhoneNumber {phone_number} is not available")
        return phone_number

    if not area_code:
        raise refusal(21452, "Either PhoneNumber or AreaCode is required")
    if not re.fullmatch(r"[2-9]\d\d", area_code):
        raise refusal(21451, f"Invalid area code: {area_code}")

    for line in range(10_000):
        phone_number = f"+1{area_code}555{line:04d}"
        if not table.get_by_key(phone_number) and phone_number not in call.store.released:
            return phone_number
    raise refusal(21452, f"No phone numbers found in area code {area_code}")


def _fetch(call: TwilioCall) -> Reply:
    table = call.store.table(NUMBERS)
    return render_row(table, fetch_row(call, table, call.path["sid"]))


def _update(call: TwilioCall) -> Reply:
    table = call.store.table(NUMBERS)
    number = fetch_row(call, table, call.path["sid"])
    target = _transfer_to(call, number)
    _check_cleared_documents(number, call.request.form)
    update_number(call.store, number, form=call.request.form, actor=call.actor)

    if target:
        set_fields(
            call.store, number, values={"account_sid": target, "trunk_sid": None}, actor=call.actor
        )
        table.change(number, {"uri": path_of(number)})

    return render_row(table, number)


def _transfer_to(call: TwilioCall, number: Number) -> str:
    """Return the account that the number moves to, "" when it stays.

    Only the parent account may move a number between its subaccounts.
    """
    account_sid = call.request.form.get("AccountSid", number.account_sid)
    if account_sid == number.account_sid:
        return ""

    _check_emergency_address(number)
    target = call.store.table(ACCOUNTS).get(account_sid)
    if target is None:
        raise refusal(21471, f"Account {account_sid} does not exist")
    if target.status != "active":
        raise refusal(21472, f"Account {account_sid} is not active")

    parent = call.caller.account
    if parent.owner_account_sid != parent.sid:
        raise refusal(21474, "API User must be the parent account to transfer phone numbers")
    if target.owner_account_sid != parent.sid:
        raise refusal(
            21473, f"Account {account_sid} is not related to the owner of the phone number"
        )
    return target.sid


def _check_emergency_address(number: Number) -> None:
    """Refuse to release or move a number with an emergency address.

    Twilio's documents demand that it is unregistered first, and name no error.
    """
    if number.emergency_address_sid or number.emergency_address_status != "unregistered":
        raise refusal(
            20409, "The phone number has an emergency address; clear it first", status=409
        )


def _delete(call: TwilioCall) -> Reply:
    table = call.store.table(NUMBERS)
    number = fetch_row(call, table, call.path["sid"])
    _check_emergency_address(number)

    # A released number cannot be bought again, by anybody.
    remove_from_service(call.store, number.sid)
    table.remove(number)
    call.store.released.add(number.phone_number)
    record_deleted(call.store, call.actor, kind=RESOURCE_TYPE, row=number)
    return Reply(204)


_ALL = "/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json"
_ONE = "/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{sid}.json"
ROUTES = (
    Route("GET", _ALL, on_account_in_path(_list)),
    Route("POST", _ALL, on_account_in_path(_create)),
    *(
        Route(
            "GET", _ONE.format(account="{account}", sid=path), on_account_in_path(_list_type(kind))
        )
        for path, kind in _TYPES.items()
    ),
    *(
        Route(
            "POST",
            _ONE.format(account="{account}", sid=path),
            on_account_in_path(_create_type(kind)),
        )
        for path, kind in _TYPES.items()
    ),
    Route("GET", _ONE, on_account_in_path(_fetch)),
    Route("POST", _ONE, on_account_in_path(_update)),
    Route("DELETE", _ONE, on_account_in_path(_delete)),
)
