"""Imitate Regulations of Regulatory Compliance (numbers.twilio.com): list and fetch them, made from
`countries`.

A regulation exists for each type of number that is sold only with a bundle.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.twilio.auth import TwilioCall, on_own_account
from reconciler.sandbox.twilio.countries import COUNTRIES, Country
from reconciler.sandbox.twilio.refusals import not_found

_PATH = "/v2/RegulatoryCompliance/Regulations"
_USERS = ("business", "individual")
_FILTERS = {
    "IsoCountry": "iso_country",
    "NumberType": "number_type",
    "EndUserType": "end_user_type",
}


def _rows(call: TwilioCall) -> Iterator[dict[str, object]]:
    for country in COUNTRIES.values():
        regulated = dict.fromkeys(each.type for each in country.ranges if each.regulated)
        for kind in regulated:
            for user in _USERS:
                yield _regulation(call, country, kind, user)


def _regulation(call: TwilioCall, country: Country, kind: str, user: str) -> dict[str, object]:
    sid = call.store.sid_for("RN", f"{country.code} {kind} {user}")
    number_type = kind.replace("_", "-")
    person = {
        "name": user.capitalize(),
        "type": user,
        "requirement_name": f"{user}_info",
    }
    document = {"name": "Address", "type": "document", "requirement_name": "proof"}

    return {
        "sid": sid,
        "friendly_name": f"{country.name}: {number_type.capitalize()} - {user.capitalize()}",
        "iso_country": country.code,
        "number_type": number_type,
        "end_user_type": user,
        "requirements": {"end_user": [person], "supporting_document": [[document]]},
        "url": f"{call.request.base_url}{_PATH}/{sid}",
    }


def _list(call: TwilioCall) -> Reply:
    query = call.request.query
    rows = [*_rows(call)]
    for name, field in _FILTERS.items():
        if name in query:
            value = query[name].lower()
            rows = [row for row in rows if str(row[field]).lower() == value]

    url = call.request.base_url + _PATH
    meta = {
        "page": 0,
        "page_size": 50,
        "first_page_url": f"{url}?PageSize=50&Page=0",
        "previous_page_url": None,
        "url": f"{url}?PageSize=50&Page=0",
        "next_page_url": None,
        "key": "results",
    }
    return json_reply(200, {"results": rows, "meta": meta})


def _fetch(call: TwilioCall) -> Reply:
    for row in _rows(call):
        if row["sid"] == call.path["sid"]:
            return json_reply(200, row)
    raise not_found(call.request.path)


ROUTES = (
    Route("GET", _PATH, on_own_account(_list)),
    Route("GET", _PATH + "/{sid}", on_own_account(_fetch)),
)
