"""List the names that a shell can complete: addresses, entries of sections, and versions of the
state.

Reads local files only: the configuration, and a state that is a local file. Errors in the
configuration are ignored; other errors are raised as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from reconciler.config.load.merge import Merged
from reconciler.config.variable_sources import VariableSources
from reconciler.state.atomic_files import Disk
from reconciler.state.format.document import HEAD_BYTES, read_head
from reconciler.state.stores.companions import local_path
from reconciler.state.stores.file_history import FormerVersions

_STATE = "./state.json"
_MOST_BYTES = 1 << 26
"""A larger state is not searched while somebody types."""
_SECTIONS = {
    "numbers": "number",
    "bridge_numbers": "bridge_number",
    "trunks": "trunk",
    "applications": "application",
    "messaging_services": "messaging_service",
    "agents": "agent",
}
"""Section → the kind with which the addresses of its entries begin."""


class KnownNames:
    """The names in the configuration with this entry file, and in its local state."""

    def __init__(self, folder: Path, file: str, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._entry = folder / file
        self._environ = environ

    @cached_property
    def _merged(self) -> Merged:
        """The sections of all files; errors in them are ignored."""
        sources = VariableSources(environ=self._environ)
        return Merged(self._entry, self._folder, sources)

    def names(self, section: str) -> list[str]:
        """Return the names of the entries of a section."""
        return list(self._merged.entries(section))

    def addresses(self) -> Iterator[str]:
        """Yield the addresses of what is declared, and of what is recorded."""
        for section, kind in _SECTIONS.items():
            for name in self.names(section):
                yield f"{kind}/{name}"
        yield from self.recorded()

    def recorded(self) -> Iterator[str]:
        """Yield the addresses in the local state."""
        path = self._state_path()
        if path is not None and path.stat().st_size <= _MOST_BYTES:
            state = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
            yield from state.get("resources", {})

    def versions(self) -> Iterator[tuple[str, str]]:
        """Yield serial and time of each version of the local state, the newest first."""
        path = self._state_path()
        if path is None:
            return
        present = read_head(Disk().read(path, HEAD_BYTES) or b"")
        if present is not None:
            yield str(present.serial), present.saved.at if present.saved else ""
        for version in FormerVersions(Disk(), path).list_versions():
            yield str(version.serial), version.saved.at if version.saved else ""

    def _state_path(self) -> Path | None:
        """Return the local state, if it is a regular file."""
        places = self._merged.parts.get("state", [])
        location = places[0].node if places else _STATE
        path = local_path(str(location), self._entry.parent)
        return path if path is not None and path.is_file() else None
