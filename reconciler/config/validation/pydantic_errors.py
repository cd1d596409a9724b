"""pydantic's errors in, findings with our codes and in our words out; repeats no value that may be a secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Annotated, Any, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from reconciler.config.advice.findings import Finding, suggest_options
from reconciler.config.codes import SUMMARIES
from reconciler.config.formats import E164, spellings
from reconciler.config.sections.introspect import model_at
from reconciler.config.source.nodes import Float, Int, Loc, Map, Node
from reconciler.config.source.scalars import resolve
from reconciler.config.source.source_line import mask_secrets

_WANTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_NUMBERS = ("a whole number", "a number")
_BOUNDS = {
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "finite_number": "a finite number",
}
_ON_KEYS = frozenset({"unknown_key", "literal_secret", "missing_field", "duplicate_key"})
_PHONES = frozenset(
    name for field in ("outbound_number", "phone_number") for name in spellings(field)
)
VERSION_ADVICE = "This program reads version 1: write `version: 1`."
_UNSEEN = frozenset({"env", "file"})
"""Fields of a reference: what stands there by mistake may be the secret itself."""


def validate_entry(check: Callable[[Any], Any], model: Any, node: Any) -> tuple[Any, list[Finding]]:
    """The value that `check` makes of an entry (None when it cannot) and what is wrong with the entry."""
    nulls = list(_nulls(node, ()))
    try:
        value = check(node)
    except ValidationError as error:
        return None, _findings(error, model, nulls)
    return (None if nulls else value), [_empty(loc) for loc in nulls]


def _findings(error: ValidationError, model: Any, nulls: list[Loc]) -> list[Finding]:
    errors = error.errors(include_url=False)
    unknown = {e["loc"] for e in errors if e["type"] == "extra_forbidden"}
    holders = {loc[:-1] for loc in nulls}
    found = [
        _empty(loc) for loc in nulls if not any(loc[: len(start)] == start for start in unknown)
    ]
    for e in errors:
        if e["type"] in ("extra_forbidden", "missing") or not (
            e["input"] is None or e["loc"] in holders
        ):
            found.append(_finding(e, model))
    return found


def _nulls(node: Node, loc: Loc) -> Iterator[Loc]:
    """Where nothing follows a key, or a list's dash."""
    if node is None and loc:
        yield loc
    elif isinstance(node, dict | list):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _nulls(child, (*loc, key))


def _empty(loc: Loc) -> Finding:
    return Finding(
        "missing_field",
        f"Nothing follows `{loc[-1]}`: write a value, or leave the key out.",
        loc,
        "key",
    )


def _finding(error: ErrorDetails, model: Any) -> Finding:
    code, detail = _explain(error, model)
    loc = (*error["loc"], "type") if error["type"] == "union_tag_invalid" else error["loc"]
    return Finding(code, detail, loc, "key" if code in _ON_KEYS else "value")


def _explain(error: ErrorDetails, model: Any) -> tuple[str, str]:
    kind, loc, ctx = error["type"], error["loc"], error.get("ctx", {})
    if kind in SUMMARIES:
        return kind, error["msg"]
    if kind == "extra_forbidden":
        return _unknown(model_at(model, loc[:-1]), str(loc[-1]), error)
    if kind == "missing":
        return "missing_field", _missing(model_at(model, loc[:-1]), str(loc[-1]))
    if kind in _WANTED:
        return _wrong_type(_WANTED[kind], error["input"], loc, model)
    if kind == "literal_error":
        return _not_one_of(
            ctx["expected"].replace("'", "").replace(" or ", ", ").split(", "), error["input"], loc
        )
    if kind == "union_tag_invalid":
        return _not_one_of(
            ctx["expected_tags"].replace("'", "").split(", "), ctx["tag"], (*loc, "provider")
        )
    if kind == "union_tag_not_found":
        return "missing_field", "`type` is missing: it says which platform this is."
    return "invalid_value", f"It must be {_BOUNDS.get(kind, 'something else').format(**ctx)}."


def _unknown(model: type[BaseModel] | None, key: str, error: ErrorDetails) -> tuple[str, str]:
    fields = model.model_fields if model else {}
    for name in fields:
        if key in spellings(name):
            return (
                "duplicate_key",
                f"`{key}` is another spelling of `{name}`, which is there as well. Keep one of them.",
            )
    from reconciler.config.source.whitespace_errors import describe_missing_space, find_tight_key

    if find_tight_key(key, [spelling for name in fields for spelling in spellings(name)]):
        return "unknown_key", describe_missing_space(find_tight_key(key), key)
    key = mask_secrets(
        find_tight_key(key) or key
    )  # what follows the colon, or should, may be a secret
    hint = suggest_options(key, list(fields))
    return (
        "unknown_key",
        f"`{key}` means nothing here.{hint if 'mean' in hint else _elsewhere(model, key) or hint}",
    )


def _elsewhere(model: type[BaseModel] | None, key: str) -> str:
    """Where a key belongs that is a field one level further down, or holds the name of a field; "" when nowhere."""
    fields = list(model.model_fields) if model else []
    below = _fields_below(model).get(key, "") if model else ""
    if below:
        return f" It belongs below `{below}`, indented further."
    word = re.sub("^(?:account|agent|number|phone|trunk|twilio|webhook)_", "", key)
    return f" Did you mean `{word}`?" if word in fields else ""


@lru_cache(maxsize=64)
def _fields_below(model: type[BaseModel]) -> dict[str, str]:
    """The field of a model below which each spelling of a key belongs; made once for thousands of unknown keys."""
    found: dict[str, str] = {}
    for name in model.model_fields:
        inner = model_at(model, (name,))
        for field in inner.model_fields if inner is not None else ():
            for spelling in spellings(field):
                found.setdefault(spelling, name)
    return found


def _missing(model: type[BaseModel] | None, key: str) -> str:
    if key == "version":
        return f"`version` is missing. {VERSION_ADVICE}"
    field = model.model_fields.get(key) if model else None
    return f"`{key}` is missing. {(field.description or '') if field else ''}".rstrip()


def _wrong_type(wanted: str, value: Any, loc: Loc, model: Any) -> tuple[str, str]:
    if wanted == "text" and isinstance(value, Int | Float):
        if loc[-1] in _PHONES and not re.fullmatch(E164[1:-1], value.text):
            from reconciler.config.advice.phone_numbers import advise_on_phone

            return (
                "unquoted_number",
                f"Without quotes this is a number to YAML. {advise_on_phone(value.text)}",
            )
        shown = f': "{value.text}"' if loc[-1] not in _UNSEEN else ""
        return (
            "unquoted_number",
            f"Without quotes this is a number to YAML. Put it in quotes{shown}.",
        )
    if isinstance(value, Map) and value and value.keys() <= _UNSEEN and wanted != "a mapping":
        return (
            "reference_not_allowed",
            "Only secret fields take {env: …} or {file: …}; here the value itself is needed.",
        )
    return (
        "wrong_type",
        f"Here stands {_kind(value)}; {wanted} is needed{_right(wanted, value, loc, model)}",
    )


def _right(wanted: str, value: Any, loc: Loc, model: Any) -> str:
    """How the sentence on a wrong type ends: with the right form, where there is one for that value."""
    if isinstance(value, str) and (
        value in ("true", "false") or (wanted in _NUMBERS and _is_number(value))
    ):
        return ". Remove the quotes."
    if wanted == "text" and isinstance(value, bool):
        return ". Put it in quotes."
    if wanted == "text" and isinstance(value, list) and len(value) == 1:
        return ". Remove the brackets, or the dash."
    if loc == ("state",) and isinstance(value, Map):
        return ": one place, like s3://bucket/voice.json. Credentials come from the environment."
    if loc[-1:] == ("agent",) and isinstance(value, Map):
        return ": the name of an agent. What it is stands below `agents`."
    if wanted not in ("a mapping", "a list"):
        return "."
    from reconciler.config.validation.examples import render_right_form

    listed = wanted == "a list"
    if (
        get_origin(model) is Annotated and not loc and isinstance(value, str)
    ):  # a union, by the word that tells them apart
        found = model_at(model, (value,)) or model_at(model, loc)
    else:
        found = model_at(model, (*loc, 0) if listed else loc)
    return render_right_form(found, value, key=loc[-1] if loc else "", listed=listed)


def _is_number(text: str) -> bool:
    return isinstance(resolve(text), int | float)


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "true or false"
        case str():
            return "text"
        case int():
            return "a number"
        case float():
            return "a decimal number"
        case dict():
            return "a mapping"
        case _:
            return "a list"


def _not_one_of(options: list[str], value: Any, loc: Loc) -> tuple[str, str]:
    if loc == ("version",):
        return "unsupported_version", VERSION_ADVICE
    code = "invalid_provider" if loc[-1] == "provider" else "invalid_value"
    return code, f"It must be one of {', '.join(options)}.{_nearest(value, options)}"


def _nearest(value: Any, options: list[str]) -> str:
    word = str(value).replace(" ", "_")
    alike = next((option for option in options if option.casefold() == word.casefold()), None)
    hint = f" Did you mean `{alike}`?" if alike else suggest_options(word, options)
    return hint if "mean" in hint else ""
