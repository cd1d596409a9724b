"""Move, remove, push and repair entries of the state by hand, under its lock, with a dry run; read
it, list its versions, free its lock. Never call Twilio.

Every change is the next version of the state, so the previous one is in its history. Prints
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from reconciler.config.project import Project
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError, StateError
from reconciler.state import edit
from reconciler.state.atomic_files import Disk
from reconciler.state.format.codec import Codec
from reconciler.state.format.document import State, decode, empty_state
from reconciler.state.records import StoredVersion
from reconciler.state.recovery import repair as repairing
from reconciler.state.recovery.missing_state import load_for_reading, load_for_writing
from reconciler.state.stores.file_history import FormerVersions
from reconciler.state.stores.holder import this_run
from reconciler.state.stores.leased import LeasedStore
from reconciler.state.stores.store import LockInfo, Store
from reconciler.workflows.recorded import find_entry
from reconciler.workflows.session import RunOptions, open_state_store, state_cipher
from reconciler.workflows.validate import validate


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an edit: the serial before and after (None: a dry run, or no change), and the
    changes by address.
    """

    before: int
    after: int | None
    changes: dict[str, str]


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a repair: what was saved, and where the damaged files are now (None: a dry run,
    or no damage).
    """

    saved: repairing.Salvage
    aside: list[Path] | None


def move(options: RunOptions, source: str, target: str, *, dry_run: bool) -> Operation:
    """Move a resource to another address. Raises ReconcilerError, StateLocked."""

    def change(state: State) -> State:
        return edit.with_resources(
            state, edit.move(state.resources, _find_address(state, source), target)
        )

    return _operate(options, change, dry_run)


def remove(options: RunOptions, addresses: Sequence[str], *, dry_run: bool) -> Operation:
    """Remove resources from the state, without a call to Twilio. Raises Refused for protected ones."""

    def change(state: State) -> State:
        return edit.with_resources(
            state, edit.drop(state.resources, [_find_address(state, a) for a in addresses])
        )

    return _operate(options, change, dry_run)


def push(options: RunOptions, file: Path, *, force: bool, dry_run: bool) -> Operation:
    """Write a document as the next version of the state. Raises Refused unless it continues the
    present one.

    The document may have been edited by hand, so its digest is not checked; the next version gets a
    new one. A missing state is restored, under a serial that none of its versions has had. `force`
    also replaces a damaged state, except in a file, which can be repaired.
    """
    pushed = decode(file.read_bytes(), validate(options).name, str(file), check_digest=False)

    def change(state: State) -> State:
        if not force:
            edit.check_push(state, pushed)
        beginning = state.version.is_same(empty_state(state.project).version)
        lineage = pushed.lineage if beginning else state.lineage
        return msgspec.structs.replace(
            edit.with_resources(state, pushed.resources), lineage=lineage
        )

    return _operate(options, change, dry_run, read=_or_empty, instead=pushed if force else None)


def pull(options: RunOptions, serial: int | None) -> State:
    """Return the state, or an earlier version of it. Raises ReconcilerError when it is not stored."""
    project, store = _open(options)
    state = load_for_reading(store, project) if serial is None else store.version(serial)
    if state is None:
        raise ReconcilerError(
            Diagnostic(
                code="version_not_kept",
                summary="Version of the state not found",
                detail=f"There is no version {serial}. `reconciler state history` lists the stored versions.",
            )
        )
    return state


def history(options: RunOptions) -> list[StoredVersion]:
    """Return the present version and the stored earlier ones, the newest first."""
    return _open(options)[1].history()


def repair(options: RunOptions, *, dry_run: bool) -> Repair:
    """Repair a damaged state file. Raises ReconcilerError for a state that is not in a file."""
    project, store = _open(options)
    path, codec = _path(project), Codec(project.name, state_cipher(options, project))
    with store.lock(
        this_run(options.command, options.now(), options.environ),
        options.lock_timeout,
        options.stop,
    ):
        saved = repairing.salvage_state(path, codec, _readable(store, path))
        if dry_run or not saved.is_needed:
            return Repair(saved=saved, aside=None)
        return Repair(
            saved=saved,
            aside=repairing.write_salvage(
                path, saved, options.clock().strftime("%Y%m%dT%H%M%SZ"), codec
            ),
        )


def _or_empty(store: Store, project: Project) -> State:
    """Return the state, or an empty one when it is missing: the pushed document replaces it."""
    return store.load() or empty_state(project.name)


def _operate(
    options: RunOptions,
    change: Callable[[State], State],
    dry_run: bool,
    read: Callable[[Store, Project], State] = load_for_writing,
    instead: State | None = None,
) -> Operation:
    """Change the resources under the lock, and save them as the next version.

    `instead` replaces a damaged state, where the store can overwrite one.
    """
    project, store = _open(options)
    with store.lock(
        this_run(options.command, options.now(), options.environ),
        options.lock_timeout,
        options.stop,
    ):
        try:
            state = read(store, project)
        except StateError as error:
            damaged = all(problem.code == "state_damaged" for problem in error.diagnostics)
            if instead is None or not damaged or not isinstance(store, LeasedStore):
                raise
            return _overwrite(store, instead, dry_run)

        after = change(state)
        changes = edit.list_changed(state.resources, after.resources)
        if dry_run or not changes:
            return Operation(before=state.serial, after=None, changes=changes)

        saved = store.save(after)
        return Operation(before=state.serial, after=saved.serial, changes=changes)


def _overwrite(store: LeasedStore, state: State, dry_run: bool) -> Operation:
    """Overwrite a damaged state. Its content is unknown, so every resource counts as added."""
    changes = edit.list_changed({}, state.resources)
    if dry_run:
        return Operation(before=state.serial, after=None, changes=changes)
    return Operation(before=state.serial, after=store.overwrite(state).serial, changes=changes)


def _open(options: RunOptions) -> tuple[Project, Store]:
    project = validate(options)
    return project, open_state_store(options, project)


def _find_address(state: State, address: str) -> str:
    """Return the address of a resource, also of a number given by its SID or E.164 alone."""
    entry = find_entry(state.resources, address)
    return next(known for known, other in state.resources.items() if other is entry)


def _path(project: Project) -> Path:
    if "://" in project.state:
        raise ReconcilerError(
            Diagnostic(
                code="repair_impossible",
                summary="Only a state file can be repaired",
                detail="Replace the damaged state with the newest version that can be read:\n"
                "  reconciler state history\n"
                "  reconciler state pull --serial SERIAL > good.json && reconciler state push --force good.json\n"
                "If no version can be read, push a copy of your own, from an earlier `state pull` or a backup of "
                "the database, bucket or server. A document behind HTTP that is damaged as a whole cannot be replaced: "
                "delete it on the server first.",
            )
        )
    return (project.base / Path(project.state).expanduser()).resolve()


def _readable(store: Store, path: Path) -> list[State]:
    """Return the earlier versions that can be read, the newest first."""
    found = []
    for kept in FormerVersions(Disk(), path).list_versions():
        try:
            state = store.version(kept.serial)
        except ReconcilerError:
            continue
        if state is not None:
            found.append(state)
    return found


def unlock(options: RunOptions, *, force: bool) -> LockInfo | None:
    """Free the lock of the state, and return it; None when it was not held. Raises StateLocked when
    it may be in use.
    """
    run = this_run(options.command, options.now(), options.environ)
    return open_state_store(options, validate(options)).unlock(run, force=force)
