"""Return the numbers of one type that Twilio offers in a country (one page), with monthly price and
requirements; buys nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError, RemoteError
from reconciler.kinds.purchase import FOR_SALE, TYPES, NumberForSale
from reconciler.model.route import Json
from reconciler.remote.facts.prices import read_prices
from reconciler.remote.facts.purchases import read_regulated_types, rows_for_sale
from reconciler.remote.gateway import Gateway

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_CAPABILITIES = ("voice", "sms", "mms", "fax")


def search_numbers(
    gateway: Gateway, country: str, kind: str, query: Mapping[str, str]
) -> list[NumberForSale]:
    """Return the matching numbers for sale, at most one page.

    Raises RemoteError, ReconcilerError.
    """
    rows = _read_rows(gateway, country, kind, query)
    if not rows:
        return []

    price = read_prices(gateway, country).get(kind)
    regulated = read_regulated_types(gateway, country)
    found = []
    for row in rows:
        e164 = row.get("phone_number")
        if isinstance(e164, str) and _E164.fullmatch(e164):
            found.append(
                NumberForSale(
                    phone_number=e164,
                    country=country,
                    type=kind,
                    locality=_text(row.get("locality")),
                    region=_text(row.get("region")),
                    capabilities=_capabilities(row.get("capabilities")),
                    address_requirements=_text(row.get("address_requirements")),
                    bundle_required=None if regulated is None else kind in regulated,
                    price=price,
                )
            )
    return found


def _read_rows(
    gateway: Gateway, country: str, kind: str, query: Mapping[str, str]
) -> list[dict[str, Json]]:
    try:
        page = gateway.call(FOR_SALE, dict(query), country=country, type=TYPES[kind])
    except RemoteError as error:
        if error.status != 404:
            raise
        raise ReconcilerError(_not_sold_diagnostic(country, kind)) from error

    rows = rows_for_sale(page)
    if rows is None:
        raise ReconcilerError(_unreadable_diagnostic(country))
    return rows


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None


def _capabilities(value: Json) -> list[str]:
    """Return the capabilities of a number, by the names of `Capabilities`.

    Twilio writes some of them in capitals.
    """
    if not isinstance(value, dict):
        return []
    able = {name.lower() for name, can in value.items() if can is True}
    return [name for name in _CAPABILITIES if name in able]


def _not_sold_diagnostic(country: str, kind: str) -> Diagnostic:
    detail = (
        f"Twilio sells no {kind.replace('_', '-')} numbers in {country}. Name another type "
        f"({', '.join(TYPES)}) or country."
    )
    return Diagnostic(
        code="numbers_not_sold", summary="No numbers of this type for sale", detail=detail
    )


def _unreadable_diagnostic(country: str) -> Diagnostic:
    detail = (
        f"Twilio's answer has no list of numbers for sale in {country}. Try again; if the error "
        "persists, report it."
    )
    return Diagnostic(
        code="unexpected_answer", summary="Unexpected answer from the server", detail=detail
    )
