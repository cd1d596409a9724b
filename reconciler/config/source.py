"""A line of a configuration file, and of no other, for a report to show; what may be a secret is blanked out."""

from __future__ import annotations

import os
import re
from itertools import islice
from pathlib import Path

_WORDS = (
    "auth_?token|twilio_?token|api_?key|api_?secret|fingerprint_?key|encryption_?key|private_?key"
    "|pas+w?o?r?d|pwd|pas+phrase|pin|secret|token|credential|credentials"  # also as they are mistyped
)
_NAMED = rf"""["']?[\w-]*(?:{_WORDS})["']?"""
_KEY = re.compile(
    rf"(?i){_NAMED}[\s\u200b\u2060\ufeff]*[:=\uff1a](?!//)"  # a colon, and what is taken for one
    rf"|(?:^|[{{,-])\s*{_NAMED}\s+(?=[^\s:=#])"  # none at all
)
_REFERENCE = re.compile(r"""\s*(?:[&#].*$|\{\s*["']?(?:env["']?\s*:\s*["']?\w+["']?|file["']?\s*:[^{}]*)\s*\}|$)""")
_LINES = re.compile(r"""\s*["']?(?:env|file)["']?\s*:""")
_USER = re.compile(r"(://)[^/\s@]+@")
_MASK = "***"
YAML = (".yaml", ".yml")
INCLUDED = (*YAML, ".json")


def ends_in(path: Path, suffixes: tuple[str, ...]) -> bool:
    """Whether a file is named like that, also where links lead: whoever may name a file learns of what is in it."""
    return Path(os.path.realpath(path)).suffix.lower() in suffixes


def source_line(file: str, line: int, root: Path | None = None) -> str | None:
    """Line `line` (from 1) of a file named by a diagnostic, None when it cannot be read; secrets are blanked out."""
    found = pointed_line(file, line, 1, root)
    return found[0] if found is not None else None


def pointed_line(file: str, line: int, column: int, root: Path | None = None) -> tuple[str, str] | None:
    """A line of a file as `source_line` shows it, and what of that stands before a column of the file.

    A file that is not YAML by its name has no lines to show: it may be a secret, a state or /proc/self/environ.

    `root` is the folder that the names of diagnostics are relative to, by default the current one.
    """
    first = max(line - 2, 0)
    try:
        path = (root or Path()) / file
        if not ends_in(path, YAML):
            return None
        with path.open(encoding="utf-8", errors="replace") as lines:
            found = [text.rstrip("\r\n") for text in islice(lines, first, line)]
    except (OSError, ValueError):
        return None
    if line < 1 or len(found) < line - first:
        return None
    above = found[-2] if len(found) > 1 else ""
    shown = masked(found[-1], above)
    before = masked(found[-1][: column - 1], above)
    return shown, before if shown.startswith(before) else shown[: len(before)]


def masked(text: str, before: str = "") -> str:
    """The line without values of secret fields (references may stay) and without user and password in URLs.

    `before` is the line before it: a value may stand below its key.
    """
    text = _USER.sub(r"\1***@", text)
    above = list(_KEY.finditer(before))
    if above and not before[above[-1].end() :].strip(" |>+-") and text.strip() and not _LINES.match(text):
        return text[: len(text) - len(text.lstrip())] + _MASK
    for key in _KEY.finditer(text):
        if not _REFERENCE.match(text, key.end()):
            return f"{text[: key.end()].rstrip()} {_MASK}"
    return text
