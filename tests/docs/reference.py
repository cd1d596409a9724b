"""A JSON Schema in, the Markdown tables of a reference out; knows the schema's vocabulary, not what it describes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

Node = Mapping[str, Any]
PATTERNS = {
    r"^\+(?:1[0-9]{10}|[2-9][0-9]{1,14})$": "number in E.164",
    r"^AC[0-9a-fA-F]{32}$": "account SID",
    r"^PN[0-9a-fA-F]{32}$": "number SID",
    r"^https?://[^/\s]+": "http(s) URL",
    r"^sip:[^\s]+$": "SIP URL",
    r"\.pstn\.twilio\.com$": "name below `pstn.twilio.com`",
    r"^[0-9]{1,3}(\.[0-9]{1,6})?%$": "share such as `30%`",
    r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$": "name",
    r"^[a-z0-9][a-z0-9_.-]*$": "name in lower case",
    r"^[A-Z]{2}$": "two capital letters",
}
"""What the patterns of the schema mean in words; one that is not here is shown as it is."""

TITLES = {"Reference": "Secret", "Hook": "Webhook", "StatusHook": "Status webhook"}
"""Headings of definitions that stand in several places."""


def slug(heading: str) -> str:
    """The anchor that a Markdown viewer gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def inline(value: object) -> str:
    """A value as one line of YAML."""
    text = yaml.safe_dump(
        value, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False
    )
    return text.removesuffix("\n").removesuffix("\n...")


def row(*cells: str) -> str:
    """One line of a table."""
    escaped = (cell.replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


class Reference:
    """The sections of a reference: one for each definition that is reachable, headed by the place where it belongs."""

    def __init__(self, schema: Node) -> None:
        self._definitions: dict[str, Node] = schema["$defs"]
        self._places: dict[str, list[str]] = {}
        for name, node in schema["properties"].items():
            self._visit(node, name)

    def heading(self, definition: str) -> str:
        """The place of a definition, or its own name when it stands in several places."""
        places = self._places[definition]
        if self._is_choice(places[0]):
            return definition
        if len(places) == 1:
            return f"`{places[0]}`"
        return TITLES.get(definition, definition)

    def sections(self) -> Iterator[str]:
        """Every definition, in the order in which the file mentions them; what is shared comes last."""
        shared = [name for name in self._places if self._is_shared(name)]
        for name in [*(name for name in self._places if name not in shared), *shared]:
            yield "\n".join(self._section(name))

    def table(self, properties: Mapping[str, Node], required: list[str], place: str) -> list[str]:
        """The fields of one mapping."""
        lines = [row("Field", "Value", "Default", "Meaning", "Example"), row(*["---"] * 5)]
        for name, node in properties.items():
            default = "required" if name in required else self._default(node)
            meaning = " ".join(filter(None, [self._meaning(node)]))
            lines.append(row(f"`{name}`", self.value(node), default, meaning, self._example(node)))
        return lines

    def value(self, node: Node) -> str:
        """What may stand there, in words."""
        match node:
            case {"$ref": str(reference)}:
                heading = self.heading(_name(reference))
                return f"[{heading}](#{slug(heading)})"
            case {"anyOf": list(options)} | {"oneOf": list(options)}:
                return " or ".join(dict.fromkeys(map(self.value, options)))
            case {"const": value}:
                return f"`{inline(value)}`"
            case {"enum": list(values)}:
                return ", ".join(f"`{inline(value)}`" for value in values)
            case {"type": "array", "items": items}:
                return f"list: {self.value(items)}"
            case {"type": "object"}:
                return f"mapping: {' or '.join(self.value(value) for value in _values(node))}"
            case {"type": "string"}:
                return _text(node)
            case {"type": "boolean"}:
                return "`true`, `false`"
            case {"type": "null"}:
                return "nothing"
            case {"type": kind}:
                return _bounded("whole number" if kind == "integer" else "number", node)
        raise ValueError(f"no words for {node}")

    def _section(self, name: str) -> Iterator[str]:
        definition, places = self._definitions[name], self._places[name]
        yield f"### {self.heading(name)}\n"
        if self.heading(name) != f"`{places[0]}`":
            yield f"At {', '.join(f'`{place}`' for place in places)}.\n"
        description = definition["description"].replace("\n", " ").replace("``", "`")
        yield f"{description}\n"
        yield from self.table(definition["properties"], definition.get("required", []), places[0])
        yield ""

    def _visit(self, node: Node, place: str) -> None:
        """Note the places of all definitions below a field, the nearest first."""
        for reference, where in _references(node, place):
            known = self._places.setdefault(_name(reference), [])
            if where not in known:
                known.append(where)
            if len(known) == 1:
                for name, field in self._definitions[_name(reference)]["properties"].items():
                    self._visit(field, f"{where}.{name}")

    def _is_shared(self, name: str) -> bool:
        return len({re.split(r"[.]", place)[0] for place in self._places[name]}) > 1

    def _is_choice(self, place: str) -> bool:
        return sum(place in places for places in self._places.values()) > 1

    def _meaning(self, node: Node) -> str:
        if "description" in node or "$ref" not in node:
            return str(node.get("description", ""))
        return str(self._definitions[_name(node["$ref"])]["description"])

    def _default(self, node: Node) -> str:
        default = node.get("default")
        return "–" if default in (None, [], {}, "") else f"`{inline(default)}`"

    def _example(self, node: Node) -> str:
        return ", ".join(f"`{inline(example)}`" for example in node.get("examples", ()))


def _references(node: Node, place: str) -> Iterator[tuple[str, str]]:
    match node:
        case {"$ref": str(reference)}:
            yield reference, place
        case {"anyOf": list(options)} | {"oneOf": list(options)}:
            for option in options:
                yield from _references(option, place)
        case {"type": "array", "items": items}:
            yield from _references(items, f"{place}[]")
        case {"type": "object"}:
            key = "NUMBER" if place.endswith("numbers") else "NAME"
            for value in _values(node):
                yield from _references(value, f"{place}.{key}")


def _values(node: Node) -> list[Node]:
    """What the values of a mapping with free keys may be."""
    found = [*node.get("patternProperties", {}).values(), node.get("additionalProperties")]
    return [value for value in found if isinstance(value, dict)]


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]


def _text(node: Node) -> str:
    if "pattern" in node:
        return PATTERNS.get(node["pattern"], f"text like `{node['pattern']}`")
    most = node.get("maxLength")
    return f"text, up to {most} characters" if most else "text"


def _bounded(kind: str, node: Node) -> str:
    least, most = node.get("minimum"), node.get("maximum")
    if least is None:
        return kind
    return f"{kind}, {least} to {most}" if most is not None else f"{kind}, {least} or more"
