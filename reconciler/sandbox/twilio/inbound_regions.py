"""Imitate the Routes API, version 2: fetch and change the region in which Twilio handles a number's
calls.
"""

from __future__ import annotations

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.store import Row, Shelf, Store
from reconciler.sandbox.twilio.accounts import owner_of
from reconciler.sandbox.twilio.auth import TwilioCall, on_own_account
from reconciler.sandbox.twilio.dates import iso8601
from reconciler.sandbox.twilio.forms import Param, choice, read_form, text
from reconciler.sandbox.twilio.numbers import NUMBERS
from reconciler.sandbox.twilio.pages import plain_fields
from reconciler.sandbox.twilio.refusals import not_found

DEFAULT_REGION = "us1"


class InboundRegion(Row, kw_only=True):
    """The region of one number."""

    phone_number: str = ""
    friendly_name: str = ""
    voice_region: str = DEFAULT_REGION
    date_created: str = ""
    date_updated: str = ""


def _complete(store: Store, region: InboundRegion) -> None:
    owner_of(store, region)
    region.sid = region.sid or store.sid_for("QQ", region.phone_number)
    region.date_created = region.date_created or iso8601(store.now())
    region.date_updated = region.date_updated or region.date_created


INBOUND_REGIONS = Shelf("inbound_regions", InboundRegion, "QQ", _complete, unique="phone_number")

_PARAMS = (
    Param("VoiceRegion", "voice_region", choice("us1", "ie1", "au1")),
    Param("FriendlyName", "friendly_name", text),
)


def _region_of(call: TwilioCall) -> InboundRegion:
    numbers = call.store.table(NUMBERS)
    number = numbers.get_by_key(call.path["number"]) or numbers.get(call.path["number"])
    if number is None or number.account_sid != call.account.sid:
        raise not_found(call.request.path)

    # A number without a row is in the default region; Twilio shows it like a stored one.
    table = call.store.table(INBOUND_REGIONS)
    region = table.get_by_key(number.phone_number)
    if region is None:
        region = InboundRegion(account_sid=number.account_sid, phone_number=number.phone_number)
        _complete(call.store, region)
        table.add(region)
    return region


def _fetch(call: TwilioCall) -> Reply:
    return json_reply(200, _view(call, _region_of(call)))


def _update(call: TwilioCall) -> Reply:
    region = _region_of(call)
    changes = read_form(call.request.form, _PARAMS)
    call.store.table(INBOUND_REGIONS).change(
        region, {**changes, "date_updated": iso8601(call.store.now())}
    )
    return json_reply(200, _view(call, region))


def _view(call: TwilioCall, region: InboundRegion) -> dict[str, object]:
    return {
        **plain_fields(region),
        "url": f"{call.request.base_url}/v2/PhoneNumbers/{region.phone_number}",
    }


_ONE = "/v2/PhoneNumbers/{number}"
ROUTES = (Route("GET", _ONE, on_own_account(_fetch)), Route("POST", _ONE, on_own_account(_update)))
