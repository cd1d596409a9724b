"""The folder in which Twilio's Node clients are installed; without them the tests skip."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SCRIPT = HERE.parents[2] / ".ci" / "node-clients"
FOLDER = "RECONCILER_NODE_CLIENTS"
SECONDS = 300


@pytest.fixture(scope="session")
def node_clients() -> Path:
    """Return the folder with `node_modules`: the one that is named, or one in the user's cache."""
    missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    if "node" in missing:
        pytest.skip("node is not installed: Twilio's Node clients need it")

    named = os.environ.get(FOLDER)
    if named:
        folder = Path(named)
        if not (folder / "node_modules" / "twilio").is_dir():
            pytest.skip(f"{FOLDER} names {folder}, without the clients: .ci/node-clients {folder}")
        return folder
    if missing:
        pytest.skip(f"npm is not installed, and {FOLDER} is not set: see .ci/node-clients")
    return _installed()


def _installed() -> Path:
    """Install the clients once for each content of package.json."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    content = (HERE / "package.json").read_bytes()
    folder = home / "reconciler-tests" / f"node-{hashlib.sha256(content).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)

    # Several test processes start at the same time: one of them installs.
    done = folder / "installed"
    with (folder / "lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            _install(folder)
            done.touch()
    return folder


def _install(folder: Path) -> None:
    try:
        subprocess.run(
            [SCRIPT, folder], check=True, capture_output=True, text=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm has not installed Twilio's Node clients within {SECONDS} s")
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no message"])[-1]
        pytest.skip(f"npm could not install Twilio's Node clients: {last}")
