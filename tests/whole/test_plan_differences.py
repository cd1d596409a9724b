"""A refused plan file shows how the plan made now differs from it."""

from __future__ import annotations

from tests.support.command_runner import AGENT, CommandRunner


def test_a_changed_configuration_shows_the_actions_that_differ(runner: CommandRunner) -> None:
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
