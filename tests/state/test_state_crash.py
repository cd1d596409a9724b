"""A power cut at any call, with any part of what was not synced lost: no binding and no prior value is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.model.entry import Entry
from reconciler.state.format.document import State, Version, decode, encode
from reconciler.state.records import Drop, Put, Record
from reconciler.state.stores.file import FileStore
from reconciler.state.stores.store import Store

from .faulty import FaultyFiles, Image, PowerCut
from .samples import address, entry, holder, state

Resources = dict[str, Entry]
Batches = list[list[Record]]

EMPTY = State(project="acme", lineage="one", serial=0, resources={})
INTENT: Batches = [
    [
        Put(address(7), entry(7, pending={"voice": None})),
        Put(address(1), entry(1, pending={"sms": None})),
    ],
]
OUTCOMES: Batches = [[Put(address(7), entry(7))], [Drop(address(2)), Put(address(1), entry(1))]]


class Witness:
    """Knows what the state must hold: what was last acknowledged, or that and what was under way."""

    def __init__(self, resources: Resources) -> None:
        self.certain = dict(resources)
        self.under_way = dict(resources)

    def expect(self, records: list[Record]) -> None:
        for record in records:
            if isinstance(record, Put):
                self.under_way[record.address] = record.entry
            else:
                self.under_way.pop(record.address, None)

    def acknowledge(self) -> None:
        self.certain = dict(self.under_way)


def run(store: Store, witness: Witness | None = None) -> None:
    """What apply does: intents, outcomes, fold; and a `state rm` at the end."""
    witness = witness or Witness({})
    with store.lock(holder()):
        journal = store.begin(store.load() or EMPTY)
        for batch in INTENT + OUTCOMES:
            witness.expect(batch)
            journal.append(batch)
            witness.acknowledge()
        final = journal.fold()
        witness.expect([Drop(address(7))])
        del final.resources[address(7)]
        store.save(final)
        witness.acknowledge()


def recover(store: Store) -> None:
    """The next run: begins upon what it finds, and ends at once."""
    with store.lock(holder()):
        store.begin(store.load() or EMPTY).fold()


def cuts(image: Image, path: Path, work: Callable[[FileStore], None]) -> Iterator[FaultyFiles]:
    """The file systems after a power cut at each call of the work in turn."""
    for stop_at in range(1, 1000):
        files = FaultyFiles(image, stop_at)
        try:
            work(FileStore(path, "acme", files=files))
        except PowerCut:
            yield files
        else:
            return
    pytest.fail("the work does not end")


def found(image: Image, path: Path) -> Resources:
    loaded = FileStore(path, "acme", files=FaultyFiles(image)).load()
    return loaded.resources if loaded else {}


def crashed(path: Path) -> Image:
    """A state beside the journal of a run that was killed between intent and outcome."""
    files = FaultyFiles({path: encode(base())})
    store = FileStore(path, "acme", files=files)
    with store.lock(holder()):
        store.begin(store.load() or base()).append(INTENT[0])
    return {each: inode.content for each, inode in files.names.items()}


def folded(path: Path) -> Image:
    """A state that its journal is folded into, and the journal still there."""
    journal = path.with_name("state.json.journal")
    files = FaultyFiles(before := crashed(path))
    recover(FileStore(path, "acme", files=files))
    return {path: files.names[path].content, journal: before[journal]}


def torn(path: Path) -> Image:
    journal = path.with_name("state.json.journal")
    return crashed(path) | {journal: crashed(path)[journal] + b'{"crc":"00'}


def base() -> State:
    return State(project="acme", lineage="one", serial=4, resources=state(3).resources)


BEGINNINGS: dict[str, Callable[[Path], Image]] = {
    "nothing": lambda path: {},
    "a state": lambda path: {path: encode(base())},
    "an unfolded journal": crashed,
    "a folded journal": folded,
    "a torn journal": torn,
    "a journal of nothing": lambda path: {
        path: encode(base()),
        path.with_name("state.json.journal"): b"",
    },
    "half a temporary file": lambda path: {
        path: encode(base()),
        path.with_name("state.json.new"): b'{"for',
    },
}


@pytest.fixture(params=BEGINNINGS)
def beginning(request: pytest.FixtureRequest, tmp_path: Path) -> Image:
    return BEGINNINGS[request.param](tmp_path / "state.json")


def test_power_cut_at_any_call_loses_no_acknowledged_record(
    beginning: Image, tmp_path: Path
) -> None:
    path = tmp_path / "state.json"
    witness = Witness({})

    def work(store: FileStore) -> None:
        witness.certain, witness.under_way = found(beginning, path), found(beginning, path)
        run(store, witness)

    seen = 0
    for files in cuts(beginning, path, work):
        for image in files.images():
            seen += 1
            assert found(image, path) in (witness.certain, witness.under_way)
    assert seen > 50


def test_power_cut_during_recovery_loses_no_acknowledged_record(
    beginning: Image, tmp_path: Path
) -> None:
    path = tmp_path / "state.json"
    known: dict[frozenset[tuple[Path, bytes]], Resources] = {}
    recovered: set[frozenset[tuple[Path, bytes]]] = set()

    def once(image: Image) -> Resources:
        key = frozenset(image.items())
        if key not in known:
            known[key] = found(image, path)
        return known[key]

    for files in cuts(beginning, path, run):
        for image in files.images():
            key = frozenset(image.items())
            if key not in recovered:
                recovered.add(key)
                before = once(image)
                for again in cuts(image, path, recover):
                    assert all(once(second) == before for second in again.images())


def test_after_any_power_cut_the_next_run_ends_in_the_same_state(
    beginning: Image, tmp_path: Path
) -> None:
    path = tmp_path / "state.json"
    files = FaultyFiles(beginning)
    run(FileStore(path, "acme", files=files))
    wanted = decode(files.names[path].content, "acme", "state.json").resources
    for cut in cuts(beginning, path, run):
        for image in cut.images():
            after = FaultyFiles(image)
            run(FileStore(path, "acme", files=after))
            assert decode(after.names[path].content, "acme", "state.json").resources == wanted
            assert path.with_name("state.json.journal") not in after.names
            assert path.with_name("state.json.new") not in after.names


def test_serial_never_identifies_two_different_states(beginning: Image, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    versions: dict[Version, Resources] = {}
    for files in cuts(beginning, path, run):
        for image in files.images():
            loaded = FileStore(path, "acme", files=FaultyFiles(image)).load()
            if loaded:
                assert versions.setdefault(loaded.version, loaded.resources) == loaded.resources


def test_keeps_the_previous_version_as_a_backup(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    files = FaultyFiles({path: encode(base())})
    run(FileStore(path, "acme", files=files))
    backup = decode(files.names[path.with_name("state.json.backup")].content, "acme", "backup")
    current = decode(files.names[path].content, "acme", "state.json")
    assert (backup.serial, current.serial) == (5, 6)
    assert address(7) in backup.resources


def test_backup_after_a_power_cut_equals_the_written_version(
    beginning: Image, tmp_path: Path
) -> None:
    path = tmp_path / "state.json"
    written: dict[int, Resources] = {}
    for files in cuts(beginning, path, run):
        for image in files.images():
            store = FileStore(path, "acme", files=FaultyFiles(image))
            for kept in store.history():
                version = store.version(kept.serial)
                assert version is not None
                assert written.setdefault(kept.serial, version.resources) == version.resources


def test_backup_is_durable_before_the_next_version_replaces_it(
    beginning: Image, tmp_path: Path
) -> None:
    path = tmp_path / "state.json"
    before = [
        kept.serial for kept in FileStore(path, "acme", files=FaultyFiles(beginning)).history()
    ]
    for files in cuts(beginning, path, run):
        for image in files.images():
            after = [
                kept.serial for kept in FileStore(path, "acme", files=FaultyFiles(image)).history()
            ]
            first, last = (before or [0])[-1], (after or [-1])[0]
            assert after == list(range(last, first - 1, -1))
