"""Read one line of a configuration file for a report, and mask possible secrets in a text.

Other files have no lines.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

_WORDS = (
    "auth_?token|twilio_?token|api_?key|api_?secret|fingerprint_?key|encryption_?key|private_?key"
    "|pas+w?o?r?d|pwd|pas+phrase|pin|secret|token|credential|credentials"  # also as they are mistyped
)
_ENDS_IN_WORD = re.compile(rf"(?i)(?:{_WORDS})\Z")
_LONGEST_WORD = 64
_RUN = re.compile(r"""([\w-]+)["']?([\s\u200b\u2060\ufeff]*)""")
_COLONS = ":=\uff1a"
"""A colon, and what is taken for one."""
_REFERENCE = re.compile(
    r"""\s*(?:[&#].*$|\{\s*["']?(?:env["']?\s*:\s*["']?\w+["']?|file["']?\s*:[^{}]*)\s*\}|$)"""
)
_LINES = re.compile(r"""\s*["']?(?:env|file)["']?\s*:""")
_USER = re.compile(r"(://)[^/\s@]+@")
_MASK = "***"
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
"""The head of a part of a difference: the first line of each side."""
LONGEST = 4096
"""The number of characters shown of a longer line."""
_WIDEST = 240
_MOST_READ = 1 << 26
YAML = (".yaml", ".yml")
CSV = (".csv",)
INCLUDED = (*YAML, ".json")


def has_suffix(path: Path, suffixes: tuple[str, ...]) -> bool:
    """Return true when the name of a file has one of these suffixes, with links resolved.

    A configuration can name any file, so the content of other files must not reach a report.
    """
    return Path(os.path.realpath(path)).suffix.lower() in suffixes


def read_source_line(file: str, line: int, root: Path | None = None) -> str | None:
    """Return line `line` (from 1) of a diagnostic's file, None when it cannot be read.

    Secrets are masked.
    """
    found = read_line_with_mark(file, line, 1, root)
    return found[0] if found is not None else None


def read_line_with_mark(
    file: str, line: int, column: int, root: Path | None = None
) -> tuple[str, str] | None:
    """Return a line of a file as `source_line` shows it, and the part of it before a column of the
    file.

    A file that is neither YAML nor CSV by its name has no lines to show: it may be a secret, a state
    or /proc/self/environ. Of a long line the part around the column is shown.

    `root` is the folder that the names of diagnostics are relative to, by default the current one.
    """
    path = (root or Path()) / file
    try:
        lines = _lines(path) if has_suffix(path, (*YAML, *CSV)) else ()
    except ValueError:  # no file can have this name
        return None
    if not 1 <= line <= len(lines) or column > LONGEST:
        return None
    text, above = lines[line - 1], lines[line - 2] if line > 1 else ""

    shown = mask_secrets(_cut(text), _cut(above))
    before = mask_secrets(_cut(text)[: column - 1], _cut(above))
    before = before if shown.startswith(before) else shown[: len(before)]
    return _around(shown, before)


def _lines(path: Path) -> tuple[str, ...]:
    """Return the lines of a file; none when it cannot be read."""
    try:
        found = path.stat()
        return (
            _read_lines(path, found.st_mtime_ns, found.st_size)
            if stat.S_ISREG(found.st_mode)
            else ()
        )
    except (OSError, ValueError):
        return ()


@lru_cache(maxsize=4)
def _read_lines(path: Path, _changed: int, _size: int) -> tuple[str, ...]:
    """Read them once for thousands of diagnostics, and again when the file has changed."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return tuple(file.read(_MOST_READ).removesuffix("\n").split("\n"))
    except (OSError, ValueError):
        return ()


def _cut(text: str) -> str:
    """Return the beginning of a long line.

    The cut leaves no part of a password: without the `@` after it, the mask would not find it.
    """
    text = text.rstrip("\r\n")
    if len(text) <= LONGEST:
        return text
    start = text.rfind("://", 0, LONGEST)
    open_user = start >= 0 and not re.search(r"[/\s@]", text[start + 3 : LONGEST])
    return text[: start + 3 if open_user else LONGEST]


def _around(shown: str, before: str) -> tuple[str, str]:
    """Return the part of a masked line around a column."""
    if len(shown) <= _WIDEST:
        return shown, before
    first = max(len(before) - _WIDEST // 2, 0)
    lead, rest = ("…" if first else ""), ("…" if first + _WIDEST < len(shown) else "")
    return f"{lead}{shown[first : first + _WIDEST]}{rest}", lead + before[first:]


def mask_secrets(text: str, before: str = "") -> str:
    """Mask the values of secret fields, but references, and users and passwords in URLs.

    `before` is the line before it: a value may be below its key. Takes time in proportion to the
    line.
    """
    text = _USER.sub(r"\1***@", text)

    above = list(_key_ends(before))
    if above and not before[above[-1] :].strip(" |>+-") and text.strip() and not _LINES.match(text):
        return text[: len(text) - len(text.lstrip())] + _MASK

    for end in _key_ends(text):
        if not _REFERENCE.match(text, end):
            return f"{text[:end].rstrip()} {_MASK}"
    return text


def show_difference(name: str, before: str, after: str) -> str:
    """Return the unified difference of two texts, with secrets masked; "" for equal lines.

    The lines are compared as they are: two that differ behind a masked value look the same, and are
    shown all the same.
    """
    # Most commands show no difference.
    from difflib import unified_diff

    old, new = before.splitlines(), after.splitlines()
    masked_old, masked_new = _mask_lines(old), _mask_lines(new)
    shown: list[str] = []
    at_old = at_new = 0
    for place, line in enumerate(unified_diff(old, new, name, name, lineterm="")):
        hunk = _HUNK.match(line)
        if place < 2:
            shown.append(line)
        elif hunk is not None:
            shown.append(line)
            at_old, at_new = max(int(hunk[1]) - 1, 0), max(int(hunk[2]) - 1, 0)
        elif line.startswith("-"):
            shown.append(f"-{masked_old[at_old]}")
            at_old += 1
        else:
            shown.append(f"{line[0]}{masked_new[at_new]}")
            at_new += 1
            at_old += line.startswith(" ")
    return "".join([f"{line}\n" for line in shown])


def _mask_lines(lines: Sequence[str]) -> list[str]:
    """Mask each line; a value may be below its key."""
    above = ["", *lines]
    return [mask_secrets(line, before) for line, before in zip(lines, above, strict=False)]


def _key_ends(text: str) -> Iterator[int]:
    """Yield the end of each key of a secret: after its colon, or after the key when it has none.

    Words are taken one after the other, each once: a pattern that starts a new search at every
    character takes minutes for a line of a few thousand characters.
    """
    last = ""  # the last character before this word that is neither space nor quote; "" at the start of the line
    at = 0
    for run in _RUN.finditer(text):
        between = text[at : run.start()].rstrip("\"'").rstrip()
        last = between[-1:] or last
        word = run[1]
        secret = _ENDS_IN_WORD.search(word[-_LONGEST_WORD:])
        following = text[run.end() : run.end() + 3]

        if secret is not None and following[:1] in _COLONS and following and following[1:] != "//":
            yield run.end() + 1
        elif secret is not None and run[2] and following and following[0] not in ":=#":
            length = len(secret[0])
            if last in ("", "{", ",", "-") or "-" in word[:-length]:
                yield run.end()
        last, at = word[-1], run.end()
