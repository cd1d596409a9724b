"""Render a value or section of the wrong shape in the right one, as YAML that can be copied, and
explain a value that cannot be the name of an agent.

Used only for an error. A value is repeated only when its type is certain (a URL, a phone number, a
SID, a word of the configuration): anything else may be a secret.
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
from reconciler.config.sections.checks import describe_bad_name
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
"""Field of a model, pattern of its values, and the YAML for such a value: `...` is the value
itself.

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
    "FleetFile": {"version": 1, "stacks": ["customers/*/reconciler.yaml"]},
    "DeclaredShare": {"id": "agent_a1b2c3", "weight": 1},
}
"""Examples for values without a hint.

For other models, their required fields or their first field.
"""
_MOST = 3


def render_right_form(
    model: type[BaseModel] | None, value: Any, *, key: str | int, listed: bool = False
) -> str:
    """Return the end of the sentence on a wrong type: the value in the form that the model needs,
    below `key`.

    `listed`: a list of such values is needed. Without a model, plain text is needed.
    """
    if model is None:
        known = listed and isinstance(value, str) and re.fullmatch(r"[a-z]+", value)
        return f":\n  {key}: [{value}]" if known else "."

    missing = find_tight_key(value, list(model.model_fields)) if isinstance(value, str) else ""
    if missing:
        return f". {describe_missing_space(missing, value)}"

    example = flow(_interpret(model, value) or _example(model))
    head = f"{key}: " if isinstance(key, str) and key else ""
    return f":\n  {head}[{example}]" if listed else f":\n  {head}{example}"


def _interpret(model: type[BaseModel], value: Any) -> Any:
    """Return the mapping that this value most likely means; None when the value matches nothing."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str):
        return None

    fields = model.model_fields
    for name, pattern, template in _FIRST:
        if name in fields and pattern.match(value):
            return _fill(template, value if pattern.fullmatch(value) else "https://…")
    for prefix, name in _SIDS:
        if name in fields and is_sid(value, prefix):
            return {**_require(model), name: value}
    for name, field in fields.items():
        if value in _words(field.annotation):
            return {**_require(model), name: value}
    return None


def _fill(template: Any, value: str) -> Any:
    if isinstance(template, dict):
        return {key: _fill(inner, value) for key, inner in template.items()}
    if isinstance(template, list):
        return [_fill(inner, value) for inner in template]
    return value if template is ... else template


def _words(annotation: Any) -> Iterator[Any]:
    """Yield the words that a field accepts."""
    if get_origin(annotation) is Literal:
        yield from (word for word in get_args(annotation) if isinstance(word, str))
    else:
        for inner in get_args(annotation):
            yield from _words(inner)


def _example(model: type[BaseModel]) -> Any:
    """Return the example for a value without a hint."""
    if model.__name__ in _EXAMPLES:
        return _EXAMPLES[model.__name__]
    first = next(iter(model.model_fields.items()))
    return _require(model) or dict([_field_example(*first)])


def _require(model: type[BaseModel]) -> dict[str, Any]:
    """Return the required fields, with their examples."""
    required: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if field.is_required():
            key, example = _field_example(name, field)
            required[key] = example

    # An account needs a token or a key: a rule of the model that its fields do not show.
    if model.__name__ == "Account":
        required["auth_token"] = {"env": "TWILIO_AUTH_TOKEN"}
    return required


def _field_example(name: str, field: FieldInfo) -> tuple[str, Any]:
    alias = field.validation_alias
    return alias if isinstance(alias, str) else name, (field.examples or ["…"])[0]


def flow(value: Any) -> str:
    """Return a value in YAML's flow style, on one line."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{flow(key)}: {flow(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and not value.endswith(":") and resolve(value) == value
        return value if plain else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


def render_section_example(section: str, value: Any, agents: Sequence[str]) -> str:
    """Return a section in the right shape, with one line for each of the first entries of the wrong
    value.
    """
    entries = dict(_entries(section, value, agents[0] if agents else "support"))

    lines = [f"{section}:"]
    for name, inner in list(entries.items())[:_MOST]:
        lines.append(f"  {flow(name)}: {flow(inner)}")
    if len(entries) > _MOST:
        lines.append("  # and so on")
    return "\n".join(lines)


def _entries(section: str, value: Any, agent: str) -> Iterator[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for item in value if isinstance(value, list) else [value]:
        found += _entry(section, item, agent)
    yield from found or _entry(section, None, agent)


def _entry(section: str, item: Any, agent: str) -> Iterator[tuple[str, Any]]:
    """Yield the entries that one item of a list, or a single value, most likely declares."""
    if section in ("numbers", "bridge_numbers"):
        yield from _number(item, agent if section == "numbers" else _EXAMPLES["BridgeNumber"])
        return

    model = _model(section)
    if section in ("defaults", "safety", "lint"):
        yield from (_interpret(model, item) or _example(model)).items()
        return

    known = _interpret(model, item)
    name = _find_name(item) if known is None else ""
    default = {"accounts": "main", "agents": "support"}.get(section, "NAME")
    yield name or default, known or _example(model)


def _number(item: Any, default: Any) -> Iterator[tuple[str, Any]]:
    texts = [*item, *item.values()] if isinstance(item, Mapping) else [item]
    phone = ""
    for text in texts:
        # YAML reads +15550100200 without quotes as an integer, which keeps its text.
        phone = phone or guess_number(str(getattr(text, "text", text)))
    if not phone and item is not None:
        return

    agent = item.get("agent") if isinstance(item, Mapping) else None
    is_name = isinstance(agent, str) and _PLAIN.fullmatch(agent)
    yield phone or "+15550100200", agent if is_name else default


def _find_name(item: Any) -> str:
    """Return the name that an item of a list contains; "" when it contains none."""
    name = item.get("name") or next(iter(item), None) if isinstance(item, Mapping) else item
    simple = isinstance(name, str) and re.fullmatch(r"[a-z][a-z0-9_-]{0,30}", name) is not None
    return str(name) if simple else ""


def _model(section: str) -> type[BaseModel]:
    from reconciler.config.sections.introspect import model_at
    from reconciler.config.sections.model import Config

    is_single = section in ("defaults", "safety", "lint")
    model = model_at(Config, (section,) if is_single else (section, "NAME"))
    assert model is not None, "every section has a model"
    return model


def describe_missing_agent(name: str, agents: Sequence[str]) -> str:
    """Explain a value that cannot be the name of an agent; "" when it may be such a name."""
    fields = ("agent", "trunk", "webhooks", "platform", "account", "friendly_name")
    key = find_tight_key(name, fields)
    if key:
        return describe_missing_space(key, name)

    if _URL.match(name):
        example = flow({"webhooks": {"voice": name if _URL.fullmatch(name) else "https://…"}})
        return (
            "This is a URL; the name of an agent is needed. A number with a webhook of its own "
            f"has\n  {example}"
        )
    if is_sid(name, "TK"):
        return f"This is a trunk; the name of an agent is needed. Write\n  {flow({'trunk': name})}"
    if is_sid(name, "AP"):
        example = flow({"menu": {"application": name}})
        return (
            "This is an application, which an agent answers with. Declare one, and name it:\n"
            f"  agents: {example}"
        )
    if re.fullmatch(E164[1:-1], name):
        return "This is a phone number; the name of an agent that answers is needed."

    if agents or describe_bad_name(name):
        return ""
    example = flow({name: _EXAMPLES["Agent"]})
    return f"No agent is declared, and so there is no `{name}`. Declare it:\n  agents: {example}"
