"""Drift without a record: unknown is not the same as no drift."""

from __future__ import annotations

import pytest

from reconciler.sandbox.twilio.accounts import SANDBOX_TOKEN
from reconciler.state.recovery import first_state

from .refusal_worlds import declare, numbers_of
from .stage import Stage


def codes(stage: Stage, *args: str) -> list[str]:
    """The codes with which `drift` fails."""
    return [d["code"] for d in stage.json("drift", *args, code=1)["diagnostics"]]


def test_drift_without_a_state_is_no_success(stage: Stage) -> None:
    declare(stage, {numbers_of(stage)[0]: "support"})
    assert codes(stage) == ["nothing_recorded"]
    said = stage.run(
        "drift", "--report", "markdown=drift.md", "--report", "junit=drift.xml", code=1
    )
    assert "No drift" not in said
    assert "reconciler apply" in said
    assert "nothing_recorded" in (stage.folder / "drift.md").read_text(encoding="utf-8")
    assert "nothing_recorded" in (stage.folder / "drift.xml").read_text(encoding="utf-8")
    assert not (stage.folder / "state.json").exists()


def test_drift_of_an_emptied_state_and_of_targets_that_are_not_recorded(stage: Stage) -> None:
    one, two, *_ = numbers_of(stage)
    declare(stage, {one: "support"})
    stage.apply("--allow-takeover")
    stage.json("drift")
    declare(stage, {one: "support", two: "support"})
    assert stage.json("drift")["pending"] == 1
    assert codes(stage, "--target", two) == ["nothing_recorded"]
    assert codes(stage, "--exclude", one) == ["nothing_recorded"]
    stage.json("drift", "--target", one)
    stage.run("state", "rm", f"number/{one}")
    assert codes(stage) == ["nothing_recorded"]


def test_what_is_recorded_is_compared_although_it_is_declared_no_longer(stage: Stage) -> None:
    one = numbers_of(stage)[0]
    declare(stage, {one: "support"})
    stage.apply("--allow-takeover")
    declare(stage, {})
    stage.json("drift")


def test_nothing_declared_and_nothing_recorded_is_no_drift(stage: Stage) -> None:
    declare(stage, {})
    assert stage.json("drift")["drifted"] == []


def test_a_mistyped_target_is_reported_first(stage: Stage) -> None:
    declare(stage, {numbers_of(stage)[0]: "support"})
    stage.run("drift", "--target", "nubmer/*", code=64)


@pytest.mark.parametrize("place", ["loopback", "environment"])
def test_a_sandbox_in_ci_needs_no_consent(stage: Stage, place: str) -> None:
    """Neither where the file names it nor where TWILIO_BASE_URL does."""
    one = numbers_of(stage)[0]
    declare(stage, {one: "support"})
    if place == "environment":
        account = stage.sandbox.world.account.sid
        (stage.folder / "reconciler.yaml").write_text(
            f'version: 1\nproject: acme\nnumbers: {{"{one}": {{}}}}\n', encoding="utf-8"
        )
        stage.environ |= {
            "TWILIO_BASE_URL": stage.sandbox.base_url,
            "TWILIO_ACCOUNT_SID": account,
            "TWILIO_AUTH_TOKEN": SANDBOX_TOKEN,
        }
    assert stage.json("plan", CI="true")["summary"]["would_refuse"] == []
    stage.json("apply", "--auto-approve", "--allow-takeover", CI="true")


def test_once_the_state_is_there_ci_needs_no_consent(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, *_ = numbers_of(stage)
    monkeypatch.setattr(first_state, "is_test_server", lambda url: False)
    declare(stage, {one: "support"})
    stage.run("apply", "--auto-approve", "--allow-takeover", CI="true", code=4)
    assert not (stage.folder / "state.json").exists()
    stage.run("apply", "--auto-approve", "--allow-takeover", "--local-state", CI="true")
    declare(stage, {one: "support", two: "support"})
    stage.run("apply", "--auto-approve", "--allow-takeover", CI="true")
    stage.run("plan", "--fail-on-refusal", CI="true")


def test_a_plan_that_is_saved_needs_the_consent_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_state, "is_test_server", lambda url: False)
    declare(stage, {numbers_of(stage)[1]: "support"})
    stage.run("plan", "--out", "plan.bin", "--local-state", "--fail-on-refusal", CI="1")
    stage.run("apply", "plan.bin", CI="1", code=4)
    stage.run("apply", "plan.bin", "--local-state", CI="1")
