"""One of two accounts cannot be read, in every way that happens: no command stops for it, or concludes from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.processes.fork_server import WAIT_FACTOR
from tests.support.processes.process_runner import AGENT, ProcessRunner

from .test_e2e_accounts import ONE, SECOND, THREE, TWO, two_accounts

WRONG = "pl4nted wrong&password"
OLD, FOREIGN = "https://old.example.org/voice", "https://other.example.org/voice"
Unread = Callable[[ProcessRunner], None]


def enter_wrongly(runner: ProcessRunner) -> None:
    """The token of the second account is another one."""
    runner.plant("wrong", WRONG)
    runner.environ["SECOND_SECRET"] = WRONG


def trouble(kind: str) -> Unread:
    """Every call about the second account meets this trouble."""

    def begin(runner: ProcessRunner) -> None:
        runner.twilio.trouble = lambda call: kind if SECOND in call.path else None

    return begin


WAYS: dict[str, Unread] = {
    "wrong token": enter_wrongly,
    "403": trouble("403"),
    "500": trouble("500"),
    "no answer": trouble("drop"),
}


@pytest.fixture(autouse=True)
def _short_waits(runner: ProcessRunner) -> None:
    """What is reported does not depend on how long a command waits for a server in trouble."""
    runner.environ[WAIT_FACTOR] = "0.02"


@pytest.fixture(params=WAYS)
def unread(request: pytest.FixtureRequest) -> Unread:
    return WAYS[request.param]


def declare(runner: ProcessRunner, agent: dict[str, str] = AGENT, **numbers: Any) -> None:
    """One number in each account."""
    runner.declare(
        {ONE: "support", TWO: {"agent": "support", "account": "second"}, **numbers},
        accounts=two_accounts(runner),
        agents={"support": {"webhooks": agent}},
        defaults={"account": "main"},
        safety={"takeover": "allow"},
    )


@pytest.fixture
def applied(runner: ProcessRunner) -> ProcessRunner:
    """A number of each account is bound, and has another route in the version of the state before the present one."""
    declare(runner, {"voice": OLD, "sms": AGENT["sms"]})
    runner.number(ONE)
    runner.twilio.add_number(SECOND, TWO)
    runner.apply("--allow-takeover")
    declare(runner)
    runner.apply("--allow-takeover")
    return runner


def check_plan(document: Any) -> set[str]:
    """The unread account is named, and nothing is planned for it; the addresses of the plan."""
    assert document["summary"]["unread_accounts"] == ["second"]
    assert [d["code"] for d in document["diagnostics"] if d["severity"] == "error"] == [
        "account_unread"
    ]
    assert {action["account"] for action in document["actions"]} <= {"main"}
    return {action["address"] for action in document["actions"]}


def check_done(runner: ProcessRunner, document: Any, before: dict[str, Any]) -> None:
    """The other account was served; the number of the unread one is as it was, on Twilio and in state."""
    assert document["summary"]["unread_accounts"] == ["second"]
    assert "account_unread" in [d["code"] for d in document["diagnostics"]]
    assert (document["success_count"] > 0, document["failed_count"]) == (True, 0)
    assert runner.state[f"number/{TWO}"] == before[f"number/{TWO}"]


@pytest.mark.parametrize("words", [("rollback", "--to", "2"), ("undo",)])
def test_rollback_covers_the_readable_account(
    applied: ProcessRunner, unread: Unread, words: tuple[str, ...]
) -> None:
    unread(applied)
    before, written = applied.state, len(applied.twilio.writes_to(TWO))
    serial = str(
        max(int(kept["serial"]) for kept in applied.json("state", "history")["versions"]) - 1
    )
    words = tuple(serial if word == "2" else word for word in words)

    assert check_plan(applied.json(*words, "--dry-run", code=1)) == {f"number/{ONE}"}
    done = applied.json(*words, "--auto-approve", code=5)
    check_done(applied, done, before)
    assert applied.twilio.number(ONE)["voice_url"] == OLD
    assert len(applied.twilio.writes_to(TWO)) == written


def test_release_covers_the_readable_account(applied: ProcessRunner, unread: Unread) -> None:
    unread(applied)
    before, written = applied.state, len(applied.twilio.writes_to(TWO))
    assert check_plan(applied.json("release", ONE, TWO, "--dry-run", code=1)) == {f"number/{ONE}"}
    check_done(applied, applied.json("release", ONE, TWO, "--auto-approve", code=5), before)
    assert f"number/{ONE}" not in applied.state
    assert len(applied.twilio.writes_to(TWO)) == written

    # Nothing of what was asked for can be done.
    failed = applied.json("release", TWO, "--auto-approve", code=1)
    assert failed["diagnostics"][0]["severity"] == "error"
    assert applied.state[f"number/{TWO}"] == before[f"number/{TWO}"]


@pytest.mark.parametrize(
    "words",
    [
        ("rollback", "--to", "2"),
        ("undo",),
        ("release", ONE, TWO),
        ("plan",),
        ("drift",),
        ("apply",),
    ],
)
def test_with_a_target_elsewhere_the_account_is_not_read(
    applied: ProcessRunner, words: tuple[str, ...]
) -> None:
    enter_wrongly(applied)
    applied.twilio.number(ONE)["voice_url"] = FOREIGN
    calls = len(applied.twilio.calls)
    looks = words[0] in ("plan", "drift")
    consent = () if looks else ("--auto-approve", "--allow-takeover")
    done = applied.json(*words, *consent, "--target", ONE, code=2 if words == ("drift",) else 0)
    assert done["summary"]["unread_accounts"] == []
    assert not [call for call in applied.twilio.calls[calls:] if SECOND in call.path]
    assert looks or done["success_count"] > 0


def test_rollback_neither_creates_nor_misses_resources_of_an_unread_account(
    runner: ProcessRunner,
) -> None:
    """What cannot be seen is not gone: no trunk is made a second time, and no number is called lost."""
    trunk = {"edge": {"domain": "acme-edge.pstn.twilio.com", "account": "second"}}
    accounts, defaults = two_accounts(runner), {"account": "main"}
    runner.number(ONE)
    runner.twilio.add_number(SECOND, TWO)
    numbers: dict[str, Any] = {
        ONE: "support",
        TWO: {"agent": "support", "account": "second", "trunk": "edge"},
    }
    runner.declare(numbers, accounts=accounts, defaults=defaults, trunks=trunk)
    runner.apply("--allow-takeover")
    runner.declare({ONE: "support"}, accounts=accounts, defaults=defaults, trunks=trunk)
    runner.apply("--allow-takeover")
    runner.twilio.numbers.pop(runner.twilio.number(ONE)["sid"])
    enter_wrongly(runner)

    before = runner.state
    plan = runner.json("undo", "--dry-run", code=1)
    assert plan["actions"] == []
    assert "not on Twilio any more" not in str(plan["diagnostics"])
    runner.json("undo", "--auto-approve", code=1)
    assert runner.state == before
    assert len(runner.twilio.trunks) == 1


def test_executes_a_saved_plan_for_the_readable_account(
    applied: ProcessRunner, unread: Unread
) -> None:
    for number in (ONE, TWO):
        applied.twilio.number(number)["voice_url"] = FOREIGN
    digest = applied.json("plan", "--out", "plan.json")["digest"]
    unread(applied)
    before, written = applied.state, len(applied.twilio.writes_to(TWO))

    done = applied.json("apply", "plan.json", "--expect", digest, "--allow-takeover", code=5)
    check_done(applied, done, before)
    assert applied.twilio.number(ONE)["voice_url"] == AGENT["voice"]
    assert len(applied.twilio.writes_to(TWO)) == written


def test_executes_a_saved_release_for_the_readable_account(applied: ProcessRunner) -> None:
    digest = applied.json("release", ONE, TWO, "--out", "plan.json")["digest"]
    enter_wrongly(applied)
    before = applied.state
    check_done(applied, applied.json("apply", "plan.json", "--expect", digest, code=5), before)
    assert f"number/{ONE}" not in applied.state


def test_saved_plan_executes_only_its_listed_actions(applied: ProcessRunner) -> None:
    """What has moved in the other account makes it stale, as ever; so does an account that can be read again."""
    for number in (ONE, TWO):
        applied.twilio.number(number)["voice_url"] = FOREIGN
    applied.json("plan", "--out", "whole.json")
    enter_wrongly(applied)
    applied.json("plan", "--out", "part.json", code=1)
    applied.twilio.number(ONE)["voice_url"] = "https://third.example.org/voice"
    assert (
        "plan_stale"
        in applied.json("apply", "whole.json", "--allow-takeover", code=4)["diagnostics"][0]["code"]
    )

    applied.twilio.number(ONE)["voice_url"] = FOREIGN
    two_accounts(applied)
    assert (
        "plan_stale"
        in applied.json("apply", "part.json", "--allow-takeover", code=4)["diagnostics"][0]["code"]
    )


def test_export_names_the_account_that_it_could_not_read(
    applied: ProcessRunner, unread: Unread
) -> None:
    (applied.folder / "reconciler.yaml").unlink()
    applied.declare({}, accounts=two_accounts(applied), defaults={"account": "main"})
    unread(applied)
    document = applied.json("export", code=1)
    assert document["summary"]["unread_accounts"] == ["second"]
    assert [d["code"] for d in document["diagnostics"]] == ["account_unread"]
    assert ONE in document["configuration"]
    assert TWO not in document["configuration"]
    assert "# Account `second` could not be read" in document["configuration"]

    assert applied.json("export", "--account", "main")["summary"]["unread_accounts"] == []
    assert (
        applied.json("export", "--account", "second", code=1)["diagnostics"][0]["severity"]
        == "error"
    )


def test_still_shows_resources_that_only_the_state_records(
    applied: ProcessRunner, unread: Unread
) -> None:
    unread(applied)
    for number in (ONE, TWO):
        assert applied.json("show", f"number/{number}")["resource"]["phone_number"] == number
    assert len(applied.json("state", "list")["resources"]) == 2


def test_refused_plan_names_the_unread_account(applied: ProcessRunner) -> None:
    """The number of unread accounts is never shown as none because something else is wrong as well."""
    applied.number(THREE, voice_url=FOREIGN)
    declare_strictly(applied)
    refused = applied.json("apply", "--auto-approve", code=4)
    assert refused["summary"]["unread_accounts"] == ["second"]
    assert "account_unread" in [d["code"] for d in refused["diagnostics"]]


def declare_strictly(runner: ProcessRunner) -> None:
    """Takeovers need consent."""
    runner.declare(
        {ONE: "support", THREE: "support", TWO: {"agent": "support", "account": "second"}},
        accounts=two_accounts(runner),
        defaults={"account": "main"},
        safety={"takeover": "refuse"},
    )
    enter_wrongly(runner)
