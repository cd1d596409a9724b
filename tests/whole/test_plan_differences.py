"""A refused plan file shows how the plan made now differs from it."""

from __future__ import annotations

from .stage import AGENT, Stage


def test_a_changed_configuration_shows_the_actions_that_differ(stage: Stage) -> None:
    one, two, *_ = [number.phone_number for number in stage.sandbox.world.numbers]
    agents = {"support": {"webhooks": AGENT}}
    stage.declare(agents=agents, numbers={one: "support"})
    stage.run("plan", "--out", str(stage.folder / "plan.json"))

    changed = {"support": {"webhooks": {**AGENT, "voice": "https://agents.example.com/new"}}}
    stage.declare(agents=changed, numbers={one: "support", two: "support"})
    refused = stage.json("apply", str(stage.folder / "plan.json"), code=4)
    [problem] = [d for d in refused["diagnostics"] if d["code"] == "plan_stale"]
    assert "The configuration is not the one that the plan was made from" in problem["detail"]
    assert "The plan made now is different:" in problem["detail"]
    assert (
        f"number/{two}: `import` is planned now, and was not in the reviewed plan."
        in problem["detail"]
    )
    assert "https://agents.example.com/new" in problem["detail"]
    assert problem["detail"].endswith("reconciler plan --out FILE")
