"""Validate an entry with a pydantic model, and translate the errors to findings with our codes and
texts.

Repeats no value that may be a secret.
"""

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

_EXPECTED = {
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
"""Fields of a reference: a wrong value there may be the secret itself."""


def validate_entry(check: Callable[[Any], Any], model: Any, node: Any) -> tuple[Any, list[Finding]]:
    """Validate an entry with `check`.

    Return its value (None when it is invalid) and its findings.
    """
    nulls = list(_find_nulls(node, ()))
    try:
        value = check(node)
    except ValidationError as error:
        return None, _translate(error, model, nulls)
    return (None if nulls else value), [_empty_value(loc) for loc in nulls]


def _translate(error: ValidationError, model: Any, nulls: list[Loc]) -> list[Finding]:
    errors = error.errors(include_url=False)
    unknown = {e["loc"] for e in errors if e["type"] == "extra_forbidden"}

    # A null below an unknown key needs no finding of its own: the key has to go.
    findings: list[Finding] = []
    for loc in nulls:
        if not any(loc[: len(start)] == start for start in unknown):
            findings.append(_empty_value(loc))

    # Other errors about a null, or about the mapping that holds it, repeat the finding on the null.
    holders = {loc[:-1] for loc in nulls}
    for e in errors:
        is_about_null = e["input"] is None or e["loc"] in holders
        if e["type"] in ("extra_forbidden", "missing") or not is_about_null:
            findings.append(_translate_one(e, model))
    return findings


def _find_nulls(node: Node, loc: Loc) -> Iterator[Loc]:
    """Yield the locations of keys and list items without a value."""
    if node is None and loc:
        yield loc
    elif isinstance(node, dict | list):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _find_nulls(child, (*loc, key))


def _empty_value(loc: Loc) -> Finding:
    return Finding(
        "missing_field",
        f"Nothing follows `{loc[-1]}`: write a value, or leave the key out.",
        loc,
        "key",
    )


def _translate_one(error: ErrorDetails, model: Any) -> Finding:
    code, detail = _explain(error, model)
    loc = (*error["loc"], "type") if error["type"] == "union_tag_invalid" else error["loc"]
    return Finding(code, detail, loc, "key" if code in _ON_KEYS else "value")


def _explain(error: ErrorDetails, model: Any) -> tuple[str, str]:
    """Return the code and the detail for one of pydantic's errors."""
    kind, loc, ctx = error["type"], error["loc"], error.get("ctx", {})
    if kind in SUMMARIES:  # raised by one of our own checks
        return kind, error["msg"]

    if kind == "extra_forbidden":
        return _explain_unknown_key(model_at(model, loc[:-1]), str(loc[-1]))
    if kind == "missing":
        return "missing_field", _explain_missing(model_at(model, loc[:-1]), str(loc[-1]))
    if kind in _EXPECTED:
        return _explain_wrong_type(_EXPECTED[kind], error["input"], loc, model)

    if kind == "literal_error":
        options = ctx["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return _explain_wrong_word(options, error["input"], loc)
    if kind == "union_tag_invalid":
        options = ctx["expected_tags"].replace("'", "").split(", ")
        return _explain_wrong_word(options, ctx["tag"], (*loc, "provider"))
    if kind == "union_tag_not_found":
        return "missing_field", "`type` is missing: it names the platform."
    return "invalid_value", f"It must be {_BOUNDS.get(kind, 'something else').format(**ctx)}."


def _explain_unknown_key(model: type[BaseModel] | None, key: str) -> tuple[str, str]:
    fields = model.model_fields if model else {}
    every_spelling: list[str] = []
    for name in fields:
        names = spellings(name)
        if key in names:
            return (
                "duplicate_key",
                f"`{key}` is another spelling of `{name}`, which is also set. Keep one of them.",
            )
        every_spelling += names

    from reconciler.config.source.whitespace_errors import describe_missing_space, find_tight_key

    if find_tight_key(key, every_spelling):
        return "unknown_key", describe_missing_space(find_tight_key(key), key)

    # The text after the colon, or after the place where it is missing, may be a secret.
    key = mask_secrets(find_tight_key(key) or key)
    hint = suggest_options(key, list(fields))
    if "mean" not in hint:
        hint = _find_place(model, key) or hint
    return "unknown_key", f"`{key}` is not a field here.{hint}"


def _find_place(model: type[BaseModel] | None, key: str) -> str:
    """Suggest a place for a key that is a field one level below, or contains a field's name; "" for
    other keys.
    """
    fields = list(model.model_fields) if model else []
    below = _fields_below(model).get(key, "") if model else ""
    if below:
        return f" It belongs below `{below}`, indented further."
    word = re.sub("^(?:account|agent|number|phone|trunk|twilio|webhook)_", "", key)
    return f" Did you mean `{word}`?" if word in fields else ""


@lru_cache(maxsize=64)
def _fields_below(model: type[BaseModel]) -> dict[str, str]:
    """Return key → the field below which it belongs.

    Cached for files with thousands of unknown keys.
    """
    parents: dict[str, str] = {}
    for name in model.model_fields:
        inner = model_at(model, (name,))
        if inner is None:
            continue

        for field in inner.model_fields:
            for spelling in spellings(field):
                parents.setdefault(spelling, name)
    return parents


def _explain_missing(model: type[BaseModel] | None, key: str) -> str:
    if key == "version":
        return f"`version` is missing. {VERSION_ADVICE}"
    field = model.model_fields.get(key) if model else None
    return f"`{key}` is missing. {(field.description or '') if field else ''}".rstrip()


def _explain_wrong_type(expected: str, value: Any, loc: Loc, model: Any) -> tuple[str, str]:
    if expected == "text" and isinstance(value, Int | Float):
        problem = "Without quotes this is a number to YAML."
        if loc[-1] in _PHONES and not re.fullmatch(E164[1:-1], value.text):
            from reconciler.config.advice.phone_numbers import advise_on_phone

            return "unquoted_number", f"{problem} {advise_on_phone(value.text)}"
        shown = f': "{value.text}"' if loc[-1] not in _UNSEEN else ""
        return "unquoted_number", f"{problem} Put it in quotes{shown}."

    if isinstance(value, Map) and value and value.keys() <= _UNSEEN and expected != "a mapping":
        return (
            "reference_not_allowed",
            "Only secret fields take {env: …} or {file: …}; here the value itself is needed.",
        )

    cure = _correction(expected, value, loc, model)
    return "wrong_type", f"The value is {_type_name(value)}; {expected} is needed{cure}"


def _correction(expected: str, value: Any, loc: Loc, model: Any) -> str:
    """Return the end of the sentence on a wrong type: the right form, where there is one for that
    value.
    """
    if isinstance(value, str):
        is_quoted_number = expected in _NUMBERS and isinstance(resolve(value), int | float)
        if value in ("true", "false") or is_quoted_number:
            return ". Remove the quotes."
    if expected == "text" and isinstance(value, bool):
        return ". Put it in quotes."
    if expected == "text" and isinstance(value, list) and len(value) == 1:
        return ". Remove the brackets, or the dash."

    if loc == ("state",) and isinstance(value, Map):
        return ": one place, like s3://bucket/voice.json. Credentials come from the environment."
    if loc[-1:] == ("agent",) and isinstance(value, Map):
        return ": the name of an agent. Declare the agent below `agents`."
    if expected not in ("a mapping", "a list"):
        return "."

    from reconciler.config.validation.examples import render_right_form

    listed = expected == "a list"
    if get_origin(model) is Annotated and not loc and isinstance(value, str):
        # A union (the platforms): the text may be the tag that selects its member.
        found = model_at(model, (value,)) or model_at(model, loc)
    else:
        found = model_at(model, (*loc, 0) if listed else loc)
    return render_right_form(found, value, key=loc[-1] if loc else "", listed=listed)


def _type_name(value: Any) -> str:
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


def _explain_wrong_word(options: list[str], value: Any, loc: Loc) -> tuple[str, str]:
    if loc == ("version",):
        advice = VERSION_ADVICE
        if isinstance(value, str):
            advice = f"{VERSION_ADVICE.removesuffix('.')}, without quotes."
        return "unsupported_version", advice
    code = "invalid_provider" if loc[-1] == "provider" else "invalid_value"
    return code, f"It must be one of {', '.join(options)}.{_nearest(value, options)}"


def _nearest(value: Any, options: list[str]) -> str:
    word = str(value).replace(" ", "_")
    alike = next((option for option in options if option.casefold() == word.casefold()), None)
    hint = f" Did you mean `{alike}`?" if alike else suggest_options(word, options)
    return hint if "mean" in hint else ""
