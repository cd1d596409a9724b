"""Imitate Messages of the 2010 API: send by a form, list, fetch, redact and delete. Nobody receives
them.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import msgspec

from reconciler.sandbox.http.messages import Reply
from reconciler.sandbox.store import Row, Shelf, Store
from reconciler.sandbox.twilio.accounts import owner_of
from reconciler.sandbox.twilio.auth import TwilioCall, on_account_in_path
from reconciler.sandbox.twilio.dates import rfc2822
from reconciler.sandbox.twilio.messaging import SERVICES
from reconciler.sandbox.twilio.numbers import E164, NUMBERS
from reconciler.sandbox.twilio.pages import v2010_page
from reconciler.sandbox.twilio.phone_calls import time_bounds
from reconciler.sandbox.twilio.refusals import refusal
from reconciler.sandbox.twilio.resources import V2010Resource

_LONGEST_SEGMENT = 160


class Message(Row, kw_only=True):
    """A text message."""

    api_version: str = "2010-04-01"
    body: str = ""
    date_created: str = ""
    date_sent: str | None = None
    date_updated: str = ""
    direction: str = "outbound-api"
    error_code: int | None = None
    error_message: str | None = None
    from_: str | None = msgspec.field(name="from", default=None)
    messaging_service_sid: str | None = None
    num_media: str = "0"
    num_segments: str = "1"
    price: str | None = None
    price_unit: str = "USD"
    status: str = "queued"
    subresource_uris: dict[str, str] = msgspec.field(default_factory=dict)
    to: str = ""
    uri: str = ""


def _complete(store: Store, row: Message) -> None:
    owner_of(store, row)
    row.sid = row.sid or store.new_sid("SM")
    row.date_created = row.date_created or rfc2822(store.now())
    row.date_updated = row.date_updated or row.date_created
    row.num_segments = str(max(1, -(-len(row.body) // _LONGEST_SEGMENT)))

    base = f"/2010-04-01/Accounts/{row.account_sid}/Messages/{row.sid}"
    row.uri = f"{base}.json"
    row.subresource_uris = {"media": f"{base}/Media.json"}


MESSAGES = Shelf("messages", Message, "SM", _complete)


class _Messages(V2010Resource[Message]):
    """Handlers of messages."""

    def check_create(self, call: TwilioCall) -> None:
        """Refuse a message without receiver, sender or content."""
        form = call.request.form
        if not form.get("To"):
            raise refusal(21604, "A 'To' phone number is required.")
        if not E164.fullmatch(form["To"]):
            raise refusal(21211, f"Invalid 'To' Phone Number: {form['To']}")
        if not form.get("From") and not form.get("MessagingServiceSid"):
            raise refusal(21603, "A 'From' phone number is required.")
        if not form.get("Body") and not form.get("MediaUrl") and not form.get("ContentSid"):
            raise refusal(21602, "Message body is required.")
        self._check_sender(call)

    def _check_sender(self, call: TwilioCall) -> None:
        form = call.request.form
        if form.get("From"):
            number = call.store.table(NUMBERS).get_by_key(form["From"])
            if number is None or number.account_sid != call.account.sid:
                raise refusal(21606, f"The 'From' phone number {form['From']} is not yours")
            if not number.capabilities.sms:
                raise refusal(21606, f"The 'From' phone number {form['From']} cannot send messages")
        elif call.store.table(SERVICES).get(form["MessagingServiceSid"]) is None:
            raise refusal(21701, "The Messaging Service does not exist.")

    def read(self, call: TwilioCall, row: Message | None) -> dict[str, object]:
        """Return the fields of a new message; an existing one can only lose its body."""
        form = call.request.form
        if row is None:
            return {
                "to": form["To"],
                "from_": form.get("From") or None,
                "messaging_service_sid": form.get("MessagingServiceSid") or None,
                "body": form.get("Body", ""),
                "num_media": "1" if form.get("MediaUrl") else "0",
                "status": "queued" if form.get("From") else "accepted",
            }
        if form.get("Body"):
            raise refusal(20001, "Invalid parameter: Body must be empty")
        return {"body": ""} if "Body" in form else {}

    def list(self, call: TwilioCall) -> Reply:
        """Answer a page of messages, filtered by receiver, sender and day."""
        query = call.request.query
        since, until = time_bounds(query, "DateSent")

        def matches(row: Message) -> bool:
            if query.get("To", row.to) != row.to or query.get("From", row.from_) != row.from_:
                return False
            return since <= parsedate_to_datetime(row.date_sent or row.date_created) <= until

        return v2010_page(call, self.table(call), wanted=matches)


_BASE = "/2010-04-01/Accounts/{account}/Messages"
ROUTES = _Messages(MESSAGES).routes(f"{_BASE}.json", f"{_BASE}/{{sid}}.json", on_account_in_path)
