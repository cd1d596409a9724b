"""Define the rows of numbers and the pages of their listing, as Twilio's API returns them; data only."""

from __future__ import annotations

import msgspec


class Capabilities(msgspec.Struct, gc=False):
    """Capabilities of a number that the reconciler uses; None where Twilio returns none."""

    sms: bool | None = None
    voice: bool | None = None


class NumberRow(msgspec.Struct, gc=False):
    """A number in Twilio's API, with the fields that the reconciler uses; each may be absent, null
    or "".
    """

    sid: str
    phone_number: str
    account_sid: str | None = None
    friendly_name: str | None = None
    voice_url: str | None = None
    voice_method: str | None = None
    voice_fallback_url: str | None = None
    voice_fallback_method: str | None = None
    voice_application_sid: str | None = None
    trunk_sid: str | None = None
    sms_url: str | None = None
    sms_method: str | None = None
    sms_fallback_url: str | None = None
    sms_fallback_method: str | None = None
    sms_application_sid: str | None = None
    status_callback: str | None = None
    status_callback_method: str | None = None
    capabilities: Capabilities | None = None
    voice_receive_mode: str | None = None
    voice_caller_id_lookup: bool | str | None = None
    emergency_address_sid: str | None = None
    emergency_address_status: str | None = None
    address_sid: str | None = None
    bundle_sid: str | None = None
    identity_sid: str | None = None


class NumberPage(msgspec.Struct):
    """One page of the listing; `next_page_uri` is relative, null at the end."""

    incoming_phone_numbers: list[NumberRow]
    next_page_uri: str | None = None
