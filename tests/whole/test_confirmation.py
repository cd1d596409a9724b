"""The question before an apply: counts and risk once more, and `yes` alone is consent."""

from __future__ import annotations

import io
import sys

import pytest

from reconciler.cli import applying

from .refusal_worlds import FOREIGN, declare, numbers_of, set_foreign_voice
from .stage import Stage


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What somebody at a terminal types, one line for each question."""
    lines: list[str] = []
    monkeypatch.setattr(applying, "on_terminal", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(sys.stdin, "readline", lambda: lines.pop(0) if lines else "")
    return lines


def question(said: str) -> str:
    """What is asked, from the counts on."""
    before, _, _ = said.partition("Apply these actions?")
    return "\n".join(before.splitlines()[-2:])


def test_the_question_repeats_counts_and_risk(stage: Stage, answers: list[str]) -> None:
    one, two, *_ = numbers_of(stage)
    set_foreign_voice(stage, one)
    declare(stage, {one: {"agent": "support", "takeover": "allow"}, two: "support"})
    answers.append("no\n")
    said = stage.run("apply", code=1)
    assert question(said) == (
        "Plan: 4 actions on 2 resources: 2 import, 2 overwrite_webhooks. 1 takeover of foreign values.\n"
        "High risk: 1 takeover of foreign values, calls to 2 numbers go elsewhere."
    )
    assert "Not applied." in said
    assert not (stage.folder / "state.json").exists()


@pytest.mark.parametrize("answer", ["", "\n", "y\n", "YES\n", "yes please\n"])
def test_yes_alone_is_consent(stage: Stage, answers: list[str], answer: str) -> None:
    declare(stage, {numbers_of(stage)[0]: "support"})
    answers.append(answer)
    stage.run("apply", "--allow-takeover", code=1)
    assert not (stage.folder / "state.json").exists()
    answers[:] = ["yes\n"]
    stage.run("apply", "--allow-takeover")


def test_the_other_commands_ask_in_the_same_words(stage: Stage, answers: list[str]) -> None:
    one = numbers_of(stage)[0]
    set_foreign_voice(stage, one, FOREIGN)
    declare(stage, {one: "support"})
    stage.apply("--allow-takeover")
    answers.append("no\n")
    said = stage.run("release", one, code=1)
    assert question(said).startswith("Plan: 1 action on 1 resource: 1 release.\nMedium risk: ")
