"""Define the rows of phone numbers, check and apply a change by Twilio's rules over any API, and
record its event.

Voice is answered by the trunk, else by the application, else by the URL. The losing values are
ignored, not deleted, except that trunk and application delete one another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from reconciler.sandbox.store import Row, Shelf, Store
from reconciler.sandbox.twilio.accounts import owner_of
from reconciler.sandbox.twilio.applications import APPLICATIONS
from reconciler.sandbox.twilio.auth import Actor
from reconciler.sandbox.twilio.dates import rfc2822
from reconciler.sandbox.twilio.events import record_updated
from reconciler.sandbox.twilio.forms import (
    Param,
    choice,
    flag,
    friendly_name,
    http_method,
    nullable_url,
    read_form,
    sid,
    text,
    web_url,
)
from reconciler.sandbox.twilio.refusals import refusal
from reconciler.sandbox.twilio.trunks import TRUNKS

RESOURCE_TYPE = "phone-number"
DEMO_VOICE = "https://demo.twilio.com/welcome/voice/"
DEMO_SMS = "https://demo.twilio.com/welcome/sms/reply/"
"""The webhooks with which Twilio delivers a number."""
E164 = re.compile(r"\+[1-9]\d{6,14}")
_US = re.compile(r"\+1(\d{3})(\d{3})(\d{4})")


class Capabilities(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The capabilities of a number."""

    voice: bool = True
    sms: bool = True
    mms: bool = True
    fax: bool = False


ALL_CAPABILITIES = Capabilities()


class Number(Row, kw_only=True):
    """A phone number, field by field as the 2010 API sends it."""

    address_sid: str | None = None
    address_requirements: str = "none"
    api_version: str = "2010-04-01"
    beta: bool = False
    capabilities: Capabilities = ALL_CAPABILITIES
    date_created: str = ""
    date_updated: str = ""
    friendly_name: str = ""
    identity_sid: str | None = None
    phone_number: str = ""
    origin: str = "twilio"
    sms_application_sid: str | None = None
    sms_fallback_method: str = "POST"
    sms_fallback_url: str = ""
    sms_method: str = "POST"
    sms_url: str | None = ""
    status_callback: str = ""
    status_callback_method: str = "POST"
    trunk_sid: str | None = None
    uri: str = ""
    voice_receive_mode: str = "voice"
    voice_application_sid: str | None = None
    voice_caller_id_lookup: bool = False
    voice_fallback_method: str = "POST"
    voice_fallback_url: str | None = None
    voice_method: str = "POST"
    voice_url: str | None = None
    emergency_status: str = "Inactive"
    emergency_address_sid: str | None = None
    emergency_address_status: str = "unregistered"
    bundle_sid: str | None = None
    status: str = "in-use"
    type: str = "local"


EMERGENCY_STATES = (
    "registered",
    "unregistered",
    "pending-registration",
    "registration-failure",
    "pending-unregistration",
    "unregistration-failure",
)
PARAMS = (
    Param("FriendlyName", "friendly_name", friendly_name),
    Param("ApiVersion", "api_version", text),
    Param("VoiceUrl", "voice_url", web_url),
    Param("VoiceMethod", "voice_method", http_method),
    Param("VoiceFallbackUrl", "voice_fallback_url", nullable_url),
    Param("VoiceFallbackMethod", "voice_fallback_method", http_method),
    Param("VoiceApplicationSid", "voice_application_sid", sid("AP", 21420)),
    Param("VoiceCallerIdLookup", "voice_caller_id_lookup", flag),
    Param("VoiceReceiveMode", "voice_receive_mode", choice("voice", "fax")),
    Param("TrunkSid", "trunk_sid", sid("TK", 21245)),
    Param("SmsUrl", "sms_url", web_url),
    Param("SmsMethod", "sms_method", http_method),
    Param("SmsFallbackUrl", "sms_fallback_url", web_url),
    Param("SmsFallbackMethod", "sms_fallback_method", http_method),
    Param("SmsApplicationSid", "sms_application_sid", sid("AP", 21420)),
    Param("StatusCallback", "status_callback", web_url),
    Param("StatusCallbackMethod", "status_callback_method", http_method),
    Param("EmergencyAddressSid", "emergency_address_sid", sid("AD")),
    Param("IdentitySid", "identity_sid", sid("RI")),
    Param("AddressSid", "address_sid", sid("AD")),
    Param("BundleSid", "bundle_sid", sid("BU")),
)


def path_of(number: Number) -> str:
    """Return the number's path in the 2010 API."""
    return f"/2010-04-01/Accounts/{number.account_sid}/IncomingPhoneNumbers/{number.sid}.json"


def format_us_number(phone_number: str) -> str:
    """Return ``(415) 867-5309``, the name that Twilio gives.

    Numbers of other countries are returned unchanged.
    """
    return _US.sub(r"(\1) \2-\3", phone_number)


def _complete(store: Store, number: Number) -> None:
    if not E164.fullmatch(number.phone_number):
        raise ValueError(
            f"phone_number must be E.164 such as +15552000001, not {number.phone_number!r}"
        )
    owner_of(store, number)
    number.sid = number.sid or store.sid_for("PN", number.phone_number)
    number.friendly_name = number.friendly_name or format_us_number(number.phone_number)
    number.date_created = number.date_created or rfc2822(store.now())
    number.date_updated = number.date_updated or number.date_created
    number.uri = path_of(number)


NUMBERS = Shelf("numbers", Number, "PN", _complete, unique="phone_number")


def update_number(store: Store, number: Number, *, form: Mapping[str, str], actor: Actor) -> None:
    """Change a number by a form, by Twilio's rules, and record an event.

    Refuses the whole form when one value is not acceptable.
    """
    changes = read_changes(store, number, form)
    set_fields(store, number, values=changes, actor=actor)


def read_changes(store: Store, number: Number, form: Mapping[str, str]) -> dict[str, object]:
    """Return the fields that a form would change on a number; refuses what Twilio refuses."""
    changes = read_form(form, PARAMS)
    if "trunk_sid" in changes and "voice_application_sid" in changes:
        del changes["trunk_sid"]  # sent together, Twilio ignores the trunk

    if changes.get("trunk_sid"):
        changes["voice_application_sid"] = None
    elif changes.get("voice_application_sid"):
        changes["trunk_sid"] = None

    if "emergency_address_sid" in changes:
        changes["emergency_address_status"] = _emergency_status(store, number, changes)

    _check_urls(number, changes)
    _check_references(store, number, changes)
    return changes


def _emergency_status(store: Store, number: Number, changes: Mapping[str, object]) -> str:
    """Return the state of the emergency address after a change; refuse what Twilio cannot register.

    An address takes the place of another only after that one is off, which Twilio's documents
    describe without naming an error.
    """
    address, present = changes["emergency_address_sid"], number.emergency_address_sid
    if address == present:
        return number.emergency_address_status

    is_free = not present and number.emergency_address_status == "unregistered"
    if address and not is_free:
        raise refusal(20409, "The number has another emergency address; clear it first", status=409)
    if store.emergency_registration == "slow":
        return "pending-registration" if address else "pending-unregistration"
    if store.emergency_registration == "refused":
        return "registration-failure" if address else "unregistration-failure"
    return "registered" if address else "unregistered"


def set_fields(store: Store, number: Number, *, values: Mapping[str, object], actor: Actor) -> None:
    """Set fields without further checks, and record an event."""
    table = store.table(NUMBERS)
    changes = table.change(number, values)
    if changes:
        table.change(number, {"date_updated": rfc2822(store.now())})
        record_updated(store, actor, kind=RESOURCE_TYPE, row=number, changes=changes)


def _check_urls(number: Number, changes: Mapping[str, object]) -> None:
    if changes.get("voice_fallback_url") and not changes.get("voice_url", number.voice_url):
        raise refusal(21405, "Cannot set VoiceFallbackUrl without setting Url")
    if changes.get("sms_fallback_url") and not changes.get("sms_url", number.sms_url):
        raise refusal(21406, "Cannot set SmsFallbackUrl without setting SmsUrl")

    sms = ("sms_url", "sms_fallback_url", "sms_application_sid")
    if not number.capabilities.sms and any(changes.get(name) for name in sms):
        raise refusal(21407, "This Phone Number type does not support SMS")


def _check_references(store: Store, number: Number, changes: Mapping[str, object]) -> None:
    trunk_sid = changes.get("trunk_sid")
    if trunk_sid:
        trunk = store.table(TRUNKS).get(str(trunk_sid))
        if trunk is None or trunk.account_sid != number.account_sid:
            raise refusal(21245, f"Trunk {trunk_sid} does not exist")

    for name in ("voice_application_sid", "sms_application_sid"):
        if changes.get(name):
            application = store.table(APPLICATIONS).get(str(changes[name]))
            if application is None or application.account_sid != number.account_sid:
                raise refusal(21420, f"ApplicationSid is not accessible: {changes[name]}")
