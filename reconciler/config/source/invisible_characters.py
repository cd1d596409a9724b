"""Describe the characters of a text that look like a space, a quote or nothing and are
something else.

Looked at only once something is wrong; knows nothing of what the text is for.
"""

from __future__ import annotations

import re
import unicodedata

SPACES = "\u00a0\u1680\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff"
"""Characters that editors and word processors insert in place of a space, as a character class.
"""
_ODD = re.compile(
    rf"[{SPACES}\u00ad\u200c-\u200f\u2018-\u201f\u202a-\u202e\u2061-\u2069\uff01-\uff5e]"
)


def name_character(character: str) -> str:
    """A character by its name and number: a no-break space (U+00A0)."""
    name = unicodedata.name(character, "control character").lower()
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name} (U+{ord(character):04X})"


def describe_invisible(text: str) -> str:
    """A sentence about the first characters in a text that are not what they look like; "" where
    there are none.
    """
    found = list(dict.fromkeys(_ODD.findall(text)))[:2]
    return (
        f" It holds {' and '.join(map(name_character, found))}: type it again, in plain characters."
        if found
        else ""
    )
