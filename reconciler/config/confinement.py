"""Find the repository root and the folders of secrets, and check that a path of a configuration
stays inside such folders.

The configuration may come from a pull request; a path in it must not make this program read, show
or send a file of the machine. Links are resolved first. Nothing is opened here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

_GIT = ".git"


def repository_root(folder: Path) -> str:
    """Return the real path of the nearest parent with a `.git` entry, else of the folder itself."""
    real = Path(os.path.realpath(folder))
    for parent in (real, *real.parents):
        if (parent / _GIT).exists():
            return str(parent)
    return str(real)


def secret_folders(base: Path, environ: Mapping[str, str]) -> list[str]:
    """Return the folders that may hold secrets, as real paths: that of the entry file first."""
    named = [
        *environ.get("RECONCILER_SECRETS_DIR", "").split(":"),
        environ.get("CREDENTIALS_DIRECTORY", ""),
    ]
    # A relative entry would depend on the current folder, and an empty one would be that folder.
    return [
        os.path.realpath(base),
        *(os.path.realpath(folder) for folder in named if os.path.isabs(folder)),
    ]


def locate_secret(path: str, base: Path, environ: Mapping[str, str]) -> str | None:
    """Return the real path of a secret file, or None if it is outside. ValueError: not a path."""
    real = os.path.realpath(base / path)
    return real if is_inside(real, secret_folders(base, environ)) else None


def explain_outside(path: str) -> str:
    """Explain why this file is not read as a secret, and what to do."""
    return (
        f"After following links, `{path}` is outside the folder of the entry file (or in `.git`), and a file from "
        "elsewhere could be any file of the machine. Move it there; or name its folder outside the files:\n"
        "  export RECONCILER_SECRETS_DIR=/run/secrets"
    )


def explain_outside_project(name: str) -> str:
    """Explain why this file is not read as a part of the configuration, and what to do."""
    return (
        f"`{name}` leads out of the repository, or into `.git`. After following links, included "
        "files must be below the nearest folder with `.git` (without one, the folder of the "
        "entry file). Move the file there, or use an entry file in a folder above."
    )


def is_inside(real: str, folders: Iterable[str]) -> bool:
    """Return whether a real path is below one of these real folders, and not in `.git`."""
    for folder in folders:
        if real == folder or not real.startswith(folder.rstrip(os.sep) + os.sep):
            continue
        below = os.path.relpath(real, folder).split(os.sep)
        if not any(part.casefold() == _GIT for part in below):
            return True
    return False
