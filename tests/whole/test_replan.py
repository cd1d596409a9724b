"""`apply PLAN… --replan` applies what the reviewed plans hold, and refuses every other action."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.faults.rules import Refuse
from tests.support.command_runner import AGENT, CommandRunner

OLD = {"support": {"webhooks": AGENT}}
CREDENTIAL = {"username": "pbx", "password": {"env": "PBX_PASSWORD"}}
TRUNK = {
    "domain": "acme-edge.pstn.twilio.com",
    "credential_lists": [{"name": "pbx", "credentials": [CREDENTIAL]}],
}


def with_voice(name: str) -> dict[str, Any]:
    return {"support": {"webhooks": {**AGENT, "voice": f"https://agents.example.com/{name}"}}}


def numbers(runner: CommandRunner) -> list[str]:
    return [number.phone_number for number in runner.sandbox.world.numbers]


def save(runner: CommandRunner, name: str, *words: str) -> str:
    """Save the plan of the present configuration. Return its path."""
    path = str(runner.folder / name)
    runner.run("plan", "--out", path, *words)
    return path


def voice_of(runner: CommandRunner, number: str) -> str:
    found = runner.sandbox.world.numbers.get_by_key(number)
    assert found is not None
    return found.voice_url


def stale(runner: CommandRunner, *words: str) -> str:
    """Apply plans that must be refused with no write. Return the details."""
    before = len([call for call in runner.sandbox.calls if call.is_write])
    document = runner.json("apply", *words, "--replan", code=4)
    assert len([call for call in runner.sandbox.calls if call.is_write]) == before
    assert {d["code"] for d in document["diagnostics"] if d["severity"] == "error"} == {
        "plan_stale"
    }
    return "\n".join(d["detail"] for d in document["diagnostics"])


def test_plans_of_two_merged_changes_are_applied_together(runner: CommandRunner) -> None:
    one, two, three, _ = numbers(runner)
    runner.declare(agents=OLD, numbers={one: "support"})
    first = save(runner, "first.bin")
    runner.declare(agents=OLD, numbers={two: "support"})
    second = save(runner, "second.bin")

    # Both are merged before the first apply: neither plan alone fits the configuration.
    runner.declare(agents=OLD, numbers={one: "support", two: "support"})
    assert "in none of the reviewed plans" in stale(runner, first)
    runner.run("apply", first, second, "--replan")
    assert voice_of(runner, one) == voice_of(runner, two) == AGENT["voice"]
    assert runner.plan() == []

    # Once everything is applied the same plans hold nothing that is needed.
    writes = len([call for call in runner.sandbox.calls if call.is_write])
    runner.run("apply", first, second, "--replan")
    assert len([call for call in runner.sandbox.calls if call.is_write]) == writes
    assert voice_of(runner, three) == ""


def test_action_in_no_plan_is_refused_with_its_difference(runner: CommandRunner) -> None:
    one, two, *_ = numbers(runner)
    runner.declare(agents=OLD, numbers={one: "support"})
    plan = save(runner, "plan.bin")
    runner.declare(agents=with_voice("other"), numbers={one: "support", two: "support"})
    details = stale(runner, plan)
    assert "https://agents.example.com/other" in details
    assert f"number/{two}: `import` is planned now, and is in none of the reviewed plans" in details


@pytest.mark.parametrize("value", ["https://edited.example.net/in", ""])
def test_live_edit_since_the_review_is_refused(runner: CommandRunner, value: str) -> None:
    one, *_ = numbers(runner)
    runner.declare(agents=OLD, numbers={one: "support"})
    runner.apply()
    runner.declare(agents=with_voice("new"), numbers={one: "support"})
    plan = save(runner, "plan.bin")
    runner.sandbox.edit(one, {"voice_url": value})
    details = stale(runner, plan)
    assert AGENT["voice"] in details
    assert voice_of(runner, one) == value


def test_apply_of_one_change_leaves_the_plan_of_another_field_valid(runner: CommandRunner) -> None:
    """Both change one number; the second plan was made before the first was applied."""
    one, *_ = numbers(runner)
    runner.declare(agents=OLD, numbers={one: "support"})
    runner.apply()
    runner.declare(agents=with_voice("new"), numbers={one: "support"})
    first = save(runner, "first.bin")
    named = {one: {"agent": "support", "friendly_name": "Front desk"}}
    runner.declare(agents=OLD, numbers=named)
    second = save(runner, "second.bin")

    runner.declare(agents=with_voice("new"), numbers={one: "support"})
    runner.run("apply", first, "--replan")
    runner.declare(agents=with_voice("new"), numbers=named)
    runner.run("apply", second, "--replan")
    found = runner.sandbox.world.numbers.get_by_key(one)
    assert found is not None
    assert (found.voice_url, found.friendly_name) == (
        "https://agents.example.com/new",
        "Front desk",
    )


def test_hidden_value_that_is_overwritten_is_compared(runner: CommandRunner) -> None:
    """The application answers before and after the edit, so the two plans have equal actions."""
    one, *_ = numbers(runner)
    runner.declare(agents=OLD, numbers={one: "support"})
    runner.apply()
    menu = runner.make_application(FriendlyName="menu", VoiceUrl="https://menu.example.net/")
    hidden = "https://hidden.example.net/"
    runner.sandbox.edit(one, {"voice_application_sid": menu, "voice_url": f"{hidden}1"})
    plan = save(runner, "plan.bin")
    runner.sandbox.edit(one, {"voice_url": f"{hidden}2"})
    assert f"voice_url was {hidden}1" in stale(runner, plan)


def test_deletion_depends_on_every_live_field(runner: CommandRunner) -> None:
    runner.declare(applications={"menu": {"voice": "https://agents.example.com/menu"}})
    runner.apply()
    runner.declare(numbers={})
    plan = save(runner, "plan.bin")
    [row] = runner.applications()
    runner.post(f"/Applications/{row['sid']}.json", SmsUrl="https://edited.example.net/in")
    assert "https://edited.example.net/in" in stale(runner, plan)
    assert len(runner.applications()) == 1


def test_other_state_or_project_is_refused(runner: CommandRunner) -> None:
    one, two, *_ = numbers(runner)
    runner.declare(agents=OLD, numbers={one: "support"})
    runner.apply()
    runner.declare(agents=OLD, numbers={one: "support", two: "support"})
    plan = save(runner, "plan.bin")

    # A plan file is only a file: it may come from another folder.
    elsewhere = runner.folder / "elsewhere"
    elsewhere.mkdir()
    runner.declare(project="other", agents=OLD, numbers={one: "support", two: "support"})
    (runner.folder / "reconciler.yaml").rename(elsewhere / "reconciler.yaml")
    runner.folder = elsewhere
    assert "The project is not the one" in stale(runner, plan)
    runner.folder = elsewhere.parent

    # The same project with a state that was begun again.
    (runner.folder / "state.json").unlink()
    shutil.rmtree(runner.folder / "state.json.history")
    runner.declare(agents=OLD, numbers={one: "support"})
    runner.run("apply", "--auto-approve")
    runner.declare(agents=OLD, numbers={one: "support", two: "support"})
    assert "replaced or begun again" in stale(runner, plan)


def test_changed_secret_is_refused_and_two_salts_of_one_secret_are_equal(
    runner: CommandRunner,
) -> None:
    runner.declare(trunks={"edge": TRUNK})
    first, second = save(runner, "first.bin"), save(runner, "second.bin")
    document = runner.json("apply", first, "--replan", code=4, PBX_PASSWORD="Another-Password-9")
    assert "The secret of credential/pbx/pbx is another one now" in str(document["diagnostics"])
    runner.run("apply", first, second, "--replan")
    assert runner.plan() == []


def test_selections_of_the_plans_are_joined(runner: CommandRunner) -> None:
    one, two, three, _ = numbers(runner)
    runner.declare(agents=OLD, numbers={one: "support", two: "support", three: "support"})
    first = save(runner, "first.bin", "--target", one)
    second = save(runner, "second.bin", "--target", two)
    runner.run("apply", first, second, "--replan")
    assert [voice_of(runner, each) for each in (one, two, three)] == [AGENT["voice"]] * 2 + [""]


def test_baseline_of_each_plan_holds_for_its_own_actions(
    runner: CommandRunner, tmp_path: Path
) -> None:
    one, two, *_ = numbers(runner)
    for number in (one, two):
        runner.sandbox.edit(number, {"voice_url": "https://pbx.example.net/in"})
    consents = {each: {"agent": "support", "takeover": "allow"} for each in (one, two)}

    # The baseline of the first plan consents to the first number only, and so on.
    plans = []
    for number in (one, two):
        runner.declare(agents=OLD, numbers={number: consents[number]})
        (runner.folder / "baseline.yaml").write_text(
            (runner.folder / "reconciler.yaml").read_text()
        )
        plans.append(save(runner, f"{number}.bin", "--baseline", "./baseline.yaml"))

    runner.declare(agents=OLD, numbers={})
    (runner.folder / "baseline.yaml").write_text((runner.folder / "reconciler.yaml").read_text())
    runner.declare(agents=OLD, numbers={two: consents[two]})
    without = save(runner, "without.bin", "--baseline", "./baseline.yaml")
    runner.declare(agents=OLD, numbers=consents)
    refused = runner.json("apply", plans[0], without, "--replan", code=4)
    assert [d["address"] for d in refused["diagnostics"] if d["code"] == "takeover_refused"] == [
        f"number/{two}"
    ]
    runner.run("apply", *plans, "--replan")
    assert voice_of(runner, one) == voice_of(runner, two) == AGENT["voice"]


def test_expected_digest_is_that_of_the_plan_made_now(runner: CommandRunner) -> None:
    one, *_ = numbers(runner)
    runner.declare(agents=OLD, numbers={one: "support"})
    plan = save(runner, "plan.bin")
    digest = runner.json("plan")["digest"]
    runner.run("apply", plan, "--replan", "--expect", "sha256:" + "0" * 64, code=4)
    runner.run("apply", plan, "--replan", "--expect", digest)


def test_wrong_usage(runner: CommandRunner) -> None:
    one, *_ = numbers(runner)
    runner.declare(agents=OLD, numbers={one: "support"})
    plan = save(runner, "plan.bin")
    assert "--replan" in runner.run("apply", plan, plan, code=64)
    assert "plan file" in runner.run("apply", "--replan", "--auto-approve", code=64)
    runner.run("apply", plan, "--replan", "--target", one, code=64)

    runner.run("apply", plan)
    release = str(runner.folder / "release.bin")
    runner.run("release", one, "--restore", "--out", release)
    assert "Apply it alone" in runner.run("apply", plan, release, "--replan", code=64)


def test_interrupted_apply_is_finished_with_the_same_plans(runner: CommandRunner) -> None:
    """The import succeeded and the write failed: what is left is in the reviewed plan."""
    one, *_ = numbers(runner)
    runner.declare(agents=OLD, numbers={one: "support"})
    plan = save(runner, "plan.bin")
    runner.sandbox.faults.add(
        Refuse(status=400, code=21210, method="POST", path="*/IncomingPhoneNumbers/*")
    )
    runner.run("apply", plan, "--replan", code=5)
    runner.sandbox.faults.clear()
    assert voice_of(runner, one) == ""
    runner.run("apply", plan, "--replan")
    assert voice_of(runner, one) == AGENT["voice"]
