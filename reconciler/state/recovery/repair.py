"""Repair a damaged state file from its whole lines, the undamaged beginning of its journal, and
former versions.

Each resource has a line of its own, so damage in one place leaves all others readable. A resource
that is unreadable comes from the newest former version; so do all of them when the file is missing.
Nothing is deleted: damaged files are moved aside.

A document that is readable as a whole but does not match its digest (a hand edit, or a changed bit)
is accepted as it is. It is impossible to find out which of its values was changed, so the
differences to the version before are returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from reconciler.errors import StateError
from reconciler.model.entry import Entry
from reconciler.state.atomic_files import Disk, Files, write_whole
from reconciler.state.edit import list_changed
from reconciler.state.format import journal as lines
from reconciler.state.format.codec import Codec
from reconciler.state.format.document import State, empty_state, read_head
from reconciler.state.format.former_names import ENTRIES
from reconciler.state.format.rows import DECODE_ERRORS, RowError, check_address
from reconciler.state.records import Record, apply_records


class Salvage(msgspec.Struct, frozen=True):
    """The result of a repair: the state to write, and how many resources came from the file, from
    former versions and from the journal; the damaged files; for a document that only fails its
    digest, the differences to the version before.
    """

    state: State
    from_file: int
    from_history: int
    from_journal: int
    damaged: list[Path]
    differences: dict[str, str] = {}

    @property
    def is_needed(self) -> bool:
        """True when anything is damaged."""
        return bool(self.damaged)


def salvage_state(
    path: Path, codec: Codec, former: Sequence[State], files: Files | None = None
) -> Salvage:
    """Read a state file and its journal, and return what can be saved. Changes nothing.

    Raises StateError for problems other than damage: a missing key, another project, a newer
    format.
    """
    disk = files or Disk()
    data = disk.read(path)
    journal = disk.read(_journal(path))
    damaged = []
    edited: State | None = None
    try:
        state = codec.state(data, str(path)) if data is not None else None
    except StateError as error:
        _only_damage(error)
        damaged.append(path)
        state = None
        edited = _without_its_digest(data or b"", str(path), codec)
    if data is None and (former or journal is not None):
        damaged.append(path)  # it was there, and is gone

    last = former[0] if former else None
    whole = state or edited
    if whole is not None:
        found, missing = dict(whole.resources), {}
    else:
        found = _lines(data or b"")
        missing = (
            {a: e for a, e in last.resources.items() if a not in found} if last is not None else {}
        )
    differences = (
        list_changed(last.resources, found) if edited is not None and last is not None else {}
    )

    records, intact = _records(journal, whole, path, codec)
    if not intact:
        damaged.append(_journal(path))
    resources = {**found, **missing}
    apply_records(resources, records)
    saved = _next(whole or _beginning(data, last, codec.project), resources, damaged)
    return Salvage(saved, len(found), len(missing), len(records), damaged, differences)


def _without_its_digest(data: bytes, origin: str, codec: Codec) -> State | None:
    """Return the state in a document that does not match its digest; None when more than that is
    wrong.
    """
    try:
        return codec.state(data, origin, check_digest=False)
    except StateError:
        return None


def write_salvage(
    path: Path, saved: Salvage, suffix: str, codec: Codec, files: Files | None = None
) -> list[Path]:
    """Move the damaged files aside under names that end in `suffix`, and write the saved state.
    Needs the lock.
    """
    disk = files or Disk()
    aside: list[Path] = []
    for damaged in saved.damaged:
        content = disk.read(damaged)
        if content is not None:
            name = damaged.with_name(f"{damaged.name}.damaged-{suffix}")
            write_whole(disk, name, [content], temporary=name.with_name(f"{name.name}.new"))
            aside.append(name)

    # Only now, when all damaged content is safe under another name, is the state replaced.
    write_whole(disk, path, codec.blocks(saved.state), temporary=path.with_name(f"{path.name}.new"))
    disk.remove(_journal(path))
    return aside


def _journal(path: Path) -> Path:
    return path.with_name(f"{path.name}.journal")


def _only_damage(error: StateError) -> None:
    if any(problem.code != "state_damaged" for problem in error.diagnostics):
        raise error


def _lines(data: bytes) -> dict[str, Entry]:
    """Return every resource whose line is whole."""
    found: dict[str, Entry] = {}
    for line in data.split(b"\n")[1:]:
        try:
            on_line = ENTRIES.decode(b"{" + line.rstrip(b",") + b"}")
            for address, entry in on_line.items():
                check_address(address, entry.kind, entry.key, entry.parent)
        except (*DECODE_ERRORS, RowError):
            continue

        # All or nothing: a line with one damaged entry is not whole.
        found |= on_line
    return found


def _records(
    journal: bytes | None, state: State | None, path: Path, codec: Codec
) -> tuple[list[Record], bool]:
    """Return the records before the first damage that continue this state, and whether there is no
    damage.
    """
    if journal is None:
        return [], True

    # Leave out one more line each time, until the rest is undamaged.
    parts = journal.split(b"\n")
    for count in range(len(parts), 0, -1):
        try:
            leftover = lines.parse(b"\n".join([*parts[: count - 1], b""]), str(path), codec)
        except StateError as error:
            _only_damage(error)
            continue
        if leftover is None:
            return [], count >= len(parts)

        header = leftover.header
        if state is None or (header.lineage, header.serial) == (state.lineage, state.serial):
            return leftover.records, count == len(parts)

        # A journal of an earlier version is no damage: that version has been saved since.
        return [], header.lineage == state.lineage and header.serial < state.serial
    return [], False


def _beginning(data: bytes | None, last: State | None, project: str) -> State:
    """The version of the damaged state by its first line, if readable; else the one after the newest
    that is kept.
    """
    top = read_head(data or b"")
    known = last or empty_state(project)
    if top is None or not top.lineage:
        return msgspec.structs.replace(known, serial=known.serial + 1) if last else known
    return msgspec.structs.replace(known, lineage=top.lineage, serial=max(top.serial, known.serial))


def _next(state: State, resources: dict[str, Entry], damaged: Sequence[Path]) -> State:
    serial = state.serial + 1 if damaged else state.serial
    return msgspec.structs.replace(
        state, resources=resources, serial=serial, saved=None, journal_records=0
    )
