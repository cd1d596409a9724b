"""Lines around a place where YAML stumbled in, what is wrong with the white space in them out.

Looked at only once something is wrong. Says no value of the file, for that may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from reconciler.config.source.invisible_characters import SPACES, describe_invisible, name_character
from reconciler.config.source.nodes import Mark, Spot

_MARGIN = re.compile(rf"[ ]*(?:-[ ]+)*(?=[{SPACES}])(.)")
_AFTER_COLON = re.compile(rf"""[^#]*?["'\w]:(?=[{SPACES}])(.)""")
_WIDE_COLON = re.compile(r"""[ ]*(?:-[ ]+)*["']?[+\w.-]+["']?(?=\uff1a)(.)""")
_TIGHT = re.compile(r"""[ ]*(?:-[ ]+)*(?:(["'])[^"']+\1|[A-Za-z_][\w.-]*):(?=[^\s/])(.)""")
_EQUALS = re.compile(r"""[ ]*(?:"[^"]+"|'[^']+'|[A-Za-z_][\w.-]*)[ ]*=>?(?=\s)""")
_SCHEMES = frozenset({"sip", "sips", "tel", "http", "https", "whatsapp", "arn"})
_KEY = re.compile(r"([A-Za-z_]\w*):(?=[^ \t\n/])")
_BEFORE = 3
"""How many lines up the cause may stand: YAML takes a line without its colon for the beginning of a text."""


class Cause(NamedTuple):
    """What is wrong, and where."""

    code: str
    detail: str
    mark: Mark


def find_cause(lines: Sequence[str], mark: Mark) -> Cause | None:
    """The white space that explains an error at `mark`; None when there is nothing wrong with any near it."""
    for number in _near(lines, mark.line):
        line = lines[number]
        found = (
            _odd_space(line, number)
            or _tight(line, number)
            or _open_quote(line, number)
            or _equals(line, number)
        )
        if found is not None:
            return found
    return _apostrophe(lines, mark)


def _near(lines: Sequence[str], last: int) -> Iterator[int]:
    """The lines up to that one that hold something, the last first."""
    told = 0
    for number in range(min(last, len(lines) - 1), -1, -1):
        if lines[number].strip(" ") and not lines[number].lstrip().startswith("#"):
            yield number
            told += 1
        if told == _BEFORE:
            return


def _odd_space(line: str, number: int) -> Cause | None:
    for pattern, place in ((_MARGIN, "in the indentation"), (_AFTER_COLON, "after the colon")):
        found = pattern.match(line)
        if found is not None:
            return Cause(
                "unicode_space",
                describe_unicode_space(found[1], place),
                Spot(number, found.start(1)),
            )
    found = _WIDE_COLON.match(line)
    if found is None:
        return None
    detail = (
        f"Behind this key stands {name_character(found[1])}; YAML wants a plain colon and a space."
    )
    return Cause("yaml_syntax", detail, Spot(number, found.start(1)))


def describe_unicode_space(character: str, place: str) -> str:
    """Cause and cure of a character that only looks like a space."""
    return (
        f"Here stands {name_character(character)} {place}: by eye it is a plain space or nothing, to YAML it is text. Replace "
        "it by plain spaces, here and in the lines around; such spaces come with text copied from a web page or a chat."
    )


def _tight(line: str, number: int) -> Cause | None:
    found = _TIGHT.match(line)
    if found is None or _head(line) in _SCHEMES:
        return None
    detail = "A space is missing after the colon: a key is written `key: value`. Without it both are one text to YAML."
    return Cause("yaml_syntax", detail, Spot(number, found.start(2)))


def _open_quote(line: str, number: int) -> Cause | None:
    """A line with one quote too few: YAML reads on until the next one."""
    places = [
        at for at, character in enumerate(line) if character == '"' and line[at - 1 : at] != "\\"
    ]
    if len(places) % 2 == 0 or "'" in line or "#" in line:
        return None
    return Cause(
        "yaml_syntax",
        "In this line a quote is missing: one is opened and not closed, or closed and not opened.",
        Spot(number, places[-1]),
    )


def _equals(line: str, number: int) -> Cause | None:
    found = _EQUALS.match(line)
    if found is None:
        return None
    detail = "Between a key and its value stands a colon and a space, and no `=`: `key: value`."
    return Cause("yaml_syntax", detail, Spot(number, line.index("=", found.start())))


def _apostrophe(lines: Sequence[str], mark: Mark) -> Cause | None:
    """A text in single quotes that an apostrophe has ended."""
    line = lines[min(mark.line, len(lines) - 1)]
    if (
        mark.column == 0
        or line[mark.column - 1 : mark.column] != "'"
        or not line[mark.column : mark.column + 1].isalpha()
    ):
        return None
    detail = "The `'` before it ends the text. Within single quotes it is written twice, or use double quotes."
    return Cause("yaml_syntax", detail, Spot(mark.line, mark.column))


def _head(line: str) -> str:
    return line.strip(" -").partition(":")[0]


def find_tight_key(text: str, fields: Sequence[str] | None = None) -> str:
    """The key in a text that lacks the space after its colon: `agent` of `agent:support`; "" for other texts.

    With `fields`, only what is one of those is a key.
    """
    found = _KEY.match(text) or (re.match(r"([A-Za-z_]\w*):(?=/)", text) if fields else None)
    name = found[1] if found else ""
    if fields is None:
        return "" if name in _SCHEMES else name
    return name if name in fields else ""


def describe_missing_space(key: str, text: str) -> str:
    """Cause and cure of a key that lacks its space in a text; the value is not repeated."""
    return f"A space is missing after the colon of `{key}:`. Write `{key}: ` and then the value.{describe_invisible(text)}"
