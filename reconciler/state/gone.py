"""The state to work upon, and the objection when it is gone while former versions of it are still kept.

In goes a store, out comes a state, an empty one where there is none. A first run has no history, so only a state that
was taken away meets the objection: what is bound then looks new, and would be imported with our own webhooks as the
values from before. Asks the store for its history only where there is no state; repairs nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from reconciler.config.project import Project
from reconciler.diagnostics import Diagnostic
from reconciler.errors import Refused, StateError
from reconciler.state import problems
from reconciler.state.document import State, empty
from reconciler.state.store import Kept, Store


class Ground(NamedTuple):
    """What a plan is made upon; `gone` says that it is empty because the state is gone."""

    state: State
    gone: Diagnostic | None


def ground(store: Store, project: Project) -> Ground:
    """The state, and the refusal of changing anything upon it when it is gone."""
    state, kept = _read(store)
    return Ground(state or empty(project.name), problems.state_gone(_place(project), kept) if kept else None)


def there(store: Store, project: Project) -> State:
    """The state, for whoever only looks at it. StateError when it is gone."""
    found = ground(store, project)
    if found.gone is not None:
        raise StateError(found.gone)
    return found.state


def firm(store: Store, project: Project) -> State:
    """The state, for whoever is about to change it. Raises Refused when it is gone."""
    found = ground(store, project)
    if found.gone is not None:
        raise Refused(found.gone)
    return found.state


def _read(store: Store) -> tuple[State | None, list[Kept]]:
    """The state, or the former versions of one that is gone."""
    state = store.load()
    kept = [] if state is not None else store.history()
    if kept:
        state = store.load()  # asked again: it may have been written first since
    return state, kept if state is None else []


def _place(project: Project) -> str:
    """Where the state was: a path that can be copied, or an address without its parameters."""
    if "://" in project.state:
        return project.state.partition("?")[0]
    return str(project.base / Path(project.state).expanduser())
