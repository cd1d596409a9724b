"""`release`: numbers are let go of without editing the configuration, as a plan that is reviewed like any other."""

from __future__ import annotations

import pytest

from tests.support.processes.process_runner import AGENT, ProcessRunner, actions, watched

ONE, TWO, THREE, BRIDGE = "+15550100101", "+15550100102", "+15550100103", "+15550100104"
OLD = {"voice_url": "https://pbx.example.net/in", "voice_method": "GET"}
THEIRS = "https://colleague.example.net/now"
TRUNKS = {
    "edge": {
        "domain": "acme-edge.pstn.twilio.com",
        "origination": [{"sip_url": "sip:sbc1.example.com"}],
    }
}


@pytest.fixture
def bound(runner: ProcessRunner) -> ProcessRunner:
    """Three numbers and a bridge number, all taken over; one of them is on a trunk."""
    for number in (ONE, TWO, THREE, BRIDGE):
        runner.number(number, **OLD)
    numbers = {
        ONE: {"agent": "support", "takeover": "allow"},
        TWO: {"agent": "support", "takeover": "allow", "on_removal": "clear"},
        THREE: {"agent": "support", "trunk": "edge", "takeover": "allow"},
    }
    bridge = {BRIDGE: {"voice": "https://agents.example.com/bridge", "takeover": "allow"}}
    runner.declare(numbers, trunks=TRUNKS, bridge_numbers=bridge)
    runner.apply()
    return runner


def voice(runner: ProcessRunner, number: str) -> tuple[str, str]:
    found = runner.twilio.number(number)
    return found["voice_url"] or "", found["voice_method"]


def test_release_restores_prior_values_and_changes_nothing_else(
    bound: ProcessRunner,
) -> None:
    with watched(bound.twilio) as calls:
        shown = bound.json("release", ONE, f"bridge_number/{BRIDGE}", "--dry-run")
    assert not any(call.writes for call in calls)
    assert actions(shown) == [(f"bridge_number/{BRIDGE}", "release"), (f"number/{ONE}", "release")]
    done = bound.json("release", ONE, f"bridge_number/{BRIDGE}", "--auto-approve")
    assert (done["command"], actions(done)) == ("release", actions(shown))
    assert voice(bound, ONE) == voice(bound, BRIDGE) == ("https://pbx.example.net/in", "GET")
    assert voice(bound, TWO)[0] == AGENT["voice"]
    assert set(bound.state) == {
        f"number/{TWO}",
        f"number/{THREE}",
        "trunk/edge",
        "origination_url/edge/sip:sbc1.example.com",
    }


@pytest.mark.parametrize(
    ("how", "left"),
    [("--restore", OLD["voice_url"]), ("--clear", ""), ("--keep", AGENT["voice"]), (None, "")],
)
def test_flag_overrides_the_declared_removal_policy(
    bound: ProcessRunner, how: str | None, left: str
) -> None:
    bound.run(
        "release", bound.state[f"number/{TWO}"]["sid"], *([how] if how else []), "--auto-approve"
    )
    assert voice(bound, TWO)[0] == left
    assert f"number/{TWO}" not in bound.state


def test_released_number_leaves_its_trunk_and_the_trunk_stays(bound: ProcessRunner) -> None:
    done = bound.json("release", THREE, "--auto-approve")
    assert {address for address, _ in actions(done)} == {f"number/{THREE}"}
    assert not bound.twilio.number(THREE)["trunk_sid"]
    assert voice(bound, THREE) == ("https://pbx.example.net/in", "GET")
    assert len(bound.twilio.trunks) == 1


def test_release_restores_only_what_we_wrote_and_names_the_rest(bound: ProcessRunner) -> None:
    bound.twilio.edit(ONE, voice_url=THEIRS)
    (action,) = bound.json("release", ONE, "--dry-run")["actions"]
    assert (
        f"not changed, because somebody else has set it since: voice (webhook {THEIRS})"
        in action["note"]
    )
    bound.run("release", ONE, "--auto-approve")
    assert bound.twilio.number(ONE)["voice_url"] == THEIRS
    assert not bound.twilio.number(ONE)["sms_url"]


def test_warns_that_the_next_apply_manages_a_still_declared_number_again(
    bound: ProcessRunner,
) -> None:
    done = bound.json("release", ONE, "--auto-approve")
    (warning,) = [d for d in done["diagnostics"] if d["code"] == "released_while_declared"]
    assert (warning["address"], warning["severity"], warning["file"]) == (
        f"number/{ONE}",
        "warning",
        "reconciler.yaml",
    )
    assert (f"number/{ONE}", "import") in actions(bound.plan())
    bound.declare(None, trunks=TRUNKS)
    quiet = bound.json("release", TWO, "--dry-run")
    assert "released_while_declared" not in [d["code"] for d in quiet["diagnostics"]]


def test_a_release_may_be_saved_reviewed_and_applied_later(bound: ProcessRunner) -> None:
    shown = bound.json("release", ONE, "--clear", "--out", "release.bin")
    assert voice(bound, ONE)[0] == AGENT["voice"]
    assert actions(bound.json("show", "release.bin")) == actions(shown)
    bound.twilio.edit(ONE, voice_url=THEIRS)
    expect = ("--expect", shown["digest"])
    refused = bound.json("apply", "release.bin", *expect, code=4)
    assert [d["code"] for d in refused["diagnostics"]] == ["plan_stale"]
    bound.twilio.edit(ONE, voice_url=AGENT["voice"])
    bound.json("apply", "release.bin", *expect)
    assert not voice(bound, ONE)[0]


def test_refuses_to_release_a_number_protected_only_in_the_configuration(
    bound: ProcessRunner,
) -> None:
    numbers = {ONE: {"agent": "support", "takeover": "allow", "protect": True}}
    bound.declare(numbers)
    with watched(bound.twilio) as calls:
        refused = bound.json("release", ONE, TWO, "--auto-approve", "--force", code=4)
    assert [d["address"] for d in refused["diagnostics"] if d["code"] == "protected"] == [
        f"number/{ONE}"
    ]
    assert not any(call.writes for call in calls)
    assert "nothing was released" in next(
        d["detail"] for d in refused["diagnostics"] if d["code"] == "protected"
    )
    assert "protected" in bound.run("release", ONE, "--dry-run", "--json", code=4).codes


def test_safety_limits_count_against_all_bound_resources(runner: ProcessRunner) -> None:
    numbers = [f"+155501002{n:02d}" for n in range(12)]
    for number in numbers:
        runner.number(number)
    runner.declare(dict.fromkeys(numbers, "support"), safety={"max_removals": 2})
    runner.apply()
    refused = runner.json("release", *numbers[:3], "--auto-approve", code=4)
    (problem,) = [d for d in refused["diagnostics"] if d["code"] == "threshold_exceeded"]
    assert "3 of 12" in problem["detail"]
    runner.run("release", *numbers[:2], "--auto-approve")
    runner.run("release", *numbers[2:5], "--auto-approve", "--force")
    assert len(runner.state) == 7


def test_refuses_to_release_a_number_that_is_not_bound(bound: ProcessRunner) -> None:
    assert bound.run("release", "+15550100199", "--dry-run", "--json", code=1).codes == [
        "address_not_found"
    ]
    assert (
        "trunk/edge is of kind `trunk`"
        in bound.run("release", "trunk/edge", "--dry-run", code=64).err
    )
    bound.run("release", "--dry-run", code=64)
    assert "--auto-approve" in bound.run("release", ONE, code=64).err
