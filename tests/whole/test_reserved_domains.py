"""The domain of a deleted trunk, which Twilio keeps from everybody for up to 30 days: told before, and told after."""

from __future__ import annotations

import json
from typing import Any

from tests.support.command_runner import CommandRunner

from .test_lists import trunk

DOMAIN = "acme-edge.pstn.twilio.com"
EDGE = {"edge": trunk("acme-edge", origination=[{"sip_url": "sip:sbc1.example.com"}])}
KEPT = f"Twilio keeps {DOMAIN} reserved for up to 30 days: no trunk, here or elsewhere, can have it"
AGAIN = f"Twilio may refuse {DOMAIN} for up to 30 days after the trunk that had it was deleted"


def notes(document: Any) -> dict[str, str | None]:
    """What is said of each trunk."""
    return {
        a["action"]: a.get("note") for a in document["actions"] if a["address"].startswith("trunk/")
    }


def made_and_deleted(runner: CommandRunner) -> int:
    """A trunk of ours that was there; the serial of the state that knew it."""
    runner.declare(trunks=EDGE)
    runner.apply()
    serial = json.loads((runner.folder / "state.json").read_text(encoding="utf-8"))["serial"]
    runner.declare()
    assert notes(runner.json("plan")) == {"delete": KEPT}
    runner.apply()
    return int(serial)


def test_explains_why_twilio_refuses_a_recently_deleted_domain(
    runner: CommandRunner,
) -> None:
    made_and_deleted(runner)
    runner.declare(trunks=EDGE)
    done = runner.json("apply", "--auto-approve", code=1)
    refused = {error["address"]: error for error in done["errors"]}
    assert refused["trunk/edge"]["code"] == "trunk_domain_taken"
    for part in (
        DOMAIN,
        "that of a deleted trunk stays reserved for up to 30 days",
        "Choose another `domain`",
    ):
        assert part in refused["trunk/edge"]["message"]
    runner.declare(
        trunks={"edge": trunk("acme-edge-2", origination=[{"sip_url": "sip:sbc1.example.com"}])}
    )
    runner.apply()
    assert runner.plan() == []


def test_rollback_to_a_deleted_trunk_warns_that_its_domain_may_be_refused(
    runner: CommandRunner,
) -> None:
    serial = made_and_deleted(runner)
    assert notes(runner.json("rollback", "--to", str(serial), "--dry-run")) == {"create": AGAIN}
    runner.json("rollback", "--to", str(serial), "--auto-approve", code=1)
    runner.sandbox.world.reserved.clear()
    runner.run("rollback", "--to", str(serial), "--auto-approve")
    assert [row.domain_name for row in runner.sandbox.world.trunks] == [DOMAIN]


def test_warns_about_the_domain_of_a_trunk_that_someone_else_deleted(runner: CommandRunner) -> None:
    runner.declare(trunks=EDGE)
    assert notes(runner.json("plan")) == {"create": None}, (
        "of a trunk that nobody has heard of nothing is said"
    )
    runner.apply()
    runner.delete(f"/v1/Trunks/{runner.state['trunk/edge']['sid']}")
    assert notes(runner.json("plan")) == {"create": AGAIN}
