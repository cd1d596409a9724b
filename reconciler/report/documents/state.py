"""Define and build the documents of `state mv`, `rm`, `push`, `pull`, `history` and `repair`, not
those of `state list` and `state show`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from reconciler.report.documents.types import Document
from reconciler.state.format.document import State, encode
from reconciler.state.records import StoredVersion
from reconciler.state.recovery.repair import Salvage


class StateDocument(Document, kw_only=True):
    """The common fields of these documents."""


class StateChange(msgspec.Struct, kw_only=True):
    """One address of state and what became of it."""

    address: str
    change: Literal["added", "changed", "removed"]


class StateChangeDocument(StateDocument, kw_only=True):
    """The output of `state mv`, `state rm` and `state push`. The version of `serial_before` stays in
    the history; `serial_after` is null when nothing was written: after a dry run, or because
    nothing changes.
    """

    dry_run: bool
    serial_before: int
    serial_after: int | None
    changes: list[StateChange]


class StateVersion(msgspec.Struct, kw_only=True):
    """One version that is kept; the author is null where it was not recorded."""

    serial: int
    at: str | None
    who: str | None
    run: str | None
    job_url: str | None


class StateHistoryDocument(StateDocument, kw_only=True):
    """The output of `state history`, the newest version first."""

    versions: list[StateVersion]


class StatePullDocument(StateDocument, kw_only=True):
    """The output of `state pull --json`; without `--json` it is the state alone, which `state push`
    takes.
    """

    state: dict[str, Any]


class StateRepairDocument(StateDocument, kw_only=True):
    """The output of `state repair`: which files are damaged, where they are now (empty: a dry run, or
    a file that was gone), and how many resources came from where. `changes` lists what differs from
    the version before, when the file can be read whole and does not match its digest: a hand edit,
    or a changed bit.
    """

    dry_run: bool
    damaged: list[str]
    aside: list[str]
    from_file: int
    from_history: int
    from_journal: int
    resources: int
    changes: list[StateChange]


def change_document(
    command: str, before: int, after: int | None, changes: Mapping[str, str], *, dry_run: bool
) -> StateChangeDocument:
    """Build the document of an edit by hand."""
    rows = _rows(changes)
    return StateChangeDocument(
        command=command,
        summary={"changes": len(rows)},
        dry_run=dry_run,
        serial_before=before,
        serial_after=after,
        changes=rows,
    )


def _rows(changes: Mapping[str, str]) -> list[StateChange]:
    return [
        msgspec.convert({"address": a, "change": change}, StateChange)
        for a, change in changes.items()
    ]


def history_document(kept: Sequence[StoredVersion]) -> StateHistoryDocument:
    """Build the list of stored versions."""
    versions: list[StateVersion] = []
    for version in kept:
        # Not every version records who saved it.
        saved = version.saved
        versions.append(
            StateVersion(
                serial=version.serial,
                at=saved.at if saved else None,
                who=saved.who if saved else None,
                run=saved.command if saved else None,
                job_url=saved.job_url if saved else None,
            )
        )
    return StateHistoryDocument(
        command="state history", summary={"versions": len(versions)}, versions=versions
    )


def pull_document(state: State) -> StatePullDocument:
    """Build a document with the state as one field."""
    summary = {"serial": state.serial, "lineage": state.lineage, "resources": len(state.resources)}
    return StatePullDocument(
        command="state pull", summary=summary, state=msgspec.json.decode(encode(state))
    )


def repair_document(
    saved: Salvage, aside: Sequence[Path] | None, *, dry_run: bool
) -> StateRepairDocument:
    """Build the document of a repair."""
    return StateRepairDocument(
        command="state repair",
        summary={"damaged": len(saved.damaged)},
        dry_run=dry_run,
        damaged=[path.name for path in saved.damaged],
        aside=[path.name for path in aside or ()],
        from_file=saved.from_file,
        from_history=saved.from_history,
        from_journal=saved.from_journal,
        resources=len(saved.state.resources),
        changes=_rows(saved.differences),
    )
