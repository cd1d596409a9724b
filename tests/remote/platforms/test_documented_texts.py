"""Every comparison with the text of a refusal, with the document that has the text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import reconciler.remote.platforms as package
from reconciler.remote.platforms.documented_texts import DOCUMENTED_TEXTS, code_for_text

FOLDER = Path(package.__file__).parent
SOURCES = {
    ("butter", "Missing required fields"): "docs.getbutter.ai/api-reference/phone-numbers/import",
    ("butter", "Invalid provider"): "docs.getbutter.ai/api-reference/phone-numbers/import",
    ("dasha", "Not found"): "blackbox.dasha.ai/docs/api-reference",
    ("dasha", "Already imported"): "blackbox.dasha.ai/docs/api-reference",
    ("dasha", "Trunk attachment failed"): "blackbox.dasha.ai/docs/api-reference",
    ("livekit", "Conflicting inbound SIP Trunks"): "github.com/livekit/protocol",
    ("livekit", "Dispatch rule for the same trunk"): "github.com/livekit/protocol",
}
"""Platform and text → the vendor's page."""

OTHER_COMPARISONS = {
    ("caller.py", "str(value).lower"): "writes true and false into a query",
    (
        "elevenlabs_trunk.py",
        "str(attrs.get('transport') or 'AUTO').lower",
    ): "writes a transport as ElevenLabs needs it",
    ("elevenlabs.py", "region.partition"): "tells a region from its edge",
    ("dasha.py", "each.number_sid[2:].lower"): "writes a SID as Dasha needs it",
    ("livekit_objects.py", "mode.rsplit('_', 1)[1].lower"): "reads the name of an encryption",
    ("retell.py", "_E164.fullmatch"): "tells telephone numbers from extensions",
    ("vapi_rows.py", "sid[2:].lower"): "brings an account SID into its normal form",
    ("vapi_rows.py", "_ACCOUNT_SID.fullmatch"): "shows an account SID only when it is one",
    ("nixflex.py", "_ACCOUNT.fullmatch"): "checks an account SID before it is sent",
}
"""Operations on texts that are no refusals."""

TEXT_OPERATIONS = frozenset(
    {"lower", "casefold", "startswith", "endswith", "find", "search", "match"}
    | {"fullmatch", "findall", "partition"}
)
TEXT_NAMES = frozenset({"message", "words", "text", "reason", "detail"})


def test_lists_every_text_with_its_source() -> None:
    found = {(each.platform, each.text): each.source for each in DOCUMENTED_TEXTS}
    assert found.keys() == SOURCES.keys()
    for key, page in SOURCES.items():
        assert page in found[key]


def test_no_other_module_compares_the_text_of_a_refusal() -> None:
    found: set[tuple[str, str]] = set()
    for path in sorted(FOLDER.glob("*.py")):
        if path.name != "documented_texts.py":
            found |= {(path.name, each) for each in _text_comparisons(ast.parse(path.read_text()))}
    assert found == set(OTHER_COMPARISONS)


def _text_comparisons(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in TEXT_OPERATIONS:
                yield ast.unparse(node.func)
        elif isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
            is_none = any(isinstance(op, ast.Is | ast.IsNot) for op in node.ops)
            if any(map(_is_text, operands)) and not is_none:
                yield ast.unparse(node)


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in ("refusal_text", "validation_text")
    return isinstance(node, ast.Name) and node.id in TEXT_NAMES


@pytest.mark.parametrize(
    ("platform", "message"),
    [
        ("ravan", "Phone number already exists"),
        ("feather", "More than one integration"),
        ("dasha", "The number was not found on this trunk already imported"),
        ("butter", "The provider of this number is busy"),
        ("butter", "Already imported"),
    ],
)
def test_a_text_that_no_document_of_the_platform_has_decides_nothing(
    platform: str, message: str
) -> None:
    assert code_for_text(platform, message) is None


def test_a_documented_text_counts_in_any_case() -> None:
    assert code_for_text("dasha", "already imported: PN1") == "number_already_imported"


def test_a_message_with_the_texts_of_two_codes_has_none() -> None:
    assert code_for_text("butter", "Missing required fields: provider_id") == "missing_field"
    assert code_for_text("butter", "Invalid provider: acme") == "invalid_provider"
    assert code_for_text("butter", "Missing required fields or invalid provider") is None
