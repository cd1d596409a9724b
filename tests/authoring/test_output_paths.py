"""No command writes over the state or the configuration: every option that names a file to write, under any name."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from reconciler.cli.main import main, run_to_exit_code
from reconciler.cli.output_paths import OutputPath
from reconciler.state.stores.companions import is_same_file, is_state_file

INPUTS = {
    ("apply", "planfiles"),
    ("state push", "document"),
    ("sandbox", "seed"),
}
"""Paths that a command only reads; whoever adds one here has looked whether it is ever written."""
VALUES = "value_files"
"""The files of values, which every command reads."""
FOLDER = "directory"
WRITERS: dict[tuple[str, str], tuple[str, ...]] = {
    ("plan", "out"): ("plan", "--out", "{}"),
    ("rollback", "out"): ("rollback", "--to", "1", "--out", "{}"),
    ("release", "out"): ("release", "+15550100101", "--out", "{}"),
    ("export", "out"): ("export", "--force", "--out", "{}"),
    ("sandbox", "persist"): ("sandbox", "--port", "0", "--persist", "{}"),
    ("numbers search", "write"): ("numbers", "search", "--country", "GB", "--write", "{}"),
    ("fmt", "files"): ("fmt", "{}"),
}
"""A command line for every option and argument that names a file to write."""
EDITORS = {("fmt", "files"), ("numbers search", "write")}
"""These change configuration files on purpose."""
REPORTING = (
    "validate",
    "plan",
    "apply",
    "drift",
    "lint",
    "show",
    "rollback",
    "release",
    "undo",
    "doctor",
    "fleet validate",
    "fleet plan",
    "fleet apply",
    "fleet drift",
    "fleet list",
    "fleet status",
    "fleet cancel",
)
STATE = {
    "state.json": "the state",
    "state.json.journal": "its journal",
    "state.json.lock": "its lock",
    "state.json.backup": "its backup",
    "state.json.history/000000001.json": "a former version",
}
CONFIGURATION = ("reconciler.yaml", "more/numbers.json", "more/numbers.yaml", "more/numbers.csv")
SECRET = "secrets/token"


def commands(
    group: click.Group = main, names: tuple[str, ...] = ()
) -> Iterator[tuple[str, click.Command]]:
    """Every command with its whole name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*names, name))
        else:
            yield " ".join((*names, name)), command


def test_classifies_every_file_option_as_input_or_output() -> None:
    found = {
        (name, param.name or ""): isinstance(param.type, OutputPath)
        for name, command in commands()
        for param in command.params
        if isinstance(param.type, click.Path | click.File) and param.name not in (FOLDER, VALUES)
    }
    assert {each for each, writes in found.items() if not writes} == INPUTS
    assert {each for each, writes in found.items() if writes} <= WRITERS.keys()
    assert found.keys() >= INPUTS


def test_file_metavars_have_the_file_type() -> None:
    """`metavar="FILE"` with a plain text as its type would not be checked."""
    for name, command in commands():
        for param in command.params:
            if "FILE" in (getattr(param, "metavar", None) or "") and param.name not in (
                "file",
                "reports_",
            ):
                known = isinstance(param.type, click.Path) or (name, param.name) in {
                    ("plan", "baseline"),
                    ("drift", "baseline"),
                    ("apply", "baseline"),
                    ("list", "baseline"),
                    ("log", "baseline"),
                    ("show", "what"),
                }
                assert known, (name, param.name)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a state, its companions, includes and a secret in a file."""
    folder = tmp_path / "project"
    for name in ("more", "secrets", "state.json.history"):
        (folder / name).mkdir(parents=True)
    account = {
        "main": {
            "sid": "AC" + "0a" * 16,
            "auth_token": {"file": SECRET},
            "base_url": "http://127.0.0.1:9",
        }
    }
    entry = {
        "version": 1,
        "project": "acme",
        "accounts": account,
        "include": ["more/*.json", "more/numbers.yaml"],
        "numbers_from": [{"file": "more/numbers.csv"}],
    }
    (folder / "reconciler.yaml").write_text(json.dumps(entry))
    (folder / "more/numbers.json").write_text('{"numbers": {}}')
    (folder / "more/numbers.yaml").write_text("bridge_numbers:\n    {}\n")
    (folder / "more/numbers.csv").write_text("number , agent\n")
    (folder / SECRET).write_text("pl4nted")
    for name in STATE:
        (folder / name).write_text("precious:\n    here: 1\n")
    return folder


def run(folder: Path, *args: str, code: int = 0) -> str:
    """Run a command in a folder, in this process; return what it printed."""
    out = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        ended = run_to_exit_code(
            lambda: main.main(list(args), prog_name="reconciler", standalone_mode=False)
        )
    assert ended == code, out.getvalue()
    return out.getvalue()


def content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def names_of(folder: Path, file: str) -> dict[str, str]:
    """Every way to name a file."""
    (folder / "link").symlink_to(file)
    (folder / "hard").hardlink_to(folder / file)
    (folder / "folder").symlink_to((folder / file).parent)
    return {
        "plain": file,
        "dotted": f"./more/../{file}",
        "absolute": str(folder / file),
        "symbolic": "link",
        "hard": "hard",
        "through": f"folder/{Path(file).name}",
    }


def written_by(args: tuple[str, ...], path: str) -> list[str]:
    return [arg.format(path) for arg in args]


@pytest.mark.parametrize("writer", sorted(WRITERS), ids=" ".join)
@pytest.mark.parametrize("file", [*STATE, *CONFIGURATION, SECRET])
def test_no_output_path_is_the_state_or_the_configuration(
    project: Path, writer: tuple[str, str], file: str
) -> None:
    if writer[0] not in dict(commands()):
        pytest.skip("no such command")
    if writer in EDITORS and file in CONFIGURATION:
        return
    args = WRITERS[writer]
    spellings = names_of(project, file)
    before = content(project)
    for kind, spelling in spellings.items():
        said = run(project, *written_by(args, spelling), code=64)
        assert "Nothing was written" in said, kind
    assert content(project) == before


@pytest.mark.parametrize("command", REPORTING)
@pytest.mark.parametrize("file", ["state.json", "state.json.journal", "more/numbers.json", SECRET])
def test_no_report_is_the_state_or_the_configuration(
    project: Path, command: str, file: str
) -> None:
    found = dict(commands())[command]
    if not any(param.name == "reports_" for param in found.params):
        return
    more = {
        "rollback": ["--to", "1"],
        "release": ["+15550100101"],
        "fleet apply": ["--auto-approve"],
        "fleet cancel": ["1"],
    }
    needed = more.get(command, [])
    before = content(project)
    for format_ in ("json", "text"):
        said = run(project, *command.split(), *needed, "--report", f"{format_}={file}", code=64)
        assert "Nothing was written" in said
    assert content(project) == before


@pytest.mark.parametrize("command", [["fleet", "status"], ["fleet", "cancel", "1"]])
def test_a_report_on_a_queue_replaces_only_reports(tmp_path: Path, command: list[str]) -> None:
    """No fleet file says there which files are states."""
    (tmp_path / "acme.state.json").write_text('{"format": 2}')
    said = run(tmp_path, *command, "--report", "json=acme.state.json", code=64)
    assert "is no report" in said
    assert (tmp_path / "acme.state.json").read_text() == '{"format": 2}'


def test_every_command_with_reports_is_tried() -> None:
    reporting = {
        name
        for name, command in commands()
        if any(param.name == "reports_" for param in command.params)
    }
    assert reporting <= set(REPORTING)


BROKEN: dict[str, Callable[[str], str]] = {
    "syntax at the end": lambda text: f"{text}\nnumbers: [\n",
    "syntax before all": lambda text: f"a: b: c\n{text}",
    "unknown key": lambda text: f"{text}\nunknown: 1\n",
    "tab": lambda text: f"\tx: 1\n{text}",
    "not UTF-8 later": lambda text: f"{text}\n# \udcff\n",
}
TEXT = """\
version: 1
project: acme
state: data/prod.json
include:
  - more/numbers.yaml
numbers_from:
  - file: more/numbers.csv
fingerprint_key: {file: secrets/token}"""


@pytest.mark.parametrize("broken", sorted(BROKEN))
@pytest.mark.parametrize(
    "file",
    [
        "data/prod.json",
        "data/prod.json.journal",
        "more/numbers.yaml",
        "more/numbers.csv",
        "reconciler.yaml",
        SECRET,
    ],
)
def test_protects_files_named_by_an_invalid_configuration(
    project: Path, broken: str, file: str
) -> None:
    text = BROKEN[broken](TEXT)
    (project / "reconciler.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
    (project / "data").mkdir()
    (project / "data/prod.json").write_text("precious")
    before = content(project)
    said = run(project, "validate", "--report", f"json={file}", code=64)
    if not file.endswith(".yaml"):
        assert "Nothing was written" in said
    assert content(project) == before


def test_protects_a_state_that_does_not_exist_yet(project: Path) -> None:
    (project / "state.json").unlink()
    (project / "dangling").symlink_to("state.json")
    for name in ("state.json", "dangling", "./state.json", "STATE.json"):
        run(project, "validate", "--report", f"json={name}", code=64)
    assert not (project / "state.json").exists()


def test_other_files_are_written(project: Path) -> None:
    for name in ("report.json", "state.json.md", "more/report.txt", "state.jsonl"):
        run(project, "validate", "--report", f"json={name}")
        assert json.loads((project / name).read_text())["command"] == "validate"
    (project / "report.json").unlink()
    (project / "report.json").symlink_to("elsewhere.json")
    run(project, "validate", "--report", "json=report.json")
    assert (project / "elsewhere.json").exists()


def test_init_refuses_a_file_name_that_it_uses_for_the_state(tmp_path: Path) -> None:
    for name in ("reconciler.yaml", "./.gitignore", "config.schema.json"):
        assert "--state" in run(tmp_path, "init", "--state", name, code=64)
    assert list(tmp_path.iterdir()) == []


def test_init_keeps_the_state_of_a_neighbouring_project(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("version: 1\nproject: other\nstate: config.schema.json\n")
    run(tmp_path, "init", "-f", "other.yaml", code=64)
    assert [path.name for path in tmp_path.iterdir()] == ["other.yaml"]


def test_fmt_refuses_to_rewrite_an_included_state(project: Path) -> None:
    (project / "reconciler.yaml").write_text("version: 1\nproject: acme\ninclude: state.json\n")
    before = content(project)
    assert "Nothing was written" in run(project, "fmt", code=64)
    assert content(project) == before


def test_recognises_one_file_on_a_case_insensitive_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a file system says that both names are one file; here it is played by `os.path.samestat`'s input."""
    state = tmp_path / "state.json"
    state.write_text("{}")
    other = tmp_path / "STATE.JSON"
    real = os.stat

    def ignoring_case(path: str | os.PathLike[str], **more: object) -> os.stat_result:
        found = Path(path)
        return real(found.with_name(found.name.lower()) if found.parent == tmp_path else found)

    monkeypatch.setattr(os, "stat", ignoring_case)
    assert is_same_file(other, state)
    assert is_state_file(other, state)
    assert not is_state_file(tmp_path / "OTHER.JSON", state)


@pytest.mark.parametrize("name", ["x.json", "./x.json", "link.json"])
def test_refuses_two_options_that_write_to_one_file(name: str, tmp_path: Path) -> None:
    """The second would destroy what the first has written: a saved plan, for example."""
    (tmp_path / "reconciler.yaml").write_text("version: 1\nproject: acme\nnumbers: {}\n")
    (tmp_path / "link.json").symlink_to("x.json")
    args = ["plan", "-C", str(tmp_path), "--out", "x.json", "--report", f"json={name}"]
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        assert run_to_exit_code(lambda: main.main(args, standalone_mode=False)) == 64
    assert "both write to" in errors.getvalue()
    assert not (tmp_path / "x.json").exists()
