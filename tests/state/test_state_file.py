"""What is particular to a state in a file: names, permissions, links, refusals of the file system, kill -9."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.errors import Exit, StateError
from reconciler.state.atomic_files import Disk
from reconciler.state.format.document import State, decode, empty_state, encode
from reconciler.state.records import Drop, Put
from reconciler.state.stores.file import FileStore
from reconciler.state.stores.open import open_store

from .samples import StoppedClock, address, entry, holder, state


def write(file: Path, count: int = 2) -> State:
    store = FileStore(file, "acme")
    with store.lock(holder()):
        return store.save(state(count))


def refusal(file: Path) -> str:
    with pytest.raises(StateError) as caught:
        FileStore(file, "acme").load()
    problem = caught.value.diagnostics[0]
    assert caught.value.exit is Exit.FAILED
    return f"{problem.code}: {problem.detail}"


def names(file: Path) -> set[str]:
    return {path.name for path in file.parent.iterdir()}


def test_a_path_is_taken_from_the_folder_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    store = open_store("./deep/my.json", tmp_path, "acme")
    with store.lock(holder()):
        store.save(state(1))
    assert (tmp_path / "deep" / "my.json").exists()


@pytest.mark.parametrize("scheme", ["ftp", "redis"])
def test_an_unknown_kind_of_store_is_refused_without_repeating_its_password(
    scheme: str, tmp_path: Path
) -> None:
    with pytest.raises(StateError) as caught:
        open_store(f"{scheme}://user:hunter2@host/state", tmp_path, "acme")
    problem = caught.value.diagnostics[0]
    assert problem.code == "state_backend_missing"
    assert scheme in problem.detail
    assert "hunter2" not in str(caught.value)


def test_creates_the_expected_files(file: Path) -> None:
    write(file)
    assert names(file) == {"state.json", "state.json.lock"}
    store = FileStore(file, "acme")
    with store.lock(holder()):
        journal = store.begin(store.load() or empty_state("acme"))
        assert names(file) == {"state.json", "state.json.lock", "state.json.journal"}
        journal.append([Drop(address(0))])
        journal.fold()
    assert names(file) == {
        "state.json",
        "state.json.lock",
        "state.json.backup",
        "state.json.history",
    }
    assert decode(file.with_name("state.json.backup").read_bytes(), "acme", "backup").serial == 1


def test_all_files_are_private(file: Path) -> None:
    write(file)
    store = FileStore(file, "acme")
    with store.lock(holder()):
        store.begin(store.save(store.load() or empty_state("acme")))
    assert {path.name: path.stat().st_mode & 0o777 for path in file.parent.iterdir()} == {
        "state.json": 0o600,
        "state.json.lock": 0o600,
        "state.json.backup": 0o600,
        "state.json.journal": 0o600,
        "state.json.history": 0o700,
    }


def test_keeps_permissions_that_someone_widened(file: Path) -> None:
    write(file)
    file.chmod(0o660)
    store = FileStore(file, "acme")
    with store.lock(holder()):
        store.begin(store.save(store.load() or empty_state("acme")))
    modes = {path.name: path.stat().st_mode & 0o777 for path in file.parent.rglob("*")}
    assert modes.pop("state.json.history") == 0o770
    assert set(modes.values()) == {0o660}


def test_a_link_to_the_state_stays_a_link(file: Path) -> None:
    link = file.with_name("link.json")
    link.symlink_to(file)
    write(link)
    assert link.is_symlink()
    assert file.exists()


def test_a_file_system_without_hard_links_has_no_backup(file: Path) -> None:
    class NoLinks(Disk):
        def link(self, source: Path, target: Path) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

    store = FileStore(file, "acme", files=NoLinks())
    with store.lock(holder()):
        store.save(store.save(state(1)))
    assert names(file) == {"state.json", "state.json.lock", "state.json.history"}
    assert [kept.serial for kept in store.history()] == [2]


def test_a_former_version_is_a_second_name_and_no_copy(file: Path) -> None:
    first = write(file)
    inode = file.stat().st_ino
    store = FileStore(file, "acme")
    with store.lock(holder()):
        store.save(first)
    assert (file.with_name("state.json.history") / "000000001.json").stat().st_ino == inode


def test_keeps_foreign_files_in_the_history_folder(file: Path) -> None:
    first = write(file)
    folder = file.with_name("state.json.history")
    folder.mkdir()
    (folder / "notes.txt").write_text("x")
    (folder / "000000000.json").write_text("no document")
    store = FileStore(file, "acme")
    with store.lock(holder()):
        store.save(first)
    assert [kept.serial for kept in store.history()] == [2, 1]
    assert (folder / "notes.txt").exists()


def test_missing_folder_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "state.json"
    assert "there is no folder" in refusal(file)
    with (
        pytest.raises(StateError, match="there is no folder"),
        FileStore(file, "acme").lock(holder()),
    ):
        pytest.fail("there is no lock")


def test_refuses_a_folder_in_place_of_the_state(file: Path) -> None:
    file.mkdir()
    assert refusal(file).startswith("state_unreadable")


@pytest.mark.skipif(os.name == "nt", reason="there it is no path")
def test_does_not_read_a_device_in_place_of_the_state(file: Path) -> None:
    file.symlink_to(os.devnull)
    assert "it is not a file" in refusal(file)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"\n", "the file is empty"),
        (b"not json", "line 1, column"),
        (b"\xff\xfe", "line 1, column 1"),
        (b"[]", "Expected `object`, got `array`"),
        (b"{}", "missing required field"),
        (b"<<<<<<< HEAD\n{}", "merge conflict"),
    ],
)
def test_reports_a_damaged_state_and_leaves_it_unchanged(
    file: Path, content: bytes, reason: str
) -> None:
    file.write_bytes(content)
    message = refusal(file)
    assert message.startswith(f"state_damaged: {file}")
    assert reason in message
    assert ".backup" in message
    assert file.read_bytes() == content


def test_a_journal_without_its_state_is_damage(file: Path) -> None:
    store = FileStore(file, "acme")
    with store.lock(holder()):
        store.begin(empty_state("acme")).append([Put(address(1), entry(1))])
    file.unlink()
    assert "is gone" in refusal(file)


def test_an_older_state_put_back_beside_a_journal_is_damage(file: Path) -> None:
    first = write(file)
    old = file.read_bytes()
    store = FileStore(file, "acme")
    with store.lock(holder()):
        store.begin(store.save(store.load() or first)).append([Put(address(1), entry(1))])
    file.write_bytes(old)
    assert "is older" in refusal(file)


def test_plan_sees_a_fold_between_its_two_reads_completely(file: Path) -> None:
    base = write(file)
    runner = FileStore(file, "acme")

    class Meanwhile(Disk):
        reads = 0

        def read(self, path: Path) -> bytes | None:
            if self.reads == 1:
                journal.fold()
            self.reads += 1
            return super().read(path)

    with runner.lock(holder()):
        journal = runner.begin(base)
        journal.append([Put(address(9), entry(9))])
        seen = FileStore(file, "acme", files=Meanwhile()).load()
    assert seen is not None
    assert address(9) in seen.resources


class FullDisk(Disk):
    """Takes so many bytes and no more."""

    def __init__(self) -> None:
        self.room = 10**9

    def write(self, handle: int, data: bytes) -> None:
        super().write(handle, data[: self.room])
        self.room -= len(data)
        if self.room < 0:
            self.room = 0
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_the_old_state(file: Path) -> None:
    base = write(file)
    disk = FullDisk()
    store = FileStore(file, "acme", files=disk)
    disk.room = 50
    with store.lock(holder()), pytest.raises(StateError, match="No space left") as caught:
        store.save(base)
    assert caught.value.diagnostics[0].code == "state_unwritable"
    assert FileStore(file, "acme").load() == base
    assert "state.json.new" not in names(file)


def test_saves_outcomes_once_a_full_disk_has_space(file: Path) -> None:
    base = write(file)
    disk = FullDisk()
    store = FileStore(file, "acme", files=disk)
    with store.lock(holder()):
        journal = store.begin(base)
        journal.append([Put(address(5), entry(5))])
        disk.room = 20
        with pytest.raises(StateError, match="No space left"):
            journal.append([Put(address(6), entry(6))])
        disk.room = 10**9
        with pytest.raises(StateError, match="earlier write failed"):
            journal.append([Put(address(7), entry(7))])
        seen = FileStore(file, "acme").load()
        assert seen is not None
        assert address(5) in seen.resources
        assert address(6) not in seen.resources
        final = journal.fold()
    assert {address(5), address(6), address(7)} <= set(final.resources)
    assert FileStore(file, "acme").load() == final


APPEND = """
import sys
from pathlib import Path
from reconciler.model.desired import Options
from reconciler.model.entry import Entry
from reconciler.state.format.document import empty_state
from reconciler.state.stores.file import FileStore
from reconciler.state.stores.holder import this_run
from reconciler.state.records import Put
store = FileStore(Path(sys.argv[1]), "acme")
with store.lock(this_run("apply", "now")):
    journal = store.begin(store.load() or empty_state("acme"))
    for number in range(100_000):
        entry = Entry("number", "main", "PN", str(number), {}, Options(), prior={"voice_url": "https://before.example"})
        journal.append([Put(f"number/{number}", entry)])
        print(number, flush=True)
"""


def test_killed_process_leaves_all_acknowledged_records(file: Path) -> None:
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", APPEND, str(file)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(20)]
        process.kill()
        told += process.stdout.readlines()
        process.stdout.close()
        process.wait()
        numbers = {f"number/{line.strip()}" for line in told if line.endswith("\n")}
        store = FileStore(file, "acme")
        with store.lock(holder()):
            found = store.load()
            assert found is not None
            assert numbers <= set(found.resources)
            final = store.begin(found).fold()
        assert final.resources == found.resources
        assert "state.json.journal" not in names(file)


def test_order_of_records_does_not_change_the_bytes(file: Path) -> None:
    contents = set()
    for order in (1, -1):
        other = file.with_name(f"{order}.json")
        other.write_bytes(encode(State(project="acme", lineage="one", serial=1, resources={})))
        store = FileStore(other, "acme", clock=StoppedClock())
        with store.lock(holder()):
            journal = store.begin(store.load() or empty_state("acme"))
            for last in list(range(5))[::order]:
                journal.append([Put(address(last), entry(last))])
            journal.fold()
        contents.add(other.read_bytes())
    assert len(contents) == 1
