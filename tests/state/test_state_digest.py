"""One changed bit anywhere in what a store keeps is an error, and never a value that is taken for what was written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconciler.errors import StateError
from reconciler.model.entry import Entry
from reconciler.model.route import ApplicationRoute
from reconciler.state.format.codec import Codec
from reconciler.state.format.document import State, decode, encode
from reconciler.state.format.journal import parse, replay
from reconciler.state.format.rows import DECODE_ERRORS
from reconciler.state.records import Drop, Put, Record
from reconciler.state.stores.file import FileStore
from reconciler.state.stores.http import HttpBacking
from reconciler.state.stores.http_envelope import (
    Envelope,
    FormerVersion,
    LastSeen,
    read_envelope,
    with_digest,
)
from reconciler.state.stores.postgres import PostgresBacking
from reconciler.state.stores.store import Store

from .conftest import Place
from .samples import NOW, address, entry, holder, state
from .test_state_document import without_digest

CODEC = Codec("acme")
CHILD = "origination_url/edge/sip:sbc1.example.com"
RECORDS: list[Record] = [Put(address(1), entry(1, pending={"voice": "x"})), Drop(address(2))]


def varied() -> State:
    """A state with every field that an entry may have."""
    full = entry(
        2,
        pending={"sms": ApplicationRoute("menu")},
        normalised={"voice": ["https://A.example/", "https://a.example/"]},
        previously_managed={"status": None},
        created=True,
        region="ie1",
        updated_at=NOW,
    )
    child = Entry(
        kind="origination_url",
        account="main",
        sid=f"OU{1:032x}",
        key="sip:sbc1.example.com",
        last_applied={"priority": 10},
        options=entry().options,
        parent="trunk/edge",
    )
    resources = {address(0): entry(0), address(2): full, CHILD: child}
    return msgspec.structs.replace(state(0), lineage="one", serial=4, resources=resources)


def changed_bits(data: bytes) -> Iterator[bytes]:
    """The data with each of its bits changed in turn."""
    for index in range(len(data)):
        for bit in range(8):
            yield data[:index] + bytes([data[index] ^ 1 << bit]) + data[index + 1 :]


def changed_bytes(data: bytes) -> Iterator[bytes]:
    """The data with each of its bytes in turn put to other ones that JSON has a meaning for, and with each removed.

    The last one stays: what is cut short was never acknowledged.
    """
    for index in range(len(data)):
        for other in b'0129aAzZ"\\,:{}[] \n+-./tfn':
            if data[index] != other:
                yield data[:index] + bytes([other]) + data[index + 1 :]
        if index < len(data) - 1:
            yield data[:index] + data[index + 1 :]


Change = Callable[[bytes], Iterator[bytes]]
CHANGES = pytest.mark.parametrize("change", [changed_bits, changed_bytes])


def refused(read: Callable[[bytes], object], data: bytes, change: Change) -> int:
    """How many of the changed data are refused; the others are read as what was written."""
    written, count = read(data), 0
    for wrong in change(data):
        try:
            assert read(wrong) == written, wrong
        except StateError as error:
            codes = {problem.code for problem in error.diagnostics}
            assert codes <= {
                "state_damaged",
                "state_too_new",
                "state_too_old",
                "state_wrong_project",
            }
            count += 1
    return count


@CHANGES
def test_changed_document_is_never_read_as_a_different_state(change: Change) -> None:
    data = encode(varied())
    assert refused(lambda data: decode(data, "acme", "state.json"), data, change) > len(data)


@CHANGES
def test_changed_journal_is_never_replayed_differently(change: Change, tmp_path: Path) -> None:
    """Every line of it was acknowledged, the last one too."""
    path = tmp_path / "state.json"
    store = FileStore(path, "acme")
    path.write_bytes(encode(varied()))
    with store.lock(holder()):
        journal = store.begin(varied())
        for record in RECORDS:
            journal.append([record])
    base = store.load()
    assert base is not None
    assert base.journal_records == 2
    data = (tmp_path / "state.json.journal").read_bytes()
    version = CODEC.state(path.read_bytes(), "state.json")

    def read(data: bytes) -> State:
        leftover = parse(data, "state.json.journal", CODEC)
        return replay(version, leftover, "state.json.journal") if leftover else version

    assert read(data).resources == base.resources
    assert refused(read, data, change) > len(data)


@CHANGES
def test_changed_records_of_other_stores_are_never_read_as_others(change: Change) -> None:
    data = CODEC.records(RECORDS)
    assert refused(lambda data: CODEC.read_records(data, "place"), data, change) > len(data)


@CHANGES
def test_changed_row_is_never_read_as_a_different_row(change: Change) -> None:
    """The address stands in a column of its own, and must fit what the row says."""
    decoder = msgspec.json.Decoder(Entry)

    def read(data: bytes) -> Entry:
        try:
            return decoder.decode(CODEC.unseal(data, "place"))
        except DECODE_ERRORS as error:  # reading the document of all rows reports it so
            assert not data.startswith(b'{"crc":"')
            raise StateError from error

    data = CODEC.seal(msgspec.json.encode(entry(1)))
    assert refused(read, data, change) > len(data)


@CHANGES
def test_changed_envelope_is_never_read_as_a_different_one(change: Change) -> None:
    former = FormerVersion(3, None, msgspec.Raw(CODEC.seal(b"{}")))
    body = Envelope(
        project="acme",
        lineage="one",
        serial=12,
        heard=LastSeen("run", 1_800_000_000.5),
        former=[former],
    )
    body = msgspec.structs.replace(body, journal=[msgspec.Raw(CODEC.records(RECORDS))])
    decoder = msgspec.json.Decoder(dict[str, Entry | None])

    def read(data: bytes) -> object:
        found = read_envelope(data, "acme", "place")
        try:
            batches = [CODEC.read_records(bytes(batch), "place") for batch in found.journal]
            kept = [
                (each.serial, CODEC.value(bytes(each.changed), "place", decoder))
                for each in found.former
            ]
        except DECODE_ERRORS as error:
            raise StateError from error
        return found.lineage, found.serial, found.heard, batches, kept

    data = msgspec.json.encode(with_digest(body))
    assert refused(read, data, change) > len(data)


def test_reserialised_value_has_the_same_digest() -> None:
    decoder = msgspec.json.Decoder(Entry)
    stored = json.dumps(
        json.loads(CODEC.seal(msgspec.json.Encoder(order="deterministic").encode(entry(1)))),
        indent=1,
    )
    assert CODEC.value(stored.encode(), "place", decoder) == entry(1)
    with pytest.raises(StateError, match="checksum"):
        CODEC.value(stored.replace("before.example", "behind.example").encode(), "place", decoder)


def test_reads_a_state_without_a_digest_and_adds_one(file: Path) -> None:
    file.write_bytes(without_digest(encode(varied())))
    store = FileStore(file, "acme")
    found = store.load()
    assert found is not None
    assert found.resources == varied().resources
    assert b"digest" not in file.read_bytes()
    with store.lock(holder()):
        store.save(found)
    assert b'},"digest":"sha256:' in file.read_bytes()
    assert FileStore(file, "acme").load() is not None


def test_refuses_the_current_format_without_a_digest() -> None:
    with pytest.raises(StateError, match="digest"):
        decode(without_digest(encode(varied()), 2), "acme", "state.json")


def test_reads_the_previous_format_and_writes_checksums(
    plain_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All stores: two versions and a journal, as they were written before there were digests and checksums."""
    with monkeypatch.context() as before:
        before.setattr(Codec, "seal", lambda self, text: text)
        before.setattr(
            Codec, "blocks", lambda self, document: iter([without_digest(encode(document))])
        )
        before.setattr(
            "reconciler.state.stores.http.with_digest",
            lambda body: msgspec.structs.replace(body, reconciler=1),
        )
        store = plain_place.open()
        with store.lock(holder()):
            assert store.load() is None
            first = store.save(state(3))
            second = store.save(msgspec.structs.replace(first, resources=state(4).resources))
            store.begin(second).append([Put(address(4), entry(4))])

    after = plain_place.open()
    found = after.load()
    assert found is not None
    assert found.resources == state(5).resources
    former = after.version(first.serial)
    assert former is not None
    assert former.resources == state(3).resources
    with after.lock(holder()):
        now = after.load()
        assert now is not None
        after.begin(now).fold()
    assert stored(after)
    last = plain_place.open().load()
    assert last is not None
    assert last.resources == state(5).resources
    former = plain_place.open().version(second.serial)
    assert former is not None
    assert former.resources == state(4).resources


def stored(store: Store) -> bool:
    """Whether everything of the present version has a digest or a checksum; compressed data has one."""
    if isinstance(store, FileStore):
        return b'"digest":"sha256:' in store._path.read_bytes()
    backing = store._backing  # type: ignore[attr-defined]
    if isinstance(backing, PostgresBacking):
        backing.read()
        backing.close()
        return not backing._outdated
    if isinstance(backing, HttpBacking):
        there = backing._get()
        return there.digest is not None and b'"zlib:' in bytes(there.state)
    return b'"zlib:' in backing._bucket.get(backing._key).data


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({address(1): entry(2)}, "does not fit its kind and key"),
        ({address(1): entry(1, kind="bridge_number")}, "does not fit its kind and key"),
        ({"trunk/edge": entry(1, kind="application")}, "does not fit its kind"),
        (
            {CHILD: entry(1, kind="origination_url", parent="trunk/core")},
            "does not fit its key and parent",
        ),
        (
            {"registration/nix/+15550000001": entry(2, kind="registration")},
            "does not fit its key and parent",
        ),
    ],
)
def test_mismatched_address_is_damage_even_with_a_valid_digest(
    wrong: dict[str, Entry], reason: str
) -> None:
    with pytest.raises(StateError, match=reason) as caught:
        decode(encode(msgspec.structs.replace(varied(), resources=wrong)), "acme", "state.json")
    assert caught.value.diagnostics[0].code == "state_damaged"


@pytest.mark.parametrize("digest", [True, False])
def test_unknown_kind_is_a_newer_version_or_damage(digest: bool) -> None:
    other = {"pigeon/a": entry(1, kind="pigeon")}
    data = encode(msgspec.structs.replace(varied(), resources=other))
    with pytest.raises(StateError) as caught:
        decode(data if digest else without_digest(data), "acme", "state.json")
    assert caught.value.diagnostics[0].code == ("state_too_new" if digest else "state_damaged")


def places_of(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The place of every leaf of a document."""
    if isinstance(value, dict | list) and value:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, below in pairs:
            yield from places_of(below, (*path, key))
        return
    yield path


def changed_at(document: Any, path: tuple[str | int, ...], change: Callable[[Any], Any]) -> Any:
    """A copy of the document with the leaf at this place changed."""
    copy = json.loads(json.dumps(document))
    above = copy
    for key in path[:-1]:
        above = above[key]
    above[path[-1]] = change(above[path[-1]])
    return copy


def another(value: Any) -> Any:
    """Another value of the same type, as an edit or a changed byte would leave it."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return f"{value[:-1]}y" if value and not value.endswith("y") else f"{value}z"
    return "x" if value is None else {"added": "x"} if value == {} else ["x"]


LEAVES = {
    "another value": another,
    "null": lambda value: None if value is not None else "x",
    "empty": lambda value: "",
}


@pytest.mark.parametrize("change", LEAVES.values(), ids=LEAVES.keys())
def test_a_changed_leaf_is_damage(change: Callable[[Any], Any]) -> None:
    """Every field of every kind of value, with the digest left as it was; also as another program writes JSON."""
    document = json.loads(encode(varied()))
    places = [path for path in places_of(document) if path != ("digest",)]
    assert len(places) > 40
    encoders = (lambda wrong: json.dumps(wrong).encode(), msgspec.json.encode)
    for path in places:
        wrong = changed_at(document, path, change)
        if wrong == document:
            continue
        for encoded in encoders:
            with pytest.raises(StateError) as caught:
                decode(encoded(wrong), "acme", "state.json")
            expected = {
                ("project",): {"state_wrong_project", "state_damaged"},
                ("format",): {"state_too_new"},
            }
            codes = {problem.code for problem in caught.value.diagnostics}
            assert codes <= {"state_damaged"} | expected.get(path, set()), path


def test_missing_or_added_resource_is_damage() -> None:
    document = json.loads(encode(varied()))
    resources = document["resources"]
    for missing in resources:
        without = {
            **document,
            "resources": {name: each for name, each in resources.items() if name != missing},
        }
        with pytest.raises(StateError, match="state_damaged"):
            decode(msgspec.json.encode(without), "acme", "state.json")
    trunk = {**resources[address(0)], "kind": "trunk", "key": "edge.pstn.twilio.com"}
    more = {**resources, "trunk/new": trunk}
    with pytest.raises(StateError, match="state_damaged"):
        decode(msgspec.json.encode({**document, "resources": more}), "acme", "state.json")
