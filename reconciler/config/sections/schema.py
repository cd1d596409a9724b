"""Generate the JSON Schemas of the configuration file and of a fleet file from their pydantic models.

`schemas/config.schema.json` and `schemas/fleet.schema.json` are these.
"""

from __future__ import annotations

import json
from typing import Any

from reconciler.config.sections.fleet import FleetFile
from reconciler.config.sections.model import Config

_OR_VARIABLE = r"|\$\{"
"""Accepts a text with a variable in place of one that has the form itself."""
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def config_schema() -> dict[str, Any]:
    """Return the schema, for editors and other programs.

    It has the snake_case spelling of each field only.
    """
    schema = _tidy(Config.model_json_schema())
    schema["title"] = "Configuration of the reconciler"
    del schema["required"]  # a file that is included needs neither version nor project
    return {"$schema": DIALECT, **schema}


def fleet_schema() -> dict[str, Any]:
    """Return the schema of a fleet file, for editors and other programs."""
    schema = _tidy(FleetFile.model_json_schema())
    schema["title"] = "Fleet of the reconciler"
    return {"$schema": DIALECT, **schema}


def schema_text() -> str:
    """Return the text of the schema's file."""
    return _render(config_schema())


def fleet_schema_text() -> str:
    """Return the text of the file of a fleet's schema."""
    return _render(fleet_schema())


def _render(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _tidy(node: Any) -> Any:
    """Remove pydantic's titles, and null where it only means "left out".

    Refuse keys that match no pattern.
    """
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    tidy = {
        key: _tidy(value)
        for key, value in node.items()
        if not (key == "title" and isinstance(value, str))
    }

    # An editor sees the text before variables are replaced.
    if tidy.get("type") == "string" and isinstance(tidy.get("pattern"), str):
        tidy["pattern"] = f"(?:{tidy['pattern']}){_OR_VARIABLE}"

    tidy.pop("discriminator", None)
    if "patternProperties" in tidy:
        tidy["additionalProperties"] = False

    # A default of None means that the field may be left out, not that null may be written.
    if "default" in tidy and tidy["default"] is None:
        del tidy["default"]
        tidy["anyOf"] = [option for option in tidy.get("anyOf", []) if option != {"type": "null"}]
        if len(tidy["anyOf"]) == 1:
            tidy = {**tidy.pop("anyOf")[0], **tidy}
    return tidy
