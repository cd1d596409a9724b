"""A saved plan, encrypted, held to a baseline and to policies: applied as it was reviewed, or refused and told why."""

from __future__ import annotations

import pytest

from tests.support.processes.process_runner import AGENT, ProcessRunner, actions, watched

from .test_e2e_baseline import commit

ONE, TWO = "+15550100101", "+15550100102"
KEY = "a-key-of-the-tests-and-of-nothing-else"
POLICIES = {
    "no-updates-of-one": {
        "kinds": ["action"],
        "match": f"number/{ONE}",
        "message": "That number is the front desk's.",
        "schema": {"properties": {"action": {"enum": ["import", "overwrite_webhooks"]}}},
    }
}


@pytest.fixture
def reviewed(runner: ProcessRunner) -> ProcessRunner:
    """One number is bound, the plan for a second one is saved; all that protects a plan is switched on."""
    runner.plant("key", KEY)
    runner.environ["STATE_KEY"] = KEY
    runner.number(ONE)
    runner.number(TWO, voice_url="https://pbx.example.net/in")
    declare(runner, {ONE: "support"})
    runner.apply()
    declare(runner, {ONE: "support", TWO: {"agent": "support", "takeover": "allow"}})
    commit(runner)
    runner.run("plan", "--out", "plan.bin", "--baseline", "target", "--detailed-exitcode", code=2)
    return runner


def declare(runner: ProcessRunner, numbers: dict[str, object], policies: object = POLICIES) -> None:
    runner.declare(numbers, encryption_key={"env": "STATE_KEY"}, policies=policies)


def test_names_a_later_live_edit_and_its_author_and_writes_nothing(
    reviewed: ProcessRunner,
) -> None:
    assert TWO not in (reviewed.folder / "plan.bin").read_text(encoding="utf-8")
    reviewed.twilio.edit(TWO, voice_url="https://laptop.example.dev/voice")
    with watched(reviewed.twilio) as calls:
        refused = reviewed.json("apply", "plan.bin", "--baseline", "target", code=4)
    assert not any(call.writes for call in calls)
    (stale,) = [d for d in refused["diagnostics"] if d["code"] == "plan_stale"]
    words = (
        "voice_url was https://pbx.example.net/in",
        "https://laptop.example.dev/voice now",
        "changed by user US",
    )
    assert stale["address"] == f"number/{TWO}"
    assert all(word in stale["detail"] for word in words), stale["detail"]


def test_applies_the_saved_plan_when_nothing_changed(reviewed: ProcessRunner) -> None:
    shown = reviewed.json("show", "plan.bin")
    done = reviewed.json("apply", "plan.bin", "--baseline", "target")
    assert actions(done) == actions(shown)
    assert reviewed.twilio.number(TWO)["voice_url"] == AGENT["voice"]
    reviewed.settled()


def test_policies_check_only_the_actions_of_the_plan(
    reviewed: ProcessRunner,
) -> None:
    """Somebody renames the first number: putting that back would break a policy, the saved plan does not."""
    declare(
        reviewed,
        {
            ONE: {"agent": "support", "friendly_name": "Desk"},
            TWO: {"agent": "support", "takeover": "allow"},
        },
    )
    commit(reviewed)
    assert "policy_violated" in reviewed.run("apply", "--auto-approve", "--json", code=4).codes
    reviewed.run("plan", "--target", f"number/{TWO}", "--out", "two.bin")
    reviewed.json("apply", "two.bin", "--baseline", "target")
    assert reviewed.twilio.number(TWO)["voice_url"] == AGENT["voice"]


def test_policies_also_check_releases_and_rollbacks(reviewed: ProcessRunner) -> None:
    for command in (["release", ONE], ["release", ONE, "--dry-run"]):
        more = [] if "--dry-run" in command else ["--auto-approve", "--force"]
        assert "policy_violated" in reviewed.run(*command, *more, "--json", code=4).codes
    assert reviewed.twilio.number(ONE)["voice_url"] == AGENT["voice"]
    reviewed.run("release", ONE, "--out", "release.bin", code=4)
    digest = reviewed.json("show", "release.bin")["digest"]
    assert (
        "policy_violated"
        in reviewed.run("apply", "release.bin", "--expect", digest, "--json", code=4).codes
    )


def test_consent_declared_only_in_the_change_does_not_cover_a_saved_plan(
    runner: ProcessRunner,
) -> None:
    runner.plant("key", KEY)
    runner.environ["STATE_KEY"] = KEY
    runner.number(TWO, voice_url="https://pbx.example.net/in")
    declare(runner, {TWO: "support"})
    commit(runner)
    declare(runner, {TWO: {"agent": "support", "takeover": "allow"}})
    runner.run("plan", "--out", "plan.bin")
    assert (
        "takeover_refused"
        in runner.run("apply", "plan.bin", "--baseline", "target", "--json", code=4).codes
    )
