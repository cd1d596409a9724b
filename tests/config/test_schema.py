"""The JSON Schema says the same as the pydantic model, in the file that editors read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic.fields import FieldInfo

from reconciler.config.load.load import load
from reconciler.config.section_names import SECTIONS
from reconciler.config.sections.fields import Section
from reconciler.config.sections.introspect import model_at
from reconciler.config.sections.model import Config
from reconciler.config.sections.schema import config_schema, schema_text
from reconciler.config.source.parse import parse_file

ROOT = Path(__file__).parent.parent.parent
FILE = ROOT / "schemas" / "config.schema.json"
BROKEN = sorted((ROOT / "tests" / "broken").glob("*.yaml"))
FULL = Path(__file__).parent / "full.yaml"
VALIDATOR = Draft202012Validator(config_schema())


def plain(path: Path) -> Any:
    return parse_file(path.read_bytes(), path.name).root


def test_loader_reads_exactly_the_sections_of_the_model() -> None:
    assert tuple(Config.model_fields) == SECTIONS


def test_committed_schema_equals_the_generated_one() -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        FILE.write_text(schema_text(), encoding="utf-8")
    assert FILE.read_text(encoding="utf-8") == schema_text()
    Draft202012Validator.check_schema(json.loads(schema_text()))


def described(node: Any, path: str = "") -> list[str]:
    """The properties without description or example, or whose example the schema itself refuses."""
    bad = []
    for name, schema in node.get("properties", {}).items():
        validator = VALIDATOR.evolve(schema={**schema, "$defs": VALIDATOR.schema["$defs"]})
        if not schema.get("description") or not schema.get("examples"):
            bad.append(f"{path}.{name}")
        elif not all(validator.is_valid(example) for example in schema["examples"]):
            bad.append(f"{path}.{name}: example")
    return bad


def test_every_key_has_a_description_and_a_valid_example() -> None:
    schema = config_schema()
    assert described(schema) == []
    assert [bad for name, part in schema["$defs"].items() for bad in described(part, name)] == []


def sections(model: type[Section]) -> Iterator[type[Section]]:
    for child in model.__subclasses__():
        yield child
        yield from sections(child)


def test_schema_documents_every_default() -> None:
    schema = config_schema()
    told = 0
    for model in set(sections(Section)):
        shown = schema if model is Config else schema["$defs"].get(model.__name__)
        for name, field in model.model_fields.items() if shown else ():
            if (
                not field.is_required()
                and field.default is not None
                and field.default_factory is None
            ):
                assert "default" in shown["properties"][field.alias or name], (
                    f"{model.__name__}.{name}"
                )
                told += 1
    assert told > 20


OTHER_FORM = {f"DeclaredShare.{name}" for name in ("id", "version", "weight")}
"""A share names an agent or a branch; a platform has one of the two forms."""


def test_a_configuration_with_every_key_is_valid_by_schema_and_by_model() -> None:
    document = plain(FULL)
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []
    config = Config.model_validate(document)
    assert config.version == 1
    unused = [
        f"{path}{name}"
        for path, model, entry in models(Config, document)
        for name in unset(model, entry)
    ]
    assert set(unused) - OTHER_FORM == set()


def models(model: type[BaseModel], node: Any) -> list[tuple[str, type[BaseModel], list[Any]]]:
    """Each model with all mappings of the full configuration that it describes."""
    found: dict[type[BaseModel], list[Any]] = {}

    def visit(value: Any, loc: tuple[Any, ...]) -> None:
        here = model_at(model, loc)
        if isinstance(value, dict):
            if here is not None:
                found.setdefault(here, []).append(value)
            for key, child in value.items():
                tag = (value["type"],) if loc[:1] == ("platforms",) and len(loc) == 2 else ()
                visit(child, (*loc, *tag, key))
        elif isinstance(value, list):
            for index, child in enumerate(value):
                visit(child, (*loc, index))

    visit(node, ())
    return [(f"{kind.__name__}.", kind, entries) for kind, entries in found.items()]


def unset(model: type[BaseModel], entries: list[Any]) -> set[str]:
    names = set(map(spelled, model.model_fields.values()))
    return names - {key for entry in entries for key in entry}


def spelled(field: FieldInfo) -> str:
    """A field as the file writes it: `from` is no name in Python."""
    alias = field.validation_alias
    return str(alias.choices[0] if isinstance(alias, AliasChoices) else alias)


def test_the_full_configuration_is_valid() -> None:
    assert load(FULL, environ={}).desired


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_schema_accepts_everything_that_the_model_accepts(path: Path) -> None:
    document = parse_file(path.read_bytes(), path.name)
    try:
        Config.model_validate(document.root)
    except ValidationError:
        return
    assert [error.message for error in VALIDATOR.iter_errors(in_one_spelling(document.root))] == []


def in_one_spelling(node: Any) -> Any:
    """The schema teaches snake_case only, so that editors propose it."""
    own = {"agentId": "agent", "phoneNumber": "phone_number"}
    if isinstance(node, dict):
        return {own.get(key, key): in_one_spelling(value) for key, value in node.items()}
    return [in_one_spelling(value) for value in node] if isinstance(node, list) else node


@pytest.mark.parametrize(
    "text",
    [
        'numbers: {"+15550100100": {agnt: x}}',
        'numbers: {"15550100100": x}',
        'numbers: {"+15550100100": {sid: AC1}}',
        "accounts: {main: {sid: ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, auth_token: literal}}",
        "accounts: {main: {sid: ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, auth_token: {env: A, file: b}}}",
        "agents: {support: {webhooks: {voice: agents.example.com}}}",
        "safety: {max_updates: 30}\nnonsense: 1",
        "version: 2",
        "trunks: {a/b: {}}",
        "platforms: {x: {type: other}}",
    ],
)
def test_schema_refuses_typical_mistakes(text: str) -> None:
    assert not VALIDATOR.is_valid(parse_file(text.encode(), "a.yaml").root)
