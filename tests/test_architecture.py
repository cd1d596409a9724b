"""The shape of the house, checked: who may import whom, how large things are, that everything says what it is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "reconciler"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "_data" not in path.parts)
FLOORS = [
    "cli",
    "schemas",
    "authoring",
    "buying",
    "saved_plans",
    "rollback",
    "handback",
    "surgery",
    "workflows",
    "making",
    "run",
    "outputs",
    "report",
    "doctor",
    "export",
    "apply",
    "state",
    "remote",
    "config",
    "planning",
    "kinds",
    "model",
    "errors",
    "diagnostics",
]
"""From the top of the house to its foundation: imports point down only."""
ONE_PLACE = {
    "yaml": "reconciler/config/",
    "click": "reconciler/cli/",
    "twilio": "reconciler/remote/twilio/",
    "urllib3": "reconciler/remote/",
    "pydantic": "reconciler/config/",
    "deepdiff": "reconciler/planning/stale.py",
    "rich": "reconciler/cli/progress.py",
    "jwt": "reconciler/remote/platforms/livekit.py",
    "obstore": "reconciler/state/objects.py",
    "psycopg": "reconciler/state/postgres.py",
    "cryptography": "reconciler/state/cipher.py",
}
IMPURE = {"os", "io", "time", "random", "logging", "socket", "pathlib", "subprocess", "threading", "urllib3", "twilio"}


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def floor_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "reconciler" and len(parts) > 1 else None


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_down(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own in ("__init__", "__main__"):
        return
    for module in imports(path):
        floor = floor_of(module)
        if own == "sandbox":
            assert floor in (None, "sandbox"), f"the sandbox stands beside the house, and imports {module}"
        elif floor == "sandbox":
            assert own == "cli", f"{module} may only be served by a command"
        elif floor is not None:
            assert FLOORS.index(own) <= FLOORS.index(floor), f"{module} is above {own}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_each_library_has_one_home(path: Path) -> None:
    for module in imports(path):
        home = ONE_PLACE.get(module.split(".")[0])
        assert home is None or name_of(path).startswith(home), f"{module} belongs to {home}"


@pytest.mark.parametrize(
    "path", [p for p in MODULES if p.relative_to(PACKAGE).parts[0] in ("planning", "kinds")], ids=name_of
)
def test_the_core_is_pure(path: Path) -> None:
    assert not {module.split(".")[0] for module in imports(path)} & IMPURE
    assert "datetime" not in {module.split(".")[0] for module in imports(path)}, "no clock"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_and_functions_stay_small_and_say_what_they_are(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert text.count("\n") <= 400
    assert ast.get_docstring(tree), "a module's first line says what goes in and what comes out"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= 50, f"{node.name} has {length} lines"


def test_help_and_validate_start_without_twilio() -> None:
    """`validate` and `--help` must be instant: neither may import Twilio's package, deepdiff or rich."""
    import subprocess
    import sys

    for args in (["--help"], ["validate", "-C", str(ROOT / "examples" / "quickstart")]):
        script = (
            "import sys\nfrom reconciler.cli.main import main, outcome\n"
            f"code = outcome(lambda: main.main({args!r}, standalone_mode=False))\n"
            "heavy = {'twilio', 'deepdiff', 'rich', 'requests', 'aiohttp'}\n"
            "heavy = (heavy | {'obstore', 'psycopg', 'cryptography'}) & set(sys.modules)\n"
            "print(heavy, file=sys.stderr)\nsys.exit(code or bool(heavy))"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
