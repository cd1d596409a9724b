"""Extract objects, lists, texts and messages of refusals from a platform's decoded JSON; anything
malformed counts as absent, never as an error. Pure.

None of them need have the documented form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def rows_in(value: Any, key: str | None = None) -> list[Mapping[str, Any]]:
    """Return the objects of a list, or of the list under this key; nothing for anything else."""
    if key is not None:
        value = value.get(key) if isinstance(value, Mapping) else None
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def object_in(value: Any, key: str) -> Mapping[str, Any]:
    """Return the object under this key; an empty one for anything else."""
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def text_in(row: Mapping[str, Any], key: str) -> str | None:
    """Return the text under this key, None when there is none."""
    value = row.get(key)
    return value if isinstance(value, str) and value else None


def refusal_text(body: Any, *keys: str) -> str:
    """Return the message of a refusal, under the first of these keys that holds text."""
    if not isinstance(body, Mapping):
        return ""

    for key in keys:
        value = body.get(key)
        if isinstance(value, str) and value:
            return value
    return ""


def validation_text(body: Any) -> str:
    """Return the findings of a validation error in FastAPI's form: places and messages.

    Never the input, which may hold secrets.
    """
    findings: list[str] = []
    for row in rows_in(body, "detail"):
        message = str(row.get("msg", "not valid"))
        where = row.get("loc")
        if isinstance(where, list):
            message = f"{'.'.join(map(str, where))}: {message}"
        findings.append(message)

    return "; ".join(findings)
