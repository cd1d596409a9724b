"""The Trunking API: trunks, their origination URLs and their recording.

Twilio is not known to have events for its changes, so none are recorded.
"""

from __future__ import annotations

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.twilio.auth import TwilioCall, on_own_account
from reconciler.sandbox.twilio.dates import iso8601
from reconciler.sandbox.twilio.forms import read_form, require
from reconciler.sandbox.twilio.numbers import NUMBERS
from reconciler.sandbox.twilio.pages import fetch_row, v1_page
from reconciler.sandbox.twilio.refusals import refusal
from reconciler.sandbox.twilio.trunks import (
    MOST_ORIGINATION_URLS,
    MOST_TRUNKS,
    ORIGINATION_URL_PARAMS,
    ORIGINATION_URLS,
    RECORDING_PARAMS,
    TRUNK_PARAMS,
    TRUNKS,
    OriginationUrl,
    Recording,
    Trunk,
    delete_trunk,
    is_domain_taken,
    origination_url_view,
    trunk_view,
)


def trunk_of(call: TwilioCall) -> Trunk:
    """Return the trunk in the path, if the caller owns it."""
    return fetch_row(call, call.store.table(TRUNKS), call.path["trunk"])


def _reply(call: TwilioCall, trunk: Trunk, status: int = 200) -> Reply:
    return json_reply(status, trunk_view(trunk, call.request.base_url))


def _list(call: TwilioCall) -> Reply:
    return v1_page(call, call.store.table(TRUNKS), view=trunk_view)


def _create(call: TwilioCall) -> Reply:
    table = call.store.table(TRUNKS)
    if table.count(call.account.sid) >= MOST_TRUNKS:
        raise refusal(21244, "Maximum Number of Trunks reached")

    trunk = Trunk(account_sid=call.account.sid)
    for field, value in _read(call, trunk).items():
        setattr(trunk, field, value)

    TRUNKS.complete(call.store, trunk)
    table.add(trunk)
    return _reply(call, trunk, 201)


def _read(call: TwilioCall, trunk: Trunk) -> dict[str, object]:
    changes = read_form(call.request.form, TRUNK_PARAMS)
    domain = changes.get("domain_name")
    if domain and is_domain_taken(call.store, str(domain), trunk):
        raise refusal(21248, f"Trunk Domain already taken: {domain}")
    return changes


def _fetch(call: TwilioCall) -> Reply:
    return _reply(call, trunk_of(call))


def _update(call: TwilioCall) -> Reply:
    trunk = trunk_of(call)
    changes = _read(call, trunk)
    call.store.table(TRUNKS).change(trunk, {**changes, "date_updated": iso8601(call.store.now())})
    return _reply(call, trunk)


def _delete(call: TwilioCall) -> Reply:
    trunk = trunk_of(call)
    if any(number.trunk_sid == trunk.sid for number in call.store.table(NUMBERS)):
        raise refusal(21247, "Trunk Dependencies: phone numbers are associated with this trunk")

    # A trunk that is deleted takes its origination URLs with it.
    urls = call.store.table(ORIGINATION_URLS)
    for url in list(urls.rows_of(trunk.sid)):
        urls.remove(url)
    delete_trunk(call.store, trunk)
    return Reply(204)


def _fetch_recording(call: TwilioCall) -> Reply:
    return json_reply(200, trunk_of(call).recording)


def _update_recording(call: TwilioCall) -> Reply:
    trunk = trunk_of(call)
    changes = read_form(call.request.form, RECORDING_PARAMS)
    current = trunk.recording
    recording = Recording(
        mode=str(changes.get("mode", current.mode)), trim=str(changes.get("trim", current.trim))
    )
    call.store.table(TRUNKS).change(trunk, {"recording": recording})
    return json_reply(200, recording)


def _list_urls(call: TwilioCall) -> Reply:
    table, trunk = call.store.table(ORIGINATION_URLS), trunk_of(call)
    return v1_page(call, table, view=origination_url_view, owner=trunk.sid)


def _create_url(call: TwilioCall) -> Reply:
    table, trunk = call.store.table(ORIGINATION_URLS), trunk_of(call)
    require(call.request.form, *(param.name for param in ORIGINATION_URL_PARAMS))
    if table.count(trunk.sid) >= MOST_ORIGINATION_URLS:
        raise refusal(21249, "Maximum Origination URIs reached")

    url = OriginationUrl(trunk_sid=trunk.sid)
    for field, value in read_form(call.request.form, ORIGINATION_URL_PARAMS).items():
        setattr(url, field, value)

    ORIGINATION_URLS.complete(call.store, url)
    table.add(url)
    return json_reply(201, origination_url_view(url, call.request.base_url))


def _url_of(call: TwilioCall) -> OriginationUrl:
    return fetch_row(
        call, call.store.table(ORIGINATION_URLS), call.path["sid"], owner=trunk_of(call).sid
    )


def _fetch_url(call: TwilioCall) -> Reply:
    return json_reply(200, origination_url_view(_url_of(call), call.request.base_url))


def _update_url(call: TwilioCall) -> Reply:
    url = _url_of(call)
    changes = read_form(call.request.form, ORIGINATION_URL_PARAMS)
    call.store.table(ORIGINATION_URLS).change(
        url, {**changes, "date_updated": iso8601(call.store.now())}
    )
    return json_reply(200, origination_url_view(url, call.request.base_url))


def _delete_url(call: TwilioCall) -> Reply:
    call.store.table(ORIGINATION_URLS).remove(_url_of(call))
    return Reply(204)


_TRUNK = "/v1/Trunks/{trunk}"
_URLS = "/v1/Trunks/{trunk}/OriginationUrls"
_URL = "/v1/Trunks/{trunk}/OriginationUrls/{sid}"
ROUTES = (
    Route("GET", "/v1/Trunks", on_own_account(_list)),
    Route("POST", "/v1/Trunks", on_own_account(_create)),
    Route("GET", _TRUNK, on_own_account(_fetch)),
    Route("POST", _TRUNK, on_own_account(_update)),
    Route("DELETE", _TRUNK, on_own_account(_delete)),
    Route("GET", _TRUNK + "/Recording", on_own_account(_fetch_recording)),
    Route("POST", _TRUNK + "/Recording", on_own_account(_update_recording)),
    Route("GET", _URLS, on_own_account(_list_urls)),
    Route("POST", _URLS, on_own_account(_create_url)),
    Route("GET", _URL, on_own_account(_fetch_url)),
    Route("POST", _URL, on_own_account(_update_url)),
    Route("DELETE", _URL, on_own_account(_delete_url)),
)
