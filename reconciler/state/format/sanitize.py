"""Return the reason of a decoding error, and the safe part of an address, without quoting the
document, which may hold secrets.

A line of state holds URLs, and those hold tokens. In a damaged line a URL may be in the place of
a name. So messages repeat only what comes from our own types: the names of fields, and the place
in them.
"""

from __future__ import annotations

import re

from reconciler.kinds.table import NUMBER_KINDS, RANKS

_OURS = (
    "Expected `",
    "Object missing required field `",
    "JSON is malformed: ",
    "Input data was truncated",
    "maximum recursion depth exceeded",
)
"""The beginnings of messages that name types, fields, places of characters and nothing else."""
_QUOTING = {
    "Object contains unknown field": "a field is not known",
    "'utf-8' codec can't decode": "it is not text in UTF-8",
    "Invalid UTF-8": "it is not text in UTF-8",
    "Invalid": "a value is not one of those known",
}
"""The beginnings of messages that quote the document or differ between versions of the decoder, and
the words to use instead; the first that fits counts.
"""
_PATH = re.compile(r" - at `\$(?:\.\w+|\[\.\.\.\]|\[\d+\])*`$")
_NUMBER = re.compile(r"\+[0-9]{1,15}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def safe_reason(error: Exception) -> str:
    """Return the reason of a decoding error, without any content of the document."""
    text = str(error)
    if text.startswith(_OURS):
        return text
    path = _PATH.search(text)
    words = next(
        (plain for begin, plain in _QUOTING.items() if text.startswith(begin)),
        "it was changed after it was written",
    )
    return words + (path[0] if path else "")


def safe_address(address: str) -> str:
    """Return the part of an address that certainly is one: kind and number or name; the rest may be
    a URL.
    """
    kind, _, rest = address.partition("/")
    name, _, more = rest.partition("/")
    if kind not in RANKS or not (_NUMBER if kind in NUMBER_KINDS else _NAME).fullmatch(name):
        return "an invalid address"
    if not more:
        return f"{kind}/{name}"
    return f"{kind}/{name}/{more}" if _NUMBER.fullmatch(more) else f"{kind}/{name}/…"
