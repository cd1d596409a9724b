"""Imitate AvailablePhoneNumbers of the 2010 API: list countries, and search numbers for sale by
country and type; sells none.

Every number that no account has and that was never released is for sale. A search for a complete
number finds it; any other search lists numbers of the country's example ranges, at most 30.
`NearLatLong` and `Distance` are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.store import Store
from reconciler.sandbox.twilio.auth import TwilioCall, on_account_in_path
from reconciler.sandbox.twilio.countries import COUNTRIES, Country, Range
from reconciler.sandbox.twilio.numbers import NUMBERS, format_us_number
from reconciler.sandbox.twilio.refusals import not_found, refusal

MOST_LISTED = 30
"""Twilio lists no more numbers than this, whatever the page size."""

_PATHS = {"Local": "local", "Mobile": "mobile", "TollFree": "toll_free"}
_OTHER_PATHS = frozenset({"National", "Voip", "SharedCost", "MachineToMachine"})
_KEYPAD = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
_EQUAL = {
    "InRegion": "region",
    "InLocality": "locality",
    "InPostalCode": "postal_code",
    "InRateCenter": "rate_center",
    "InLata": "lata",
}
_CAPABLE = {"VoiceEnabled": "voice", "SmsEnabled": "sms", "MmsEnabled": "mms", "FaxEnabled": "fax"}
_EXCLUDED = {
    "ExcludeAllAddressRequired": frozenset({"any", "local", "foreign"}),
    "ExcludeLocalAddressRequired": frozenset({"local"}),
    "ExcludeForeignAddressRequired": frozenset({"foreign"}),
}


def _list_countries(call: TwilioCall) -> Reply:
    return json_reply(
        200,
        {
            "countries": [_country_view(call, each) for each in COUNTRIES.values()],
            "uri": call.request.path,
        },
    )


def _fetch_country(call: TwilioCall) -> Reply:
    return json_reply(200, _country_view(call, _country_in_path(call)))


def _country_in_path(call: TwilioCall) -> Country:
    country = COUNTRIES.get(call.path["country"].upper())
    if country is None:
        raise not_found(call.request.path)
    return country


def _country_view(call: TwilioCall, country: Country) -> dict[str, object]:
    base = f"/2010-04-01/Accounts/{call.account.sid}/AvailablePhoneNumbers/{country.code}"
    types = {each.type for each in country.ranges}

    return {
        "country_code": country.code,
        "country": country.name,
        "beta": False,
        "uri": f"{base}.json",
        "subresource_uris": {
            kind: f"{base}/{path}.json" for path, kind in _PATHS.items() if kind in types
        },
    }


def _list(call: TwilioCall) -> Reply:
    country = _country_in_path(call)
    if call.path["type"] not in {*_PATHS, *_OTHER_PATHS}:
        raise not_found(call.request.path)

    ranges = [each for each in country.ranges if each.type == _PATHS.get(call.path["type"])]
    if not ranges:
        raise not_found(call.request.path)

    query = call.request.query
    contains_test = _contains_test(query.get("Contains", ""))
    rows: list[dict[str, object]] = []
    for e164, each in _numbers_for_sale(call.store, ranges, query.get("Contains", "")):
        row = _number_view(country, each, e164)
        if (contains_test is None or contains_test.search(e164.lstrip("+"))) and _matches(
            row, e164, query
        ):
            rows.append(row)
        if len(rows) == _size(query):
            break
    return json_reply(200, {"available_phone_numbers": rows, "uri": call.request.path})


def _size(query: Mapping[str, str]) -> int:
    size = query.get("PageSize", str(MOST_LISTED))
    if not size.isdigit() or not 1 <= int(size) <= 1000:
        raise refusal(20001, f"PageSize is not valid: {size}")
    return min(int(size), MOST_LISTED)


def _contains_test(pattern: str) -> re.Pattern[str] | None:
    """Return the test of a `Contains` pattern, None without one.

    The characters are those that Twilio documents.
    """
    if not pattern:
        return None
    if not 2 <= len(pattern) <= 16 or not re.fullmatch(r"\+?[0-9A-Za-z*%]+\$?", pattern):
        raise refusal(21499, f"Contains is not valid: {pattern}")

    inside = pattern.removeprefix("+").removesuffix("$").lower().translate(_KEYPAD)
    digits = inside.replace("*", r"\d").replace("%", r"\d*")
    start = "^" if pattern.startswith("+") else ""
    end = "$" if pattern.endswith("$") else ""
    return re.compile(start + digits + end)


def _numbers_for_sale(
    store: Store, ranges: list[Range], contains: str
) -> Iterator[tuple[str, Range]]:
    """Yield the numbers for sale: the complete number of a search, then the example ranges."""
    table = store.table(NUMBERS)
    named = f"+{contains.strip('+$')}"
    seen = set()

    for each in ranges:
        candidates = [named] if each.contains(named) else []
        candidates += [
            f"{each.example}{number:0{each.digits}d}" for number in range(10**each.digits)
        ]

        for e164 in candidates:
            free = table.get_by_key(e164) is None and e164 not in store.released
            if free and e164 not in seen:
                seen.add(e164)
                yield e164, each


def _number_view(country: Country, each: Range, e164: str) -> dict[str, object]:
    return {
        "friendly_name": format_us_number(e164),
        "phone_number": e164,
        "lata": None,
        "locality": each.locality,
        "rate_center": None,
        "latitude": None,
        "longitude": None,
        "region": each.region,
        "postal_code": None,
        "iso_country": country.code,
        "address_requirements": each.address,
        "beta": False,
        # MMS exists in the United States and Canada only.
        "capabilities": {
            "voice": True,
            "sms": each.sms,
            "mms": each.sms and country.code in ("US", "CA"),
            "fax": False,
        },
    }


def _matches(row: Mapping[str, object], e164: str, query: Mapping[str, str]) -> bool:
    """Return true when a row passes the filters of a search."""
    area = query.get("AreaCode", "") or query.get("NearNumber", "").removeprefix("+1")[:3]
    if area and not (e164.startswith("+1") and e164[2:].startswith(area)):
        return False

    for name, field in _EQUAL.items():
        if query.get(name) and str(row[field] or "").lower() != query[name].lower():
            return False

    capabilities = row["capabilities"]
    assert isinstance(capabilities, dict)
    for name, field in _CAPABLE.items():
        if name in query and capabilities[field] != (query[name].lower() == "true"):
            return False

    for name, requirements in _EXCLUDED.items():
        if query.get(name, "").lower() == "true" and row["address_requirements"] in requirements:
            return False
    return True


_BASE = "/2010-04-01/Accounts/{account}/AvailablePhoneNumbers"
ROUTES = (
    Route("GET", _BASE + ".json", on_account_in_path(_list_countries)),
    Route("GET", _BASE + "/{country}.json", on_account_in_path(_fetch_country)),
    Route("GET", _BASE + "/{country}/{type}.json", on_account_in_path(_list)),
)
