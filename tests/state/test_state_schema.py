"""The schemas in `schemas/` are those of the code, and real documents hold to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given

from reconciler.diagnostics import Diagnostic
from reconciler.state.format.document import State, encode
from reconciler.state.format.migrations import FORMAT
from reconciler.state.plan_file import write
from reconciler.state.schema import plan_file_schema, schema_files, state_schema
from tests.support.examples import examples

from .samples import address, plan, state
from .test_state_document import states

SCHEMAS = Path(__file__).parents[2] / "schemas"
UPDATE = (
    "from pathlib import Path; from reconciler.state.schema import schema_files; "
    "[Path('schemas', name).write_text(text, encoding='utf-8') for name, text in schema_files().items()]"
)


@pytest.mark.parametrize("name", ["state.schema.json", "plan-file.schema.json"])
def test_published_schema_equals_the_schema_of_the_code(name: str) -> None:
    published = (SCHEMAS / name).read_text(encoding="utf-8")
    assert published == schema_files()[name], f'renew it with: python -c "{UPDATE}"'


@pytest.mark.parametrize("schema", [state_schema(), plan_file_schema()])
def test_the_schemas_are_schemas_with_titles_and_descriptions(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"].endswith("2020-12/schema")
    assert all(
        each["title"] and each["description"] for each in (schema, *schema["$defs"].values())
    )


@examples(25)
@given(states)
def test_written_states_match_the_schema(full: State) -> None:
    jsonschema.Draft202012Validator(state_schema()).validate(json.loads(encode(full)))


def test_written_plan_files_match_the_schema(tmp_path: Path) -> None:
    full = plan(diagnostics=[Diagnostic(code="x", summary="y", line=3)], targets=["number/*"])
    write(tmp_path / "plan.bin", full)
    jsonschema.Draft202012Validator(plan_file_schema()).validate(
        json.loads((tmp_path / "plan.bin").read_bytes())
    )


def test_schema_refuses_what_the_reader_refuses() -> None:
    document = json.loads(encode(state(1)))
    for path, value in (
        (["format"], FORMAT + 1),
        (["serial"], -1),
        (["extra"], 1),
        (["resources", address(0), "colour"], "red"),
        (["resources", address(0), "last_applied", "voice"], {"form": "pigeon"}),
    ):
        wrong = json.loads(json.dumps(document))
        place = wrong
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value
        assert not jsonschema.Draft202012Validator(state_schema()).is_valid(wrong)
    for name in document:
        assert not jsonschema.Draft202012Validator(state_schema()).is_valid(
            {**document, name: object()}
        )
        missing = {key: value for key, value in document.items() if key != name}
        assert not jsonschema.Draft202012Validator(state_schema()).is_valid(missing)
