"""List the countries in which the sandbox sells numbers, with their number ranges and requirements
for owners, and find the range of a number.

The ranges are those that the countries keep free for examples and films. Twilio changes its
requirements; these cover each of their kinds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers of one type in one country.

    `example` is the beginning of the numbers that a search lists, followed by `digits` counting
    digits. `pattern` matches any number of this type. `address` is `address_requirements`;
    `regulated`: a bundle is required; `identity`: an identity is.
    """

    type: str
    example: str
    digits: int
    pattern: str
    address: str = "none"
    regulated: bool = False
    identity: bool = False
    sms: bool = True
    locality: str | None = None
    region: str | None = None

    def contains(self, e164: str) -> bool:
        """Return true when a number belongs to this range."""
        return re.fullmatch(self.pattern, e164) is not None


@dataclass(frozen=True, slots=True)
class Country:
    """One country with its ranges."""

    code: str
    name: str
    ranges: tuple[Range, ...]


_NORTH_AMERICA = r"\+1[2-9]\d{9}"
_FREE = r"\+18(?:00|33|44|55|66|77|88)\d{7}"

COUNTRIES = {
    country.code: country
    for country in (
        Country(
            "US",
            "United States",
            (
                Range("toll_free", "+1800555019", 1, _FREE),
                Range(
                    "local", "+1415555010", 1, _NORTH_AMERICA, locality="San Francisco", region="CA"
                ),
                Range("local", "+1212555010", 1, _NORTH_AMERICA, locality="New York", region="NY"),
                Range("local", "+1555010", 4, _NORTH_AMERICA),
            ),
        ),
        Country(
            "CA",
            "Canada",
            (
                Range("toll_free", "+1888555019", 1, _FREE),
                Range("local", "+1416555010", 1, r"\+1416\d{7}", locality="Toronto", region="ON"),
            ),
        ),
        Country(
            "GB",
            "United Kingdom",
            (
                Range(
                    "local",
                    "+44207946",
                    4,
                    r"\+44[12]\d{8,9}",
                    "local",
                    regulated=True,
                    locality="London",
                ),
                Range("mobile", "+447700900", 3, r"\+447\d{9}", "any", regulated=True),
                Range(
                    "toll_free",
                    "+44808157",
                    4,
                    r"\+448(?:00|08)\d{6,7}",
                    "any",
                    regulated=True,
                    sms=False,
                ),
            ),
        ),
        Country(
            "DE",
            "Germany",
            (
                Range(
                    "local",
                    "+493023125",
                    3,
                    r"\+49[2-9]\d{6,11}",
                    "local",
                    regulated=True,
                    locality="Berlin",
                ),
                Range("mobile", "+49171392", 5, r"\+491[567]\d{8,9}", "any", regulated=True),
            ),
        ),
        Country(
            "FR",
            "France",
            (
                Range(
                    "local",
                    "+33199001",
                    4,
                    r"\+33[1-5]\d{8}",
                    "any",
                    identity=True,
                    locality="Paris",
                ),
            ),
        ),
        Country(
            "AU",
            "Australia",
            (
                Range("local", "+6125550", 4, r"\+61[2378]\d{8}", "any", locality="Sydney"),
                Range("mobile", "+61491570", 3, r"\+614\d{8}", "foreign", regulated=True),
            ),
        ),
    )
}


def range_of(e164: str) -> Range | None:
    """Return the range of a number, None for a country that is not modelled."""
    for country in COUNTRIES.values():
        for each in country.ranges:
            if each.contains(e164):
                return each
    return None
