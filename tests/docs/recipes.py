"""Apply a recipe of the documentation to a copy of the package, and run commands with the copy."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.markdown import ROOT

_BLOCK = re.compile(
    r"^```\w+ (file|row)=(\S+)(?: after=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass
class Copy:
    """A copy of the package in a folder; `created` and `changed` are the files that a recipe touched."""

    folder: Path
    created: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)

    def run(self, *words: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the copy."""
        env = {
            **os.environ,
            "PYTHONPATH": str(self.folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            **environ,
        }
        return subprocess.run(
            [sys.executable, "-m", "reconciler", *words],
            cwd=cwd,
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def copy_package(folder: Path) -> Copy:
    """Copy the package into a folder."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "reconciler", folder / "reconciler", ignore=ignored)
    schemas = ROOT / "schemas"
    shutil.copytree(schemas, folder / "schemas", ignore=ignored)
    return Copy(folder)


def apply_recipe(page: str, copy: Copy) -> dict[str, str]:
    """Create the files of a page and insert its rows; return the files outside the package by name.

    A row goes behind the line of its `after`, which must occur exactly once.
    """
    others: dict[str, str] = {}
    for form, name, after, text in _BLOCK.findall(page):
        path = copy.folder / name
        if not name.startswith("reconciler/"):
            others[name] = text
        elif form == "file":
            assert not path.exists(), f"{name} exists already"
            path.write_text(text, encoding="utf-8")
            copy.created.add(name)
        else:
            before = path.read_text(encoding="utf-8")
            line = after + "\n"
            assert before.count(line) == 1, f"{name}: {after!r} occurs {before.count(line)} times"
            path.write_text(before.replace(line, line + text), encoding="utf-8")
            copy.changed.add(name)
    return others
