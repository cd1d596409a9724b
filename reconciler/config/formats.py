"""Define the pattern of E.164 numbers, recognise and normalise SIDs, and list the spellings of a
field's name.
"""

from __future__ import annotations

import re
from functools import lru_cache

E164 = r"^\+(?:1[0-9]{10}|[2-9][0-9]{1,14})$"
"""A number in E.164; all numbers of country code 1 have ten digits after it."""


_SID_LIKE = re.compile(r"[A-Z]{2}[0-9a-fA-F]{32}")


def is_sid(text: str, prefix: str) -> bool:
    """Return whether this is a SID of the kind with that prefix."""
    return text.startswith(prefix) and _SID_LIKE.fullmatch(text) is not None


def normal_sid(sid: str) -> str:
    """Return a SID in normal form: its prefix in capitals, its digits in lower case."""
    return sid[:2].upper() + sid[2:].lower()


ALIASES = {
    "agent": ("agent_id",),
    "auth_token": ("twilio_token",),
    "sid": ("twilio_sid", "number_sid", "twilio_number_sid", "phone_number_sid"),
}
"""Other names of fields, as the platforms' own import calls have them."""


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(map(str.capitalize, rest))


@lru_cache(maxsize=4096)
def spellings(name: str) -> tuple[str, ...]:
    """Return all spellings of a field's name, our own first."""
    names = (name, *ALIASES.get(name, ()))
    return tuple(dict.fromkeys((*names, *map(_camel, names))))
