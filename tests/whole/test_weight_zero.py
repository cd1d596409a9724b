"""An origination URL with weight 0: declared, exported, and refused by Twilio if it does not take it."""

from __future__ import annotations

from typing import Any

import yaml

from tests.support.command_runner import CommandRunner
from tests.support.sandbox_client import ask

ZERO = {"sip_url": "sip:sbc1.example.com", "priority": 0, "weight": 0}
EDGE: dict[str, Any] = {"domain": "acme-edge.pstn.twilio.com", "origination": [ZERO]}


def weights(runner: CommandRunner) -> list[int]:
    """The weights that Twilio has."""
    return [row.weight for row in runner.sandbox.world.origination_urls]


def test_weight_zero_is_created_and_compared(runner: CommandRunner) -> None:
    runner.declare(trunks={"edge": EDGE})
    runner.apply()
    assert weights(runner) == [0]
    assert runner.plan() == []

    runner.declare(trunks={"edge": {**EDGE, "origination": [{**ZERO, "weight": 10}]}})
    runner.apply()
    assert weights(runner) == [10]
    runner.declare(trunks={"edge": EDGE})
    changes = runner.json("plan")["actions"][0]["changes"]
    assert changes == [{"field": "weight", "before": 10, "after": 0}]
    runner.apply()
    assert weights(runner) == [0]
    assert runner.json("drift")["drifted"] == []


def test_a_live_url_with_weight_zero_is_exported_and_its_plan_is_empty(
    runner: CommandRunner,
) -> None:
    runner.declare(trunks={"edge": EDGE})
    runner.apply()
    (runner.folder / "state.json").unlink()

    runner.declare()
    trunks = yaml.safe_load(runner.run("export"))["trunks"]
    (trunk,) = trunks.values()
    assert trunk["origination"] == [{**ZERO, "friendly_name": "sbc1.example.com"}]

    runner.declare(trunks=trunks)
    assert {action for _, action in runner.plan()} == {"import"}
    assert runner.apply() == []
    assert runner.plan() == []


def test_a_refusal_of_twilio_is_shown_with_its_text(runner: CommandRunner) -> None:
    runner.declare(trunks={"edge": EDGE})
    text = "Weight must be an integer between 1 and 65535"
    fault = {
        "fault": "refuse",
        "method": "POST",
        "path": "*/OriginationUrls",
        "code": 21245,
        "message": text,
    }
    assert ask(runner.sandbox, "POST", "/_sandbox/faults", body=fault).status in (200, 201)
    document = runner.json("apply", "--auto-approve", code=5)
    (failed,) = document["errors"]
    assert (failed["address"], failed["code"]) == (
        "origination_url/edge/sip:sbc1.example.com",
        "twilio_refused",
    )
    assert text in failed["message"]
