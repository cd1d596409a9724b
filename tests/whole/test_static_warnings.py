"""Warnings of the configuration are the same in every run: `validate` and `lint` print them, others count them."""

from __future__ import annotations

import pytest

from tests.support.command_runner import AGENT, CommandRunner

NUMBER = "+15552000000"
TUNNELS = {
    "one": {"webhooks": {"voice": "https://one.ngrok-free.app/voice"}},
    "two": {"webhooks": {"voice": "https://two.ngrok-free.app/voice"}},
}
COUNTED = "2 warnings of the configuration; `reconciler validate` shows them."


@pytest.fixture
def project(runner: CommandRunner) -> CommandRunner:
    """A number that is to be taken over, and two agents behind tunnels."""
    runner.declare(
        agents={"support": {"webhooks": AGENT}, **TUNNELS},
        numbers={NUMBER: {"agent": "support", "takeover": "allow"}},
    )
    return runner


def test_validate_and_lint_print_them(project: CommandRunner) -> None:
    for command in ("validate", "lint"):
        text = project.run(command)
        assert text.count("warning tunnel_url: ") == 2
        assert COUNTED not in text


def test_other_commands_print_their_number(project: CommandRunner) -> None:
    commands = [
        ["plan"],
        ["plan", "--out", "plan.bin"],
        ["show", "plan.bin"],
        ["apply", "--auto-approve"],
        ["drift"],
        ["doctor"],
    ]
    for command in commands:
        text = project.run(*command)
        assert "tunnel_url" not in text, command
        assert text.count(COUNTED) == 1, command
    assert "tunnel_url" not in project.run("release", NUMBER, "--keep", "--dry-run")
    assert "tunnel_url" not in project.run("undo", "--auto-approve")


def test_json_and_reports_keep_them(project: CommandRunner) -> None:
    for command in (["plan"], ["apply", "--auto-approve"], ["drift"], ["doctor"]):
        codes = [d["code"] for d in project.json(*command)["diagnostics"]]
        assert codes.count("tunnel_url") == 2, command
    assert project.run("plan", "--format", "github").count("tunnel_url") == 2


def test_warnings_of_the_plan_and_refusals_are_printed(runner: CommandRunner) -> None:
    runner.declare(agents={"support": {"webhooks": AGENT}, **TUNNELS}, numbers={NUMBER: "support"})
    sid = runner.sandbox.world.number(NUMBER).sid
    runner.sandbox.edit(sid, {"voice_url": "https://pbx.example.net/voice"})
    for command, code in ((["plan"], 0), (["apply", "--auto-approve"], 4)):
        text = runner.run(*command, code=code)
        assert "takeover_refused: " in text
        assert "tunnel_url" not in text


def test_an_invalid_configuration_counts_its_warnings(project: CommandRunner) -> None:
    file = project.folder / "reconciler.yaml"
    file.write_text(file.read_text("utf-8") + "unknown: 1\n", "utf-8")
    text = project.run("plan", code=3)
    assert "unknown_key" in text
    assert "tunnel_url" not in text
    assert COUNTED in text
    assert "tunnel_url" in project.run("validate", code=3)
