"""A refused plan file shows how the plan made now differs from it."""

from __future__ import annotations

import pytest

from tests.support.command_runner import AGENT, CommandRunner


def test_stale_plan_shows_the_actions_that_differ(runner: CommandRunner) -> None:
    one, two, *_ = [number.phone_number for number in runner.sandbox.world.numbers]
    agents = {"support": {"webhooks": AGENT}}
    runner.declare(agents=agents, numbers={one: "support"})
    runner.run("plan", "--out", str(runner.folder / "plan.json"))

    changed = {"support": {"webhooks": {**AGENT, "voice": "https://agents.example.com/new"}}}
    runner.declare(agents=changed, numbers={one: "support", two: "support"})
    refused = runner.json("apply", str(runner.folder / "plan.json"), code=4)
    [problem] = [d for d in refused["diagnostics"] if d["code"] == "plan_stale"]
    assert "The configuration is not the one that the plan was made from" in problem["detail"]
    assert "The plan made now is different:" in problem["detail"]
    assert (
        f"number/{two}: `import` is planned now, and was not in the reviewed plan."
        in problem["detail"]
    )
    assert "https://agents.example.com/new" in problem["detail"]
    assert problem["detail"].endswith("reconciler plan --out FILE")


@pytest.mark.parametrize("command", ["rollback", "release"])
def test_saved_rollback_shows_the_actions_that_differ(runner: CommandRunner, command: str) -> None:
    one, two, *_ = [number.phone_number for number in runner.sandbox.world.numbers]
    agents = {"support": {"webhooks": AGENT}}
    runner.declare(agents=agents, numbers={one: "support"})
    runner.apply()
    changed = {"support": {"webhooks": {**AGENT, "voice": "https://agents.example.com/new"}}}
    runner.declare(agents=changed, numbers={one: "support"})
    runner.apply()

    file = str(runner.folder / "plan.json")
    words = {"rollback": ("rollback", "--to", "1"), "release": ("release", one, "--restore")}
    runner.run(*words[command], "--out", file)
    digest = runner.json("show", file)["digest"]

    # The next apply makes the plan stale: it writes another URL, and the state moves on.
    newest = {"support": {"webhooks": {**AGENT, "voice": "https://agents.example.com/newest"}}}
    runner.declare(agents=newest, numbers={one: "support", two: "support"})
    runner.apply()
    refused = runner.json("apply", file, "--expect", digest, code=4)
    stale = [d["detail"] for d in refused["diagnostics"] if d["code"] == "plan_stale"]
    assert "The configuration is not the one that the plan was made from" in stale[0]
    assert "The plan made now is different:" in stale[0]
    assert "https://agents.example.com/newest" in stale[0]
    assert any("the state is now at" in detail for detail in stale[1:])


def test_saved_release_of_a_released_number_has_no_plan_to_compare_with(
    runner: CommandRunner,
) -> None:
    one, *_ = [number.phone_number for number in runner.sandbox.world.numbers]
    runner.declare(agents={"support": {"webhooks": AGENT}}, numbers={one: "support"})
    runner.apply()
    file = str(runner.folder / "plan.json")
    runner.run("release", one, "--keep", "--out", file)
    digest = runner.json("show", file)["digest"]

    runner.run("release", one, "--keep", "--auto-approve")
    refused = runner.json("apply", file, "--expect", digest, code=4)
    [problem] = [d for d in refused["diagnostics"] if d["code"] == "plan_stale"]
    assert "the state is now at" in problem["detail"]
    assert "different" not in problem["detail"]
