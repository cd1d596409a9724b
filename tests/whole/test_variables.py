"""One configuration for two environments, from the first plan to a saved plan."""

from __future__ import annotations

import subprocess

from tests.support.command_runner import CommandRunner

from .refusal_worlds import declare, numbers_of

HOST = {"variables": {"host": {}, "env": {"default": "dev"}}}


def prepare(runner: CommandRunner) -> str:
    """Declare one number whose URL has a variable. Return the number."""
    number = numbers_of(runner)[0]
    declare(runner, {number: "support"}, "https://${host}/voice", **HOST)
    text = (runner.folder / "reconciler.yaml").read_text(encoding="utf-8")
    text = text.replace("project: acme-voice", "project: acme-${env}\nstate: ./${env}.json")
    (runner.folder / "reconciler.yaml").write_text(text, encoding="utf-8")
    return number


def voice_of(runner: CommandRunner, number: str) -> str:
    """The voice URL of a number on Twilio."""
    found = next(n for n in runner.sandbox.world.numbers if n.phone_number == number)
    return str(found.voice_url)


def test_each_environment_has_its_own_state_and_values(runner: CommandRunner) -> None:
    number = prepare(runner)
    runner.run("apply", "--auto-approve", "--var", "host=a.example.com")
    assert voice_of(runner, number) == "https://a.example.com/voice"
    assert (runner.folder / "dev.json").exists()

    (runner.folder / "prod.yaml").write_text("env: prod\nhost: b.example.com\n", encoding="utf-8")
    flags = ("--var-file", "prod.yaml")
    runner.run("apply", "--auto-approve", "--allow-takeover", *flags)
    assert voice_of(runner, number) == "https://b.example.com/voice"
    assert (runner.folder / "prod.json").exists()
    assert runner.json("plan", *flags)["actions"] == []
    assert runner.json("state", "list", *flags)["resources"][0]["agent"] == "support"


def test_a_saved_plan_holds_for_the_same_values_only(runner: CommandRunner) -> None:
    number = prepare(runner)
    runner.run("plan", "--out", "plan.bin", RECONCILER_VAR_host="a.example.com")
    runner.run("apply", "plan.bin", RECONCILER_VAR_host="b.example.com", code=4)
    assert "variable_not_set" in runner.run("apply", "plan.bin", code=3)
    runner.run("apply", "plan.bin", "--auto-approve", "--var", "host=a.example.com")
    assert voice_of(runner, number) == "https://a.example.com/voice"


def test_the_baseline_is_read_with_the_same_values(runner: CommandRunner) -> None:
    number = prepare(runner)
    entry = runner.folder / "reconciler.yaml"
    text = entry.read_text(encoding="utf-8")
    (runner.folder / "before.yaml").write_text(text, encoding="utf-8")
    entry.write_text(text.replace("  host: {}", "  host: {}\n  more: {}"), encoding="utf-8")
    flags = ("--var", "host=a.example.com", "--var", "more=x", "--baseline", "./before.yaml")
    assert [a["address"] for a in runner.json("plan", *flags)["actions"]][:1] == [
        f"number/{number}"
    ]
    broken = ("--var", "more=x", "--baseline", "./before.yaml")
    runner.run("plan", *broken, code=3)


def test_an_output_cannot_be_the_state_of_these_values(runner: CommandRunner) -> None:
    prepare(runner)
    said = runner.run("plan", "--out", "dev.json", "--var", "host=a.example.com", code=64)
    assert "the state" in said


def test_unusable_values_are_wrong_usage(runner: CommandRunner) -> None:
    prepare(runner)
    assert "NAME=VALUE" in runner.run("plan", "--var", "host", code=64)
    assert "no variable `hots`" in runner.run("plan", "--var", "hots=x", code=64)


def test_a_change_of_the_file_of_values_is_held_to_the_baseline(runner: CommandRunner) -> None:
    """Otherwise a pull request could redirect the token by its values alone."""
    number = numbers_of(runner)[0]
    declare(runner, {number: "support"}, variables={"server": {}})
    entry = runner.folder / "reconciler.yaml"
    text = entry.read_text(encoding="utf-8").replace(runner.sandbox.base_url, "${server}")
    entry.write_text(text, encoding="utf-8")
    values = runner.folder / "values.yaml"
    values.write_text(f"server: {runner.sandbox.base_url}\n", encoding="utf-8")
    for words in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "base"],
    ):
        subprocess.run(["git", "-C", str(runner.folder), *words], check=True)
    flags = ("--var-file", "values.yaml", "--baseline", "main")
    assert runner.json("plan", *flags)["actions"]

    other = runner.sandbox.base_url.replace("127.0.0.1", "127.0.0.2")
    values.write_text(f"server: {other}\n", encoding="utf-8")
    calls = len(list(runner.sandbox.calls))
    assert "new_secret_destination" in runner.run("plan", *flags, code=4)
    assert len(list(runner.sandbox.calls)) == calls

    copied = runner.folder / "copied.yaml"
    values.write_text(f"server: {runner.sandbox.base_url}\n", encoding="utf-8")
    copied.write_text(f"server: {other}\n", encoding="utf-8")
    values.unlink()
    values.symlink_to("copied.yaml")
    assert "new_secret_destination" in runner.run("plan", *flags, code=4)
