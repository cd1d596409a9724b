"""A saved plan is stale for changes of meaning only: comments, order, quoting and files do not count."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.support.command_runner import AGENT, CommandRunner

NEW_URL = "https://agents.example.com/new"


def add_comments(folder: Path, text: str) -> str:
    return "# reviewed\n" + text.replace("numbers:", "numbers:  # the main lines")


def reverse_keys(folder: Path, text: str) -> str:
    def reverse(value: object) -> object:
        if isinstance(value, dict):
            return {key: reverse(value[key]) for key in reversed(value)}
        return value

    return yaml.safe_dump(reverse(yaml.safe_load(text)), sort_keys=False)


def change_quoting(folder: Path, text: str) -> str:
    return text.replace("'", '"').replace("support\n", '"support"\n')


def move_numbers_to_a_file(folder: Path, text: str) -> str:
    whole = yaml.safe_load(text)
    part = {"version": 1, "numbers": whole.pop("numbers")}
    (folder / "numbers.yaml").write_text(yaml.safe_dump(part), encoding="utf-8")
    return yaml.safe_dump({**whole, "include": "numbers.yaml"}, sort_keys=False)


def add_an_unrelated_file(folder: Path, text: str) -> str:
    (folder / "notes.yaml").write_text("anything: [1, 2]\n", encoding="utf-8")
    return text


def change_the_url(folder: Path, text: str) -> str:
    return text.replace(AGENT["voice"], NEW_URL)


def change_a_limit(folder: Path, text: str) -> str:
    return text + "safety: {max_updates: 7}\n"


@pytest.fixture
def planned(runner: CommandRunner) -> CommandRunner:
    """A project whose plan is saved."""
    one, *_ = [number.phone_number for number in runner.sandbox.world.numbers]
    runner.declare(
        agents={"support": {"webhooks": {"voice": AGENT["voice"]}}},
        numbers={one: {"agent": "support", "manage": ["voice"]}},
    )
    runner.run("plan", "--out", str(runner.folder / "plan.json"), "--allow-takeover=*")
    return runner


def rewrite(runner: CommandRunner, edit: Callable[[Path, str], str]) -> None:
    file = runner.folder / "reconciler.yaml"
    before = file.read_text(encoding="utf-8")
    file.write_text(edit(runner.folder, before), encoding="utf-8")


@pytest.mark.parametrize(
    "edit",
    [
        add_comments,
        reverse_keys,
        change_quoting,
        move_numbers_to_a_file,
        add_an_unrelated_file,
    ],
)
def test_applies_a_plan_after_an_edit_without_meaning(
    planned: CommandRunner, edit: Callable[[Path, str], str]
) -> None:
    rewrite(planned, edit)
    planned.run("apply", str(planned.folder / "plan.json"), "--allow-takeover=*")
    assert planned.plan() == []


@pytest.mark.parametrize("edit", [change_the_url, change_a_limit])
def test_refuses_a_plan_after_an_edit_with_meaning(
    planned: CommandRunner, edit: Callable[[Path, str], str]
) -> None:
    rewrite(planned, edit)
    found = planned.json("apply", str(planned.folder / "plan.json"), "--allow-takeover=*", code=4)
    assert {d["code"] for d in found["diagnostics"] if d["severity"] == "error"} == {"plan_stale"}


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"SmsUrl": "https://other.example.com/sms"}, 0),
        ({"FriendlyName": "Main line"}, 0),
        ({"StatusCallback": "https://other.example.com/status"}, 0),
        ({"VoiceUrl": "https://other.example.com/voice"}, 4),
    ],
)
def test_only_managed_fields_make_a_plan_stale(
    planned: CommandRunner, form: dict[str, str], code: int
) -> None:
    number, *_ = planned.sandbox.world.numbers
    planned.post(f"/IncomingPhoneNumbers/{number.sid}.json", **form)
    planned.run("apply", str(planned.folder / "plan.json"), "--allow-takeover=*", code=code)


def test_release_depends_on_the_fields_that_it_restores(planned: CommandRunner) -> None:
    planned.run("apply", str(planned.folder / "plan.json"), "--allow-takeover=*")
    number, *_ = planned.sandbox.world.numbers
    file = str(planned.folder / "release.json")
    planned.run("release", number.phone_number, "--restore", "--out", file)
    digest = planned.json("show", file)["digest"]

    path = f"/IncomingPhoneNumbers/{number.sid}.json"
    planned.post(path, SmsUrl="https://other.example.com/sms")
    planned.post(path, VoiceUrl="https://other.example.com/voice")
    found = planned.json("apply", file, "--expect", digest, code=4)
    stale = [d["detail"] for d in found["diagnostics"] if d["code"] == "plan_stale"]
    assert any("voice_url" in detail for detail in stale)
    assert not any("sms_url" in detail for detail in stale)

    planned.post(path, VoiceUrl=AGENT["voice"])
    planned.run("apply", file, "--expect", digest)
