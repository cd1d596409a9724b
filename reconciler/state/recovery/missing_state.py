"""The state to work upon, and what is known when it is gone while former versions of it are still kept.

In goes a store, out comes a state, an empty one where there is none. A first run has no history, so only a state that
was taken away is told: what is bound then looks new, and would be imported with our own webhooks as the values from
before, so the newest version that is kept says what they were. Asks the store for its history only where there is no
state; repairs nothing.
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
from reconciler.state import problems
from reconciler.state.format.document import State, empty_state
from reconciler.state.records import StoredVersion
from reconciler.state.stores.store import Store


class MissingState(NamedTuple):
    """A state that is gone: where it was, the versions that are kept, and what the newest of them holds by address."""

    place: str
    versions: Sequence[StoredVersion]
    former: Mapping[str, Entry]

    @property
    def refusal(self) -> Diagnostic:
        """Why nothing can be done that needs it."""
        return problems.state_gone(self.place, self.versions, problems.STATE_NEEDED)

    def assess_plan(self, twice: Sequence[str], left_out: Sequence[str]) -> Diagnostic:
        """What a plan means nevertheless. Two things forbid it: addresses that it would make a second time, `twice`,
        and numbers that it leaves out, whose values from before nobody would look for any more.
        """
        if not twice and not left_out:
            found = problems.state_gone(self.place, self.versions, problems.PRIOR_VALUES_SAFE)
            return msgspec.structs.replace(found, severity="warning")
        meaning = (
            problems.explain_duplicates(twice)
            if twice
            else problems.explain_lost_prior_values(left_out)
        )
        return problems.state_gone(self.place, self.versions, meaning)


class LoadedState(NamedTuple):
    """What a plan is made upon. `gone` says that it is empty because the state is gone, `first` that there was none."""

    state: State
    missing: MissingState | None
    first: bool


def load_or_recover(store: Store, project: Project) -> LoadedState:
    """The state, and what is known of it when it is gone."""
    state, kept = _read(store)
    lost = MissingState(_place(project), kept, _newest(store, kept)) if kept else None
    return LoadedState(
        state or empty_state(project.name), lost, first=state is None and lost is None
    )


def load_for_reading(store: Store, project: Project) -> State:
    """The state, for whoever only looks at it. StateError when it is gone."""
    found = load_or_recover(store, project)
    if found.missing is not None:
        raise StateError(found.missing.refusal)
    return found.state


def load_for_writing(store: Store, project: Project) -> State:
    """The state, for whoever is about to change it. Raises Refused when it is gone."""
    found = load_or_recover(store, project)
    if found.missing is not None:
        raise Refused(found.missing.refusal)
    return found.state


def _read(store: Store) -> tuple[State | None, list[StoredVersion]]:
    """The state, or the former versions of one that is gone."""
    state = store.load()
    kept = [] if state is not None else store.history()
    if kept:
        state = store.load()  # asked again: it may have been written first since
    return state, kept if state is None else []


def _newest(store: Store, kept: Sequence[StoredVersion]) -> Mapping[str, Entry]:
    """What the newest version holds. StateError when it cannot be read: nothing else knows the values from before."""
    version = store.version(kept[0].serial)
    return version.resources if version is not None else {}


def _place(project: Project) -> str:
    """Where the state was: a path that can be copied, or an address without its parameters."""
    if "://" in project.state:
        return project.state.partition("?")[0]
    return str(project.base / Path(project.state).expanduser())
