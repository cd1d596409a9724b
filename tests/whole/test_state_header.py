"""`state list` and `state show` need the state, so they read only the header of the configuration."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.command_runner import CommandRunner

from .refusal_worlds import declare, numbers_of


def add_invalid_agent(runner: CommandRunner) -> None:
    entry = runner.folder / "reconciler.yaml"
    text = entry.read_text(encoding="utf-8")
    entry.write_text(text + "trunks: 7\npolicies: {}\nunknown: 1\n", encoding="utf-8")


def declare_unknown_agent(runner: CommandRunner) -> None:
    declare(runner, {numbers_of(runner)[0]: "nobody"})


def include_missing_file(runner: CommandRunner) -> None:
    declare(runner, {}, include=["missing.yaml"])


@pytest.mark.parametrize("spoil", [add_invalid_agent, declare_unknown_agent, include_missing_file])
def test_state_is_shown_although_a_section_is_invalid(
    runner: CommandRunner, spoil: Callable[[CommandRunner], None]
) -> None:
    number = numbers_of(runner)[0]
    declare(runner, {number: "support"})
    runner.apply("--allow-takeover")
    spoil(runner)
    runner.run("validate", code=3)
    (row,) = runner.json("state", "list")["resources"]
    assert row["address"] == f"number/{number}"
    assert runner.json("state", "show", number)["resource"]["sid"] == row["sid"]


@pytest.mark.parametrize("header", ["project: [", "project: acme\nversion: 9", "version: 1"])
def test_an_invalid_header_is_exit_3(runner: CommandRunner, header: str) -> None:
    (runner.folder / "reconciler.yaml").write_text(header, encoding="utf-8")
    assert runner.json("state", "list", code=3)["diagnostics"]
    assert runner.json("state", "show", "number/+15550100101", code=3)["diagnostics"]
