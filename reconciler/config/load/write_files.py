"""Writing configuration files: whole or not at all, and never over a file that nobody meant to replace."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from reconciler.diagnostics import Diagnostic
from reconciler.errors import Refused

WIDEST_MODE = 0o644


def refuse_existing(paths: Iterable[Path]) -> None:
    """Raise Refused when one of these files is there."""
    there = [_exists(path) for path in paths if path.exists()]
    if there:
        raise Refused(*there)


def create_file(path: Path, text: str) -> None:
    """Write a file that is not there yet. Raises Refused when it is."""
    part = _part(path, text)
    try:
        os.link(part, path)
    except FileExistsError:
        raise Refused(_exists(path)) from None
    finally:
        part.unlink()


def replace_file(path: Path, text: str) -> None:
    """Write a file in one step, in the place of what may be there; a link to it stays.

    Its permissions stay as well, except those that a configuration must not have: nobody else may write it.
    """
    target = path.resolve()
    part = _part(target, text)
    try:
        if target.exists():
            part.chmod(target.stat().st_mode & WIDEST_MODE)
        part.replace(target)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _part(path: Path, text: str) -> Path:
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


def _exists(path: Path) -> Diagnostic:
    return Diagnostic(
        code="file_exists",
        summary="The file is there already",
        detail=f"{path} is not overwritten. Name another file, or say --force where the command has it.",
        file=str(path),
    )
