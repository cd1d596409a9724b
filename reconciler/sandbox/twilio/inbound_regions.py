"""Imitate the Routes API: fetch and change the region in which Twilio handles the calls of a number or
a SIP trunk (version 2), and the messages of a number (version 3).
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
from reconciler.sandbox.twilio.trunks import TRUNKS

DEFAULT_REGION = "us1"


class InboundRegion(Row, kw_only=True):
    """The region of one number."""

    phone_number: str = ""
    friendly_name: str = ""
    voice_region: str = DEFAULT_REGION
    messaging_region: str = DEFAULT_REGION
    date_created: str = ""
    date_updated: str = ""


class TrunkRegion(Row, kw_only=True):
    """The region of one SIP trunk."""

    sip_trunk_domain: str = ""
    friendly_name: str = ""
    voice_region: str = DEFAULT_REGION
    date_created: str = ""
    date_updated: str = ""


def _complete(store: Store, region: InboundRegion | TrunkRegion, key: str) -> None:
    owner_of(store, region)
    region.sid = region.sid or store.sid_for("QQ", key)
    region.date_created = region.date_created or iso8601(store.now())
    region.date_updated = region.date_updated or region.date_created


def _complete_number(store: Store, region: InboundRegion) -> None:
    _complete(store, region, region.phone_number)


def _complete_trunk(store: Store, region: TrunkRegion) -> None:
    _complete(store, region, region.sip_trunk_domain)


INBOUND_REGIONS = Shelf(
    "inbound_regions", InboundRegion, "QQ", _complete_number, unique="phone_number"
)
TRUNK_REGIONS = Shelf(
    "trunk_regions", TrunkRegion, "QQ", _complete_trunk, unique="sip_trunk_domain"
)

_PARAMS = (
    Param("VoiceRegion", "voice_region", choice("us1", "ie1", "au1")),
    Param("FriendlyName", "friendly_name", text),
)
_PARAMS_OF_3 = (
    Param("friendlyName", "friendly_name", text),
    Param("voiceRegion", "voice_region", choice("us1", "ie1", "au1")),
    Param("messagingRegion", "messaging_region", choice("us1", "ie1")),
)


def _region_of_number(call: TwilioCall) -> InboundRegion:
    numbers = call.store.table(NUMBERS)
    number = numbers.get_by_key(call.path["number"]) or numbers.get(call.path["number"])
    if number is None or number.account_sid != call.account.sid:
        raise not_found(call.request.path)

    # A number without a row is in the default region; Twilio shows it like a stored one.
    region = call.store.table(INBOUND_REGIONS).get_by_key(number.phone_number)
    if region is not None:
        return region
    made = InboundRegion(account_sid=number.account_sid, phone_number=number.phone_number)
    return INBOUND_REGIONS.add(call.store, made)


def _region_of_trunk(call: TwilioCall) -> TrunkRegion:
    domain = call.path["domain"]
    trunks = [trunk for trunk in call.store.table(TRUNKS) if trunk.domain_name == domain]
    if not trunks or trunks[0].account_sid != call.account.sid:
        raise not_found(call.request.path)

    region = call.store.table(TRUNK_REGIONS).get_by_key(domain)
    if region is not None:
        return region
    made = TrunkRegion(account_sid=trunks[0].account_sid, sip_trunk_domain=domain)
    return TRUNK_REGIONS.add(call.store, made)


def _fetch_number(call: TwilioCall) -> Reply:
    return _reply(call, _region_of_number(call))


def _fetch_number_with_messages(call: TwilioCall) -> Reply:
    return _reply_with_messages(call, _region_of_number(call))


def _update_number_with_messages(call: TwilioCall) -> Reply:
    """Set the regions of calls and messages, each where it is sent."""
    region = _region_of_number(call)
    changes = read_form(call.request.form, _PARAMS_OF_3)
    changes["date_updated"] = iso8601(call.store.now())
    call.store.table(INBOUND_REGIONS).change(region, changes)
    return _reply_with_messages(call, region)


def _fetch_trunk(call: TwilioCall) -> Reply:
    return _reply(call, _region_of_trunk(call))


def _update_number(call: TwilioCall) -> Reply:
    region = _region_of_number(call)
    call.store.table(INBOUND_REGIONS).change(region, _read_changes(call))
    return _reply(call, region)


def _update_trunk(call: TwilioCall) -> Reply:
    region = _region_of_trunk(call)
    call.store.table(TRUNK_REGIONS).change(region, _read_changes(call))
    return _reply(call, region)


def _read_changes(call: TwilioCall) -> dict[str, object]:
    changes = read_form(call.request.form, _PARAMS)
    return {**changes, "date_updated": iso8601(call.store.now())}


def _reply(call: TwilioCall, region: InboundRegion | TrunkRegion) -> Reply:
    url = f"{call.request.base_url}{call.request.path}"
    fields = {**plain_fields(region), "url": url}
    fields.pop("messaging_region", None)
    return json_reply(200, fields)


def _reply_with_messages(call: TwilioCall, region: InboundRegion) -> Reply:
    """Return both regions, under the names of Twilio's OpenAPI document and client."""
    fields = {
        "phoneNumber": region.phone_number,
        "accountSid": region.account_sid,
        "friendlyName": region.friendly_name,
        "voiceRegion": region.voice_region,
        "messagingRegion": region.messaging_region,
        "dateCreated": region.date_created,
        "dateUpdated": region.date_updated,
    }
    return json_reply(200, {**fields, "url": f"{call.request.base_url}{call.request.path}"})


_NUMBER = "/v2/PhoneNumbers/{number}"
_NUMBER_WITH_MESSAGES = "/v3/PhoneNumbers/{number}"
_TRUNK = "/v2/Trunks/{domain}"
ROUTES = (
    Route("GET", _NUMBER, on_own_account(_fetch_number)),
    Route("POST", _NUMBER, on_own_account(_update_number)),
    Route("GET", _NUMBER_WITH_MESSAGES, on_own_account(_fetch_number_with_messages)),
    Route("POST", _NUMBER_WITH_MESSAGES, on_own_account(_update_number_with_messages)),
    Route("GET", _TRUNK, on_own_account(_fetch_trunk)),
    Route("POST", _TRUNK, on_own_account(_update_trunk)),
)
