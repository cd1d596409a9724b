"""The first screen of the README shows a real plan, and its picture exists."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from tests.docs.markdown import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
QUICKSTART = ROOT / "examples" / "quickstart"


def test_plan_of_the_readme_is_real(tmp_path: Path) -> None:
    """Each line is printed by `plan` of the quickstart, in this order; lines between them are left out."""
    block = re.search(r"<!-- plan of the quickstart -->\n```text\n(.+?)```", README, re.DOTALL)
    assert block is not None
    command, *shown = block[1].splitlines()
    assert command == "$ reconciler plan"
    assert len(shown) == 9

    shutil.copyfile(QUICKSTART / "reconciler.yaml", tmp_path / "reconciler.yaml")
    seed = World.from_seed(_json(QUICKSTART / "sandbox.json"))
    with Sandbox(seed) as twilio:
        account = {"TWILIO_ACCOUNT_SID": twilio.world.account.sid, "TWILIO_AUTH_TOKEN": "sandbox"}
        environ = {"PATH": os.environ["PATH"], "TWILIO_BASE_URL": twilio.base_url, **account}
        words = [sys.executable, "-m", "reconciler", "plan"]
        done = subprocess.run(
            words, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True
        )
    printed = done.stdout.splitlines()
    places = [printed.index(line) for line in shown]
    assert places == sorted(places)


def test_picture_is_on_the_first_screen() -> None:
    found = re.search(r"!\[[^\]]+\]\((docs/images/\S+\.png)\)", README)
    assert found is not None
    assert README[: found.start()].count("\n") < 30
    data = (ROOT / found[1]).read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    assert data.startswith(b"\x89PNG")
    assert (width >= 800, height >= 400, len(data) < 300_000) == (True, True, True)


def _json(path: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return found
