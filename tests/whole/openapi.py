"""Whether a request is one that Twilio's own OpenAPI documents allow, with their three known mistakes put right.

1. An empty string clears a field, though SIDs and URLs are declared without it.
2. `next_page_uri` and its like are relative (answers only: of no concern here).
3. Only success is declared as an answer (the same).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

DOCUMENTS = Path(__file__).resolve().parents[3] / "shared" / "reference" / "openapi"
_ELSEWHERE = re.compile(
    r"/v1/PhoneNumbers/Countries/.*|/v2/RegulatoryCompliance/Regulations|"
    r"/2010-04-01/Accounts/\w+/SIP/Domains(/.*)?\.json|"
    r"/v1/Services/MG\w+/(ShortCodes|AlphaSenders|ChannelSenders)|"
    r"/v1/Webhooks/(Rules|Settings)"
)
"""The Pricing API and Regulatory Compliance, whose documents are not among these, and SIP domains and
the senders of a messaging service that are no numbers, which are cut out of theirs."""

_NEVER_LOGGED = frozenset({"Password"})
Operation = tuple[re.Pattern[str], str, dict[str, Any]]


@cache
def operations() -> tuple[Operation, ...]:
    """(path, method, operation) of all documents; the path as a pattern."""
    found: list[Operation] = []
    for file in sorted(DOCUMENTS.glob("twilio_*.json")):
        document = json.loads(file.read_text(encoding="utf-8"))
        for path, methods in document["paths"].items():
            pattern = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+?", re.escape(path)))
            within = {"components": document["components"]}
            found += [
                (pattern, m.upper(), {**methods[m], **within})
                for m in ("get", "post", "delete")
                if m in methods
            ]
    return tuple(found)


def complaints(method: str, path: str, params: dict[str, object]) -> list[str]:
    """What is wrong with one request; empty when it is valid."""
    fits = [
        operation
        for pattern, verb, operation in operations()
        if verb == method and pattern.fullmatch(path)
    ]
    if not fits and _ELSEWHERE.fullmatch(path):
        return []
    if not fits:
        return [f"{method} {path} is documented nowhere"]
    if method != "POST":
        return list(_query(fits, method, path, params))
    return min((list(_form(operation, path, params)) for operation in fits), key=len)


def _query(
    fits: Iterable[dict[str, Any]], method: str, path: str, params: dict[str, object]
) -> Iterator[str]:
    known = {
        parameter["name"] for operation in fits for parameter in operation.get("parameters", ())
    }
    yield from (
        f"{method} {path}: no parameter {name}"
        for name in params
        if name not in known | {"Page", "PageToken"}
    )


def _form(operation: dict[str, Any], path: str, params: dict[str, object]) -> Iterator[str]:
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/x-www-form-urlencoded", {}).get("schema", {"properties": {}})
    known = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in params and name not in _NEVER_LOGGED:
            yield f"POST {path}: {name} is missing"
    for name, value in params.items():
        if name not in known:
            yield f"POST {path}: no parameter {name}"
        elif value != "":
            validator = Draft202012Validator({**known[name], "components": operation["components"]})
            error = next(validator.iter_errors(_typed(known[name], str(value))), None)
            if error is not None and value != "***":
                yield f"POST {path}: {name}: {error.message}"


def _typed(schema: dict[str, Any], text: str) -> object:
    """A form knows text only; the documents know types."""
    match schema.get("type"):
        case "integer":
            return int(text)
        case "boolean":
            return {"true": True, "false": False}.get(text, text)
        case _:
            return text
