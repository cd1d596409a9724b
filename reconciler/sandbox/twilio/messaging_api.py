"""Imitate the Messaging API: manage services, and add, list, fetch and remove their numbers."""

from __future__ import annotations

from functools import partial

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.twilio.auth import TwilioCall, on_own_account
from reconciler.sandbox.twilio.dates import iso_from_rfc
from reconciler.sandbox.twilio.forms import require
from reconciler.sandbox.twilio.messaging import (
    MOST_NUMBERS,
    PARAMS,
    SERVICES,
    Service,
    remove_from_service,
    service_of,
)
from reconciler.sandbox.twilio.messaging_senders import remove_senders
from reconciler.sandbox.twilio.numbers import NUMBERS, Number
from reconciler.sandbox.twilio.pages import fetch_row, plain_fields, v1_page
from reconciler.sandbox.twilio.refusals import not_found, refusal
from reconciler.sandbox.twilio.resources import V1Resource


def _view(service: Service, base_url: str) -> dict[str, object]:
    view = plain_fields(service)
    del view["numbers"]
    url = f"{base_url}/v1/Services/{service.sid}"
    return {**view, "url": url, "links": {"phone_numbers": f"{url}/PhoneNumbers"}}


class _Services(V1Resource[Service]):
    """Handlers of messaging services."""

    def check_create(self, call: TwilioCall) -> None:
        """Refuse a service without a name."""
        require(call.request.form, "FriendlyName")

    def remove(self, call: TwilioCall, row: Service) -> None:
        """Delete a service with its other senders; its numbers stay in the account."""
        remove_senders(call.store, row)
        super().remove(call, row)


_SERVICES = _Services(SERVICES, PARAMS, view=_view, variable="service")


def _service_of(call: TwilioCall) -> Service:
    return _SERVICES.find(call)


def _number_view(service: Service, number: Number, base_url: str) -> dict[str, object]:
    can = number.capabilities
    names = (("Voice", can.voice), ("SMS", can.sms), ("MMS", can.mms))

    return {
        "sid": number.sid,
        "account_sid": number.account_sid,
        "service_sid": service.sid,
        "date_created": iso_from_rfc(number.date_created),
        "date_updated": iso_from_rfc(number.date_updated),
        "phone_number": number.phone_number,
        "country_code": "US" if number.phone_number.startswith("+1") else None,
        "capabilities": [name for name, present in names if present],
        "url": f"{base_url}/v1/Services/{service.sid}/PhoneNumbers/{number.sid}",
    }


def _list_numbers(call: TwilioCall) -> Reply:
    service, table = _service_of(call), call.store.table(NUMBERS)
    members = filter(None, map(table.get, service.numbers))
    return v1_page(
        call, table, view=partial(_number_view, service), key="phone_numbers", among=members
    )


def _add_number(call: TwilioCall) -> Reply:
    service = _service_of(call)
    require(call.request.form, "PhoneNumberSid")
    number = call.store.table(NUMBERS).get(call.request.form["PhoneNumberSid"])
    if number is None or number.account_sid != call.account.sid:
        raise refusal(21421, "Phone Number is invalid")
    _check_addition(call, service, number)
    call.store.table(SERVICES).change(service, {"numbers": [*service.numbers, number.sid]})
    return json_reply(201, _number_view(service, number, call.request.base_url))


def _check_addition(call: TwilioCall, service: Service, number: Number) -> None:
    current = service_of(call.store, number.sid)
    if current is service:
        raise refusal(21710, "Phone Number Already Exists in Messaging Service", status=409)
    if current is not None:
        raise refusal(
            21712,
            "Phone Number or Short Code is associated with another Messaging Service",
            status=409,
        )

    if not number.capabilities.sms:
        raise refusal(21715, "Phone Number Does Not Have Correct Messaging Service Capabilities")
    if len(service.numbers) >= MOST_NUMBERS:
        raise refusal(21714, "Messaging Service Number Pool size limit reached", status=412)


def _number_of(call: TwilioCall, service: Service) -> Number:
    number = fetch_row(call, call.store.table(NUMBERS), call.path["sid"])
    if number.sid not in service.numbers:
        raise not_found(call.request.path)
    return number


def _fetch_number(call: TwilioCall) -> Reply:
    service = _service_of(call)
    return json_reply(200, _number_view(service, _number_of(call, service), call.request.base_url))


def _remove_number(call: TwilioCall) -> Reply:
    remove_from_service(call.store, _number_of(call, _service_of(call)).sid)
    return Reply(204)


_NUMBERS = "/v1/Services/{service}/PhoneNumbers"
_NUMBER = "/v1/Services/{service}/PhoneNumbers/{sid}"
ROUTES = (
    *_SERVICES.routes("/v1/Services", "/v1/Services/{service}", on_own_account),
    Route("GET", _NUMBERS, on_own_account(_list_numbers)),
    Route("POST", _NUMBERS, on_own_account(_add_number)),
    Route("GET", _NUMBER, on_own_account(_fetch_number)),
    Route("DELETE", _NUMBER, on_own_account(_remove_number)),
)
