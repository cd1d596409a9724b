"""A value of the wrong shape in, how to write that very value out, as YAML that can be copied.

Looked at only once something is wrong. Repeats a value only when it is known for what it is (a URL, a phone number, a
SID, a word of our own): anything else may be a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from reconciler.config.advice.phone_numbers import guess_number
from reconciler.config.formats import E164, is_sid
from reconciler.config.sections.fields import describe_bad_name
from reconciler.config.source.scalars import resolve
from reconciler.config.source.whitespace_errors import describe_missing_space, find_tight_key

_URL = re.compile(r"https?://[^\s/@?#{}\[\],'\"][^\s@?#{}\[\],'\"]*")
_SIP = re.compile(r"sip:[\w.-]+(?:[;:]\S*)?\Z")
_DOMAIN = re.compile(r"[\w-]+\.pstn\.twilio\.com\Z")
_NETWORK = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/[0-9]{1,2})?\Z")
_PLAIN = re.compile(r"[A-Za-z0-9][\w./:%=&~;-]*")
_FIRST: tuple[tuple[str, re.Pattern[str], Any], ...] = (
    ("webhooks", _URL, {"webhooks": {"voice": ...}}),
    ("voice", _URL, {"voice": ...}),
    ("url", _URL, {"url": ...}),
    ("sip_url", _SIP, {"sip_url": ...}),
    ("domain", _DOMAIN, {"domain": ...}),
    ("cidr", _NETWORK, {"cidr": ...}),
    ("addresses", _NETWORK, {"name": "offices", "addresses": [{"cidr": ...}]}),
)
"""A field that a model has, the values that belong there, and how to write them: `...` is the value itself.

A URL that may hold a secret (a user, a query) is not repeated.
"""
_SIDS = (("AC", "sid"), ("AP", "application"), ("TK", "trunk"), ("PN", "sid"))
_EXAMPLES: dict[str, Any] = {
    "Agent": {"webhooks": {"voice": "https://agents.example.com/voice"}},
    "Number": {"agent": "support"},
    "BridgeNumber": {"voice": "https://agents.example.com/bridge"},
    "Trunk": {
        "domain": "acme-edge.pstn.twilio.com",
        "origination": [{"sip_url": "sip:sbc1.example.com"}],
    },
    "Application": {"voice": "https://agents.example.com/menu"},
}
"""What to write where the value itself gives no hint; of other models, what they need, or else their first field."""
_MOST = 3


def render_right_form(
    model: type[BaseModel] | None, value: Any, *, key: str | int, listed: bool = False
) -> str:
    """How the sentence on a wrong type ends: with the value as it is written below `key` where that model is needed.

    `listed`: where a list of them is needed. No model stands for plain text.
    """
    if model is None:
        known = listed and isinstance(value, str) and re.fullmatch(r"[a-z]+", value)
        return f":\n  {key}: [{value}]" if known else "."
    missing = find_tight_key(value, list(model.model_fields)) if isinstance(value, str) else ""
    if missing:
        return f". {describe_missing_space(missing, value)}"
    written = flow(_of_value(model, value) or _example(model))
    head = f"{key}: " if isinstance(key, str) and key else ""
    return f":\n  {head}[{written}]" if listed else f":\n  {head}{written}"


def _of_value(model: type[BaseModel], value: Any) -> Any:
    """The mapping that says what this value seems to say; None when it is not known for anything."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str):
        return None
    fields = model.model_fields
    for field, pattern, written in _FIRST:
        if field in fields and pattern.match(value):
            return _filled(written, value if pattern.fullmatch(value) else "https://…")
    for prefix, field in _SIDS:
        if field in fields and is_sid(value, prefix):
            return {**_needed(model), field: value}
    return next(
        (
            {**_needed(model), name: value}
            for name, field in fields.items()
            if value in _words(field.annotation)
        ),
        None,
    )


def _filled(written: Any, value: str) -> Any:
    if isinstance(written, dict):
        return {key: _filled(inner, value) for key, inner in written.items()}
    if isinstance(written, list):
        return [_filled(inner, value) for inner in written]
    return value if written is ... else written


def _words(annotation: Any) -> Iterator[Any]:
    """The words of our own that a field takes."""
    if get_origin(annotation) is Literal:
        yield from (word for word in get_args(annotation) if isinstance(word, str))
    else:
        for inner in get_args(annotation):
            yield from _words(inner)


def _example(model: type[BaseModel]) -> Any:
    """What to write where the value gives no hint."""
    if model.__name__ in _EXAMPLES:
        return _EXAMPLES[model.__name__]
    return _needed(model) or dict([_shown(*next(iter(model.model_fields.items())))])


def _needed(model: type[BaseModel]) -> dict[str, Any]:
    """The fields that must be there, with their examples."""
    needed = dict(
        _shown(name, field) for name, field in model.model_fields.items() if field.is_required()
    )
    return (
        {**needed, "auth_token": {"env": "TWILIO_AUTH_TOKEN"}}
        if model.__name__ == "Account"
        else needed
    )


def _shown(name: str, field: FieldInfo) -> tuple[str, Any]:
    alias = field.validation_alias
    return alias if isinstance(alias, str) else name, (field.examples or ["…"])[0]


def flow(value: Any) -> str:
    """A value in YAML's flow style, on one line."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{flow(key)}: {flow(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and not value.endswith(":") and resolve(value) == value
        return value if plain else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


def render_section_example(section: str, value: Any, agents: Sequence[str]) -> str:
    """How to write a section whose value has the wrong shape, a line for each of the first entries in it."""
    lines = dict(_entries(section, value, agents[0] if agents else "support"))
    several = list(lines.items())[:_MOST]
    more = ["  # and so on"] if len(lines) > _MOST else []
    return "\n".join(
        [f"{section}:", *(f"  {flow(name)}: {flow(inner)}" for name, inner in several), *more]
    )


def _entries(section: str, value: Any, agent: str) -> Iterator[tuple[str, Any]]:
    items = value if isinstance(value, list) else [value]
    found = [entry for item in items for entry in _entry(section, item, agent)]
    yield from found or _entry(section, None, agent)


def _entry(section: str, item: Any, agent: str) -> Iterator[tuple[str, Any]]:
    """What one item of a list, or a value alone, seems to declare."""
    if section in ("numbers", "bridge_numbers"):
        yield from _number(item, agent if section == "numbers" else _EXAMPLES["BridgeNumber"])
        return
    model = _model(section)
    if section in ("defaults", "safety", "lint"):
        yield from (_of_value(model, item) or _example(model)).items()
        return
    known = _of_value(model, item)
    name = _name_of(item) if known is None else ""
    yield (
        name or {"accounts": "main", "agents": "support"}.get(section, "NAME"),
        known or _example(model),
    )


def _number(item: Any, what: Any) -> Iterator[tuple[str, Any]]:
    texts = (
        [item] if not isinstance(item, Mapping) else [*item, *(inner for inner in item.values())]
    )
    phone = next(
        (meant for text in texts if (meant := guess_number(str(getattr(text, "text", text))))), None
    )
    said = item.get("agent") if isinstance(item, Mapping) else None
    if phone or item is None:
        yield (
            phone or "+15550100200",
            said if isinstance(said, str) and _PLAIN.fullmatch(said) else what,
        )


def _name_of(item: Any) -> str:
    """The name that an item of a list gives itself."""
    name = item.get("name") or next(iter(item), None) if isinstance(item, Mapping) else item
    simple = isinstance(name, str) and re.fullmatch(r"[a-z][a-z0-9_-]{0,30}", name) is not None
    return str(name) if simple else ""


def _model(section: str) -> type[BaseModel]:
    from reconciler.config.sections.introspect import model_at
    from reconciler.config.sections.model import Config

    model = model_at(
        Config, (section, "NAME") if section not in ("defaults", "safety", "lint") else (section,)
    )
    assert model is not None, "every section has a model"
    return model


def describe_missing_agent(name: str, agents: Sequence[str]) -> str:
    """What is meant where a number names an agent that cannot be one; "" when it may be an agent's name."""
    key = find_tight_key(
        name, ("agent", "trunk", "webhooks", "platform", "account", "friendly_name")
    )
    if key:
        return describe_missing_space(key, name)
    if _URL.match(name):
        written = flow({"webhooks": {"voice": name if _URL.fullmatch(name) else "https://…"}})
        return f"This is a URL; the name of an agent is needed. A number with a webhook of its own has\n  {written}"
    if is_sid(name, "TK"):
        return f"This is a trunk; the name of an agent is needed. Write\n  {flow({'trunk': name})}"
    if is_sid(name, "AP"):
        declared = flow({"menu": {"application": name}})
        return f"This is an application, which an agent answers with. Declare one, and name it:\n  agents: {declared}"
    if re.fullmatch(E164[1:-1], name):
        return "This is a phone number; the name of an agent that answers is needed."
    if agents or describe_bad_name(name):
        return ""
    return f"No agent is declared, and so there is no `{name}`. Declare it:\n  agents: {flow({name: _EXAMPLES['Agent']})}"
