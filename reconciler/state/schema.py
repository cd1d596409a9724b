"""Generate the JSON Schemas of the state and of plan files, as text, from the types that are read
and written; writes no file.

They are kept in `schemas/` for editors and other programs; a test holds the two equal. Opens no
file.
"""

from __future__ import annotations

import inspect
import json
from typing import Any

import msgspec

from reconciler.state.format.document import StoredDocument
from reconciler.state.plan_file import StoredPlanFile

Schema = dict[str, Any]
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def state_schema() -> Schema:
    """Return the schema of a state document."""
    return _schema(StoredDocument, "The state of a reconciler project")


def plan_file_schema() -> Schema:
    """Return the schema of a saved plan."""
    return _schema(StoredPlanFile, "A saved plan of the reconciler")


def schema_files() -> dict[str, str]:
    """Return the content of each file in `schemas/` by its name."""
    return {
        "state.schema.json": _as_text(state_schema()),
        "plan-file.schema.json": _as_text(plan_file_schema()),
    }


def _as_text(schema: Schema) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _schema(root: type[msgspec.Struct], title: str) -> Schema:
    found = msgspec.json.schema(root)
    definitions = {name: _strict(definition) for name, definition in found["$defs"].items()}
    top = definitions.pop(root.__name__)
    top |= {
        "title": title,
        "required": list(top["properties"]),
    }  # what is always written, even where it has a default
    return {"$schema": _DIALECT, **top, "$defs": definitions}


def _strict(definition: Schema) -> Schema:
    """Return a definition without its docstring's indentation, and closed: unknown fields are never
    written.
    """
    described = {"description": inspect.cleandoc(definition.get("description", ""))}
    closed = {"additionalProperties": False} if "properties" in definition else {}
    plain: Schema = _without_discriminators(definition)
    return plain | described | closed


def _without_discriminators(value: Any) -> Any:
    """Return the value without OpenAPI's `discriminator`, which JSON Schema does not have."""
    if isinstance(value, dict):
        return {
            name: _without_discriminators(each)
            for name, each in value.items()
            if name != "discriminator"
        }
    if isinstance(value, list):
        return [_without_discriminators(each) for each in value]
    return value
