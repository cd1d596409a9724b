"""Render a small tree of entries with comments as YAML text, the format of generated configuration;
writes no file.

`parse` reads the text back as the same values. Does not depend on the meaning of a configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from reconciler.config.source.scalars import resolve

Flow = str | int | float | bool | None | Mapping[str, "Flow"] | Sequence["Flow"]
"""A value that is written on one line."""

WIDEST = 120
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./+@~$%^&=?;:-]*")
_PLAIN_IN_FLOW = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./+@~$%-]*")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


class Entry(NamedTuple):
    """A key and its value; `above` are comment lines before it, `note` is a comment behind it."""

    key: str
    value: Flow | Block | Items
    note: str = ""
    above: tuple[str, ...] = ()


class Block(NamedTuple):
    """A mapping that is written with an entry a line."""

    entries: tuple[Entry, ...]


class Items(NamedTuple):
    """A list that is written with an item a line."""

    values: tuple[Flow, ...]


def render_text(entries: Sequence[Entry], head: Sequence[str] = ()) -> str:
    """Return the file: comment lines, then the entries, with an empty line before every block
    section.
    """
    lines = [render_comment(line) for line in head]
    for entry in entries:
        if lines and isinstance(entry.value, Block | Items):
            lines.append("")
        lines += render_entry(entry, "")
    return "\n".join(lines) + "\n"


def render_comment(words: str) -> str:
    """Return a comment line; no character of the words can end it."""
    return f"# {safe_comment(words)}".rstrip()


def safe_comment(words: str) -> str:
    """Replace characters that YAML does not allow in a comment."""
    return "".join(c if c.isprintable() and c != "\ufeff" else " " for c in words)


def render_scalar(value: str, *, flow: bool = False) -> str:
    """Return a text as YAML, in quotes where it could be read as another value."""
    plain = (_PLAIN_IN_FLOW if flow else _PLAIN).fullmatch(value)
    if plain and not value.endswith(":") and isinstance(resolve(value), str):
        return value
    return quote(value)


def quote(value: str) -> str:
    """Return a text in double quotes."""
    return '"' + "".join(map(_escape, value)) + '"'


def _escape(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable() and char != "\ufeff":
        return char
    return f"\\u{ord(char):04X}" if ord(char) < 0x10000 else f"\\U{ord(char):08X}"


def render_flow(value: Flow) -> str:
    """Return a value on one line."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case str():
            return render_scalar(value, flow=True)
        case Mapping():
            parts: list[str] = []
            for key, inner in value.items():
                parts.append(f"{render_scalar(key, flow=True)}: {render_flow(inner)}")
            return f"{{{', '.join(parts)}}}"
        case _:
            return f"[{', '.join(map(render_flow, value))}]"


def render_entry(entry: Entry, indent: str = "") -> Iterator[str]:
    """Yield the lines of one entry, indented."""
    for line in entry.above:
        yield f"{indent}{render_comment(line)}"

    head = f"{indent}{render_scalar(entry.key)}:"
    note = f"    {render_comment(entry.note)}" if entry.note else ""
    match entry.value:
        case Block(entries=entries):
            yield head + note
            for inner in entries:
                yield from render_entry(inner, indent + "  ")
        case Items(values=values):
            yield head + note
            for value in values:
                yield f"{indent}  - {render_flow(value)}"
        case str() as value:
            yield f"{head} {render_scalar(value)}{note}"
        case value:
            yield f"{head} {render_flow(value)}{note}"
