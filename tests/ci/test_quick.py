"""The quick check reaches every package, and names only tests that exist."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT

QUICK = (ROOT / ".ci" / "quick-tests").read_text(encoding="utf-8").split()
PACKAGES = sorted(
    path.parent.relative_to(ROOT / "reconciler").as_posix()
    for path in (ROOT / "reconciler").rglob("__init__.py")
    if path.parent != ROOT / "reconciler"
)
PROGRAM = """
import json, sys
import pytest

class Reached:
    def __init__(self):
        self.packages = set()

    def __call__(self, frame, event, arg):
        name = frame.f_code.co_filename
        if event == "call" and "/reconciler/" in name and frame.f_code.co_name != "<module>":
            self.packages.add(name.rpartition("/reconciler/")[2].rpartition("/")[0])

reached = Reached()
import threading
threading.setprofile(reached)
sys.setprofile(reached)
code = pytest.main(sys.argv[2:])
sys.setprofile(None)
with open(sys.argv[1], "w") as file:
    json.dump(sorted(reached.packages), file)
sys.exit(code)
"""


def test_every_listed_test_exists() -> None:
    named = [name.removeprefix("--ignore=") for name in QUICK]
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert sorted(set(QUICK)) == sorted(QUICK)


def test_the_listed_tests_run_code_of_every_package(tmp_path: Path) -> None:
    """A few of them suffice; together with the names above, a package is missing only if none runs it."""
    few = [
        "tests/export/test_export.py",
        "tests/apply/test_saved.py",
        "tests/planning/test_selection.py",
        "tests/report/test_tables.py",
        "tests/whole/test_exit_codes.py",
        "tests/whole/test_targets.py",
        "tests/remote/platforms/test_contract.py",
        "tests/state/test_state_file.py",
        "tests/state/test_state_schema.py",
        "tests/config/test_lint.py",
    ]
    assert all(any(name.startswith(listed) for listed in QUICK) for name in few)
    out = tmp_path / "reached.json"
    words = ["-q", "-p", "no:cacheprovider", "-n0", f"--basetemp={tmp_path / 'base'}"]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(out), *words, *few],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    reached = out.read_text(encoding="utf-8")
    missing = [package for package in PACKAGES if f'"{package}"' not in reached]
    assert missing == [], missing


@pytest.mark.parametrize("words", [["--quick", "--collect-only", "-q"]])
def test_the_script_passes_the_list_to_pytest(words: list[str], tmp_path: Path) -> None:
    """With stand-ins for the tools the script shows what it would run."""
    for tool in ("ruff", "mypy", "pytest"):
        script = tmp_path / tool
        script.write_text(f'#!/bin/sh\necho {tool} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        [ROOT / ".ci" / "check", *words], env=env, capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["ruff", "ruff", "mypy", "pytest"]
    assert lines[-1] == " ".join(["pytest", "-n", "auto", *QUICK, *words[1:]])
