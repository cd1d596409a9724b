"""What the README promises of an installation: its two commands are there, the demo runs, a built wheel works alone."""

from __future__ import annotations

import importlib.util
import json
import os
import pty
import re
import shlex
import site
import subprocess
import sys
import venv
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from tests.docs.generate import schema
from tests.docs.markdown import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
QUICKSTART = ROOT / "examples" / "quickstart"
FREE = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("TWILIO_", "PYTHON", "VIRTUAL_ENV"))
}
"""An environment without an account, and without anything that leads a new interpreter back to this one."""


def run(command: list[str], folder: Path) -> str:
    """Run a command that has to succeed; what it prints on stdout."""
    done = subprocess.run(
        command, cwd=folder, env=FREE, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize(
    ("name", "ends"), [("demo", "reconciler demo"), ("test", "python -m pytest -n 4")]
)
def test_the_readme_has_the_command_in_one_line(name: str, ends: str) -> None:
    found = re.search(rf"^<!-- {name} command -->\n```sh\n(.+)\n```$", README, re.MULTILINE)
    assert found is not None
    assert found[1].endswith(ends)
    assert found[1].startswith("python3 -m venv .venv && .venv/bin/pip install ")


def test_demo_runs_the_quickstart(tmp_path: Path) -> None:
    told = run([sys.executable, "-m", "reconciler", "demo"], tmp_path)
    declared = (
        (QUICKSTART / "reconciler.yaml")
        .read_text(encoding="utf-8")
        .partition("\nversion: 1\n")[2]
        .strip()
    )
    assert declared in told
    assert "1 resource drifted" in told
    assert len(told.splitlines()) < 100
    assert "more lines …" in told, "a long output is cut, and says so"
    assert told.rstrip().splitlines()[-1].startswith("# End of the demonstration.")


def test_demo_waits_for_enter_on_a_terminal(tmp_path: Path) -> None:
    """Without a terminal nothing waits; with one, each step comes after a key."""
    here, there = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", "demo"],
        cwd=tmp_path,
        env={**FREE, "TERM": "dumb"},
        stdin=there,
        stdout=there,
        stderr=there,
    )
    os.close(there)
    told = b""
    pressed = 0
    with suppress(OSError):  # what a terminal answers once its last program has ended
        while part := os.read(here, 4096):
            told += part
            if told.count(b"[Enter]") > pressed:
                assert process.poll() is None
                pressed += 1
                os.write(here, b"\n")
    os.close(here)
    assert process.wait(60) == 0
    assert pressed >= 6, told.decode()
    assert b"End of the demonstration" in told


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout without asking the network for anything."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip(
            "the build backend is not installed here: hatchling must be among the `test` extras"
        )
    folder = tmp_path_factory.mktemp("wheel")
    run(
        [
            sys.executable,
            "-m",
            "build",
            "--wheel",
            "--no-isolation",
            "--outdir",
            str(folder),
            str(ROOT),
        ],
        folder,
    )
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a new environment that has the wheel, and the present one's packages for its dependencies."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    interpreter = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(interpreter)]
    run([*pip, "install", "--quiet", "--no-index", "--no-deps", str(wheel)], folder)
    packages = next((folder / "lib").glob("python*/site-packages"))
    (packages / "dependencies.pth").write_text("\n".join(dependencies()) + "\n", encoding="utf-8")
    return interpreter.parent


def dependencies() -> list[str]:
    """Where the packages of the present interpreter are, this project's own checkout left out."""
    return [
        path
        for path in sys.path
        if Path(path).name == "site-packages" or path in site.getsitepackages()
    ]


def test_the_wheel_holds_the_data_of_the_package(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"reconciler/_data/quickstart/{path.name}" for path in QUICKSTART.iterdir()} <= names
    assert {
        f"reconciler/_data/schemas/{path.name}" for path in (ROOT / "schemas").iterdir()
    } <= names
    assert {"reconciler/py.typed", "reconciler/_data/codes.md"} <= names
    assert not [name for name in names if name.startswith("tests/")]


def test_runs_the_installed_wheel(installed: Path, tmp_path: Path) -> None:
    where = run(
        [str(installed / "python"), "-c", "import reconciler; print(reconciler.__file__)"], tmp_path
    )
    assert Path(where.strip()).is_relative_to(installed.parent)


def test_the_installed_wheel_prints_its_schema(installed: Path, tmp_path: Path) -> None:
    printed = run([str(installed / "reconciler"), "schema"], tmp_path)
    assert json.loads(printed) == json.loads(schema("config"))


def test_the_installed_wheel_explains_codes(installed: Path, tmp_path: Path) -> None:
    printed = run([str(installed / "reconciler"), "explain", "agent_not_found"], tmp_path)
    assert "Next: `reconciler validate`" in printed


def test_installed_wheel_writes_the_ci_files(installed: Path, tmp_path: Path) -> None:
    for system in ("github", "gitlab"):
        folder = tmp_path / system
        (folder / ".git").mkdir(parents=True)
        words = ["init", "--ci", system, "--state", "s3://bucket/voice.json"]
        assert "AWS_REGION" in run([str(installed / "reconciler"), *words], folder)


def test_the_installed_wheel_tells_the_demo_in_an_empty_folder(
    installed: Path, tmp_path: Path
) -> None:
    assert "# End of the demonstration." in run([str(installed / "reconciler"), "demo"], tmp_path)
    assert not list(tmp_path.iterdir())
