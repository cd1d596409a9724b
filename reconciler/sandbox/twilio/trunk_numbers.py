"""Imitate the Trunking API for the numbers of a trunk: attach, list, fetch, detach.

Detaching does not release the number.
"""

from __future__ import annotations

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.twilio.auth import TwilioCall, on_own_account
from reconciler.sandbox.twilio.dates import iso_from_rfc
from reconciler.sandbox.twilio.forms import require
from reconciler.sandbox.twilio.numbers import NUMBERS, Number, update_number
from reconciler.sandbox.twilio.pages import fetch_row, plain_fields, v1_page
from reconciler.sandbox.twilio.refusals import not_found
from reconciler.sandbox.twilio.trunk_api import trunk_of

_NOT_SHOWN = (
    "address_sid",
    "bundle_sid",
    "emergency_address_sid",
    "emergency_address_status",
    "emergency_status",
    "identity_sid",
    "origin",
    "status",
    "type",
    "uri",
    "voice_receive_mode",
)


def _view(number: Number, base_url: str) -> dict[str, object]:
    view = plain_fields(number)
    for name in _NOT_SHOWN:
        del view[name]
    return {
        **view,
        "date_created": iso_from_rfc(number.date_created),
        "date_updated": iso_from_rfc(number.date_updated),
        "url": f"{base_url}/v1/Trunks/{number.trunk_sid}/PhoneNumbers/{number.sid}",
        "links": {"phone_number": base_url + number.uri},
    }


def _list(call: TwilioCall) -> Reply:
    trunk = trunk_of(call)
    return v1_page(
        call,
        call.store.table(NUMBERS),
        view=_view,
        key="phone_numbers",
        wanted=lambda number: number.trunk_sid == trunk.sid,
    )


def _attach(call: TwilioCall) -> Reply:
    trunk = trunk_of(call)
    require(call.request.form, "PhoneNumberSid")
    number = fetch_row(call, call.store.table(NUMBERS), call.request.form["PhoneNumberSid"])
    update_number(call.store, number, form={"TrunkSid": trunk.sid}, actor=call.actor)
    return json_reply(201, _view(number, call.request.base_url))


def _number_of(call: TwilioCall) -> Number:
    trunk = trunk_of(call)
    number = fetch_row(call, call.store.table(NUMBERS), call.path["sid"])
    if number.trunk_sid != trunk.sid:
        raise not_found(call.request.path)
    return number


def _fetch(call: TwilioCall) -> Reply:
    return json_reply(200, _view(_number_of(call), call.request.base_url))


def _detach(call: TwilioCall) -> Reply:
    update_number(call.store, _number_of(call), form={"TrunkSid": ""}, actor=call.actor)
    return Reply(204)


_ALL = "/v1/Trunks/{trunk}/PhoneNumbers"
_ONE = "/v1/Trunks/{trunk}/PhoneNumbers/{sid}"
ROUTES = (
    Route("GET", _ALL, on_own_account(_list)),
    Route("POST", _ALL, on_own_account(_attach)),
    Route("GET", _ONE, on_own_account(_fetch)),
    Route("DELETE", _ONE, on_own_account(_detach)),
)
