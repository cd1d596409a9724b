"""A shell that has sourced the script completes commands and options."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes.finished_command import run_to_text

from .command import run

ASK = """\
source {script}
COMP_WORDS=({words}) COMP_CWORD={place}
_reconciler_completion reconciler
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def bash(tmp_path: Path) -> Path:
    """A folder with the command and the script."""
    if shutil.which("bash") is None:
        pytest.skip("there is no bash here")
    command = tmp_path / "bin" / "reconciler"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m reconciler "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    (tmp_path / "script").write_text(run(tmp_path, "completion", "bash").stdout, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "wanted", "unwanted"),
    [
        ("reconciler ", {"plan", "apply", "export", "fmt", "completion"}, {"--json"}),
        ("reconciler pl", {"plan"}, {"apply"}),
        ("reconciler plan --de", {"--detailed-exitcode"}, {"--json"}),
        ("reconciler state ", {"list", "show"}, {"plan"}),
        ("reconciler graph --format ", {"mermaid", "dot", "json"}, {"text"}),
        ("reconciler completion f", {"fish"}, {"bash"}),
    ],
)
def test_bash_completes(words: str, wanted: set[str], unwanted: set[str], bash: Path) -> None:
    typed = words.split(" ")
    quoted = " ".join(f"'{word}'" for word in typed)
    script = ASK.format(script=bash / "script", words=quoted, place=len(typed) - 1)
    path = f"{bash / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env={"PATH": path, "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
        capture_output=True,
        text=True,
        check=True,
    )
    found = set(done.stdout.split())
    assert wanted <= found
    assert not unwanted & found


def test_unknown_command_does_not_break_completion() -> None:
    asked = {
        "_RECONCILER_COMPLETE": "bash_complete",
        "COMP_WORDS": "reconciler paln ",
        "COMP_CWORD": "2",
    }
    command = [sys.executable, "-m", "reconciler"]
    done = subprocess.run(
        command, env={**os.environ, **asked}, capture_output=True, text=True, check=True
    )
    assert "plain,plan" in done.stdout.split()
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("shell", "words"),
    [("zsh", "#compdef reconciler"), ("fish", "complete --no-files --command reconciler")],
)
def test_other_shells_get_their_script(shell: str, words: str, tmp_path: Path) -> None:
    script = run(tmp_path, "completion", shell).stdout
    assert words in script
    assert "_RECONCILER_COMPLETE" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_unknown_shell_is_wrong_usage(tmp_path: Path) -> None:
    run(tmp_path, "completion", "tcsh", code=64)


CONFIG = """\
version: 1
project: acme
variables: {host: {default: agents.example.com}}
accounts: {main: {sid: ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, auth_token: {env: TOKEN}}}
platforms: {nix: {type: nixflex, api_key: {env: KEY}}}
agents: {support: {webhooks: {voice: "https://${host}/"}}, sales: {application: menu}}
trunks: {edge: {domain: edge.pstn.twilio.com}, "a;touch x": {}, "a$(b)": {}, "a b": {}, "a\\nplain,b": {}}
include: more.yaml
number_groups: [{numbers: ["+15550100103"], agent: sales}]
"""
MORE = 'numbers: {"+15550100101": support, "+15550100102": sales}\n'


def complete(folder: Path, *words: str, shell: str = "bash") -> list[str]:
    """What click's protocol answers for the last word, without its types."""
    done = run_to_text((), folder, asking(folder, *words, shell=shell))
    assert done.returncode == 0
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


def asking(folder: Path, *words: str, shell: str = "bash") -> dict[str, str]:
    """Return the environment with which a shell asks for the last word."""
    line = ["reconciler", "-C", str(folder), *words]
    asked = {"_RECONCILER_COMPLETE": f"{shell}_complete", "COMP_WORDS": " ".join(line)}
    asked["COMP_CWORD"] = words[-1] if shell == "fish" else str(len(line) - 1)
    return {name: value for name, value in os.environ.items() if name != "TOKEN"} | asked


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a configuration of two files, and a state with three versions."""
    (tmp_path / "reconciler.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "more.yaml").write_text(MORE, encoding="utf-8")
    history = tmp_path / "state.json.history"
    history.mkdir()
    for serial in (1, 2):
        (history / f"{serial:09d}.json").write_text(state_text(serial), encoding="utf-8")
    (tmp_path / "state.json").write_text(state_text(3), encoding="utf-8")
    return tmp_path


def state_text(serial: int) -> str:
    saved = {"at": f"2026-01-0{serial}T00:00:00Z", "who": "anna", "command": "apply"}
    head = {"format": 3, "project": "acme", "lineage": "a" * 32, "serial": serial, "saved": saved}
    entry = {"kind": "number", "sid": "PN" + "0" * 32}
    whole = {**head, "resources": {"number/+15550100199": entry, "trunk/old": {}}}
    return json.dumps(whole, separators=(",", ":")).replace('"resources":{', '"resources":{\n')


WORDS = [
    (("plan", "--target", "number/"), [f"number/+15550100{end}" for end in (101, 102, 103, 199)]),
    (("plan", "--exclude", "+1"), ["+15550100101", "+15550100102", "+15550100103"]),
    (("drift", "--accept", "trunk/"), ["trunk/edge", "trunk/old"]),
    (("plan", "--target", "agent/s"), ["agent/support", "agent/sales"]),
    (("show", "agent/su"), ["agent/support"]),
    (("release", "number/"), ["number/+15550100199"]),
    (("state", "rm", "t"), ["trunk/old"]),
    (("state", "show", "t"), ["trunk/old"]),
    (("list", "--agent", "s"), ["support", "sales"]),
    (("list", "--account", ""), ["main"]),
    (("list", "--platform", ""), ["nix"]),
    (("apply", "--allow-destination", ""), ["main", "nix"]),
    (("plan", "--var", ""), ["host="]),
    (("rollback", "--to", ""), ["3", "2", "1"]),
    (("state", "pull", "--serial", ""), ["3", "2", "1"]),
    (("plan", "--report", "j"), ["json=", "junit="]),
    (("plan", "--format", "j"), ["json", "junit"]),
]  # fmt: skip


@pytest.mark.parametrize(("words", "wanted"), WORDS, ids=[" ".join(words) for words, _ in WORDS])
def test_values_are_completed_from_the_local_files(
    project: Path, words: tuple[str, ...], wanted: list[str]
) -> None:
    assert complete(project, *words) == [f"plain,{word}" for word in wanted]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_complete_serials_with_their_times(project: Path, shell: str) -> None:
    text = "\n".join(complete(project, "rollback", "--to", "", shell=shell))
    assert "2026-01-02T00:00:00Z" in text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("reconciler.yaml", b"\xff\xfe"),
        ("reconciler.yaml", b"a: [\n"),
        ("reconciler.yaml", b"numbers: 5\nagents: [1]\nstate: 7\ninclude: ../../*\n"),
        ("reconciler.yaml", None),
        ("state.json", b"{"),
        ("state.json", b'{"resources": 5}'),
        ("state.json", None),
    ],
)
def test_files_that_cannot_be_read_complete_nothing_and_print_nothing(
    project: Path, name: str, content: bytes | None
) -> None:
    if content is None:
        (project / name).unlink()
    else:
        (project / name).write_bytes(content)
    for words in (("plan", "--target", "n"), ("rollback", "--to", ""), ("list", "--agent", "s")):
        found = complete(project, *words)
        assert all(line.startswith("plain,") for line in found)


@pytest.mark.parametrize("words", [("plan", "--target", "n"), ("rollback", "--to", "")])
def test_completion_imports_no_client(project: Path, words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "reconciler"],
        env=asking(project, *words),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "plain," in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not imported & {"twilio", "deepdiff", "rich", "psycopg", "obstore", "cryptography"}


def test_a_state_on_a_server_is_not_asked(project: Path) -> None:
    text = CONFIG + "state: https://state.example.com/x\n"
    (project / "reconciler.yaml").write_text(text, encoding="utf-8")
    assert complete(project, "rollback", "--to", "") == []
    assert "plain,number/+15550100101" in complete(project, "plan", "--target", "n")


def test_words_that_mean_something_to_a_shell_are_not_offered(project: Path) -> None:
    assert complete(project, "plan", "--target", "trunk/a") == []
