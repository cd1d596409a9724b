"""Resolve plain (unquoted) scalars of YAML: text, number, boolean, null, or an ambiguous value.

YAML 1.1 and 1.2 disagree on ``yes``, ``0123``, ``1_000``, ``12:30`` and ``1e3``; such scalars are
refused everywhere, because editors, linters and other tools would read another value than
we do.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from reconciler.config.source.nodes import Float, Int, Scalar


class Ambiguous(NamedTuple):
    """A scalar that must be quoted or written otherwise.

    `reason` says why, without repeating it.
    """

    reason: str


_FIXED: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_BOOLEAN_WORDS = frozenset(
    word for base in ("yes", "no", "on", "off") for word in (base, base.title(), base.upper())
)
_SPECIAL = frozenset(
    f"{sign}.{word}"
    for sign in ("", "-", "+")
    for word in ("inf", "Inf", "INF", "nan", "NaN", "NAN")
)
_NUMERIC = re.compile(r"[-+.]?[0-9]")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_LONGEST = 32

_ODD = (
    (
        r"[-+]?0[0-9]+(?:\.[0-9]*)?",
        "It starts with a zero: YAML 1.1 reads an octal number, YAML 1.2 not.",
    ),
    (
        r"[-+]?0[xob][0-9a-fA-F_]+",
        "It is a hexadecimal, octal or binary number to some YAML programs.",
    ),
    (r"[-+]?[0-9](?=[0-9.]*_)[0-9_.]*", "YAML 1.1 ignores the underscores and reads a number."),
    (
        r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?",
        "YAML 1.1 reads a number to the base of 60.",
    ),
    (
        r"[-+]?[0-9]+[eE][-+]?[0-9]+",
        "YAML 1.2 reads a number with an exponent, YAML 1.1 reads text.",
    ),
)


def resolve(text: str) -> Scalar | Ambiguous:
    """Return the value of a plain scalar."""
    if text in _FIXED:
        return _FIXED[text]
    if text in _BOOLEAN_WORDS:
        return Ambiguous(
            "YAML 1.1 reads a boolean, YAML 1.2 reads text: write true or false for a boolean."
        )
    if text in _SPECIAL:
        return Ambiguous("It means infinity or not-a-number.")
    return _number(text) if _NUMERIC.match(text) else text


def _number(text: str) -> Scalar | Ambiguous:
    if _INT.fullmatch(text) or _FLOAT.fullmatch(text):
        return _exact(text)
    for pattern, reason in _ODD:
        if re.fullmatch(pattern, text):
            return Ambiguous(reason)
    return text


def _exact(text: str) -> Scalar | Ambiguous:
    if len(text) > _LONGEST:
        return Ambiguous("It is a number with more digits than programs keep.")
    value = Int(text) if _INT.fullmatch(text) else Float(text)
    value.text = text
    return value
