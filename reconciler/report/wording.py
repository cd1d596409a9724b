"""Values, counts and names → words that are safe to print; knows nothing of any format.

Whatever comes from YAML or Twilio may hold anything, so control characters and marks that turn the direction of
writing are made visible here, before any format adds its own escapes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from reconciler.model.action import Change, RouteChange
from reconciler.model.route import WireValue

NOTHING = "–"
"""What stands for a field that is not set."""

_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000110bd\U000110cd"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Control characters, line separators, and all that Unicode calls format characters (Cf) or ignorable by default;
without the variation selectors U+FE00 to U+FE0F, which belong to emoji."""


def printable(text: str) -> str:
    """The text on one line, with what a terminal or a reader would not see as such written out (``\\x1b``)."""
    return _UNSEEN.sub(
        lambda found: found[0].encode("unicode_escape", "surrogatepass").decode(), text
    )


def show_value(raw: WireValue) -> str:
    """A field's value; what is not set is a dash."""
    if raw is None or raw == "":
        return NOTHING
    return str(raw).lower() if isinstance(raw, bool) else printable(str(raw))


def count(number: int, one: str, many: str | None = None) -> str:
    """``1 number``, ``1,240 numbers``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def kind_of(address: str) -> str:
    """The kind in an address, in words: ``bridge_number/+1555…`` is a bridge number."""
    name = address.partition("/")[0].replace("_", " ")
    return {"origination url": "origination URL"}.get(name, name)


def key_of(address: str) -> str:
    """What an address calls its resource: ``+15550100101``, ``edge``."""
    return printable(address.partition("/")[2])


def examples(addresses: Sequence[str], most: int = 3) -> str:
    """The first few of them, and how many there are besides."""
    shown = ", ".join(key_of(address) for address in addresses[:most])
    return shown + (f" and {len(addresses) - most:,} more" if len(addresses) > most else "")


def repeats_route(route: RouteChange, change: Change) -> bool:
    """Whether a change of the URL for calls is all that the change of the route tells."""
    if change.field != "voice_url" or not change.after:
        return False
    before = f"webhook {change.before}" if change.before else "nothing"
    return (route.before, route.after) == (before, f"webhook {change.after}")
