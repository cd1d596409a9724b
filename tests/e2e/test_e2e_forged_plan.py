"""A plan file supplies a selection and nothing else: whatever is changed in it is refused, or changes nothing."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from tests.support.processes.process_runner import AC, AGENT, ProcessRunner, watched

ONE, TWO, THREE = "+15550100101", "+15550100102", "+15550100103"
TRUNKS = {
    "edge": {
        "domain": "acme-edge.pstn.twilio.com",
        "origination": [{"sip_url": "sip:sbc1.example.com"}],
    }
}
OTHER_DIGEST = "sha256:" + "0" * 64


@pytest.fixture
def planned(runner: ProcessRunner) -> ProcessRunner:
    """One number is bound, one is about to be, one is nobody's; the plan is saved."""
    runner.number(ONE)
    runner.number(TWO, voice_url="https://pbx.example.net/in")
    runner.number(THREE, voice_url="https://theirs.example.net/in")
    runner.declare({ONE: "support"})
    runner.apply()
    runner.declare({ONE: "support", TWO: {"agent": "support", "takeover": "allow"}}, trunks=TRUNKS)
    runner.run("plan", "--out", "plan.bin")
    return runner


def forge(runner: ProcessRunner, plan: dict[str, Any]) -> None:
    """Write the plan with a checksum that fits."""
    data = json.dumps({name: value for name, value in plan.items() if name != "sha256"}).encode()
    checksum = hashlib.sha256(data).hexdigest().encode()
    (runner.folder / "plan.bin").write_bytes(data[:-1] + b',"sha256":"' + checksum + b'"}\n')


def saved(runner: ProcessRunner) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((runner.folder / "plan.bin").read_bytes())
    return found


@pytest.mark.parametrize(
    "part", ["actions", "state_updates", "renames", "references", "diagnostics", "bound"]
)
def test_saved_plan_executes_only_what_is_planned_now(planned: ProcessRunner, part: str) -> None:
    """Parts that nobody compares: an entry in an action, what state would learn, what was said."""
    plan = saved(planned)
    foreign = plan["actions"][0]["entry"] | {"account": "main", "key": THREE, "kind": "number"}
    if part == "actions":
        for action in plan["actions"]:
            if action.get("entry"):
                action["entry"] |= {
                    "last_applied": {},
                    "created": True,
                    "options": {"on_removal": "clear"},
                }
    else:
        plan[part] = {
            "state_updates": {f"number/{THREE}": foreign},
            "renames": {f"number/{ONE}": f"number/{THREE}"},
            "references": {"trunk/edge": {"password": "env:HOME"}},
            "diagnostics": [],
            "bound": {},
        }[part]
    forge(planned, plan)
    planned.json("apply", "plan.bin")
    assert planned.twilio.number(TWO)["voice_url"] == AGENT["voice"]
    assert planned.twilio.number(THREE)["voice_url"] == "https://theirs.example.net/in"
    assert set(planned.state) >= {f"number/{ONE}", f"number/{TWO}"}
    assert f"number/{THREE}" not in planned.state
    assert not planned.state[f"number/{TWO}"].get("created")
    assert planned.state[f"number/{TWO}"]["prior"]["voice_url"] == "https://pbx.example.net/in"
    planned.settled()


def test_an_undeclared_number_in_a_plan_is_never_written(planned: ProcessRunner) -> None:
    plan = saved(planned)
    sid = planned.twilio.number(THREE)["sid"]
    extra = json.loads(
        json.dumps(plan["actions"])
        .replace(TWO, THREE)
        .replace(planned.twilio.number(TWO)["sid"], sid)
    )
    plan["actions"] += extra
    forge(planned, plan)
    with watched(planned.twilio) as calls:
        refused = planned.run("apply", "plan.bin", "--force", "--allow-takeover", "--json", code=4)
    assert set(refused.codes) == {"plan_stale"}
    assert THREE in refused.out
    assert not any(call.writes for call in calls)


def test_reuses_the_selection_of_a_saved_plan_and_refuses_a_second_one(
    planned: ProcessRunner,
) -> None:
    planned.run("plan", "--out", "plan.bin", "--target", f"number/{TWO}")
    for option in ("--target", "--exclude"):
        assert (
            "own selection"
            in planned.run("apply", "plan.bin", option, f"number/{TWO}", code=64).err
        )
    planned.json("apply", "plan.bin")
    assert "trunk/edge" not in planned.state
    planned.run("plan", "--out", "plan.bin", "--exclude", "origination_url/*")
    planned.json("apply", "plan.bin")
    assert planned.twilio.origination_urls == {}
    assert "trunk/edge" in planned.state


def test_digest_is_equal_in_all_outputs_and_changes_with_the_actions(
    planned: ProcessRunner,
) -> None:
    digest = planned.json("plan")["digest"]
    assert digest == planned.json("show", "plan.bin")["digest"] == planned.json("plan")["digest"]
    assert digest[:20] in planned.run("plan").out
    assert digest[:20] in planned.run("show", "plan.bin").out
    assert digest in planned.run("plan", "--format", "markdown").out
    before = (planned.folder / "reconciler.yaml").read_text(encoding="utf-8")
    planned.write("reconciler.yaml", "# a comment\n" + before)
    assert planned.json("plan")["digest"] == digest
    planned.write("reconciler.yaml", before.replace("sbc1", "sbc2"))
    assert planned.json("plan")["digest"] != digest


@pytest.mark.parametrize("file", [["plan.bin"], ["--auto-approve"]])
def test_refuses_a_plan_with_an_unexpected_digest(planned: ProcessRunner, file: list[str]) -> None:
    digest = planned.json("plan")["digest"]
    with watched(planned.twilio) as calls:
        refused = planned.run("apply", *file, "--expect", OTHER_DIGEST, "--json", code=4)
        for short in (digest[:20], digest.removeprefix("sha256:"), digest.upper()):
            planned.run("apply", *file, "--expect", short, code=64)
    assert refused.codes == ["plan_unexpected"]
    assert not any(call.writes for call in calls)
    planned.json("apply", *file, "--expect", digest)
    planned.settled()


@pytest.mark.parametrize("command", [["release", ONE, "--clear"], ["rollback", "--to", "1"]])
def test_saved_release_or_rollback_is_planned_again_and_needs_its_digest(
    planned: ProcessRunner, command: list[str]
) -> None:
    planned.json("apply", "plan.bin")
    planned.run(*command, "--out", "back.bin", "--allow-takeover")
    shown = planned.json("show", "back.bin")
    assert shown["actions"]
    assert shown["digest"] == planned.json(*command, "--dry-run")["digest"]
    with watched(planned.twilio) as calls:
        assert "--expect DIGEST" in planned.run("apply", "back.bin", code=64).err
        planned.run("apply", "back.bin", "--expect", OTHER_DIGEST, code=4)
    assert not any(call.writes for call in calls)
    planned.json("apply", "back.bin", "--expect", shown["digest"], "--force")
    stale = planned.run("apply", "back.bin", "--expect", shown["digest"], "--json", code=4)
    assert set(stale.codes) == {"plan_stale"}


def test_refuses_a_plan_of_a_different_format_and_explains_how_to_make_a_new_one(
    planned: ProcessRunner,
) -> None:
    plan = saved(planned)
    for other in (plan["format"] - 1, plan["format"] + 1):
        forge(planned, {**plan, "format": other})
        refused = planned.run("apply", "plan.bin", "--json", code=1)
        assert refused.codes == ["plan_too_new"]
        assert "reconciler plan --out" in refused.json["diagnostics"][0]["detail"]


def test_plan_without_actions_is_never_stale_and_changes_nothing(planned: ProcessRunner) -> None:
    planned.json("apply", "plan.bin")
    planned.run("plan", "--out", "empty.bin")
    assert planned.json("apply", "empty.bin")["outcomes"] == []
    planned.declare({ONE: "support", TWO: "support", THREE: "support"}, trunks=TRUNKS)
    planned.twilio.edit(ONE, voice_url="https://laptop.example.dev/voice")
    before = (planned.folder / "state.json").read_bytes()
    with watched(planned.twilio) as calls:
        assert planned.json("apply", "empty.bin")["outcomes"] == []
    assert not any(call.writes for call in calls)
    assert (planned.folder / "state.json").read_bytes() == before


def test_plan_of_a_trunk_created_by_hand_names_the_differences(
    planned: ProcessRunner,
) -> None:
    sid = "TK" + "5" * 32
    domain = "acme-edge.pstn.twilio.com"
    planned.twilio.trunks[sid] = {
        "sid": sid, "account_sid": AC, "friendly_name": "edge", "domain_name": domain, "secure": False,
    }  # fmt: skip
    refused = planned.run("apply", "plan.bin", "--json", code=4)
    assert set(refused.codes) == {"plan_stale"}
    assert "trunk/edge" in refused.out
