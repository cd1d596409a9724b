"""What is refused with exit 4 and without a write, and what lifts it: takeovers, limits, protection."""

from __future__ import annotations

from typing import Any

from .stage import AGENT, Stage, actions, watched

FOREIGN, DEMO = "https://pbx.example.net/in", "https://demo.twilio.com/welcome/voice/"
ONE, TWO, THREE = "+15550100101", "+15550100102", "+15550100103"
TWELVE = [f"+15550100{n}" for n in range(101, 113)]
OTHER_AGENT = {"support": {"webhooks": {**AGENT, "voice": "https://agents.example.com/second"}}}


def refused(stage: Stage, *args: str) -> list[dict[str, Any]]:
    """The diagnostics of an apply that is refused as a whole."""
    with watched(stage.twilio) as calls:
        diagnostics: list[dict[str, Any]] = stage.json("apply", "--auto-approve", *args, code=4)[
            "diagnostics"
        ]
    assert not any(call.writes for call in calls)
    return diagnostics


def test_a_takeover_needs_consent_and_without_it_nothing_at_all_is_written(stage: Stage) -> None:
    stage.number(ONE, voice_url=FOREIGN)
    stage.number(TWO, sms_url="https://pbx.example.net/sms")
    stage.number(THREE, voice_url=DEMO)
    stage.declare(dict.fromkeys((ONE, TWO, THREE), "support"))

    plan = stage.plan()
    assert {row["address"]: row["takeover"] for row in plan["actions"] if row["takeover"]} == {
        f"number/{ONE}": [{"field": "voice_url", "before": FOREIGN, "after": None}],
        f"number/{TWO}": [
            {"field": "sms_url", "before": "https://pbx.example.net/sms", "after": None}
        ],
    }
    for args in (("--force",), (f"--allow-takeover=number/{ONE}",)):
        found = refused(stage, *args)
        assert {d["code"] for d in found} == {"takeover_refused"}
        assert all(
            (d["file"], d["line"] > 0, d["column"] > 0) == ("reconciler.yaml", True, True)
            for d in found
        )
    assert FOREIGN in refused(stage)[0]["detail"]
    assert not (stage.folder / "state.json").exists()

    done = stage.apply("--target", f"number/{THREE}")
    assert {address for address, _ in actions(done)} == {f"number/{THREE}"}
    done = stage.apply("--exclude", f"number/{ONE}", f"--allow-takeover=number/{TWO[:-1]}?")
    assert {address for address, _ in actions(done)} == {f"number/{TWO}"}
    stage.declare(
        {ONE: {"agent": "support", "takeover": "allow"}, TWO: "support", THREE: "support"}
    )
    stage.apply()
    stage.settled()


def test_bare_consent_is_for_all_and_consent_in_the_file_too(stage: Stage) -> None:
    stage.number(ONE, voice_url=FOREIGN)
    stage.declare({ONE: "support"})
    stage.run("--allow-takeover", "apply", "--auto-approve")
    stage.number(TWO, voice_url=FOREIGN)
    stage.declare(dict.fromkeys((ONE, TWO), "support"), safety={"takeover": "allow"})
    stage.apply()
    assert stage.twilio.number(TWO)["voice_url"] == AGENT["voice"]


def test_more_updates_than_allowed_are_refused_by_the_name_of_the_knob(stage: Stage) -> None:
    for e164 in TWELVE:
        stage.number(e164)
    numbers = dict.fromkeys(TWELVE, "support")
    stage.declare(numbers)
    stage.apply()
    stage.declare(numbers, agents=OTHER_AGENT)
    (limit,) = refused(stage)
    assert limit["code"] == "threshold_exceeded"
    assert "safety.max_updates" in limit["detail"]
    assert "12 of 12" in limit["detail"]
    assert "threshold_exceeded" in [d["code"] for d in stage.plan()["diagnostics"]], (
        "the plan announces it"
    )
    stage.apply("--target", f"number/{TWELVE[0]}", "--target", f"number/{TWELVE[1]}")
    stage.declare(numbers, agents=OTHER_AGENT, safety={"max_updates": 10})
    stage.apply()
    stage.settled()


def test_more_removals_than_allowed_and_what_force_lifts(stage: Stage) -> None:
    """`--force` lifts limits and neither takeover nor protection."""
    for e164 in TWELVE:
        stage.number(e164)
    stage.number("+15550100150", voice_url=FOREIGN)
    kept = {"agent": "support", "protect": True}
    safety = {"max_removals": 5}
    stage.declare({**dict.fromkeys(TWELVE, "support"), ONE: kept}, safety=safety)
    stage.apply()

    fewer = {ONE: kept, "+15550100150": "support"}
    stage.declare(fewer, safety=safety)
    found = refused(stage)
    assert {d["code"] for d in found} == {"threshold_exceeded", "takeover_refused"}
    assert "safety.max_removals" in next(
        d["detail"] for d in found if d["code"] == "threshold_exceeded"
    )
    assert [d["code"] for d in refused(stage, "--force")] == ["takeover_refused"]
    assert [d["code"] for d in refused(stage, "--allow-takeover")] == ["threshold_exceeded"]
    stage.apply("--force", "--allow-takeover")

    stage.declare({"+15550100150": "support"})
    assert "protected" in [d["code"] for d in stage.json("plan", code=4)["diagnostics"]]
    (found,) = refused(stage, "--force", "--allow-takeover")
    assert (found["code"], found["address"]) == ("protected", f"number/{ONE}")
    stage.declare({ONE: {**kept, "protect": False}, "+15550100150": "support"})
    stage.apply()
    stage.declare({"+15550100150": "support"})
    stage.apply()
    assert set(stage.state) == {"number/+15550100150"}


def test_imports_never_count_and_a_share_of_few_is_no_limit(stage: Stage) -> None:
    """Nor does what an earlier run had begun: three of three numbers refused their trunk, and are tried again."""
    for e164 in TWELVE:
        stage.number(e164)
    by_trunk = {"agent": "support", "trunk": "edge"}
    trunks = {"edge": {"domain": "acme-edge.pstn.twilio.com"}}
    stage.twilio.unattachable = {stage.twilio.number(e164)["sid"] for e164 in TWELVE}
    stage.declare(dict.fromkeys(TWELVE, by_trunk), trunks=trunks)
    assert len(stage.apply(code=5)["errors"]) == 12
    stage.twilio.unattachable = set()
    assert stage.apply()["success_count"] == 12
    stage.settled()


def test_a_mistyped_target_or_exclusion_is_wrong_usage_and_nothing_is_written(stage: Stage) -> None:
    stage.number(ONE)
    stage.number(TWO)
    stage.declare(dict.fromkeys((ONE, TWO), "support"))
    with watched(stage.twilio) as calls:
        done = stage.run("apply", "--auto-approve", "--target", "nubmer/*", code=64)
        stage.run(
            "apply",
            "--auto-approve",
            "--exclude",
            f"number/{TWO}",
            "--exclude",
            "nubmer/*",
            code=64,
        )
    assert not any(call.writes for call in calls)
    assert not (stage.folder / "state.json").exists()
    assert "`--target nubmer/*` matches nothing" in done.err
    assert "Did you mean `number/*`?" in done.err
    assert done.out == ""

    document = stage.apply("--exclude", f"number/{TWO}")
    assert document["summary"]["left_out"] == 1
    stage.apply()
    for command in ("plan", "drift"):
        stage.run(command, "--target", "nubmer/*", code=64)
        assert (
            f"Did you mean `number/{ONE}`?" in stage.run(command, "--target", ONE[1:], code=64).err
        )
        stage.run(command, "--target", f"number/{ONE}")
