"""Drift without a record: unknown is not the same as no drift."""

from __future__ import annotations

import pytest

from reconciler.sandbox.twilio.accounts import SANDBOX_TOKEN
from reconciler.state.recovery import first_state
from tests.support.command_runner import CommandRunner

from .refusal_worlds import declare, numbers_of


def codes(runner: CommandRunner, *args: str) -> list[str]:
    """The codes with which `drift` fails."""
    return [d["code"] for d in runner.json("drift", *args, code=1)["diagnostics"]]


def test_drift_without_a_state_is_no_success(runner: CommandRunner) -> None:
    declare(runner, {numbers_of(runner)[0]: "support"})
    assert codes(runner) == ["nothing_recorded"]
    said = runner.run(
        "drift", "--report", "markdown=drift.md", "--report", "junit=drift.xml", code=1
    )
    assert "No drift" not in said
    assert "reconciler apply" in said
    assert "nothing_recorded" in (runner.folder / "drift.md").read_text(encoding="utf-8")
    assert "nothing_recorded" in (runner.folder / "drift.xml").read_text(encoding="utf-8")
    assert not (runner.folder / "state.json").exists()


def test_drift_reports_an_emptied_state_and_unrecorded_targets(
    runner: CommandRunner,
) -> None:
    one, two, *_ = numbers_of(runner)
    declare(runner, {one: "support"})
    runner.apply("--allow-takeover")
    runner.json("drift")
    declare(runner, {one: "support", two: "support"})
    assert runner.json("drift")["pending"] == 1
    assert codes(runner, "--target", two) == ["nothing_recorded"]
    assert codes(runner, "--exclude", one) == ["nothing_recorded"]
    runner.json("drift", "--target", one)
    runner.run("state", "rm", f"number/{one}")
    assert codes(runner) == ["nothing_recorded"]


def test_drift_compares_recorded_resources_that_are_no_longer_declared(
    runner: CommandRunner,
) -> None:
    one = numbers_of(runner)[0]
    declare(runner, {one: "support"})
    runner.apply("--allow-takeover")
    declare(runner, {})
    runner.json("drift")


def test_empty_project_without_records_has_no_drift(runner: CommandRunner) -> None:
    declare(runner, {})
    assert runner.json("drift")["drifted"] == []


def test_a_mistyped_target_is_reported_first(runner: CommandRunner) -> None:
    declare(runner, {numbers_of(runner)[0]: "support"})
    runner.run("drift", "--target", "nubmer/*", code=64)


@pytest.mark.parametrize("place", ["loopback", "environment"])
def test_a_sandbox_in_ci_needs_no_consent(runner: CommandRunner, place: str) -> None:
    """Neither where the file names it nor where TWILIO_BASE_URL does."""
    one = numbers_of(runner)[0]
    declare(runner, {one: "support"})
    if place == "environment":
        account = runner.sandbox.world.account.sid
        (runner.folder / "reconciler.yaml").write_text(
            f'version: 1\nproject: acme\nnumbers: {{"{one}": {{}}}}\n', encoding="utf-8"
        )
        runner.environ |= {
            "TWILIO_BASE_URL": runner.sandbox.base_url,
            "TWILIO_ACCOUNT_SID": account,
            "TWILIO_AUTH_TOKEN": SANDBOX_TOKEN,
        }
    assert runner.json("plan", CI="true")["summary"]["would_refuse"] == []
    runner.json("apply", "--auto-approve", "--allow-takeover", CI="true")


def test_ci_needs_no_consent_once_the_state_exists(
    runner: CommandRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, *_ = numbers_of(runner)
    monkeypatch.setattr(first_state, "is_test_server", lambda url: False)
    declare(runner, {one: "support"})
    runner.run("apply", "--auto-approve", "--allow-takeover", CI="true", code=4)
    assert not (runner.folder / "state.json").exists()
    runner.run("apply", "--auto-approve", "--allow-takeover", "--local-state", CI="true")
    declare(runner, {one: "support", two: "support"})
    runner.run("apply", "--auto-approve", "--allow-takeover", CI="true")
    runner.run("plan", "--fail-on-refusal", CI="true")


def test_saved_plan_needs_the_consent_again(
    runner: CommandRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_state, "is_test_server", lambda url: False)
    declare(runner, {numbers_of(runner)[1]: "support"})
    runner.run("plan", "--out", "plan.bin", "--local-state", "--fail-on-refusal", CI="1")
    runner.run("apply", "plan.bin", CI="1", code=4)
    runner.run("apply", "plan.bin", "--local-state", CI="1")
