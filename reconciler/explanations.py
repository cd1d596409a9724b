"""Explain a code of a diagnostic, a lint rule or an exit code: why it occurs, what to do, an example
and the next command. The page ``docs/reference/codes.md`` and the table of lint rules are the only
sources; an installed package carries the page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

from reconciler.config.codes import SUMMARIES
from reconciler.config.lint_rules import RULES

_PACKAGE = Path(__file__).resolve().parent
_PLACES = (
    _PACKAGE / "_data" / "codes.md",
    _PACKAGE.parent / "docs" / "reference" / "codes.md",
)
"""The page in an installed package, and in a checkout."""

_ROW = re.compile(r"\| (?:`(\w+)`|(\d+)) \| (.+) \| (.+) \|")
_NEXT = re.compile(r"Next command: `(.+)`")
_HEADING = re.compile(r"### (.+)")
_FENCE = re.compile(r"```(\w*)")
_LINK = re.compile(r"\[([^\[\]]+)\]\([^)]+\)")
_COMMAND = re.compile(r"`(reconciler [^`]+)`")


class Explanation(msgspec.Struct, kw_only=True, frozen=True):
    """One code: `summary` is one sentence, `example` YAML or commands to copy, `next` a command."""

    code: str
    summary: str
    why: str
    cure: str
    example: str
    next: str


class _Example(msgspec.Struct, frozen=True):
    """A block of code below a heading of codes."""

    language: str
    text: str


@cache
def load_explanations() -> Mapping[str, Explanation]:
    """Return every explanation by its code: diagnostics and exit codes of the page, then the lint
    rules that the page does not list.
    """
    lines = _read_page().splitlines()
    examples = _read_examples(lines)

    found: dict[str, Explanation] = {}
    command = ""
    for line in lines:
        if match := _NEXT.fullmatch(line):
            command = match[1]
        elif match := _ROW.fullmatch(line):
            code, why, cure = match[1] or match[2], _strip_links(match[3]), _strip_links(match[4])
            found[code] = _explain(code, why, cure, command, examples.get(code))

    for code, rule in RULES.items():
        example = f"lint:\n  disable: [{code}]    # when it is intended"
        found.setdefault(
            code,
            Explanation(
                code=code,
                summary=_end(rule.summary),
                why=rule.why,
                cure=rule.cure,
                example=example,
                next="reconciler lint",
            ),
        )
    return found


def _read_page() -> str:
    for place in _PLACES:
        if place.is_file():
            return place.read_text(encoding="utf-8")
    raise FileNotFoundError("the list of codes is not installed with the package")


def _read_examples(lines: list[str]) -> Mapping[str, _Example]:
    """Return the block of code below each heading that names codes."""
    found: dict[str, _Example] = {}
    codes: list[str] = []
    language: str | None = None
    block: list[str] = []

    for line in lines:
        fence = _FENCE.fullmatch(line)
        if language is None and (match := _HEADING.fullmatch(line)):
            codes = re.findall(r"`(\w+)`", match[1])
        elif fence is not None and language is None:
            language, block = fence[1], []
        elif fence is not None:
            for code in codes:
                found[code] = _Example(language or "", "\n".join(block))
            codes, language = [], None
        elif language is not None:
            block.append(line)
    return found


def _explain(code: str, why: str, cure: str, command: str, example: _Example | None) -> Explanation:
    """Return one explanation.

    The next command is the first one of its own example, else the first one that the cure of an
    exit code names, else that of the section.
    """
    named = _COMMAND.search(cure) if code.isdigit() else None
    if named is not None:
        command = named[1]
    if code == "0":
        command = "reconciler drift"
    if example is not None and example.language == "sh":
        command = example.text.partition("\n")[0]

    rule = RULES.get(code)
    summary = SUMMARIES.get(code) or (rule.summary if rule else _first_sentence(why))
    return Explanation(
        code=code,
        summary=_end(summary),
        why=why,
        cure=cure,
        example=example.text if example is not None else command,
        next=command,
    )


def _first_sentence(text: str) -> str:
    """Return the text up to its first full stop that ends a sentence."""
    return re.split(r"(?<=\w\w[.:)]) (?=[A-Z])|: ", text, maxsplit=1)[0]


def _end(sentence: str) -> str:
    return sentence if sentence.endswith(".") else f"{sentence}."


def _strip_links(text: str) -> str:
    """Replace each Markdown link by its text."""
    return _LINK.sub(r"\1", text)


def find_explanation(word: str) -> Explanation | None:
    """Return the explanation of a code, written in any case and with `-` or `_`; None if unknown."""
    return load_explanations().get(_normalise(word))


def suggest_codes(word: str) -> list[str]:
    """Return up to three codes that look like the word, or that contain all of its parts."""
    from difflib import get_close_matches  # only a mistyped code needs it

    codes = list(load_explanations())
    wanted = _normalise(word)
    found = get_close_matches(wanted, codes, n=3, cutoff=0.7)

    parts = [part for part in wanted.split("_") if len(part) > 2]
    for code in codes:
        if parts and all(part in code for part in parts) and code not in found:
            found.append(code)
    return found[:3]


def _normalise(word: str) -> str:
    return word.strip().strip("`:.,[]").strip().lower().replace("-", "_").replace(" ", "_")
