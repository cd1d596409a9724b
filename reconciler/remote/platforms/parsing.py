"""Reading what platforms answer: objects, lists, texts and refusals, none of which need be what it
should; pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def rows_in(value: Any, key: str | None = None) -> list[Mapping[str, Any]]:
    """The objects of a list, or of the list under this key of an object; nothing for anything else."""
    if key is not None:
        value = value.get(key) if isinstance(value, Mapping) else None
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def object_in(value: Any, key: str) -> Mapping[str, Any]:
    """The object under this key; an empty one for anything else."""
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def text_in(row: Mapping[str, Any], key: str) -> str | None:
    """The text under this key, None when there is none."""
    value = row.get(key)
    return value if isinstance(value, str) and value else None


def refusal_text(body: Any, *keys: str) -> str:
    """What a refusal says, under the first of these keys that holds text."""
    if not isinstance(body, Mapping):
        return ""
    return next((value for key in keys if isinstance(value := body.get(key), str) and value), "")


def validation_text(body: Any) -> str:
    """The findings of a validation error in the form of FastAPI: where each is, and what it says;
    never the input.
    """
    return "; ".join(
        f"{'.'.join(str(part) for part in where)}: {row.get('msg', 'not valid')}"
        if isinstance(where := row.get("loc"), list)
        else str(row.get("msg", "not valid"))
        for row in rows_in(body, "detail")
    )
