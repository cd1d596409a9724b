"""A file system of dictionaries on which the power can go out at any call, and all that may be on its disk then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

Image = dict[Path, bytes]
Change = Callable[[dict[Path, "Inode"]], object]


class PowerCut(BaseException):
    """The process is gone: nothing but the test may catch it."""


class Inode:
    """A file without its names."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = content  # as processes see it
        self.synced = content  # as the disk has it for certain

    def possible(self) -> list[bytes]:
        """What the disk may hold: of what was not synced nothing, half, all, or its end alone."""
        new = self.content[len(self.synced) :]
        if not new:
            return [self.synced]
        half = len(new) // 2
        return [
            self.synced + part
            for part in (b"", new[:half], new, b"\0" * half + new[half:], b"\0" * 8 + new[8:])
        ]


class FaultyFiles:
    """`Files` that stop at call number `stop_at`, in the middle of it."""

    def __init__(self, image: Image, stop_at: int | None = None) -> None:
        self.names = {path: Inode(content) for path, content in image.items()}
        self.handles: dict[int, Inode] = {}
        self.calls = 0
        self.stop_at = stop_at
        self._on_disk = dict(self.names)
        self._unsynced: list[tuple[Path, Change]] = []  # changes of names, each in a folder

    def images(self) -> Iterator[Image]:
        """All that a restart may find: any of the names not synced, each with any content it may have."""
        seen = set()
        for names in self._possible_names():
            for choice in range(5):
                contents = {path: inode.possible() for path, inode in names.items()}
                image = {
                    path: options[min(choice, len(options) - 1)]
                    for path, options in contents.items()
                }
                key = tuple(sorted(image.items()))
                if key not in seen:
                    seen.add(key)
                    yield image

    def _possible_names(self) -> Iterator[dict[Path, Inode]]:
        for count in range(len(self._unsynced) + 1):
            for changes in combinations(self._unsynced, count):
                names = dict(self._on_disk)
                for _, change in changes:
                    change(names)
                yield names

    def _call(self) -> None:
        if self.stop_at is not None and self.calls >= self.stop_at:
            raise PowerCut
        self.calls += 1

    def _end(self) -> None:
        if self.calls == self.stop_at:
            raise PowerCut

    def _rename(self, path: Path, change: Change) -> None:
        self._call()
        change(self.names)
        self._unsynced.append((path.parent, change))
        self._end()

    def read(self, path: Path, most: int = -1) -> bytes | None:
        self._call()
        self._end()
        return (
            self.names[path].content[: most if most >= 0 else None] if path in self.names else None
        )

    def create(self, path: Path, like: Path) -> int:
        if path in self.names:
            raise FileExistsError(path)
        inode = Inode()
        self._rename(path, lambda names: names.update({path: inode}))
        self.handles[len(self.handles)] = inode
        return len(self.handles) - 1

    def write(self, handle: int, data: bytes) -> None:
        self._call()
        self.handles[handle].content += data
        self._end()

    def sync(self, handle: int) -> None:
        self._call()
        self._end()
        self.handles[handle].synced = self.handles[handle].content

    def close(self, handle: int) -> None:
        self._call()
        self._end()

    def replace(self, source: Path, target: Path) -> None:
        inode = self.names[source]

        def change(names: dict[Path, Inode]) -> None:
            names.pop(source, None)
            names[target] = inode

        self._rename(target, change)

    def link(self, source: Path, target: Path) -> None:
        if source not in self.names:
            raise FileNotFoundError(source)
        inode = self.names[source]
        self._rename(target, lambda names: names.update({target: inode}))

    def remove(self, path: Path) -> None:
        if path in self.names:
            self._rename(path, lambda names: names.pop(path, None))

    def sync_folder(self, folder: Path) -> None:
        self._call()
        self._end()
        for parent, change in self._unsynced:
            if parent == folder:
                change(self._on_disk)
        self._unsynced = [(parent, change) for parent, change in self._unsynced if parent != folder]

    def make_folder(self, folder: Path, like: Path) -> None:
        self._call()
        self._end()

    def listing(self, folder: Path) -> list[str]:
        return sorted(path.name for path in self.names if path.parent == folder)
