"""Imitate the senders of a messaging service that are no numbers: short codes, alpha senders and
channel senders.

Sources: the resources ShortCodes, AlphaSenders and ChannelSenders below
https://www.twilio.com/docs/messaging/api/service-resource
"""

from __future__ import annotations

import re
from functools import partial

from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.store import Row, Shelf, Store
from reconciler.sandbox.twilio.auth import TwilioCall, on_own_account
from reconciler.sandbox.twilio.dates import iso8601
from reconciler.sandbox.twilio.forms import Param, require, text
from reconciler.sandbox.twilio.messaging import SERVICES, Service
from reconciler.sandbox.twilio.pages import fetch_row
from reconciler.sandbox.twilio.refusals import refusal
from reconciler.sandbox.twilio.resources import V1Resource

_ALPHA = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 &+_-]{1,11}")


class Sender(Row, kw_only=True):
    """A sender of a service; `value` is its short code, its alphanumeric name or its address."""

    service_sid: str = ""
    value: str = ""
    date_created: str = ""
    date_updated: str = ""


def _complete(prefix: str, store: Store, sender: Sender) -> None:
    service = store.table(SERVICES).get(sender.service_sid)
    if service is None:
        raise ValueError(f"there is no service {sender.service_sid}")
    sender.account_sid = service.account_sid
    sender.sid = sender.sid or store.new_sid(prefix)
    sender.date_created = sender.date_created or iso8601(store.now())
    sender.date_updated = sender.date_updated or sender.date_created


def _shelf(name: str, prefix: str) -> Shelf[Sender]:
    return Shelf(name, Sender, prefix, partial(_complete, prefix), owner="service_sid")


SHORT_CODES = _shelf("short_codes", "SC")
ALPHA_SENDERS = _shelf("alpha_senders", "AI")
CHANNEL_SENDERS = _shelf("senders", "XE")


def remove_senders(store: Store, service: Service) -> None:
    """Remove all senders of a service that is deleted."""
    for shelf in (SHORT_CODES, ALPHA_SENDERS, CHANNEL_SENDERS):
        table = store.table(shelf)
        for sender in [*table.rows_of(service.sid)]:
            table.remove(sender)


class _Senders(V1Resource[Sender]):
    """Handlers of one kind of sender."""

    def owner(self, call: TwilioCall) -> str:
        """Return the SID of the service in the path."""
        return fetch_row(call, call.store.table(SERVICES), call.path["service"]).sid

    def check_create(self, call: TwilioCall) -> None:
        """Refuse a form without the sender."""
        require(call.request.form, self.params[0].name)


def _alpha(name: str, value: str) -> str:
    if not _ALPHA.fullmatch(value):
        raise refusal(20001, f"Invalid parameter: {name} is no alphanumeric sender ID")
    return value


def _view(field: str, kind: str, sender: Sender, base_url: str) -> dict[str, object]:
    return {
        "sid": sender.sid,
        "account_sid": sender.account_sid,
        "service_sid": sender.service_sid,
        "date_created": sender.date_created,
        "date_updated": sender.date_updated,
        field: sender.value,
        "url": f"{base_url}/v1/Services/{sender.service_sid}/{kind}/{sender.sid}",
    }


def _routes(shelf: Shelf[Sender], path: str, field: str, param: Param) -> tuple[Route, ...]:
    handlers = _Senders(shelf, (param,), view=partial(_view, field, path))
    base = f"/v1/Services/{{service}}/{path}"
    every = handlers.routes(base, base + "/{sid}", on_own_account)

    # A sender is added and removed, never changed.
    return tuple(
        route for route in every if (route.method, route.pattern) != ("POST", base + "/{sid}")
    )


ROUTES = (
    *_routes(SHORT_CODES, "ShortCodes", "short_code", Param("ShortCodeSid", "value", text)),
    *_routes(ALPHA_SENDERS, "AlphaSenders", "alpha_sender", Param("AlphaSender", "value", _alpha)),
    *_routes(CHANNEL_SENDERS, "ChannelSenders", "sender", Param("Sid", "value", text)),
)
