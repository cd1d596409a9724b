"""The shape of the house, checked: who may import whom, how large things are, that everything says what it is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from reconciler.workflows.warm_up import AHEAD

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "reconciler"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "_data" not in path.parts)
LAYERS = [
    "pytest_plugin",
    "api",
    "cli",
    "mcp_server",
    "schemas",
    "fleet",
    "workflows",
    "report",
    "doctor",
    "export",
    "explanations",
    "execution",
    "state",
    "remote",
    "config",
    "planning",
    "kinds",
    "model",
    "clock",
    "errors",
    "diagnostics",
    "version",
]
"""The packages and modules of `reconciler/` from top to bottom: imports point down this list only."""
INNER_LAYERS = {
    "cli": [
        "stack_process",
        "main",
        "commands",
        "confirmation",
        "options",
        "completers",
        "failures",
        "output",
        "reports",
        "fleet_progress",
        "fleet_table",
        "fleet_lines",
        "fleet_view",
        "progress",
        "common_options",
        "suggestions",
        "workflow_commands",
        "arguments",
        "output_paths",
        "signals",
    ],
    "report": [
        "formats",
        "html",
        "markdown",
        "text",
        "tables",
        "analysis",
        "documents",
        "wording",
        "truncate",
        "width",
    ],
    "state": [
        "schema",
        "recovery",
        "plan_file",
        "edit",
        "stores",
        "format",
        "problems",
        "records",
        "atomic_files",
    ],
    "remote": [
        "facts",
        "queries",
        "platforms",
        "twilio",
        "transport",
        "listing",
        "gateway",
        "parallel",
    ],
    "config": [
        "accept",
        "load",
        "lint",
        "desired",
        "secrets",
        "validation",
        "sections",
        "advice",
        "source",
        "lint_rules",
        "confinement",
        "section_names",
        "variable_sources",
        "formats",
        "project",
        "codes",
    ],
    "planning": [
        "log",
        "goals",
        "reviewed_plans",
        "staleness",
        "plan_digest",
        "planner",
        "selection",
        "checks",
        "decide",
        "decision",
        "identity",
        "plan",
        "order",
    ],
    "workflows": [
        "exit_codes",
        "fleet_init",
        "fleet",
        "apply_saved",
        "rollback",
        "release",
        "recorded_goal",
        "state_edit",
        "plan_apply",
        "numbers_search",
        "authoring",
        "webhook_rules",
        "list_numbers",
        "accept_drift",
        "log",
        "drift",
        "doctor",
        "show",
        "export",
        "recorded",
        "ci_file",
        "validate",
        "warm_up",
        "guards",
        "plan_actors",
        "replan",
        "saved_plan_check",
        "pipeline",
        "saved_plan",
        "output_guard",
        "known_names",
        "session",
        "answers",
    ],
    "mcp_server": ["server", "calls", "commands", "project_files", "tools"],
    "sandbox": ["service", "faults", "world", "platforms", "twilio", "http", "store"],
}
"""The sub-folders and modules of a package from top to bottom: the same rule holds inside each package."""
ONE_PLACE = {
    "yaml": "reconciler/config/",
    "click": "reconciler/cli/",
    "twilio": "reconciler/remote/twilio/",
    "urllib3": "reconciler/remote/",
    "pydantic": "reconciler/config/",
    "deepdiff": "reconciler/planning/staleness.py",
    "rich": ("reconciler/cli/progress.py", "reconciler/cli/fleet_table.py"),
    "pytest": "reconciler/pytest_plugin.py",
    "mcp": "reconciler/mcp_server/server.py",
    "mcp_types": "reconciler/mcp_server/server.py",
    "anyio": "reconciler/mcp_server/server.py",
    "livekit": "reconciler/sandbox/platforms/livekit_protobuf.py",
    "google": "reconciler/sandbox/platforms/livekit_protobuf.py",
    "jwt": "reconciler/remote/platforms/livekit.py",
    "obstore": "reconciler/state/stores/object_client.py",
    "psycopg": ("reconciler/state/stores/postgres.py", "reconciler/fleet/queue"),
    "procrastinate": "reconciler/fleet/queue/",
    "cryptography": "reconciler/state/format/cipher.py",
}
IMPURE = {
    "os",
    "io",
    "time",
    "random",
    "logging",
    "socket",
    "pathlib",
    "subprocess",
    "threading",
    "urllib3",
    "twilio",
}


def is_module(name: str) -> bool:
    place = ROOT / name.replace(".", "/")
    return name.startswith("reconciler.") and (
        place.with_suffix(".py").exists() or (place / "__init__.py").exists()
    )


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                member = f"{node.module}.{alias.name}"
                yield member if is_module(member) else node.module


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def layer_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "reconciler" and len(parts) > 1 else None


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_down(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own in ("__init__", "__main__"):
        return
    for module in imports(path):
        layer = layer_of(module)
        if own == "sandbox":
            assert layer in (None, "sandbox"), (
                f"the sandbox stands beside the house, and imports {module}"
            )
        elif layer == "sandbox":
            assert own in ("cli", "pytest_plugin"), f"{module} may only be served by a command"
        elif layer is not None:
            assert LAYERS.index(own) <= LAYERS.index(layer), f"{module} is above {own}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_inside_a_package_point_down(path: Path) -> None:
    """The order of the sub-folders; imports for type checking count as well."""
    package, _, own = path.relative_to(PACKAGE).with_suffix("").as_posix().partition("/")
    own = own.partition("/")[0]
    layers = INNER_LAYERS.get(package)
    if layers is None or own == "__init__":
        return
    for module in imports(path):
        parts = module.split(".")
        if parts[:2] != ["reconciler", package]:
            continue
        assert len(parts) > 2, f"{module} is a package: import one of its modules"
        assert layers.index(own) <= layers.index(parts[2]), f"{module} is above {package}/{own}"


def test_no_modules_import_each_other() -> None:
    """No cycle of imports at all: not even by imports inside functions or for type checking."""
    names = {
        name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path
        for path in MODULES
    }
    arrows = {
        name: {found for found in imports(path) if found in names and found != name}
        for name, path in names.items()
    }
    TopologicalSorter(arrows).prepare()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_each_library_is_imported_in_one_place(path: Path) -> None:
    for module in imports(path):
        home = ONE_PLACE.get(module.split(".")[0])
        assert home is None or name_of(path).startswith(home), f"{module} belongs to {home}"


@pytest.mark.parametrize(
    "path",
    [p for p in MODULES if p.relative_to(PACKAGE).parts[0] in ("planning", "kinds")],
    ids=name_of,
)
def test_the_core_is_pure(path: Path) -> None:
    assert not {module.split(".")[0] for module in imports(path)} & IMPURE
    assert "datetime" not in {module.split(".")[0] for module in imports(path)}, "no clock"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_and_functions_are_small_and_documented(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert text.count("\n") <= 400
    assert ast.get_docstring(tree), "a module's first line says what goes in and what comes out"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= 55, f"{node.name} has {length} lines"


def test_help_and_validate_start_without_twilio() -> None:
    """`validate` and `--help` must be instant: neither may import Twilio's package, deepdiff or rich."""
    import subprocess
    import sys

    for args in (["--help"], ["validate", "-C", str(ROOT / "examples" / "quickstart")]):
        script = (
            "import sys\nfrom reconciler.cli.main import main, run_to_exit_code\n"
            f"code = run_to_exit_code(lambda: main.main({args!r}, standalone_mode=False))\n"
            "heavy = {'twilio', 'deepdiff', 'rich', 'requests', 'aiohttp'}\n"
            "heavy = (heavy | {'obstore', 'psycopg', 'procrastinate', 'cryptography'}) & set(sys.modules)\n"
            "print(heavy, file=sys.stderr)\nsys.exit(code or bool(heavy))"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


LATE_IMPORTS = {
    "reconciler.mcp_server.server": "the vendor library is behind it",
    "reconciler.cli.reports": "only reports need it",
    "reconciler.cli.suggestions": "only a mistyped command line needs it",
    "reconciler.cli.workflow_commands": "only GitHub Actions needs it",
    "reconciler.config.load.baseline": "most runs have no baseline",
    "reconciler.config.load.commits": "only a stale plan needs it",
    "reconciler.config.load.project_name": "only a failure needs it",
    "reconciler.config.secrets.allow_list": "help of a command needs no secrets",
    "reconciler.config.secrets.hosts": "only --secret-host needs it",
    "reconciler.config.source.source_line": "only a diagnostic with a place needs it",
    "reconciler.remote.platforms.for_project": "most projects have no platform",
    "reconciler.remote.transport.time_limit": "help of a command needs no clock",
    "reconciler.remote.queries.subaccounts": "most fleets have a file of rows",
    "reconciler.remote.twilio.gateway": "the vendor library is behind it",
    "reconciler.state.format.cipher": "the vendor library is behind it",
    "reconciler.workflows.known_names": "only a shell that completes words needs it",
    "reconciler.workflows.session": "help of a command needs no session",
    "click.shell_completion": "only `completion` needs it",
    "datetime": "help of a command needs no clock",
    "difflib": "only a mistyped command line needs it",
    "rich.console": "only a terminal needs it",
    "rich.live": "only a terminal needs it",
    "rich.progress": "only a terminal needs it",
    "rich.text": "only a terminal needs it",
    "asyncio": "only a worker needs it",
    "reconciler.fleet.queue.engine": "the extra `fleet` is behind it",
    "reconciler.fleet.queue.stack_source": "only a worker needs it",
    "reconciler.fleet.queue.stack_task": "the extra `fleet` is behind it",
    "reconciler.fleet.queue.store": "the extra `fleet` is behind it",
    "reconciler.fleet.queue.worker": "the extra `fleet` is behind it",
    "shutil": "pulls in every kind of archive",
    "tempfile": "pulls in every kind of archive",
    "traceback": "only an internal error needs it",
}
"""Modules that `cli` and `workflows` import inside functions, and why."""


def test_cli_and_workflows_import_at_the_top() -> None:
    """Besides the table, a function may import what `warm_up` loads ahead, and the formats of output."""
    late = [
        f"{path.relative_to(PACKAGE)}: {name}"
        for package in ("cli", "workflows")
        for path in sorted((PACKAGE / package).rglob("*.py"))
        for name in _imports_in_functions(path)
        if name not in (*LATE_IMPORTS, *AHEAD) and not name.startswith("reconciler.report.")
    ]
    assert late == []


def test_every_late_import_of_the_table_exists() -> None:
    used: set[str] = set()
    for package in ("cli", "workflows"):
        for path in (PACKAGE / package).rglob("*.py"):
            used.update(_imports_in_functions(path))
    assert LATE_IMPORTS.keys() - used == set()


def _imports_in_functions(path: Path) -> Iterator[str]:
    """Yield the modules that functions of a file import."""
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(function, ast.FunctionDef):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield _module_of(node)


def _module_of(node: ast.ImportFrom) -> str:
    """Return the imported module: `from package import module` names it in its second half."""
    module, name = node.module or "", node.names[0].name
    below = ROOT / module.replace(".", "/") / f"{name}.py"
    return f"{module}.{name}" if below.exists() else module
