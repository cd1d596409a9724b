"""The command as a process of its own, with nobody to ask."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.processes.finished_command import run_to_text

COMMAND = (sys.executable, "-m", "reconciler")


def run(
    folder: Path, *args: str, code: int = 0, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder; it must end with this code."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    done = run_to_text(args, folder, {**kept, **environ})
    assert done.returncode == code, done.stdout + done.stderr
    return done
