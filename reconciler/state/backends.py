"""From the `state` of a configuration to the store that keeps it; each kind of store has a module of its own."""

from __future__ import annotations

from pathlib import Path

from reconciler.state import problems
from reconciler.state.file import FileStore
from reconciler.state.store import Store


def open_store(location: str, base: Path, project: str) -> Store:
    """The store at this location, a path from `base` or a URL; StateError `state_backend_missing` for the latter."""
    scheme, url, _ = location.partition("://")
    if url:
        raise problems.state_backend_missing(scheme)
    return FileStore(base / Path(location).expanduser(), project)
