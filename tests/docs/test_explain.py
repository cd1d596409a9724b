"""`explain` has cause, cure, example and next command for every code that the package can produce."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from reconciler.cli.arguments import complete_arguments
from reconciler.cli.main import main, run_to_exit_code
from reconciler.config.codes import SUMMARIES
from reconciler.config.lint_rules import RULES
from reconciler.errors import Exit
from reconciler.explanations import find_explanation, load_explanations, suggest_codes
from tests.docs.codes import used
from tests.docs.test_pages import without_effect

ALL = load_explanations()
EXIT_CODES = {str(int(code)) for code in Exit}


def explain(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = run_to_exit_code(
        lambda: main.main(["explain", *words], prog_name="reconciler", standalone_mode=False)
    )
    done = capsys.readouterr()
    return code, done.out, done.err


def test_every_code_rule_and_exit_code_is_explained() -> None:
    assert set(ALL) == used() | set(RULES) | EXIT_CODES


@pytest.mark.parametrize("code", sorted(ALL))
def test_an_explanation_is_whole(code: str) -> None:
    found = ALL[code]
    assert len(found.why) > 10
    assert found.cure
    assert found.example.strip()
    assert found.summary.endswith(".")
    assert len(found.summary) < 200
    assert "](" not in found.why + found.cure, "no link of Markdown"


@pytest.mark.parametrize("code", sorted(ALL))
def test_the_next_command_can_be_typed(code: str) -> None:
    command = ALL[code].next
    if command.startswith("pip install "):
        return
    program, *words = shlex.split(command.partition(" > ")[0])
    assert program == "reconciler"
    done = CliRunner().invoke(without_effect(main), complete_arguments(words))
    assert done.exit_code == 0, done.output


def test_every_example_belongs_to_a_code() -> None:
    page = Path("docs/reference/codes.md")
    text = (Path(__file__).resolve().parents[2] / page).read_text(encoding="utf-8")
    headings = re.findall(r"^### (.+)$", text, re.MULTILINE)
    named = [code for heading in headings for code in re.findall(r"`(\w+)`", heading)]
    assert set(named) <= set(ALL)
    assert len(named) == len(set(named)), "one example for a code"


def test_every_problem_of_the_configuration_has_an_example_of_its_own() -> None:
    general = {"reconciler validate", "reconciler plan", "reconciler doctor"}
    assert {code for code in SUMMARIES if ALL[code].example in general} == set()
    shown = yaml.safe_load(ALL["agent_not_found"].example)
    assert shown["numbers"] == {"+15550100101": "support"}


def test_prints_cause_cure_example_and_next_command(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = explain(capsys, "agent_not_found")
    assert code == 0
    assert [line for line in out.splitlines() if line and not line.startswith(" ")] == [
        "agent_not_found: The agent is not declared.",
        "Why",
        "What to do",
        "Example",
        "Next: `reconciler validate`",
    ]
    assert "\nWhy\n" not in explain(capsys, "takeover_refused")[1], "the summary is the reason"


def test_json_has_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = explain(capsys, "state_locked", "--json")
    document = json.loads(out)
    assert (code, document["command"]) == (0, "explain")
    assert document["explanation"]["code"] == "state_locked"
    assert document["explanation"]["next"] == "reconciler plan"
    assert "holder" in document["explanation"]["why"]


def test_an_exit_code_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(capsys, "6")[1].startswith("exit code 6: Another run holds the lock")


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("agent_not_fuond", "Did you mean `agent_not_found`"),
        ("takeover", "Did you mean `takeover_refused`"),
        ("qqqqqqq", "`reconciler explain --list` lists them all."),
        ("20003", "https://www.twilio.com/docs/api/errors/20003"),
    ],
)
def test_an_unknown_code_is_wrong_usage(
    word: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = explain(capsys, word)
    assert (code, out) == (Exit.USAGE, "")
    assert hint in err


def test_a_code_may_be_copied_as_it_was_printed() -> None:
    for written in (
        "Takeover-Refused",
        "`takeover_refused`",
        "takeover_refused:",
        " takeover_refused ",
    ):
        assert find_explanation(written) is ALL["takeover_refused"]


def test_the_list_has_every_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(capsys, "--list")[1].split() == list(ALL)
    assert explain(capsys, "--list", "takeover_refused")[0] == Exit.USAGE
    assert explain(capsys)[0] == Exit.USAGE


def test_suggestions_are_few() -> None:
    assert len(suggest_codes("state")) == 3
