"""Tables in hand-written pages are complete: what the code has is in them, and nothing else."""

from __future__ import annotations

import re

import msgspec
import urllib3

from reconciler.doctor.permissions import NEEDS
from reconciler.errors import Exit
from reconciler.report.formats.registry import FORMATS
from reconciler.sandbox.faults.rules import AnyFault, Fault
from reconciler.sandbox.platforms import registry
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.products import SHELVES
from reconciler.sandbox.world.world import World
from reconciler.state.format.document import StoredDocument
from reconciler.state.schema import state_schema
from tests.docs.markdown import ROOT, prose
from tests.test_architecture import LAYERS


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    text = prose(ROOT / page).partition(f"\n{heading}\n")[2]
    table = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert table is not None, f"{page} has no table below {heading}"
    return [
        [cell.strip() for cell in line.strip("|").split(" |")] for line in table[0].splitlines()[2:]
    ]


def names(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


def test_lists_folders_in_the_enforced_order() -> None:
    assert [row[0].strip("`") for row in rows("docs/architecture.md", "## Packages")] == LAYERS


def test_every_exit_code_is_in_the_readme() -> None:
    assert [int(row[0]) for row in rows("README.md", "### In CI")] == [int(code) for code in Exit]


def test_every_fault_is_documented_with_its_options() -> None:
    common = {field.name for field in msgspec.structs.fields(Fault)}
    kinds = {kind.__struct_config__.tag: kind for kind in AnyFault.__args__}
    known = {
        tag: {field.name for field in msgspec.structs.fields(kind)} - common
        for tag, kind in kinds.items()
    }
    table = {
        row[0].strip("`"): names(row[1]) for row in rows("docs/how-to/sandbox.md", "## Faults")
    }
    assert table == known
    assert common <= names(
        prose(ROOT / "docs/how-to/sandbox.md").partition("A fault hits")[2].partition("\n\n")[0]
    )


def test_every_control_endpoint_is_documented() -> None:
    with Sandbox(World()) as sandbox, urllib3.PoolManager() as http:
        known = set(http.request("GET", f"{sandbox.base_url}/_sandbox").json()["endpoints"])
    assert {
        row[0].strip("`") for row in rows("docs/how-to/sandbox.md", "## Control endpoints")
    } == known


def test_every_section_of_a_seed_is_documented() -> None:
    platforms = registry.SHELVES
    listed = prose(ROOT / "docs/how-to/sandbox.md").partition("\nSections: ")[2].partition(".")[0]
    assert re.findall(r"`(\w+)`", listed) == [
        shelf.name for shelf in SHELVES if shelf not in platforms
    ]


def test_every_field_of_the_state_is_documented() -> None:
    assert [
        row[0].strip("`") for row in rows("docs/explanation/state.md", "## What it holds")
    ] == list(StoredDocument.__struct_fields__)
    entry = {
        name
        for row in rows("docs/explanation/state.md", "The entry of each address has these fields:")
        for name in names(row[0])
    }
    assert entry == set(state_schema()["$defs"]["Entry"]["properties"])


def test_every_permission_of_doctor_is_documented_with_its_feature() -> None:
    listed = rows("docs/reference/twilio.md", "## What a key must be allowed")
    assert [what for row in listed for what in row[0].split(", ")] == [need.what for need in NEEDS]
    assert {row[1] for row in listed} == {need.feature for need in NEEDS}


def test_every_separate_risk_is_documented() -> None:
    source = (ROOT / "reconciler" / "report" / "analysis" / "risks.py").read_text(encoding="utf-8")
    rules = set(re.findall(r'"(plan/[\w-]+|apply/[\w-]+)"', source)) | {"drift"}
    assert {
        row[0].strip("`") for row in rows("docs/reference/reports.md", "## Risks as results")
    } == rules


def test_every_format_is_documented() -> None:
    assert [
        row[0].strip("`") for row in rows("docs/reference/reports.md", "## The formats")
    ] == list(FORMATS)
