"""Trunks that exchange their friendly names on Twilio, or their names in the configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.service.app import Sandbox
from tests.support.command_runner import CommandRunner, empty_world
from tests.support.processes.killed_child import FINISHED, KILLED, run_until_killed
from tests.support.sandbox_client import ask

NUMBERS = ("+15552000000", "+15552000001", "+15552000002")
Names = dict[str, str | None]


def trunk(server: str, **fields: Any) -> dict[str, Any]:
    """A declared trunk with one origination URL."""
    return {"origination": [{"sip_url": f"sip:{server}.example.com"}], **fields}


def one(**fields: Any) -> dict[str, Any]:
    """The first trunk, found by its domain."""
    return trunk("one", domain="one-acme.pstn.twilio.com", **fields)


def two(**fields: Any) -> dict[str, Any]:
    """The second trunk."""
    return trunk("two", domain="two-acme.pstn.twilio.com", **fields)


def three(**fields: Any) -> dict[str, Any]:
    """A third trunk."""
    return trunk("three", domain="three-acme.pstn.twilio.com", **fields)


def friendly_names(runner: CommandRunner) -> dict[str, str | None]:
    """SID → friendly name."""
    return {row.sid: row.friendly_name for row in runner.sandbox.world.trunks}


def exchange_by_hand(runner: CommandRunner) -> None:
    """Give each of two trunks the friendly name of the other."""
    first, second = runner.sandbox.world.trunks
    for row, name in ((first.sid, second.friendly_name), (second.sid, first.friendly_name)):
        answer = ask(runner.sandbox, "POST", f"/v1/Trunks/{row}", form={"FriendlyName": str(name)})
        assert answer.status == 200


def servers(runner: CommandRunner) -> dict[str, str]:
    """Domain → SID of the trunk and its SIP URL."""
    urls = {row.trunk_sid: row.sip_url for row in runner.sandbox.world.origination_urls}
    found = {}
    for row in runner.sandbox.world.trunks:
        found[str(row.domain_name)] = f"{row.sid} {urls[row.sid]}"
    return found


@contextmanager
def world(folder: Path) -> Iterator[CommandRunner]:
    """An account with three numbers."""
    folder.mkdir()
    with Sandbox(empty_world(numbers=3)) as sandbox:
        yield CommandRunner(folder, sandbox)


def exchange_declared(
    runner: CommandRunner, made: Callable[..., Any], other: Callable[..., Any]
) -> None:
    """Exchange the declared friendly names."""
    runner.declare(trunks={"a": made(friendly_name="B"), "b": other(friendly_name="A")})


PAIRS = {
    "by domain": (one, two),
    "by name": (lambda **fields: trunk("one", **fields), lambda **fields: trunk("two", **fields)),
}


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_exchanged_friendly_names_are_two_updates(
    runner: CommandRunner, pair: tuple[Callable[..., Any], Callable[..., Any]], by_hand: bool
) -> None:
    first, second = pair
    runner.declare(trunks={"a": first(friendly_name="A"), "b": second(friendly_name="B")})
    runner.apply()
    before = friendly_names(runner)

    if by_hand:
        exchange_by_hand(runner)
        drifted = runner.json("drift", code=2)["drifted"]
        assert [(d["address"], d["fields"][0]["live"]) for d in drifted] == [
            ("trunk/a", "B"),
            ("trunk/b", "A"),
        ]
    else:
        exchange_declared(runner, first, second)
    assert runner.plan() == [("trunk/a", "update"), ("trunk/b", "update")]
    runner.apply()
    assert runner.plan() == []
    same = friendly_names(runner) == before
    assert same if by_hand else set(friendly_names(runner).values()) == {"A", "B"} and not same


@pytest.mark.parametrize("carried_out", [False, True])
@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_a_run_killed_between_the_two_updates_is_finished(
    tmp_path: Path,
    pair: tuple[Callable[..., Any], Callable[..., Any]],
    by_hand: bool,
    carried_out: bool,
) -> None:
    first, second = pair
    for at in range(1, 4):
        with world(tmp_path / str(at)) as runner:
            runner.declare(trunks={"a": first(friendly_name="A"), "b": second(friendly_name="B")})
            runner.apply()
            wanted = friendly_names(runner)
            exchange_by_hand(runner)
            if not by_hand:
                wanted = friendly_names(runner)
                exchange_by_hand(runner)
                exchange_declared(runner, first, second)

            def apply(run: CommandRunner = runner) -> None:
                run.run("apply", "--auto-approve", "--concurrency", "1")

            ended = run_until_killed(apply, at, carried_out=carried_out)
            if ended == FINISHED:
                assert at == 3
                return
            assert ended == KILLED
            runner.apply()
            assert runner.plan() == []
            assert friendly_names(runner) == wanted
            assert len(list(runner.sandbox.world.trunks)) == 2


Trunks = dict[str, dict[str, Any]]
SWAPS: dict[str, tuple[Trunks, Trunks, dict[str, str]]] = {
    "two": (
        {"a": one(), "b": two()},
        {"a": two(), "b": one()},
        {"trunk/a": "trunk/b", "trunk/b": "trunk/a"},
    ),
    "two with friendly names": (
        {"a": one(friendly_name="A"), "b": two(friendly_name="B")},
        {"a": two(friendly_name="B"), "b": one(friendly_name="A")},
        {"trunk/a": "trunk/b", "trunk/b": "trunk/a"},
    ),
    "three": (
        {"a": one(), "b": two(), "c": three()},
        {"a": two(), "b": three(), "c": one()},
        {"trunk/a": "trunk/c", "trunk/b": "trunk/a", "trunk/c": "trunk/b"},
    ),
    "into a new name": (
        {"a": one(), "b": two()},
        {"a": two(), "c": one()},
        {"trunk/a": "trunk/c", "trunk/b": "trunk/a"},
    ),
}


@pytest.mark.parametrize(("before", "after", "renames"), SWAPS.values(), ids=SWAPS)
def test_exchanged_names_write_nothing_to_twilio(
    runner: CommandRunner, before: Trunks, after: Trunks, renames: dict[str, str]
) -> None:
    def declare(trunks: Trunks) -> None:
        of_server = {entry["domain"]: name for name, entry in trunks.items()}
        routes = [of_server.get(f"{n}-acme.pstn.twilio.com") for n in ("one", "two", "three")]
        numbers = {n: {"trunk": t} for n, t in zip(NUMBERS, routes, strict=True) if t}
        runner.declare(trunks=trunks, numbers=numbers)

    declare(before)
    runner.apply()
    made = servers(runner)

    declare(after)
    plan = runner.json("plan")
    assert (plan["actions"], plan["renames"]) == ([], renames)
    assert runner.apply() == []
    assert servers(runner) == made
    assert runner.plan() == []
    assert runner.json("drift")["drifted"] == []

    # The way back is the same: names are ours.
    declare(before)
    assert runner.apply() == []
    assert servers(runner) == made
    assert runner.plan() == []


def test_undo_of_exchanged_names_writes_only_what_else_changed(runner: CommandRunner) -> None:
    runner.declare(trunks={"a": one(), "b": two()})
    runner.apply()
    runner.declare(trunks={"a": two(cnam_lookup=True), "b": one()})
    runner.apply()
    known = len(list(runner.sandbox.calls))
    runner.run("undo", "--auto-approve")
    written = [call for call in list(runner.sandbox.calls)[known:] if call.is_write]
    assert [call.params for call in written] == [{"CnamLookupEnabled": "false"}]


def test_a_trunk_whose_name_another_one_takes_is_removed(runner: CommandRunner) -> None:
    """The configuration drops the first trunk and calls the second one by its name."""
    runner.declare(trunks={"a": one(), "b": two()})
    runner.apply()
    made = servers(runner)
    runner.declare(trunks={"a": two()})
    assert ("trunk/b", "delete") in runner.plan()
    runner.apply()
    assert runner.plan() == []
    assert servers(runner) == {"two-acme.pstn.twilio.com": made["two-acme.pstn.twilio.com"]}
