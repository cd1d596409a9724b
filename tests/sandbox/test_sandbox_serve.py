"""The sandbox as a process of its own: it says when it is ready, ends cleanly, and can remember."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

SCRIPT = """
import sys
from pathlib import Path
from reconciler.sandbox.service.app import serve
from reconciler.sandbox.world.world import World

serve(World.generate(numbers=2), port=0, persist=Path(sys.argv[1]), on_ready=lambda url: print(url, flush=True))
print("ended")
"""
JSON = {"Content-Type": "application/json"}


def run(
    persist: Path, number: signal.Signals, edit: dict[str, str] | None = None
) -> dict[str, int]:
    """Start a sandbox, perhaps edit a number, count its rows, end it with a signal."""
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(persist)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if edit:
            asked = urllib.request.Request(f"{url}/_sandbox/edit", json.dumps(edit).encode(), JSON)
            with urllib.request.urlopen(asked, timeout=5) as answer:
                assert answer.status == 200
        with urllib.request.urlopen(f"{url}/_sandbox", timeout=5) as answer:
            rows: dict[str, int] = json.load(answer)["rows"]
        process.send_signal(number)
        assert process.stdout.read() == "ended\n"
        assert process.wait(5) == 0
    return rows


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_sandbox_stops_cleanly_and_saves_its_world(tmp_path: Path, number: signal.Signals) -> None:
    persist = tmp_path / "world.json"
    first = run(persist, number, {"number": "+15552000000", "friendly_name": "Edited"})
    assert (first["numbers"], first["events"]) == (2, 1)
    assert "Edited" in persist.read_text()
    assert run(persist, number)["events"] == 1
