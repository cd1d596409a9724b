"""Imitate API keys of the 2010 API: create, list, fetch, change, delete. A secret is shown once, in
the answer that makes the key.
"""

from __future__ import annotations

import msgspec

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Handler
from reconciler.sandbox.twilio.accounts import API_KEYS, ApiKey
from reconciler.sandbox.twilio.auth import TwilioCall, TwilioHandler, on_account_in_path
from reconciler.sandbox.twilio.forms import Param, friendly_name
from reconciler.sandbox.twilio.pages import v2010_page
from reconciler.sandbox.twilio.refusals import auth_error
from reconciler.sandbox.twilio.resources import V2010Resource

_PARAMS = (Param("FriendlyName", "friendly_name", friendly_name),)


def _view(key: ApiKey) -> dict[str, object]:
    return {
        "sid": key.sid,
        "friendly_name": key.friendly_name,
        "date_created": key.date_created,
        "date_updated": key.date_updated,
    }


class _Keys(V2010Resource[ApiKey]):
    """Handlers of keys. Only the auth token and a main key may use them."""

    def read(self, call: TwilioCall, row: ApiKey | None) -> dict[str, object]:
        """Return the fields that a form sets; a new key has a secret of its own."""
        changes = super().read(call, row)
        if row is None:
            changes["secret"] = call.store.new_sid("")
            changes["type"] = "standard"
        return changes

    def reply(self, call: TwilioCall, row: ApiKey, status: int = 200) -> Reply:
        """Return a key; a new one with its secret."""
        secret = {"secret": row.secret} if status == 201 else {}
        return json_reply(status, {**_view(row), **secret})

    def list(self, call: TwilioCall) -> Reply:
        """Answer a page of keys without their secrets."""
        return v2010_page(
            call, self.table(call), key="keys", view=lambda row: msgspec.json.encode(_view(row))
        )


def _with_full_access(handler: TwilioHandler) -> Handler:
    def handle(call: TwilioCall) -> Reply:
        if not call.caller.full:
            raise auth_error()
        return handler(call)

    return on_account_in_path(handle)


_BASE = "/2010-04-01/Accounts/{account}/Keys"
ROUTES = _Keys(API_KEYS, _PARAMS).routes(
    f"{_BASE}.json", f"{_BASE}/{{sid}}.json", _with_full_access
)
