"""Translate libyaml's syntax errors: find a cure and a place for its problem and context."""

from __future__ import annotations

from reconciler.config.source.nodes import Mark

_QUOTE = "Text that holds `: ` or ` #`, or starts with one of `{ [ * & ! | > % @`, must be put in quotes."
_INDENT = "Is this line, or one above it, indented differently from its siblings?"

_CURES = (
    (
        "mapping values are not allowed",
        f"A second `:` in one line, or a line indented too far. {_QUOTE}",
    ),
    ("did not find expected key", f"{_INDENT} {_QUOTE}"),
    ("expected <block end>", f"{_INDENT} {_QUOTE}"),
    (
        "could not find expected ':'",
        "A key lacks its `:`, or a text that goes over several lines lacks its quotes.",
    ),
    ("did not find expected ',' or", "A bracket or brace is not closed, or a comma is missing."),
    ("expected ',' or", "A bracket or brace is not closed, or a comma is missing."),
    ("found unexpected end of stream", "A quote is opened and never closed."),
    (
        "block sequence entries are not allowed",
        "A list that starts with `-` begins on a line of its own.",
    ),
    ("did not find expected '-' indicator", _INDENT),
    (
        "node content",
        f"A bracket or brace is not closed, a value is missing, or it starts with a sign. {_QUOTE}",
    ),
    (
        "unknown escape character",
        "Within double quotes a backslash is written twice, or use single quotes.",
    ),
    ("found character that cannot start any token", _QUOTE),
    ("scanning an a", f"`&name` and `*name` have a meaning in YAML. {_QUOTE}"),
    ("anchor or alias", f"`&name` and `*name` have a meaning in YAML. {_QUOTE}"),
    ("document start", f"{_INDENT} {_QUOTE}"),
)


def find_cure(problem: str, context: str) -> str:
    """Return the cure of a syntax error; it quotes nothing of the file, which may hold secrets."""
    for words, advice in _CURES:
        if words in problem or words in context:
            return advice
    return f"The parser stops here. {_QUOTE}"


def find_error_place(problem: str, mark: Mark | None, context_mark: Mark | None) -> Mark | None:
    """Return the place of an error: that of an opening bracket or quote which is never closed,
    where that is the cause.
    """
    if mark is None or context_mark is None:
        return mark or context_mark
    unclosed = "expected ',' or" in problem or "end of stream" in problem
    return context_mark if unclosed and context_mark.line < mark.line else mark
