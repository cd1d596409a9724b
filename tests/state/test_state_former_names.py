"""States, journals and former versions that an earlier version wrote are read: their fields had other names."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconciler.errors import StateError
from reconciler.model.desired import Options
from reconciler.model.entry import Entry
from reconciler.model.route import Webhook
from reconciler.state.format import journal
from reconciler.state.format.codec import Codec
from reconciler.state.format.document import decode, encode
from reconciler.state.format.former_names import CHANGED_ENTRIES
from reconciler.state.format.migrations import FORMAT
from reconciler.state.records import Drop, Put

ADDRESS = "number/+15550100101"
FORMER: dict[str, Any] = {
    "kind": "number",
    "account": "main",
    "sid": "PN1",
    "key": "+15550100101",
    "applied": {"voice": {"form": "webhooks", "url": "https://agents.example.com/voice"}},
    "options": {"agent": "support", "watch": True, "platform": "nix", "baseline": ["sms"]},
    "prior": {"voice_url": "https://before.example.net/"},
    "left": {"status": None},
}
"""An entry as format 1 and 2 wrote it."""
PRESENT = Entry(
    kind="number",
    account="main",
    sid="PN1",
    key="+15550100101",
    last_applied={"voice": Webhook("https://agents.example.com/voice")},
    options=Options(agent="support", observe_only=True, platform="nix", platform_written=("sms",)),
    prior={"voice_url": "https://before.example.net/"},
    previously_managed={"status": None},
)


def document(version: int, **changes: object) -> bytes:
    """A state document of format 1 or 2, byte for byte as that format was written."""
    head = {"format": version, "lineage": "one", "project": "acme", "saved": None, "serial": 3}
    entry = json.dumps(FORMER | changes, separators=(",", ":"))
    start = json.dumps(head, separators=(",", ":"))[:-1]
    text = f'{start},"resources":{{\n"{ADDRESS}":{entry}'
    closed = f"{text}\n}}}}\n".encode()
    if version == 1:
        return closed
    digest = hashlib.sha256(closed).hexdigest()
    return f'{text}\n}},"digest":"sha256:{digest}"}}\n'.encode()


@pytest.mark.parametrize("version", [1, 2])
def test_a_document_of_an_earlier_format_is_read(version: int) -> None:
    found = decode(document(version), "acme", "state.json")
    assert found.resources == {ADDRESS: PRESENT}
    assert (found.lineage, found.serial, found.format) == ("one", 3, FORMAT)


@pytest.mark.parametrize("version", [1, 2])
def test_former_names_are_written_in_the_current_format(version: int) -> None:
    again = encode(decode(document(version), "acme", "state.json"))
    written = json.loads(again)
    assert written["format"] == FORMAT
    assert set(written["resources"][ADDRESS]) & {"applied", "left"} == set()
    assert decode(again, "acme", "state.json").resources == {ADDRESS: PRESENT}


def test_a_changed_byte_of_an_earlier_format_is_damage() -> None:
    changed = document(2).replace(b"before.example.net", b"befora.example.net")
    with pytest.raises(StateError) as caught:
        decode(changed, "acme", "state.json")
    assert caught.value.diagnostics[0].code == "state_damaged"


def test_earlier_format_with_a_digest_needs_it() -> None:
    text = document(2)
    without = text[: text.rindex(b',"digest"')] + b"}\n"
    with pytest.raises(StateError) as caught:
        decode(without, "acme", "state.json")
    assert caught.value.diagnostics[0].code == "state_damaged"


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(("field", "value"), [("unknown", 1), ("sid", 7), ("applied", [])])
def test_name_that_no_version_wrote_is_damage(version: int, field: str, value: object) -> None:
    with pytest.raises(StateError) as caught:
        decode(document(version, **{field: value}), "acme", "state.json")
    assert caught.value.diagnostics[0].code == "state_damaged"


@pytest.mark.parametrize("version", [1, 2])
def test_duplicate_address_is_damage(version: int) -> None:
    """A merge that kept both sides."""
    text = document(version)
    line = text.split(b"\n")[1]
    doubled = text.replace(line, line + b",\n" + line, 1)
    if version == 2:
        closed = doubled[: doubled.rindex(b',"digest"')] + b"}\n"
        digest = hashlib.sha256(closed).hexdigest().encode()
        doubled = closed[:-2] + b',"digest":"sha256:' + digest + b'"}\n'
    with pytest.raises(StateError) as caught:
        decode(doubled, "acme", "state.json")
    assert "twice" in caught.value.diagnostics[0].detail


def test_rows_of_two_formats_beside_each_other_are_read() -> None:
    """PostgreSQL holds one row for each resource, and writes only the rows that change."""
    present = msgspec.structs.replace(PRESENT, key="+15550100102", sid="PN2")
    body = json.dumps(FORMER) + ',"number/+15550100102":' + msgspec.json.encode(present).decode()
    for version in (1, 2, FORMAT):
        text = (
            f'{{"format":{version},"lineage":"one","project":"acme","saved":null,"serial":3,'
            f'"resources":{{"{ADDRESS}":{body}}}}}'
        )
        found = decode(text.encode(), "acme", "db", check_digest=False).resources
        assert found == {ADDRESS: PRESENT, "number/+15550100102": present}


def test_a_journal_of_an_earlier_version_is_replayed() -> None:
    header, checksum = journal.header_line(
        journal.Header(1, "one", 3, "run", "2026-01-01T00:00:00Z")
    )
    records = [
        {"op": "put", "address": ADDRESS, "entry": FORMER},
        {"op": "drop", "address": "number/x"},
    ]
    line, _ = journal._line(
        b"records", json.dumps(records, separators=(",", ":")).encode(), checksum
    )
    found = journal.parse(header + line, "state.json.journal")
    assert found is not None
    assert found.records == [Put(ADDRESS, PRESENT), Drop("number/x")]


def test_records_and_former_versions_with_a_checksum_are_read() -> None:
    codec = Codec("acme")
    records = json.dumps([{"op": "put", "address": ADDRESS, "entry": FORMER}]).encode()
    assert codec.read_records(codec.seal(records), "state") == [Put(ADDRESS, PRESENT)]
    changed = json.dumps({ADDRESS: FORMER, "number/x": None}).encode()
    found = codec.value(codec.seal(changed), "state", CHANGED_ENTRIES)
    assert found == {ADDRESS: PRESENT, "number/x": None}


def test_the_names_are_those_of_the_present_format(tmp_path: Path) -> None:
    """The test fails when a field is renamed again without a step for the states that hold the old name."""
    fields = set(msgspec.json.decode(msgspec.json.encode(PRESENT)))
    assert {"last_applied", "previously_managed"} <= fields
    assert {"observe_only", "platform_written"} <= set(
        msgspec.json.decode(msgspec.json.encode(PRESENT.options))
    )


@pytest.mark.parametrize("name", ["state.schema.json", "plan-file.schema.json"])
def test_a_schema_describes_fields_by_their_present_names(name: str) -> None:
    """The descriptions come from docstrings, which a renaming of fields does not reach."""
    text = (Path(__file__).parents[2] / "schemas" / name).read_text(encoding="utf-8")
    former = ("applied", "left", "writes", "clears", "resumes", "unfolded", "refreshes", "left_out")
    assert [word for word in former if f"`{word}`" in text] == []
