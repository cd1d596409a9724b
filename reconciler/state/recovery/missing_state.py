"""Load the state; where it is missing but former versions exist, return these for a plan, and raise
an error for any other command.

Returns an empty state where there is none. A first run has no history, so a state that is absent
although its history exists has been lost. Every managed number then looks new and would be imported
with our own webhooks as prior values; the newest former version has the correct ones. Reads the
history only where there is no state; repairs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from reconciler.config.project import Project
from reconciler.diagnostics import Diagnostic
from reconciler.errors import Refused, StateError
from reconciler.model.entry import Entry
from reconciler.state.format.document import State, empty_state
from reconciler.state.records import StoredVersion
from reconciler.state.recovery.missing_state_message import (
    PRIOR_VALUES_SAFE,
    STATE_NEEDED,
    explain_duplicates,
    explain_lost_prior_values,
    state_gone,
)
from reconciler.state.stores.store import Store


class MissingState(NamedTuple):
    """A missing state: its place, the versions that are kept, and the entries of the newest one by
    address.
    """

    place: str
    versions: Sequence[StoredVersion]
    former: Mapping[str, Entry]

    @property
    def refusal(self) -> Diagnostic:
        """The error of a command that needs the state."""
        return state_gone(self.place, self.versions, STATE_NEEDED)

    def assess_plan(self, twice: Sequence[str], left_out: Sequence[str]) -> Diagnostic:
        """Return the warning of a plan without the state, or the error that forbids to apply it.

        Forbidden are a plan that would create addresses a second time (`twice`), and one that
        leaves out numbers whose prior values would be lost (`left_out`).
        """
        if not twice and not left_out:
            found = state_gone(self.place, self.versions, PRIOR_VALUES_SAFE)
            return msgspec.structs.replace(found, severity="warning")

        meaning = explain_duplicates(twice) if twice else explain_lost_prior_values(left_out)
        return state_gone(self.place, self.versions, meaning)


class LoadedState(NamedTuple):
    """The state for a plan. `missing` is set when it was lost, `first` when there never was one."""

    state: State
    missing: MissingState | None
    first: bool


def load_or_recover(store: Store, project: Project) -> LoadedState:
    """Load the state, and its former versions when it is missing."""
    state, kept = _read(store)
    lost = MissingState(_place(project), kept, _newest(store, kept)) if kept else None
    return LoadedState(
        state or empty_state(project.name), lost, first=state is None and lost is None
    )


def load_for_reading(store: Store, project: Project) -> State:
    """Load the state for a command that only reads. Raises StateError when it is missing."""
    found = load_or_recover(store, project)
    if found.missing is not None:
        raise StateError(found.missing.refusal)
    return found.state


def load_for_writing(store: Store, project: Project) -> State:
    """Load the state for a command that will write. Raises Refused when it is missing."""
    found = load_or_recover(store, project)
    if found.missing is not None:
        raise Refused(found.missing.refusal)
    return found.state


def _read(store: Store) -> tuple[State | None, list[StoredVersion]]:
    """Return the state, or the former versions of a missing one."""
    state = store.load()
    kept = [] if state is not None else store.history()
    if kept:
        # Load again: another run may have written the first version in between.
        state = store.load()
    return state, kept if state is None else []


def _newest(store: Store, kept: Sequence[StoredVersion]) -> Mapping[str, Entry]:
    """Return the entries of the newest version. Raises StateError when it is unreadable: only it
    has prior values.
    """
    version = store.version(kept[0].serial)
    return version.resources if version is not None else {}


def _place(project: Project) -> str:
    """Return the place of the state: a path that can be copied, or a URL without its parameters."""
    if "://" in project.state:
        return project.state.partition("?")[0]
    return str(project.base / Path(project.state).expanduser())
