"""TwiML applications: webhooks under one name, to which numbers can refer."""

from __future__ import annotations

from reconciler.sandbox.http.messages import Reply
from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.store import Row, Shelf, Store
from reconciler.sandbox.twilio.accounts import owner_of
from reconciler.sandbox.twilio.auth import TwilioCall, on_account_in_path
from reconciler.sandbox.twilio.dates import rfc2822
from reconciler.sandbox.twilio.events import record_created, record_deleted, record_updated
from reconciler.sandbox.twilio.forms import (
    Param,
    flag,
    friendly_name,
    http_method,
    nullable_url,
    read_form,
    text,
)
from reconciler.sandbox.twilio.pages import fetch_row, render_row, v2010_page

RESOURCE_TYPE = "application"


class Application(Row, kw_only=True):
    """A TwiML application."""

    api_version: str = "2010-04-01"
    date_created: str = ""
    date_updated: str = ""
    friendly_name: str = ""
    message_status_callback: str | None = None
    sms_fallback_method: str = "POST"
    sms_fallback_url: str | None = None
    sms_method: str = "POST"
    sms_status_callback: str | None = None
    sms_url: str | None = None
    status_callback: str | None = None
    status_callback_method: str = "POST"
    uri: str = ""
    voice_caller_id_lookup: bool = False
    voice_fallback_method: str = "POST"
    voice_fallback_url: str | None = None
    voice_method: str = "POST"
    voice_url: str | None = None
    public_application_connect_enabled: bool = False


_PARAMS = (
    Param("FriendlyName", "friendly_name", friendly_name),
    Param("ApiVersion", "api_version", text),
    Param("VoiceUrl", "voice_url", nullable_url),
    Param("VoiceMethod", "voice_method", http_method),
    Param("VoiceFallbackUrl", "voice_fallback_url", nullable_url),
    Param("VoiceFallbackMethod", "voice_fallback_method", http_method),
    Param("StatusCallback", "status_callback", nullable_url),
    Param("StatusCallbackMethod", "status_callback_method", http_method),
    Param("VoiceCallerIdLookup", "voice_caller_id_lookup", flag),
    Param("SmsUrl", "sms_url", nullable_url),
    Param("SmsMethod", "sms_method", http_method),
    Param("SmsFallbackUrl", "sms_fallback_url", nullable_url),
    Param("SmsFallbackMethod", "sms_fallback_method", http_method),
    Param("SmsStatusCallback", "sms_status_callback", nullable_url),
    Param("MessageStatusCallback", "message_status_callback", nullable_url),
    Param("PublicApplicationConnectEnabled", "public_application_connect_enabled", flag),
)


def _complete(store: Store, application: Application) -> None:
    owner_of(store, application)
    application.sid = application.sid or store.new_sid("AP")
    application.friendly_name = application.friendly_name or application.sid[2:]
    application.date_created = application.date_created or rfc2822(store.now())
    application.date_updated = application.date_updated or application.date_created
    application.uri = (
        f"/2010-04-01/Accounts/{application.account_sid}/Applications/{application.sid}.json"
    )


APPLICATIONS = Shelf("applications", Application, "AP", _complete)


def _list(call: TwilioCall) -> Reply:
    name = call.request.query.get("FriendlyName")
    table = call.store.table(APPLICATIONS)
    return v2010_page(call, table, wanted=lambda row: name in (None, row.friendly_name))


def _create(call: TwilioCall) -> Reply:
    application = Application(account_sid=call.account.sid)
    for field, value in read_form(call.request.form, _PARAMS).items():
        setattr(application, field, value)
    _complete(call.store, application)
    table = call.store.table(APPLICATIONS)
    table.add(application)
    record_created(call.store, call.actor, kind=RESOURCE_TYPE, row=application)
    return render_row(table, application, 201)


def _fetch(call: TwilioCall) -> Reply:
    table = call.store.table(APPLICATIONS)
    return render_row(table, fetch_row(call, table, call.path["sid"]))


def _update(call: TwilioCall) -> Reply:
    table = call.store.table(APPLICATIONS)
    application = fetch_row(call, table, call.path["sid"])
    changes = table.change(application, read_form(call.request.form, _PARAMS))
    table.change(application, {"date_updated": rfc2822(call.store.now())})
    record_updated(call.store, call.actor, kind=RESOURCE_TYPE, row=application, changes=changes)
    return render_row(table, application)


def _delete(call: TwilioCall) -> Reply:
    table = call.store.table(APPLICATIONS)
    application = fetch_row(call, table, call.path["sid"])
    table.remove(application)
    record_deleted(call.store, call.actor, kind=RESOURCE_TYPE, row=application)
    return Reply(204)


_LIST = "/2010-04-01/Accounts/{account}/Applications.json"
_ONE = "/2010-04-01/Accounts/{account}/Applications/{sid}.json"
ROUTES = (
    Route("GET", _LIST, on_account_in_path(_list)),
    Route("POST", _LIST, on_account_in_path(_create)),
    Route("GET", _ONE, on_account_in_path(_fetch)),
    Route("POST", _ONE, on_account_in_path(_update)),
    Route("DELETE", _ONE, on_account_in_path(_delete)),
)
