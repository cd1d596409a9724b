"""The JSON Schema of the configuration file, generated from its pydantic model; `schemas/config.schema.json` is it."""

from __future__ import annotations

import json
from typing import Any

from reconciler.config.sections.model import Config

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def config_schema() -> dict[str, Any]:
    """The schema, for editors and other programs; it teaches the snake_case spelling of every field only."""
    schema = _tidy(Config.model_json_schema())
    schema["title"] = "Configuration of the reconciler"
    del schema["required"]  # a file that is included needs neither version nor project
    return {"$schema": DIALECT, **schema}


def schema_text() -> str:
    """The schema as its file holds it."""
    return json.dumps(config_schema(), indent=2, ensure_ascii=False) + "\n"


def _tidy(node: Any) -> Any:
    """Without pydantic's titles, without null where it only stands for "left out", and closed against odd names."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    tidy = {
        key: _tidy(value)
        for key, value in node.items()
        if not (key == "title" and isinstance(value, str))
    }
    tidy.pop("discriminator", None)
    if "patternProperties" in tidy:
        tidy["additionalProperties"] = False
    if "default" in tidy and tidy["default"] is None:
        del tidy["default"]
        tidy["anyOf"] = [option for option in tidy.get("anyOf", []) if option != {"type": "null"}]
        if len(tidy["anyOf"]) == 1:
            tidy = {**tidy.pop("anyOf")[0], **tidy}
    return tidy
