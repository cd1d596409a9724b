"""Create configuration files, refusing names that exist already, or replace one in a single atomic
step.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from reconciler.diagnostics import Diagnostic
from reconciler.errors import Refused

WIDEST_MODE = 0o644


def refuse_existing(paths: Iterable[Path]) -> None:
    """Raise Refused when one of these files exists."""
    existing = [_file_exists(path) for path in paths if path.exists()]
    if existing:
        raise Refused(*existing)


def create_file(path: Path, text: str) -> None:
    """Write a new file. Raises Refused when it exists."""
    part = _write_part(path, text)
    try:
        # A link fails where the file exists, in one step; a rename would replace it.
        os.link(part, path)
    except FileExistsError:
        raise Refused(_file_exists(path)) from None
    finally:
        part.unlink()


def replace_file(path: Path, text: str) -> None:
    """Write a file in one step, over any old version; a link to it stays.

    Its permissions stay too, except that nobody but the owner may write a configuration.
    """
    target = path.resolve()
    part = _write_part(target, text)

    try:
        if target.exists():
            part.chmod(target.stat().st_mode & WIDEST_MODE)
        part.replace(target)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def replace_files(contents: Mapping[Path, tuple[bytes, bytes]]) -> None:
    """Replace files, each from its old to its new bytes; all of them, or none.

    Raises Refused when a file has other bytes than the old ones, and OSError; what was replaced by
    then has its old bytes again.
    """
    parts: dict[Path, Path] = {}
    replaced: list[Path] = []
    try:
        # Everything that can fail comes before the first rename.
        for path, (_, after) in contents.items():
            target = path.resolve()
            parts[target] = _write_part(target, after.decode("utf-8"))
            parts[target].chmod(target.stat().st_mode & WIDEST_MODE)
        for path, (before, _) in contents.items():
            if path.read_bytes() != before:
                raise Refused(file_changed(path))
        for target, part in parts.items():
            part.replace(target)
            replaced.append(target)
    except BaseException:
        originals = {path.resolve(): before for path, (before, _) in contents.items()}
        for target in replaced:
            replace_file(target, originals[target].decode("utf-8"))
        raise
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def _write_part(path: Path, text: str) -> Path:
    """Write the text durably to a temporary file beside `path`, and return its path."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("x", encoding="utf-8", newline="") as file:
            os.chmod(part, part.stat().st_mode & WIDEST_MODE)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        part.unlink(missing_ok=True)
        raise
    return part


def _file_exists(path: Path) -> Diagnostic:
    return Diagnostic(
        code="file_exists",
        summary="File already exists",
        detail=f"{path} is not overwritten. Name another file, or pass --force if the command has it.",
        file=str(path),
    )


def file_changed(path: Path) -> Diagnostic:
    """Return the problem of a file that another process has changed."""
    return Diagnostic(
        code="file_changed",
        summary="A file has changed meanwhile",
        detail=f"{path} is not what it was when it was read, and is not overwritten. Run the command again.",
        file=str(path),
    )
