"""Return printable words for values, counts, addresses and places, with control characters made
visible, for every format.

Text from YAML or Twilio may contain anything, so control characters and direction marks are made
visible here, before a format adds its own escapes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from reconciler.diagnostics import Diagnostic
from reconciler.model.action import Change, RouteChange
from reconciler.model.address import Address
from reconciler.model.route import WireValue

NOTHING = "–"
"""Shown for a field that is not set."""

_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000110bd\U000110cd"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Control characters, line separators, and all that Unicode calls format characters (Cf) or
ignorable by default; without the variation selectors U+FE00 to U+FE0F, which belong to emoji.
"""


def printable(text: str) -> str:
    """Return the text on one line, with invisible characters written out (``\\x1b``)."""
    return _UNSEEN.sub(
        lambda found: found[0].encode("unicode_escape", "surrogatepass").decode(), text
    )


def show_value(raw: WireValue) -> str:
    """Return the value of a field, a dash when it is not set."""
    if raw is None or raw == "":
        return NOTHING
    return str(raw).lower() if isinstance(raw, bool) else printable(str(raw))


def count(number: int, one: str, many: str | None = None) -> str:
    """Return a count in words: ``1 number``, ``1,240 numbers``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def list_counts(by_action: Mapping[str, int]) -> str:
    """Return the counts of actions: ``1,240 import, 2 update``."""
    return ", ".join([f"{number:,} {action}" for action, number in by_action.items()])


def place_of(found: Diagnostic) -> str:
    """Return file, line and column of a diagnostic, as far as they are known: ``a.yaml:3:5``."""
    parts = (found.file, found.line, found.column)
    return ":".join([str(part) for part in parts if part is not None])


def kind_of(address: str) -> str:
    """Return the kind of an address in words: ``bridge_number/+1555…`` is a bridge number."""
    name = Address.parse(address).kind.replace("_", " ")
    return {"origination url": "origination URL"}.get(name, name)


def key_of(address: str) -> str:
    """Return the key of an address: ``+15550100101``, ``edge``."""
    return printable(Address.parse(address).name)


def examples(addresses: Sequence[str], most: int = 3) -> str:
    """Return the first few keys, and how many more there are."""
    shown = ", ".join(key_of(address) for address in addresses[:most])
    return shown + (f" and {len(addresses) - most:,} more" if len(addresses) > most else "")


def repeats_route(route: RouteChange, change: Change) -> bool:
    """Return whether the change of `voice_url` already shows the whole change of the route."""
    if change.field != "voice_url" or not change.after:
        return False
    before = f"webhook {change.before}" if change.before else "nothing"
    return (route.before, route.after) == (before, f"webhook {change.after}")
