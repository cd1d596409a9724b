"""Phone calls of the 2010 API, read only: by number, status and time.

They come from a seed.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from email.utils import parsedate_to_datetime

import msgspec

from reconciler.sandbox.http.messages import Reply
from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.store import Row, Shelf, Store
from reconciler.sandbox.twilio.accounts import owner_of
from reconciler.sandbox.twilio.auth import TwilioCall, on_account_in_path
from reconciler.sandbox.twilio.dates import rfc2822
from reconciler.sandbox.twilio.pages import fetch_row, render_row, v2010_page
from reconciler.sandbox.twilio.refusals import refusal


class PhoneCall(Row, kw_only=True):
    """A call, finished or running."""

    date_created: str = ""
    date_updated: str = ""
    parent_call_sid: str | None = None
    to: str = ""
    from_: str = msgspec.field(name="from", default="")
    phone_number_sid: str | None = None
    status: str = "completed"
    start_time: str = ""
    end_time: str | None = None
    duration: str | None = None
    price: str | None = None
    price_unit: str = "USD"
    direction: str = "inbound"
    answered_by: str | None = None
    api_version: str = "2010-04-01"
    forwarded_from: str | None = None
    caller_name: str | None = None
    trunk_sid: str | None = None
    uri: str = ""


def _complete(store: Store, row: PhoneCall) -> None:
    owner_of(store, row)
    row.sid = row.sid or store.new_sid("CA")
    row.start_time = row.start_time or rfc2822(store.now())
    row.date_created = row.date_created or row.start_time
    row.date_updated = row.date_updated or row.date_created
    row.uri = f"/2010-04-01/Accounts/{row.account_sid}/Calls/{row.sid}.json"


PHONE_CALLS = Shelf("calls", PhoneCall, "CA", _complete)

_EQUAL = {"To": "to", "From": "from_", "Status": "status", "ParentCallSid": "parent_call_sid"}


def _list(call: TwilioCall) -> Reply:
    query = call.request.query
    equal = [(field, query[name]) for name, field in _EQUAL.items() if name in query]
    since, until = _bounds(query)

    def matches(row: PhoneCall) -> bool:
        return since <= parsedate_to_datetime(row.start_time) <= until and all(
            getattr(row, field) == value for field, value in equal
        )

    table = call.store.table(PHONE_CALLS)
    return v2010_page(call, table, wanted=matches)


def _bounds(query: dict[str, str]) -> tuple[datetime, datetime]:
    """Return the first and the last start time of a query.

    ``StartTime>`` and ``StartTime<`` include the given time; ``StartTime`` is a whole day.
    """
    day = query.get("StartTime", "")[:10]
    after, before = query.get("StartTime>"), query.get("StartTime<")

    try:
        since = _moment(day or after, time.min, datetime.min)
        return since, _moment(day or before, time.max, datetime.max)
    except ValueError:
        raise refusal(20001, "Invalid parameter: StartTime must be a date") from None


def _moment(value: str | None, part: time, default: datetime) -> datetime:
    if value is None:
        return default.replace(tzinfo=UTC)
    if len(value) == len("2015-07-30"):
        return datetime.combine(date.fromisoformat(value), part, UTC)
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _fetch(call: TwilioCall) -> Reply:
    table = call.store.table(PHONE_CALLS)
    return render_row(table, fetch_row(call, table, call.path["sid"]))


_BASE = "/2010-04-01/Accounts/{account}/Calls"
ROUTES = (
    Route("GET", f"{_BASE}.json", on_account_in_path(_list)),
    Route("GET", f"{_BASE}/{{sid}}.json", on_account_in_path(_fetch)),
)
