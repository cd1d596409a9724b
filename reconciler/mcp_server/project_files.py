"""Resolve the plan files that a call names: inside the project folder after following links, and
never over a file that is no plan.
"""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec

LARGEST_PLAN = 1 << 28


class WrongFile(Exception):
    """The file may not be used; the text says why."""


class _PlanHead(msgspec.Struct):
    format: int
    project: str | None = None
    sealed: str | None = None


def find_plan(root: Path, name: str) -> Path:
    """Return an existing plan file of the project. Raises WrongFile."""
    path = _resolve(root, name)
    try:
        status = path.stat()
    except OSError as error:
        raise WrongFile(f"There is no plan file {name!r} in the project folder.") from error
    if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_PLAN:
        raise WrongFile(f"{name!r} is not a plan file.")
    return path


def find_new_plan(root: Path, name: str) -> Path:
    """Return the path for a plan to write: a new file, or in place of another plan. Raises
    WrongFile.
    """
    path = _resolve(root, name)
    relative = path.relative_to(root)
    if any(part.startswith(".") for part in relative.parts):
        raise WrongFile(f"{name!r} is in a hidden folder or is a hidden file: choose another name.")
    if not path.parent.is_dir():
        raise WrongFile(f"There is no folder for {name!r} in the project folder.")
    if path.exists() and not _is_plan(path):
        raise WrongFile(f"{name!r} exists and is not a plan: choose another name.")
    return path


def find_shown(root: Path, what: str) -> str:
    """Return what `show` takes: a plan file by its whole path, or an address as it is."""
    if (root / what).exists():
        return str(find_plan(root, what))
    if what.startswith("/") or ".." in Path(what).parts:
        raise WrongFile(f"{what!r} is neither an address nor a file in the project folder.")
    return what


def _resolve(root: Path, name: str) -> Path:
    try:
        path = (root / name).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise WrongFile(f"{name!r} is not the name of a file.") from error
    if not path.is_relative_to(root) or path == root:
        raise WrongFile(f"{name!r} is outside the project folder.")
    return path


def _is_plan(path: Path) -> bool:
    if not path.is_file() or path.stat().st_size > LARGEST_PLAN:
        return False
    try:
        head = msgspec.json.decode(path.read_bytes(), type=_PlanHead)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return head.sealed is not None or b'"config_digest":' in path.read_bytes()
