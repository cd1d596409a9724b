"""`plan` and `apply` agree on every refusal: what one announces is what the other refuses with, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.service.app import Sandbox
from reconciler.state.recovery import first_state
from tests.support.command_runner import CommandRunner, empty_world

from . import refusal_worlds as worlds
from .refusal_worlds import REAL_TWILIO, WORLDS, RefusalWorld

ALL_CONSENT = ("--allow-takeover", "--allow-purchase", "--force", "--local-state")
CONSENT_OF_WAYS_BACK = ("--allow-takeover", "--force")


@pytest.fixture(autouse=True)
def real_twilio(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a world asks for it, the sandbox does not pass for one."""
    known = first_state.is_test_server
    monkeypatch.setattr(
        first_state, "is_test_server", lambda url: REAL_TWILIO not in os.environ and known(url)
    )


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[CommandRunner]:
    """An account with twelve numbers on which nothing is set: enough for limits to count."""
    with Sandbox(empty_world(numbers=12)) as sandbox:
        for number in list(sandbox.world.numbers):
            nothing = dict.fromkeys(
                ("voice_url", "voice_fallback_url", "sms_url", "status_callback"), ""
            )
            sandbox.edit(number.sid, nothing)
        yield CommandRunner(tmp_path, sandbox)


def refuse_apply(runner: CommandRunner, *flags: str) -> list[str]:
    """The codes with which an apply is refused that writes nothing."""
    before, calls = worlds.state_text(runner), len(list(runner.sandbox.calls))
    document = runner.json("apply", "--auto-approve", *flags, code=4)
    assert not [call for call in list(runner.sandbox.calls)[calls:] if call.is_write]
    assert worlds.state_text(runner) == before
    return worlds.refusal_codes(document)


@pytest.mark.parametrize("name", WORLDS)
def test_plan_announces_what_apply_refuses(crowd: CommandRunner, name: str) -> None:
    world = WORLDS[name]
    world.prepare(crowd)
    plan = crowd.json("plan", *world.flags, code=world.plan_exit)
    assert sorted(plan["summary"]["would_refuse"]) == sorted(world.codes)
    assert sorted(refuse_apply(crowd, *world.flags)) == sorted(world.codes)
    assert set(world.codes) <= {d["code"] for d in plan["diagnostics"]}


@pytest.mark.parametrize("name", WORLDS)
def test_consent_lifts_in_plan_what_it_lifts_in_apply(crowd: CommandRunner, name: str) -> None:
    world = WORLDS[name]
    world.prepare(crowd)
    lifted = world.consent is not None
    flags = (*world.flags, *(world.consent or ALL_CONSENT))
    plan = crowd.json("plan", *flags, "--fail-on-refusal", code=0 if lifted else 4)
    left = plan["summary"]["would_refuse"]
    assert (left == []) is lifted
    if lifted:
        crowd.json("apply", "--auto-approve", *flags)
        return
    assert sorted(refuse_apply(crowd, *flags)) == sorted(left)


@pytest.mark.parametrize("name", WORLDS)
def test_exit_codes_of_a_plan_that_apply_would_refuse(crowd: CommandRunner, name: str) -> None:
    """Without a flag a plan of which consent lifts the refusal is no failure; 4 comes before 2."""
    world = WORLDS[name]
    world.prepare(crowd)
    crowd.run("plan", *world.flags, code=world.plan_exit)
    crowd.run("plan", *world.flags, "--detailed-exitcode", code=world.plan_exit or 2)
    crowd.run("plan", *world.flags, "--fail-on-refusal", code=4)
    crowd.run("plan", *world.flags, "--fail-on-refusal", "--detailed-exitcode", code=4)


@pytest.mark.parametrize("name", WORLDS)
def test_every_format_reports_the_refusal_first(crowd: CommandRunner, name: str) -> None:
    world = WORLDS[name]
    world.prepare(crowd)
    codes = crowd.json("plan", *world.flags, code=world.plan_exit)["summary"]["would_refuse"]
    sentence = f"Apply would refuse this plan: {', '.join(codes)}."

    reports = (
        "--report",
        "markdown=plan.md",
        "--report",
        "html=plan.html",
        "--report",
        "junit=plan.xml",
    )
    text = crowd.run("plan", *world.flags, *reports, "--out", "plan.bin", code=world.plan_exit)
    assert text.splitlines()[0] == sentence

    _, title, _, *rest = (crowd.folder / "plan.md").read_text(encoding="utf-8").splitlines()
    assert title.startswith("### ")
    assert "apply would refuse it" in title
    assert any(line.replace("\\", "").startswith(sentence) for line in rest)

    page = (crowd.folder / "plan.html").read_text(encoding="utf-8")
    assert sentence in page.partition("</header>")[0]
    junit = (crowd.folder / "plan.xml").read_text(encoding="utf-8")
    assert all(f'type="{code}"' in junit for code in codes)

    assert crowd.run("show", "plan.bin").splitlines()[0] == sentence
    assert crowd.json("show", "plan.bin")["summary"]["would_refuse"] == codes


def as_declared(runner: CommandRunner) -> None:
    """Nothing is left to do."""
    worlds.declare(runner, dict.fromkeys(worlds.numbers_of(runner), "support"))
    runner.apply()


def with_imports(runner: CommandRunner) -> None:
    """Imports and writes on numbers that nobody else uses."""
    worlds.declare(runner, dict.fromkeys(worlds.numbers_of(runner), "support"))


def with_few_changes(runner: CommandRunner) -> None:
    """Fewer changes and removals than the limits allow."""
    numbers = worlds.numbers_of(runner)
    as_declared(runner)
    own = {"agent": "support", "webhooks": {"voice": worlds.SECOND}}
    worlds.declare(runner, {**dict.fromkeys(numbers[1:], "support"), numbers[1]: own})


def with_kept_protection(runner: CommandRunner) -> None:
    """A protected number is changed, and stays."""
    one = worlds.numbers_of(runner)[0]
    worlds.declare(runner, {one: {"agent": "support", "protect": True}})
    runner.apply()
    worlds.declare(runner, {one: {"agent": "support", "protect": True}}, worlds.SECOND)


def with_credentials_warned(runner: CommandRunner) -> None:
    """Credentials that only a warning is about."""
    one = worlds.numbers_of(runner)[0]
    worlds.set_foreign_voice(runner, one, f"{worlds.FOREIGN}?token=abc")
    worlds.declare(runner, {one: {"agent": "support", "takeover": "allow"}})


def with_lost_state_that_changes_nothing(runner: CommandRunner) -> None:
    """The state is gone, and the plan brings back all that its history knows."""
    as_declared(runner)
    worlds.declare(runner, dict.fromkeys(worlds.numbers_of(runner), "support"), worlds.SECOND)
    runner.apply("--force")
    (runner.folder / "state.json").unlink()


@pytest.mark.parametrize(
    "prepare",
    [
        as_declared,
        with_imports,
        with_few_changes,
        with_kept_protection,
        with_credentials_warned,
        with_lost_state_that_changes_nothing,
    ],
)
def test_apply_refuses_nothing_that_plan_does_not_announce(
    crowd: CommandRunner, prepare: worlds.Prepare
) -> None:
    prepare(crowd)
    plan = crowd.json("plan", "--fail-on-refusal")
    assert plan["summary"]["would_refuse"] == []
    text = crowd.run("plan", "--report", "markdown=plan.md")
    assert "would refuse" not in text
    assert "would refuse" not in (crowd.folder / "plan.md").read_text(encoding="utf-8")
    crowd.json("apply", "--auto-approve")


def test_errors_come_before_refusals_and_both_are_reported(crowd: CommandRunner) -> None:
    """Exit 1 for the error; the refusal that remains once it is corrected is in both documents."""
    one = worlds.numbers_of(crowd)[0]
    worlds.set_foreign_voice(crowd, one)
    worlds.declare(crowd, {one: "support", "+15550100199": "support"})
    plan = crowd.json("plan", "--fail-on-refusal", "--detailed-exitcode", code=1)
    assert plan["summary"]["would_refuse"] == ["takeover_refused"]
    apply = crowd.json("apply", "--auto-approve", code=1)
    assert {d["code"] for d in apply["diagnostics"]} == {"number_not_in_twilio", "takeover_refused"}


def test_preview_uses_the_given_consent(crowd: CommandRunner) -> None:
    """`release`, `rollback` and `undo` announce like `plan`, and their consent counts in a dry run too."""
    numbers = worlds.numbers_of(crowd)
    worlds.with_many_updates(crowd)
    crowd.apply("--force")
    names = tuple(f"number/{number}" for number in numbers)
    for command in (("release", *names), ("rollback", "--to", "1"), ("undo",)):
        refused = crowd.json(*command, "--dry-run")
        assert refused["summary"]["would_refuse"] == ["threshold_exceeded"]
        text = crowd.run(*command, "--dry-run")
        assert text.startswith(
            f"{command[0].capitalize()} would refuse this plan: threshold_exceeded."
        )
        assert (
            crowd.json(*command, "--dry-run", *CONSENT_OF_WAYS_BACK)["summary"]["would_refuse"]
            == []
        )


def test_plan_does_not_save_its_consent(crowd: CommandRunner) -> None:
    world: RefusalWorld = WORLDS["takeover"]
    world.prepare(crowd)
    crowd.run("plan", "--allow-takeover", "--fail-on-refusal", "--out", "plan.bin")
    assert refuse_apply(crowd, "plan.bin") == ["takeover_refused"]
    crowd.run("apply", "plan.bin", "--allow-takeover")
