"""Whatever stands in the files: it loads, or every problem has a place; nothing else ever happens."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.config.codes import SUMMARIES
from reconciler.config.load.load import load
from reconciler.errors import ConfigInvalid
from tests.support.examples import examples

FULL = (Path(__file__).parent / "full.yaml").read_text(encoding="utf-8")
LINES = FULL.splitlines(keepends=True)
KEYS = [
    *(
        "version",
        "project",
        "state",
        "include",
        "accounts",
        "agents",
        "trunks",
        "numbers",
        "bridge_numbers",
        "safety",
    ),
    *(
        "defaults",
        "account",
        "agent",
        "agentId",
        "webhooks",
        "voice",
        "url",
        "sid",
        "env",
        "+15550100100",
        "main",
        "x",
    ),
    "PN00000000000000000000000000000001",
]
SCALARS = st.sampled_from(
    [
        "1",
        "true",
        "~",
        "support",
        '"+15550100100"',
        "+15550100100",
        "1.5",
        "30%",
        "https://agents.example.com/v",
        "*",
        "''",
    ]
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(st.tuples(st.sampled_from(KEYS), inner), max_size=4).map(
            lambda pairs: "{" + ", ".join(f'"{key}": {value}' for key, value in pairs) + "}"
        ),
    ),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any")


def check(folder: Path, text: str | bytes) -> None:
    entry = folder / "reconciler.yaml"
    entry.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "replace"))
    try:
        diagnostics = load(entry, environ={}, display_root=folder).warnings
    except ConfigInvalid as invalid:
        diagnostics = list(invalid.diagnostics)
        assert any(d.severity == "error" for d in diagnostics)
    for diagnostic in diagnostics:
        assert diagnostic.file == "reconciler.yaml"
        assert (diagnostic.line or 0) >= 1
        assert (diagnostic.column or 0) >= 1
        assert diagnostic.summary == SUMMARIES[diagnostic.code]
        assert diagnostic.detail


@examples(75)
@given(text=st.text() | st.binary())
def test_any_text_loads_or_is_explained(folder: Path, text: str | bytes) -> None:
    check(folder, text)


@examples(125)
@given(trees=st.dictionaries(st.sampled_from(KEYS[:11]), TREES, max_size=8))
def test_any_tree_of_known_keys_loads_or_gives_a_diagnostic(
    folder: Path, trees: dict[str, str]
) -> None:
    check(folder, "".join(f"{key}: {tree}\n" for key, tree in trees.items()))


@examples(75)
@given(data=st.data())
def test_a_valid_file_with_any_lines_damaged_loads_or_is_explained(
    folder: Path, data: st.DataObject
) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        column = data.draw(st.integers(0, len(lines[at])))
        rest = column + data.draw(st.integers(0, 8))
        lines[at] = (
            lines[at][:column]
            + data.draw(st.text(alphabet=" :{}[]&*#-\n\t\"'1ax+", max_size=4))
            + lines[at][rest:]
        )
    check(folder, "".join(lines))
