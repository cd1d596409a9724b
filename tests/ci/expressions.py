"""Evaluates the expressions of GitHub's workflow files, as far as our files use them."""

from __future__ import annotations

import re
from collections.abc import Mapping

_WORD = re.compile(r"'[^']*'|\|\||&&|==|!=|[()!]|[A-Za-z_][\w.-]*(?:\(\))?")
_OPERATORS = {"||": " or ", "&&": " and ", "==": "==", "!=": "!=", "(": "(", ")": ")", "!": " not "}


def evaluate(text: str, context: Mapping[str, str]) -> str | bool:
    """The value of an expression. An unknown name is empty, as it is for GitHub."""
    words = _WORD.findall(text)
    assert "".join(words) == re.sub(r"\s+", "", text), f"not understood: {text}"
    python = []
    for word in words:
        if word in _OPERATORS:
            python.append(_OPERATORS[word])
        elif word.startswith("'"):
            python.append(repr(word[1:-1]))
        elif word == "always()":
            python.append("True")
        else:
            python.append(repr(context.get(word, "")))
    found: str | bool = eval("".join(python), {"__builtins__": {}})  # words of the list above only
    return found


def fill(text: str, context: Mapping[str, str]) -> str:
    """A text with its expressions worked out."""
    return re.sub(r"\$\{\{ (.+?) \}\}", lambda found: str(evaluate(found[1], context)), text)


def matches_paths(patterns: list[str], files: list[str]) -> bool:
    """Whether a change of these files starts a workflow with this `paths` filter."""
    for pattern in patterns:
        regex = re.escape(pattern).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
        if any(re.fullmatch(regex, file) for file in files):
            return True
    return False
