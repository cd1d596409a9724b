"""Imitate Calls of the 2010 API: make a call by a form, list by number, status and time, fetch, end
and delete.

Nobody is called: a call that is made stays `queued`. Finished ones come from a seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from email.utils import parsedate_to_datetime

import msgspec

from reconciler.sandbox.http.messages import Reply
from reconciler.sandbox.store import Row, Shelf, Store
from reconciler.sandbox.twilio.accounts import owner_of
from reconciler.sandbox.twilio.auth import TwilioCall, on_account_in_path
from reconciler.sandbox.twilio.dates import rfc2822
from reconciler.sandbox.twilio.forms import choice, web_url
from reconciler.sandbox.twilio.numbers import NUMBERS, format_us_number
from reconciler.sandbox.twilio.pages import v2010_page
from reconciler.sandbox.twilio.refusals import refusal
from reconciler.sandbox.twilio.resources import V2010Resource


class PhoneCall(Row, kw_only=True):
    """A call: queued, running or finished."""

    date_created: str = ""
    date_updated: str = ""
    parent_call_sid: str | None = None
    to: str = ""
    to_formatted: str = ""
    from_: str = msgspec.field(name="from", default="")
    from_formatted: str = ""
    phone_number_sid: str | None = None
    status: str = "completed"
    start_time: str | None = ""
    end_time: str | None = None
    duration: str | None = None
    price: str | None = None
    price_unit: str = "USD"
    direction: str = "inbound"
    answered_by: str | None = None
    api_version: str = "2010-04-01"
    forwarded_from: str | None = None
    group_sid: str | None = None
    caller_name: str | None = None
    queue_time: str = "0"
    trunk_sid: str | None = None
    uri: str = ""
    subresource_uris: dict[str, str] = msgspec.field(default_factory=dict)


_SUBRESOURCES = {
    "events": "Events",
    "notifications": "Notifications",
    "payments": "Payments",
    "recordings": "Recordings",
    "siprec": "Siprec",
    "streams": "Streams",
    "transcriptions": "Transcriptions",
    "user_defined_message_subscriptions": "UserDefinedMessageSubscriptions",
    "user_defined_messages": "UserDefinedMessages",
}


def _complete(store: Store, row: PhoneCall) -> None:
    owner_of(store, row)
    row.sid = row.sid or store.new_sid("CA")
    if row.start_time == "":
        row.start_time = rfc2822(store.now())
    row.date_created = row.date_created or row.start_time or rfc2822(store.now())
    row.date_updated = row.date_updated or row.date_created
    row.to_formatted = row.to_formatted or format_us_number(row.to)
    row.from_formatted = row.from_formatted or format_us_number(row.from_)

    base = f"/2010-04-01/Accounts/{row.account_sid}/Calls/{row.sid}"
    row.uri = f"{base}.json"
    row.subresource_uris = {name: f"{base}/{path}.json" for name, path in _SUBRESOURCES.items()}


PHONE_CALLS = Shelf("calls", PhoneCall, "CA", _complete)

_EQUAL = {"To": "to", "From": "from_", "Status": "status", "ParentCallSid": "parent_call_sid"}
_TIMES = {"StartTime": "start_time", "EndTime": "end_time"}


class _PhoneCalls(V2010Resource[PhoneCall]):
    """Handlers of calls."""

    def check_create(self, call: TwilioCall) -> None:
        """Refuse a call without receiver, caller or instructions."""
        form = call.request.form
        if not form.get("To"):
            raise refusal(21201, "No 'To' number is specified")
        if not form.get("From"):
            raise refusal(21213, "No 'From' number is specified")
        if not any(form.get(name) for name in ("Url", "Twiml", "ApplicationSid")):
            raise refusal(21205, "Url parameter is required.")
        web_url("Url", form.get("Url", ""))

        number = call.store.table(NUMBERS).get_by_key(form["From"])
        if number is None or number.account_sid != call.account.sid:
            message = f"The source phone number provided, {form['From']}, is not yet verified"
            raise refusal(21210, f"{message} for your account.")

    def read(self, call: TwilioCall, row: PhoneCall | None) -> dict[str, object]:
        """Return the fields of a new call; an existing one can be ended."""
        form = call.request.form
        if row is not None:
            return self._read_end(call, row)

        number = call.store.table(NUMBERS).get_by_key(form["From"])
        return {
            "to": form["To"],
            "from_": form["From"],
            "phone_number_sid": number.sid if number is not None else None,
            "status": "queued",
            "start_time": None,
            "direction": "outbound-api",
        }

    def _read_end(self, call: TwilioCall, row: PhoneCall) -> dict[str, object]:
        if "Status" not in call.request.form:
            return {}
        if row.status not in ("queued", "ringing", "in-progress"):
            raise refusal(21220, "Call is not in-progress. Cannot redirect.")
        status = choice("canceled", "completed")("Status", call.request.form["Status"])
        return {"status": status, "end_time": rfc2822(call.store.now())}

    def list(self, call: TwilioCall) -> Reply:
        """Answer a page of calls, filtered by number, status and time."""
        query = call.request.query
        equal = [(field, query[name]) for name, field in _EQUAL.items() if name in query]
        bounds = [
            (field, time_bounds(query, name))
            for name, field in _TIMES.items()
            if any(each.startswith(name) for each in query)
        ]

        def matches(row: PhoneCall) -> bool:
            for field, (since, until) in bounds:
                value = getattr(row, field)
                if not value or not since <= parsedate_to_datetime(value) <= until:
                    return False
            return all(getattr(row, field) == value for field, value in equal)

        return v2010_page(call, self.table(call), wanted=matches)


def time_bounds(query: Mapping[str, str], name: str) -> tuple[datetime, datetime]:
    """Return the first and the last time that a query asks for.

    ``StartTime>`` and ``StartTime<`` include the given time; ``StartTime`` is a whole day.
    """
    day = query.get(name, "")[:10]
    after, before = query.get(f"{name}>"), query.get(f"{name}<")

    try:
        since = _moment(day or after, time.min, datetime.min)
        return since, _moment(day or before, time.max, datetime.max)
    except ValueError:
        raise refusal(20001, f"Invalid parameter: {name} must be a date") from None


def _moment(value: str | None, part: time, default: datetime) -> datetime:
    if value is None:
        return default.replace(tzinfo=UTC)
    if len(value) == len("2015-07-30"):
        return datetime.combine(date.fromisoformat(value), part, UTC)
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_BASE = "/2010-04-01/Accounts/{account}/Calls"
ROUTES = _PhoneCalls(PHONE_CALLS).routes(
    f"{_BASE}.json", f"{_BASE}/{{sid}}.json", on_account_in_path
)
