"""Keep, list and prune the former versions of a state file in a folder beside it, as second names
(hard links) of files that are about to be replaced.

Takes the path of the present version and returns versions by serial. A version costs a hard link,
whatever its size; a file system without links keeps none. Knows nothing of journals or locks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from reconciler.state.atomic_files import Files
from reconciler.state.format.document import HEAD_BYTES, read_head
from reconciler.state.records import StoredVersion
from reconciler.state.stores.store import KEPT_VERSIONS

_NAME = re.compile(r"[0-9]{9,}\.json")


class FormerVersions:
    """The last versions before the one in `path`."""

    def __init__(self, files: Files, path: Path) -> None:
        self._files = files
        self._path = path
        self._folder = path.with_name(f"{path.name}.history")

    def keep(self, serial: int) -> None:
        """Give the present version, which has this serial, a second name."""
        name = self.path_of(serial)
        with suppress(OSError):
            self._files.make_folder(self._folder, self._path)
            self._files.remove(name)
            self._files.link(self._path, name)
            self._files.sync_folder(self._folder)

    def prune(self) -> None:
        """Delete all but the last `KEPT_VERSIONS`."""
        with suppress(OSError):
            for name in self._names()[:-KEPT_VERSIONS]:
                self._files.remove(self._folder / name)

    def list_versions(self) -> Iterator[StoredVersion]:
        """Yield the former versions, the newest first."""
        for name in reversed(self._names()):
            found = read_head(self._files.read(self._folder / name, HEAD_BYTES) or b"")
            if found is not None:
                yield StoredVersion(found.serial, found.saved)

    def path_of(self, serial: int) -> Path:
        """Return the path at which the version of this serial is kept, if it is."""
        return self._folder / f"{serial:09d}.json"

    def _names(self) -> list[str]:
        return [name for name in self._files.listing(self._folder) if _NAME.fullmatch(name)]
