"""`list` tells of each number who answers it and whether it is as recorded; it never guesses."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from reconciler.report.documents.numbers import ListDocument
from reconciler.report.text.number_list import lines
from reconciler.report.text.style import Style
from reconciler.report.width import cell_width
from reconciler.sandbox.service.app import Sandbox
from tests.support.command_runner import CommandRunner, empty_world

from .refusal_worlds import VOICE, declare, numbers_of

FOREIGN = "https://pbx.example.net/in"


def rows(runner: CommandRunner, *args: str, code: int = 0) -> dict[str, dict[str, Any]]:
    """The rows of `list`, by number."""
    document = runner.json("list", *args, code=code)
    assert document["command"] == "list"
    return {row["e164"]: row for row in document["numbers"]}


@pytest.fixture
def applied(runner: CommandRunner) -> list[str]:
    """Four numbers; the first two are declared with labels and applied."""
    numbers = numbers_of(runner)
    declare(
        runner,
        {
            numbers[0]: {"agent": "support", "labels": {"team": "eu-sales", "tier": "1"}},
            numbers[1]: {"agent": "support", "labels": {"team": "us-sales"}},
        },
    )
    runner.apply()
    return numbers


def test_each_number_has_its_agent_route_and_status(
    runner: CommandRunner, applied: list[str]
) -> None:
    found = rows(runner)
    assert list(found) == applied[:2]

    row = found[applied[0]]
    sid = row.pop("sid")
    assert sid.startswith("PN")
    assert row == {
        "address": f"number/{applied[0]}",
        "e164": applied[0],
        "account": "main",
        "managed": True,
        "agent": "support",
        "platform": None,
        "friendly_name": row["friendly_name"],
        "labels": {"team": "eu-sales", "tier": "1"},
        "route": {"voice": f"webhook {VOICE}", "sms": "nothing"},
        "status": "in_sync",
        "drifted": False,
    }


def test_an_edit_on_twilio_is_drifted_and_shows_the_live_route(
    runner: CommandRunner, applied: list[str]
) -> None:
    runner.sandbox.edit(applied[1], {"voice_url": FOREIGN})
    found = rows(runner, "--drifted")
    assert list(found) == [applied[1]]
    assert found[applied[1]]["status"] == "drifted"
    assert found[applied[1]]["route"]["voice"] == f"webhook {FOREIGN}"


def test_a_changed_declaration_is_pending_and_a_lost_number_missing(
    runner: CommandRunner, applied: list[str]
) -> None:
    declare(runner, {applied[0]: "support", applied[2]: "support"}, "https://new.example.com/v")
    lost = next(n for n in runner.sandbox.world.numbers if n.phone_number == applied[1])
    runner.delete(f"{runner._account}/IncomingPhoneNumbers/{lost.sid}.json")
    found = rows(runner)
    assert {number: row["status"] for number, row in found.items()} == {
        applied[0]: "pending",
        applied[1]: "missing",
        applied[2]: "pending",
    }
    assert found[applied[1]]["route"] == {"voice": None, "sms": None}


def test_unmanaged_numbers_are_listed_on_request_alone(
    runner: CommandRunner, applied: list[str]
) -> None:
    found = rows(runner, "--unmanaged")
    assert list(found) == applied[2:]
    assert {(row["status"], row["managed"]) for row in found.values()} == {("unmanaged", False)}
    assert runner.json("list", "--unmanaged")["summary"]["by_status"] == {"unmanaged": 2}


def test_an_account_without_a_declaration_is_read_for_unmanaged_numbers(
    runner: CommandRunner, applied: list[str]
) -> None:
    declare(runner, {})
    runner.run("apply", "--auto-approve", "--force")
    assert list(rows(runner, "--unmanaged")) == applied


@pytest.mark.parametrize(
    ("flags", "shown"),
    [
        (("--label", "team=eu-*"), [0]),
        (("--label", "team=*-sales", "--label", "tier=1"), [0]),
        (("--label", "tier="), [1]),
        (("--agent", "supp*"), [0, 1]),
        (("--agent", "sales"), []),
        (("--agent", "sales", "--agent", "support"), [0, 1]),
        (("--account", "other"), []),
        (("--platform", "*"), []),
    ],
)
def test_filters_keep_what_matches_all_of_them(
    runner: CommandRunner, applied: list[str], flags: tuple[str, ...], shown: list[int]
) -> None:
    assert list(rows(runner, *flags)) == [applied[index] for index in shown]


def test_without_reading_twilio_no_number_is_called_in_sync(
    runner: CommandRunner, applied: list[str]
) -> None:
    calls = len(list(runner.sandbox.calls))
    found = rows(runner, "--no-refresh")
    assert len(list(runner.sandbox.calls)) == calls
    assert {(row["status"], row["drifted"]) for row in found.values()} == {(None, None)}
    assert found[applied[0]]["route"]["voice"] == f"webhook {VOICE}"
    assert "not read" in runner.run("list", "--no-refresh")

    declare(runner, dict.fromkeys(applied[:3], "support"), "https://new.example.com/v")
    statuses = {number: row["status"] for number, row in rows(runner, "--no-refresh").items()}
    assert statuses == dict.fromkeys(applied[:3], "pending")


@pytest.mark.parametrize("flag", ["--unmanaged", "--drifted"])
def test_flags_that_need_twilio_exclude_no_refresh(
    runner: CommandRunner, applied: list[str], flag: str
) -> None:
    assert flag in runner.run("list", "--no-refresh", flag, code=64)


@pytest.mark.parametrize("label", ["team", "=x", ""])
def test_a_label_filter_without_a_value_is_wrong_usage(
    runner: CommandRunner, applied: list[str], label: str
) -> None:
    assert "KEY=VALUE" in runner.run("list", "--label", label, code=64)


def test_nothing_is_said_of_an_account_that_cannot_be_read(
    runner: CommandRunner, applied: list[str]
) -> None:
    with Sandbox(empty_world(numbers=1)) as second:
        other = {
            "sid": second.world.account.sid,
            "auth_token": {"env": "OTHER_TOKEN"},
            "base_url": second.base_url,
        }
        main = {
            "sid": runner.sandbox.world.account.sid,
            "auth_token": {"env": "SANDBOX_TOKEN"},
            "base_url": runner.sandbox.base_url,
        }
        runner.environ["OTHER_TOKEN"] = "0" * 32
        far = "+15550100177"
        declare(
            runner,
            {applied[0]: {"agent": "support", "account": "main"}, far: {"account": "other"}},
            accounts={"main": main, "other": other},
        )
        document = runner.json("list", code=1)
    by_number = {row["e164"]: row for row in document["numbers"]}
    assert document["summary"]["unread_accounts"] == ["other"]
    assert by_number[far]["status"] is None
    assert by_number[far]["drifted"] is None
    assert document["summary"]["by_status"]["unknown"] == 1


def test_a_log_gets_whole_values(runner: CommandRunner, applied: list[str]) -> None:
    text = runner.run("list")
    head, first, *_ = text.splitlines()
    words = ["number", "friendly", "name", "agent", "calls", "messages", "labels", "status"]
    assert head.split() == words
    assert f"webhook {VOICE}" in first
    assert "team=eu-sales, tier=1" in first
    assert text.splitlines()[-1] == "2 numbers: 2 in sync."


@pytest.mark.parametrize("width", [80, 100])
def test_the_table_fits_the_terminal_and_keeps_numbers_whole(
    runner: CommandRunner, applied: list[str], width: int
) -> None:
    document = msgspec.convert(runner.json("list"), ListDocument)
    table = list(lines(document, Style(colour=False, width=width)))[:-2]
    assert max(map(cell_width, table)) <= width
    assert [row.split()[0] for row in table[1:]] == applied[:2]
    assert all(row.endswith("in sync") for row in table[1:])
    assert any("…" in row for row in table)

    whole = "\n".join(lines(document, Style(colour=False, width=width, whole=True)))
    assert f"webhook {VOICE}" in whole
    assert "…" not in whole


def test_show_lists_the_numbers_of_an_agent(runner: CommandRunner, applied: list[str]) -> None:
    resource = runner.json("show", "agent/support")["resource"]
    assert resource["routes"] == {
        "voice": f"webhook {VOICE}",
        "sms": "nothing",
        "status": "nothing",
    }
    assert resource["numbers"] == [f"number/{number}" for number in applied[:2]]
    text = runner.run("show", "agent/support")
    assert f"number/{applied[1]}" in text


def test_show_of_an_unknown_agent_names_a_close_one(
    runner: CommandRunner, applied: list[str]
) -> None:
    assert "Did you mean `agent/support`?" in runner.run("show", "agent/suport", code=1)


def sid_of(runner: CommandRunner, number: str) -> str:
    """The SID of a number."""
    return next(n.sid for n in runner.sandbox.world.numbers if n.phone_number == number)


@pytest.mark.parametrize("sid_first", [False, True])
def test_number_that_is_declared_by_number_and_by_sid_is_listed_once_without_state(
    runner: CommandRunner, sid_first: bool
) -> None:
    number = numbers_of(runner)[0]
    keys = [sid_of(runner, number), number] if sid_first else [number, sid_of(runner, number)]
    declare(runner, dict.fromkeys(keys, "support"))
    document = runner.json("list")
    assert [row["e164"] for row in document["numbers"]] == [number]
    assert sum(document["summary"]["by_status"].values()) == 1


def test_show_names_the_e164_of_numbers_that_are_declared_by_their_sid(
    runner: CommandRunner,
) -> None:
    one, two = numbers_of(runner)[:2]
    declare(runner, {sid_of(runner, one): "support", sid_of(runner, two): "support"})
    runner.apply("--target", f"number/{one}")
    shown = runner.json("show", "agent/support")["resource"]["numbers"]
    assert shown == [f"number/{one}", f"number/{sid_of(runner, two)}"]


def test_show_tells_where_an_agent_on_a_platform_takes_the_calls(runner: CommandRunner) -> None:
    platform = {"type": "nixflex", "api_key": {"env": "KEY"}}
    runner.declare(platforms={"nix": platform}, agents={"desk": {"platform": "nix", "id": "a_1"}})
    runner.run("plan", KEY="key:secret")
    resource = runner.json("show", "agent/desk")["resource"]
    assert resource["routes"] == {"voice": "agent a_1 on nix", "sms": None, "status": None}
