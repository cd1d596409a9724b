"""`--target` and `--exclude` on every command that has them: each form of a pattern, and patterns without a match."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.command_runner import CommandRunner

VOICE = "https://agents.example.com/voice"
MISTYPED = (
    "nubmer/*",
    "+15559999999",
    "PN" + "f" * 32,
    "agent/nobody",
    "label:team=nobody",
    "trunk/edge",
    "label:team",
)
AGENTS: dict[str, Any] = {
    name: {"webhooks": {"voice": f"{VOICE}/{name}"}} for name in ("support", "sales")
}


def numbers_of(runner: CommandRunner) -> list[str]:
    """The numbers of the account."""
    return sorted(str(number.phone_number) for number in runner.sandbox.world.numbers)


def sid_of(runner: CommandRunner, number: str) -> str:
    """The SID of a number."""
    return next(n.sid for n in runner.sandbox.world.numbers if n.phone_number == number)


def declare(runner: CommandRunner, numbers: object, **sections: object) -> None:
    """A configuration with two agents."""
    runner.declare(agents=AGENTS, numbers=numbers, **sections)


@pytest.fixture
def applied(runner: CommandRunner) -> CommandRunner:
    """Three numbers are bound; there are two versions of the state to go back to."""
    one, two, three, _ = numbers_of(runner)
    first = {one: "support", two: {"agent": "sales", "labels": {"team": "sales"}}}
    declare(runner, first)
    runner.apply("--allow-takeover")
    declare(
        runner, {**first, three: {"agent": "sales", "labels": {"team": "sales", "tier": "gold"}}}
    )
    runner.apply("--allow-takeover")
    return runner


def commands(runner: CommandRunner) -> list[tuple[str, ...]]:
    """Every command with the options, as it writes and as it only looks."""
    one = f"number/{numbers_of(runner)[0]}"
    writing = [("apply",), ("rollback", "--to", "1"), ("undo",), ("release", one)]
    looking = [("plan",), ("plan", "--no-refresh"), ("drift",)]
    previews = [(*words, "--dry-run") for words in writing if words != ("apply",)]
    return [*looking, *previews, *((*words, "--auto-approve") for words in writing)]


@pytest.mark.parametrize("option", ["--target", "--exclude"])
def test_a_pattern_without_a_match_is_exit_64_on_every_command(
    applied: CommandRunner, option: str
) -> None:
    before, calls = applied.state, len(list(applied.sandbox.calls))
    for words in commands(applied):
        for pattern in MISTYPED:
            said = applied.run(*words, option, pattern, code=64)
            assert f"`{option} {pattern}` matches nothing" in said
        said = applied.run(*words, option, "number/*", option, "nubmer/*", code=64)
        assert "Did you mean `number/*`?" in said
    assert not [call for call in list(applied.sandbox.calls)[calls:] if call.is_write]
    assert applied.state == before


def test_covers_every_command_with_target_options(applied: CommandRunner) -> None:
    from reconciler.cli.main import COMMANDS, main

    with_options = set()
    for name in COMMANDS:
        command = main.get_command(None, name)  # type: ignore[arg-type]
        if command is not None and any(
            "--target" in parameter.opts for parameter in command.params
        ):
            with_options.add(name)
    assert with_options == {words[0] for words in commands(applied)}


def planned(runner: CommandRunner, *patterns: str) -> set[str]:
    """The numbers that a plan is about."""
    targets = [word for pattern in patterns for word in ("--target", pattern)]
    return {
        action["address"].rpartition("/")[2] for action in runner.json("plan", *targets)["actions"]
    }


def test_numbers_sids_agents_and_labels_are_accepted(applied: CommandRunner) -> None:
    one, two, three, four = numbers_of(applied)
    declare(applied, {two: {"agent": "support", "labels": {"team": "support"}}, four: "sales"})
    assert planned(applied) == {one, two, three, four}, (
        "two are removed, one is changed, one is new"
    )

    # The agent and the labels that are declared, and those that are recorded.
    assert planned(applied, "agent/support") == {one, two}
    assert planned(applied, "agent/sales") == {two, three, four}
    assert planned(applied, "label:team=support") == {two}
    assert planned(applied, "label:team=sales") == {two, three}
    assert planned(applied, "label:tier=g*") == {three}

    assert planned(applied, one) == {one}
    assert planned(applied, sid_of(applied, three), sid_of(applied, four)) == {three, four}
    left = applied.json("plan", "--exclude", "agent/sales", "--exclude", "label:team=sales")
    assert {action["address"] for action in left["actions"]} == {f"number/{one}"}
    applied.run("plan", "--target", "label:team=sales", "--exclude", "number/*")


def test_targets_a_number_declared_by_sid_by_every_pattern(
    runner: CommandRunner,
) -> None:
    one, two, *_ = numbers_of(runner)
    declare(
        runner,
        {sid_of(runner, one): {"agent": "support", "labels": {"team": "sales"}}, two: "sales"},
    )
    for pattern in (one, sid_of(runner, one), f"number/{one}", "agent/support", "label:team=sales"):
        assert planned(runner, pattern) == {one}, pattern
    runner.apply("--target", "label:team=sales", "--allow-takeover")
    assert set(runner.state) == {f"number/{one}"}


def test_target_matches_a_recorded_resource_without_actions(
    applied: CommandRunner,
) -> None:
    one, two, *_ = numbers_of(applied)
    applied.run("plan", "--target", one)
    drift = applied.json("drift", "--target", "label:team=sales")
    assert drift["drifted"] == []
    applied.sandbox.edit(sid_of(applied, two), {"voice_url": "https://pbx.example.net/in"})
    found = applied.json("drift", "--target", "agent/sales", code=2)["drifted"]
    assert [entry["address"] for entry in found] == [f"number/{two}"]
    assert applied.json("drift", "--target", "agent/support")["drifted"] == []


def test_labels_are_recorded_without_a_write(applied: CommandRunner) -> None:
    one, two, three, _ = numbers_of(applied)
    numbers = {one: "support", two: {"agent": "sales", "labels": {"team": "new"}}, three: "sales"}
    declare(applied, numbers)
    assert applied.apply() == []
    assert applied.state[f"number/{two}"]["options"]["labels"] == [["team", "new"]]
    assert "labels" not in applied.state[f"number/{three}"]["options"]
    assert applied.json("plan")["refreshes"] == []


def test_recorded_labels_are_shown_as_a_mapping(applied: CommandRunner) -> None:
    address = f"number/{numbers_of(applied)[2]}"
    shown = applied.json("state", "show", address)["resource"]
    assert shown["options"]["labels"] == {"team": "sales", "tier": "gold"}
    assert "labels: team=sales, tier=gold" in applied.run("state", "show", address)
