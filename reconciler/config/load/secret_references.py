"""Find the references to secrets in the parts of a configuration, and replace the columns of a
fleet's row in them; no other variable may direct a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from reconciler.config.codes import diagnostic
from reconciler.config.section_names import NUMBER_FILES
from reconciler.config.source.nodes import Map, Node, Place, Seq, Spot
from reconciler.diagnostics import Diagnostic

REFERENCE = re.compile(r"\$\$\{|\$\{([^{}$]*)\}|\$\{")
"""An escaped `${`, a variable, or a `${` that nothing closes."""
SAFE_VALUE = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""The values that may become part of the name of a project or a secret, or of a path."""
_SECRET_KEYS = (frozenset({"env"}), frozenset({"file"}))


def replace_row_values(text: str, row: Mapping[str, str]) -> str:
    """Return the text with the columns of a row replaced.

    Raises ValueError with the name of a column whose value may not be part of a path or of the name
    of a secret.
    """

    def replace(found: re.Match[str]) -> str:
        value = row.get(found[1] or "")
        if value is None:
            return found[0]
        if not SAFE_VALUE.fullmatch(value):
            raise ValueError(found[1])
        return value

    return REFERENCE.sub(replace, text)


def explain_unsafe_column(name: str) -> str:
    """Explain why the value of a column cannot be used in this place."""
    return (
        f"The value of `{name}` in the row of the fleet has other characters than letters, digits, "
        "`-` and `_`, or is longer than 64. Only such values may be part of `include`, `project`, "
        "`state` and references to secrets."
    )


def replace_in_references(secrets: Iterable[Place], row: Mapping[str, str]) -> list[Diagnostic]:
    """Replace the columns of a row in references to secrets, in place."""
    problems: list[Diagnostic] = []
    for secret in secrets:
        reference = secret.node
        if not isinstance(reference, Map):
            continue
        for field, text in reference.items():
            if not isinstance(text, str):
                continue
            try:
                reference[field] = replace_row_values(text, row)
            except ValueError as error:
                at = reference.entry(secret.file, field).at("value")
                detail = explain_unsafe_column(str(error))
                problems.append(diagnostic("variable_not_allowed", detail, at))
                reference[field] = "x"  # so that this is the only problem
    return problems


def find_secrets(parts: Mapping[str, Sequence[Place]]) -> dict[int, Place]:
    """Return all references to secrets by their ids, each with its file.

    They are found before anything is replaced: an alias may show the same mapping as `labels` too,
    and no variable may direct a secret.
    """
    found: dict[int, Place] = {}
    visited: set[int] = set()
    pending: list[tuple[str | int, Node, str]] = []
    for section, places in parts.items():
        # `{file: numbers.csv}` looks like a reference, and is none.
        if section != NUMBER_FILES:
            pending += [(section, place.node, place.file) for place in places]

    while pending:
        key, node, file = pending.pop()
        if not isinstance(node, Map | Seq):
            continue
        if _is_secret(key, node):
            found[id(node)] = Place(file, node, Spot(0, 0), Spot(0, 0))
        if id(node) not in visited:
            visited.add(id(node))
            below = node.items() if isinstance(node, Map) else enumerate(node)
            pending += [(name, child, file) for name, child in below]
    return found


def _is_secret(key: str | int, node: Node) -> bool:
    """Return whether a mapping is a reference to a secret, which no variable may direct.

    Labels may have these names as well.
    """
    return isinstance(node, Map) and node.keys() in _SECRET_KEYS and key != "labels"
