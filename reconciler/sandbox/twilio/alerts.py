"""Imitate Monitor alerts, Twilio's failed calls to a webhook: list and fetch.

They come from a seed; nothing in the sandbox makes them.
"""

from __future__ import annotations

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.store import Row, Shelf, Store
from reconciler.sandbox.twilio.accounts import owner_of
from reconciler.sandbox.twilio.auth import TwilioCall, on_own_account
from reconciler.sandbox.twilio.dates import iso8601, iso_from_filter
from reconciler.sandbox.twilio.pages import fetch_row, plain_fields, v1_page
from reconciler.sandbox.twilio.refusals import MORE_INFO, refusal

_NOT_IN_LIST = ("request_variables", "response_headers", "response_body", "request_headers")


class Alert(Row, kw_only=True):
    """A failure; a list omits the contents of request and response."""

    alert_text: str = ""
    api_version: str | None = "2010-04-01"
    date_created: str = ""
    date_generated: str = ""
    date_updated: str = ""
    error_code: str = ""
    log_level: str = "error"
    more_info: str = ""
    request_method: str | None = "POST"
    request_url: str | None = None
    request_variables: str | None = None
    request_headers: str | None = None
    response_headers: str | None = None
    response_body: str | None = None
    resource_sid: str = ""
    service_sid: str | None = None


def _complete(store: Store, alert: Alert) -> None:
    owner_of(store, alert)
    alert.sid = alert.sid or store.new_sid("NO")
    alert.date_generated = alert.date_generated or iso8601(store.now())
    alert.date_created = alert.date_created or alert.date_generated
    alert.date_updated = alert.date_updated or alert.date_generated
    alert.more_info = alert.more_info or MORE_INFO + alert.error_code


ALERTS = Shelf("alerts", Alert, "NO", _complete)


def _list(call: TwilioCall) -> Reply:
    query = call.request.query
    try:
        start = iso_from_filter(query["StartDate"]) if "StartDate" in query else ""
        end = iso_from_filter(query["EndDate"]) if "EndDate" in query else "9999"
    except ValueError:
        raise refusal(
            20001, "Invalid parameter: StartDate and EndDate must be dates in ISO 8601"
        ) from None

    def matches(alert: Alert) -> bool:
        return (
            start <= alert.date_generated <= end
            and query.get("LogLevel", alert.log_level) == alert.log_level
        )

    return v1_page(call, call.store.table(ALERTS), view=_in_list, wanted=matches)


def _in_list(alert: Alert, base_url: str) -> dict[str, object]:
    return {
        name: value for name, value in _view(alert, base_url).items() if name not in _NOT_IN_LIST
    }


def _fetch(call: TwilioCall) -> Reply:
    alert = fetch_row(call, call.store.table(ALERTS), call.path["sid"])
    return json_reply(200, _view(alert, call.request.base_url))


def _view(alert: Alert, base_url: str) -> dict[str, object]:
    return {**plain_fields(alert), "url": f"{base_url}/v1/Alerts/{alert.sid}"}


ROUTES = (
    Route("GET", "/v1/Alerts", on_own_account(_list)),
    Route("GET", "/v1/Alerts/{sid}", on_own_account(_fetch)),
)
