"""Text → Markdown that shows exactly this text, and pages that end before a limit; knows nothing of plans.

GitHub's comments hold 65,536 characters. A value from YAML or Twilio can neither end its cell, nor mention anybody,
nor become a link, an image or HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from reconciler.report.truncate import shorten
from reconciler.report.wording import NOTHING, printable

LIMIT = 65_000
"""Below GitHub's limit, in bytes, so that it holds whatever is counted."""
_LONGEST = 160
"""A value longer than this is shortened in its middle."""

_SPECIAL = re.compile(r"[\\`*_\[\]<>~&#!$:()]")
_MENTION = re.compile(r"@(?=\w)")


def text(raw: str) -> str:
    """Words that Markdown takes for nothing but words; ``@`` is kept from calling anybody."""
    return _MENTION.sub("@\u200b", _SPECIAL.sub(lambda found: "\\" + found[0], printable(raw)))


def code(raw: str, longest: int = _LONGEST) -> str:
    """A value as code; a dash where there is none."""
    plain = shorten(printable(raw), longest)
    if plain in ("", NOTHING):
        return NOTHING
    ticks = max((len(run) for run in re.findall("`+", plain)), default=0) + 1
    pad = " " if ticks > 1 else ""
    return f"{'`' * ticks}{pad}{plain}{pad}{'`' * ticks}"


def row(*cells: str) -> str:
    """One line of a table; none of its cells can end before its time."""
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def head(*titles: str) -> str:
    """The head of a table."""
    return row(*titles) + row(*("---" for _ in titles))


def fold(title: str, body: str) -> str:
    """What is shown when somebody asks for it."""
    return f"<details>\n<summary>{title}</summary>\n\n{body}\n</details>\n\n"


def fit_rows(rows: Iterable[str], room: int) -> Iterator[str]:
    """As many whole rows as there is room for; stops reading at the first that does not fit."""
    for each in rows:
        room -= size(each)
        if room < 0:
            return
        yield each


def size(written: str) -> int:
    """How much of the limit this takes."""
    return len(written.encode())
