"""A text that should be a phone number in, how to write it out: with a proposal where it is clear what is meant.

Looked at only once a number is wrong; knows nothing of YAML or of where the number stands.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

from reconciler.config.formats import E164
from reconciler.config.source.invisible_characters import describe_invisible

_FORM = 'E.164 is a plus sign, the country code and the number, up to 15 digits: "+15550100200".'
_BETWEEN_DIGITS = r"^\W*tel:|\(0\)|[\s().\-/_\u2010-\u2015\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\"'\u2018-\u201f]"
"""What people, address books and spreadsheets write between digits and around them."""
_SHORTENED = re.compile(r"\+?([0-9]+)(?:[.,]([0-9]+))?[eE]\+?([0-9]{1,2})")
_NORTH_AMERICAN = re.compile(r"\+([2-9][0-9]{2}[2-9][0-9]{6})")


def advise_on_phone(text: str) -> str:
    """How to write a phone number; with a proposal when it is clear what is meant."""
    shortened = _SHORTENED.fullmatch(text.strip())
    if shortened is not None:
        return _whole(shortened)
    meant = guess_number(text)
    proposal = _proposal(text, meant) if meant and meant != text else ""
    return f"{_FORM}{describe_invisible(text)}{proposal}"


def guess_number(text: str) -> str:
    """The number in E.164 that a text means, whatever is written around its digits; "" when it means none."""
    digits = re.sub(_BETWEEN_DIGITS, "", unicodedata.normalize("NFKC", text))
    digits = "+" + digits[2:] if digits.startswith("00") else digits
    meant = digits if digits.startswith("+") else f"+{digits}"
    return meant if re.fullmatch(E164[1:-1], meant) else ""


def _proposal(text: str, meant: str) -> str:
    national = (
        _NORTH_AMERICAN.fullmatch(meant) if "+" not in text and not text.startswith("00") else None
    )
    if national is None:
        return f' Did you mean "{meant}"?'
    return f' Is its country code missing? In the USA and Canada it is 1: "+1{national[1]}".'


def _whole(shortened: re.Match[str]) -> str:
    """The advice for what a spreadsheet has made of a number: 1.555010E+10."""
    lost = len(shortened[2] or "") < int(shortened[3])
    meant = f"+{Decimal(shortened[0].replace(',', '.')):.0f}"
    if lost or not re.fullmatch(E164[1:-1], meant):
        return f"{_FORM} A spreadsheet has written it as a power of ten and dropped digits: take it from its source."
    return f'{_FORM} A spreadsheet has written it as a power of ten. Did you mean "{meant}"?'
