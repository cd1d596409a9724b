"""Find white space, colons and quotes that explain a syntax error of YAML.

Used only for an error. Messages quote no value of the file, which may be a secret.
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
"""Number of lines above an error to search: YAML reads a line without its colon as the beginning of
a text.
"""


class Cause(NamedTuple):
    """The cause of an error, and its place."""

    code: str
    detail: str
    mark: Mark


def find_cause(lines: Sequence[str], mark: Mark) -> Cause | None:
    """Return the cause of an error at `mark`; None when the lines near it have no such cause."""
    for number in _near(lines, mark.line):
        line = lines[number]
        # The likeliest cause first.
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
    """Yield the last lines with content up to this one, the last first."""
    count = 0
    for number in range(min(last, len(lines) - 1), -1, -1):
        if lines[number].strip(" ") and not lines[number].lstrip().startswith("#"):
            yield number
            count += 1
        if count == _BEFORE:
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
        f"After this key there is {name_character(found[1])}; YAML needs a plain colon and a space."
    )
    return Cause("yaml_syntax", detail, Spot(number, found.start(1)))


def describe_unicode_space(character: str, place: str) -> str:
    """Describe cause and cure of a character that only looks like a space."""
    return (
        f"There is {name_character(character)} {place}. It looks like a plain space or is invisible, but YAML reads it as text. "
        "Replace it by plain spaces, here and in the lines around; such spaces come with text copied from a web page or a chat."
    )


def _tight(line: str, number: int) -> Cause | None:
    found = _TIGHT.match(line)
    if found is None or _head(line) in _SCHEMES:
        return None
    detail = "A space is missing after the colon: a key is written `key: value`. Without it both are one text to YAML."
    return Cause("yaml_syntax", detail, Spot(number, found.start(2)))


def _open_quote(line: str, number: int) -> Cause | None:
    """Find a line with one quote too few: YAML reads on until the next quote."""
    places: list[int] = []
    for at, character in enumerate(line):
        if character == '"' and line[at - 1 : at] != "\\":
            places.append(at)

    # In a comment or between apostrophes a quote means nothing.
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
    detail = "Write a colon and a space between a key and its value, not `=`: `key: value`."
    return Cause("yaml_syntax", detail, Spot(number, line.index("=", found.start())))


def _apostrophe(lines: Sequence[str], mark: Mark) -> Cause | None:
    """Find a text in single quotes that an apostrophe ends."""
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
    """Return the key without a space after its colon: `agent` of `agent:support`; "" for other
    texts.

    With `fields`, only these are keys.
    """
    found = _KEY.match(text) or (re.match(r"([A-Za-z_]\w*):(?=/)", text) if fields else None)
    name = found[1] if found else ""
    if fields is None:
        return "" if name in _SCHEMES else name
    return name if name in fields else ""


def describe_missing_space(key: str, text: str) -> str:
    """Describe cause and cure of a key without a space after its colon.

    The value is not repeated.
    """
    return f"A space is missing after the colon of `{key}:`. Write `{key}: ` and then the value.{describe_invisible(text)}"
