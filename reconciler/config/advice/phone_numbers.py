"""Explain an invalid phone number, with the intended number where it is clear; extract a number in
E.164 from a text.

Used only for an invalid number; does not depend on YAML or on the place of the number.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

from reconciler.config.formats import E164
from reconciler.config.source.invisible_characters import describe_invisible

_FORM = 'E.164 is a plus sign, the country code and the number, up to 15 digits: "+15550100200".'
_BETWEEN_DIGITS = r"^\W*tel:|\(0\)|[\s().\-/_\u2010-\u2015\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\"'\u2018-\u201f]"
"""Characters that people, address books and spreadsheets write between digits and around them."""
_POWER_OF_TEN = re.compile(r"\+?([0-9]+)(?:[.,]([0-9]+))?[eE]\+?([0-9]{1,2})")
_NORTH_AMERICAN = re.compile(r"\+([2-9][0-9]{2}[2-9][0-9]{6})")


def advise_on_phone(text: str) -> str:
    """Explain the form of a phone number, with a proposal when the intended number is clear."""
    power = _POWER_OF_TEN.fullmatch(text.strip())
    if power is not None:
        return _advise_on_power(power)

    guess = guess_number(text)
    proposal = _proposal(text, guess) if guess and guess != text else ""
    return f"{_FORM}{describe_invisible(text)}{proposal or _advise_on_length(text)}"


def guess_number(text: str) -> str:
    """Return the number in E.164 that a text contains, without the characters around digits; ""
    when it has none.
    """
    number = _remove_separators(text)
    return number if re.fullmatch(E164[1:-1], number) else ""


def _remove_separators(text: str) -> str:
    """Return the digits of a text after a plus sign, with all that is not a separator."""
    digits = re.sub(_BETWEEN_DIGITS, "", unicodedata.normalize("NFKC", text))
    digits = "+" + digits[2:] if digits.startswith("00") else digits
    return digits if digits.startswith("+") else f"+{digits}"


def _advise_on_length(text: str) -> str:
    """Advise on a number of country code 1 that lacks a digit or has one too many."""
    found = re.fullmatch(r"\+1([0-9]{7,14})", _remove_separators(text))
    if found is None:
        return ""
    return (
        f" Numbers of country code 1 have 10 digits after it, and this one has {len(found[1])}: "
        "compare it with its source."
    )


def _proposal(text: str, guess: str) -> str:
    # Ten digits without `+` are a number of North America in its national form.
    is_international = "+" in text or text.startswith("00")
    national = None if is_international else _NORTH_AMERICAN.fullmatch(guess)
    if national is None:
        return f' Did you mean "{guess}"?'
    return f' Is its country code missing? In the USA and Canada it is 1: "+1{national[1]}".'


def _advise_on_power(power: re.Match[str]) -> str:
    """Advise on a number that a spreadsheet has changed to a power of ten: 1.555010E+10."""
    has_lost_digits = len(power[2] or "") < int(power[3])
    number = f"+{Decimal(power[0].replace(',', '.')):.0f}"
    if has_lost_digits or not re.fullmatch(E164[1:-1], number):
        return (
            f"{_FORM} A spreadsheet has written it as a power of ten and dropped digits: copy the "
            "number from its source."
        )
    return f'{_FORM} A spreadsheet has written it as a power of ten. Did you mean "{number}"?'
