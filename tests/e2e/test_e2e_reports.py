"""Reports as they are asked for on the command line: as many as are wanted, also of a failure, never half a file."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from xml.etree import ElementTree

import pytest

from reconciler.cli.reports import NAMES
from reconciler.report.formats.registry import FORMATS
from tests.support.processes.process_runner import ProcessRunner, fits

from .test_e2e_output import on_terminal

ONE = "+15550100101"
FILES = {name: f"report.{name}" for name in NAMES}
ALL = [f"--report={name}={file}" for name, file in FILES.items()]
STARTS = {
    "text": "+ number/",
    "json": '{\n  "format_version"',
    "markdown": "<!-- reconciler:plan:acceptance -->\n",
    "html": "<!doctype html>\n",
    "sarif": '{\n  "$schema"',
    "github": "",
    "gitlab": "[]",
    "junit": "<?xml ",
}


@pytest.fixture
def ready(runner: ProcessRunner) -> ProcessRunner:
    """One number to be set up."""
    runner.number(ONE, voice_url="https://demo.twilio.com/welcome/voice/")
    runner.declare({ONE: "support"})
    return runner


def written(runner: ProcessRunner, name: str) -> str:
    return (runner.folder / FILES[name]).read_text(encoding="utf-8")


def test_the_command_line_knows_every_format() -> None:
    assert tuple(FORMATS) == NAMES


def test_writes_all_reports_in_one_run(ready: ProcessRunner) -> None:
    done = ready.run("plan", *ALL)
    assert "Plan: 2 actions on 1 resource" in done.out
    for name in NAMES:
        assert written(ready, name).startswith(STARTS[name]), name
    fits("plan", json.loads(written(ready, "json")))
    assert json.loads(written(ready, "json"))["actions"][1]["agent"] == "support"
    assert {path.name for path in ready.folder.iterdir()} == {"reconciler.yaml", *FILES.values()}, (
        "nothing half done"
    )


@pytest.mark.parametrize("name", NAMES)
def test_stdout_equals_the_report_in_every_format(ready: ProcessRunner, name: str) -> None:
    done = ready.run("plan", "--format", name, f"--report={name}=same")
    assert done.out == (ready.folder / "same").read_text(encoding="utf-8")
    assert ready.run("plan", f"--report={name}=-").out == done.out


def test_a_saved_plan_is_shown_in_every_format(ready: ProcessRunner) -> None:
    ready.run("plan", "--out", "plan.bin")
    for name in NAMES:
        assert ready.run("show", "plan.bin", "--format", name).out.startswith(STARTS[name])


def test_a_failure_has_its_reports_too_under_the_same_marker(ready: ProcessRunner) -> None:
    ready.declare({ONE: "nobody"})
    done = ready.run("plan", *ALL, code=3)
    assert (done.out, "agent_not_found" in done.err) == ("", True)
    assert written(ready, "markdown").startswith(STARTS["markdown"])
    for name in ("markdown", "html", "sarif", "github", "gitlab", "junit", "json"):
        assert "agent_not_found" in written(ready, name), name
    assert ready.run("validate", "--format", "github", code=3).out.startswith(
        "::error file=reconciler.yaml,line="
    )


def test_apply_and_drift_have_reports(ready: ProcessRunner) -> None:
    ready.run("apply", "--auto-approve", *ALL)
    assert written(ready, "markdown").startswith("<!-- reconciler:apply:acceptance -->")
    assert ready.run("drift", "--report=junit=drift.xml").code == 0
    assert 'failures="0"' in (ready.folder / "drift.xml").read_text(encoding="utf-8")
    ready.twilio.edit(ONE, voice_url="https://laptop.example.dev/voice")
    ready.run("drift", "--report=junit=drift.xml", "--report=markdown=drift.md", code=2)
    suite = ElementTree.parse(ready.folder / "drift.xml").getroot()[0]
    assert (suite.attrib["failures"], suite[0].attrib["name"]) == ("1", f"number/{ONE}")
    assert "https://laptop.example.dev/voice" in (ready.folder / "drift.md").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize(
    "args",
    [
        ["--report", "yaml=x"],
        ["--report", "markdown"],
        ["--report", "markdown="],
        ["--report", "markdown=nowhere/plan.md"],
        ["--report", "markdown=."],
        ["--report", "markdown=same", "--report", "html=same"],
        ["--report", "markdown=-", "--report", "html=-"],
        ["--report", "markdown=-", "--json"],
    ],
    ids=lambda args: " ".join(args),
)
def test_unwritable_report_is_wrong_usage_before_any_action(
    ready: ProcessRunner, args: list[str]
) -> None:
    done = ready.run("apply", "--auto-approve", *args, code=64)
    assert done.out == ""
    assert not ready.twilio.calls


def test_other_output_is_text_or_json_only(ready: ProcessRunner) -> None:
    ready.run("apply", "--auto-approve")
    assert ready.run("show", "--format", "markdown", code=64).out == ""
    assert ready.run("show", ONE, "--report", "html=x", code=64).out == ""
    ready.run("state", "list", "--format", "markdown", code=64)


def test_report_replaces_an_older_one_and_is_world_readable(
    ready: ProcessRunner,
) -> None:
    old = ready.write("plan.md", "old")
    link = ready.folder / "link.md"
    link.symlink_to(old)
    ready.run("plan", "--report", "markdown=link.md")
    assert link.is_symlink()
    assert old.read_text(encoding="utf-8").startswith(STARTS["markdown"])
    assert stat.S_IMODE(old.stat().st_mode) & 0o400


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="needs a device that takes everything")
def test_a_device_is_written_to_and_not_replaced(ready: ProcessRunner) -> None:
    ready.run("plan", "--report", "markdown=/dev/null")
    assert not Path("/dev/null").is_file()


def test_a_plan_is_as_wide_as_the_terminal(ready: ProcessRunner) -> None:
    ready.declare({ONE: {"webhooks": {"voice": "https://agents.example.com/" + "long/" * 40}}})
    _, out, _ = on_terminal(ready, "plan", "--no-color", COLUMNS="60")
    assert "…" in out
    assert all(len(line) <= 60 for line in out.splitlines() if "https" in line)
    assert "…" not in ready.run("plan").out
