"""Imitate TwiML applications (create, list, fetch, change, delete): webhooks under one name, to
which numbers can refer.
"""

from __future__ import annotations

from reconciler.sandbox.http.messages import Reply
from reconciler.sandbox.store import Row, Shelf, Store
from reconciler.sandbox.twilio.accounts import owner_of
from reconciler.sandbox.twilio.auth import TwilioCall, on_account_in_path
from reconciler.sandbox.twilio.dates import rfc2822
from reconciler.sandbox.twilio.forms import (
    Param,
    flag,
    friendly_name,
    http_method,
    nullable_url,
    text,
)
from reconciler.sandbox.twilio.pages import v2010_page
from reconciler.sandbox.twilio.resources import V2010Resource

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


class _Applications(V2010Resource[Application]):
    """Handlers of applications."""

    def list(self, call: TwilioCall) -> Reply:
        """Answer a page of applications, of those with a name when the query gives one."""
        name = call.request.query.get("FriendlyName")
        return v2010_page(
            call, self.table(call), wanted=lambda row: name in (None, row.friendly_name)
        )


_LIST = "/2010-04-01/Accounts/{account}/Applications.json"
_ONE = "/2010-04-01/Accounts/{account}/Applications/{sid}.json"
ROUTES = _Applications(APPLICATIONS, _PARAMS, event_type=RESOURCE_TYPE).routes(
    _LIST, _ONE, on_account_in_path
)
