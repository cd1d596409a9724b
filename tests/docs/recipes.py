"""Apply a recipe of the documentation to a copy of the package, and run commands with the copy."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.docs.markdown import ROOT

_BLOCK = re.compile(
    r"^```\w+ (?P<form>file|row)=(?P<name>\S+)(?: (?P<side>after|before)=\"(?P<line>[^\n]+)\")?\n"
    r"(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
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

    A row goes behind the line of its `after`, or before the line of its `before`; this line must occur
    exactly once.
    """
    others: dict[str, str] = {}
    for block in _BLOCK.finditer(page):
        name, text = block["name"], block["text"]
        path = copy.folder / name
        if not name.startswith("reconciler/"):
            others[name] = text
        elif block["form"] == "file":
            assert not path.exists(), f"{name} exists already"
            path.write_text(text, encoding="utf-8")
            copy.created.add(name)
        else:
            _insert_row(path, block["side"], block["line"] + "\n", text)
            copy.changed.add(name)
    return others


def _insert_row(path: Path, side: str, line: str, text: str) -> None:
    """Insert a row behind or before the only line of a file that has this text."""
    content = path.read_text(encoding="utf-8")
    count = ("\n" + content).count("\n" + line)
    assert count == 1, f"{path.name}: {line!r} occurs {count} times"

    new = line + text if side == "after" else text + line
    path.write_text(content.replace(line, new), encoding="utf-8")


_SERVE = """
import json, sys
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
with Sandbox(World.from_seed(json.loads(sys.argv[1]))) as sandbox:
    print(sandbox.base_url, flush=True)
    sys.stdin.read()
"""


@contextmanager
def served(copy: Copy, seed: dict[str, Any]) -> Iterator[str]:
    """Run the sandbox of the copy with a seed, and return its URL."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, json.dumps(seed)],
        cwd=copy.folder,
        env={"PYTHONPATH": str(copy.folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.communicate(timeout=30)
