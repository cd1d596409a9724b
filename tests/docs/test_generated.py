"""The documents and schemas that are made from the code are what the code makes of them now.

`UPDATE_GOLDEN=1 pytest tests/docs/test_generated.py` writes them anew.
"""

from __future__ import annotations

import os

import pytest

from tests.docs.generate import DOCUMENTS, EXAMPLES, ROOT, command_names

SCHEMAS = ROOT / "schemas"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_generated_file_is_up_to_date(name: str) -> None:
    made, path = DOCUMENTS[name](), ROOT / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(made, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == made


def test_every_schema_is_generated() -> None:
    assert {f"schemas/{path.name}" for path in SCHEMAS.iterdir()} <= set(DOCUMENTS)


def test_every_command_has_an_example() -> None:
    assert set(command_names()) == set(EXAMPLES)
