"""What is refused with exit 4 and without a write, and what lifts it: takeovers, limits, protection."""

from __future__ import annotations

from typing import Any

from tests.support.processes.process_runner import AGENT, ProcessRunner, actions, watched

FOREIGN, DEMO = "https://pbx.example.net/in", "https://demo.twilio.com/welcome/voice/"
ONE, TWO, THREE = "+15550100101", "+15550100102", "+15550100103"
TWELVE = [f"+15550100{n}" for n in range(101, 113)]
OTHER_AGENT = {"support": {"webhooks": {**AGENT, "voice": "https://agents.example.com/second"}}}


def refused(runner: ProcessRunner, *args: str) -> list[dict[str, Any]]:
    """The diagnostics of an apply that is refused as a whole."""
    with watched(runner.twilio) as calls:
        diagnostics: list[dict[str, Any]] = runner.json("apply", "--auto-approve", *args, code=4)[
            "diagnostics"
        ]
    assert not any(call.writes for call in calls)
    return diagnostics


def test_takeover_without_consent_writes_nothing(
    runner: ProcessRunner,
) -> None:
    runner.number(ONE, voice_url=FOREIGN)
    runner.number(TWO, sms_url="https://pbx.example.net/sms")
    runner.number(THREE, voice_url=DEMO)
    runner.declare(dict.fromkeys((ONE, TWO, THREE), "support"))

    plan = runner.plan()
    assert {row["address"]: row["takeover"] for row in plan["actions"] if row["takeover"]} == {
        f"number/{ONE}": [{"field": "voice_url", "before": FOREIGN, "after": None}],
        f"number/{TWO}": [
            {"field": "sms_url", "before": "https://pbx.example.net/sms", "after": None}
        ],
    }
    for args in (("--force",), (f"--allow-takeover=number/{ONE}",)):
        found = refused(runner, *args)
        assert {d["code"] for d in found} == {"takeover_refused"}
        assert all(
            (d["file"], d["line"] > 0, d["column"] > 0) == ("reconciler.yaml", True, True)
            for d in found
        )
    assert FOREIGN in refused(runner)[0]["detail"]
    assert not (runner.folder / "state.json").exists()

    done = runner.apply("--target", f"number/{THREE}")
    assert {address for address, _ in actions(done)} == {f"number/{THREE}"}
    done = runner.apply("--exclude", f"number/{ONE}", f"--allow-takeover=number/{TWO[:-1]}?")
    assert {address for address, _ in actions(done)} == {f"number/{TWO}"}
    runner.declare(
        {ONE: {"agent": "support", "takeover": "allow"}, TWO: "support", THREE: "support"}
    )
    runner.apply()
    runner.settled()


def test_consent_for_all_works_as_a_flag_and_in_the_configuration(runner: ProcessRunner) -> None:
    runner.number(ONE, voice_url=FOREIGN)
    runner.declare({ONE: "support"})
    runner.run("--allow-takeover", "apply", "--auto-approve")
    runner.number(TWO, voice_url=FOREIGN)
    runner.declare(dict.fromkeys((ONE, TWO), "support"), safety={"takeover": "allow"})
    runner.apply()
    assert runner.twilio.number(TWO)["voice_url"] == AGENT["voice"]


def test_refuses_too_many_updates_and_names_the_setting(
    runner: ProcessRunner,
) -> None:
    for e164 in TWELVE:
        runner.number(e164)
    numbers = dict.fromkeys(TWELVE, "support")
    runner.declare(numbers)
    runner.apply()
    runner.declare(numbers, agents=OTHER_AGENT)
    (limit,) = refused(runner)
    assert limit["code"] == "threshold_exceeded"
    assert "safety.max_updates" in limit["detail"]
    assert "12 of 12" in limit["detail"]
    assert "threshold_exceeded" in [d["code"] for d in runner.plan()["diagnostics"]], (
        "the plan announces it"
    )
    runner.apply("--target", f"number/{TWELVE[0]}", "--target", f"number/{TWELVE[1]}")
    runner.declare(numbers, agents=OTHER_AGENT, safety={"max_updates": 10})
    runner.apply()
    runner.settled()


def test_force_lifts_the_removal_limit_but_not_takeover_or_protection(
    runner: ProcessRunner,
) -> None:
    """`--force` lifts limits and neither takeover nor protection."""
    for e164 in TWELVE:
        runner.number(e164)
    runner.number("+15550100150", voice_url=FOREIGN)
    kept = {"agent": "support", "protect": True}
    safety = {"max_removals": 5}
    runner.declare({**dict.fromkeys(TWELVE, "support"), ONE: kept}, safety=safety)
    runner.apply()

    fewer = {ONE: kept, "+15550100150": "support"}
    runner.declare(fewer, safety=safety)
    found = refused(runner)
    assert {d["code"] for d in found} == {"threshold_exceeded", "takeover_refused"}
    assert "safety.max_removals" in next(
        d["detail"] for d in found if d["code"] == "threshold_exceeded"
    )
    assert [d["code"] for d in refused(runner, "--force")] == ["takeover_refused"]
    assert [d["code"] for d in refused(runner, "--allow-takeover")] == ["threshold_exceeded"]
    runner.apply("--force", "--allow-takeover")

    runner.declare({"+15550100150": "support"})
    assert "protected" in [d["code"] for d in runner.json("plan", code=4)["diagnostics"]]
    (found,) = refused(runner, "--force", "--allow-takeover")
    assert (found["code"], found["address"]) == ("protected", f"number/{ONE}")
    runner.declare({ONE: {**kept, "protect": False}, "+15550100150": "support"})
    runner.apply()
    runner.declare({"+15550100150": "support"})
    runner.apply()
    assert set(runner.state) == {"number/+15550100150"}


def test_imports_never_count_and_a_share_of_few_is_no_limit(runner: ProcessRunner) -> None:
    """Nor does what an earlier run had begun: three of three numbers refused their trunk, and are tried again."""
    for e164 in TWELVE:
        runner.number(e164)
    by_trunk = {"agent": "support", "trunk": "edge"}
    trunks = {"edge": {"domain": "acme-edge.pstn.twilio.com"}}
    runner.twilio.unattachable = {runner.twilio.number(e164)["sid"] for e164 in TWELVE}
    runner.declare(dict.fromkeys(TWELVE, by_trunk), trunks=trunks)
    assert len(runner.apply(code=5)["errors"]) == 12
    runner.twilio.unattachable = set()
    assert runner.apply()["success_count"] == 12
    runner.settled()


def test_mistyped_target_is_wrong_usage_and_writes_nothing(
    runner: ProcessRunner,
) -> None:
    runner.number(ONE)
    runner.number(TWO)
    runner.declare(dict.fromkeys((ONE, TWO), "support"))
    with watched(runner.twilio) as calls:
        done = runner.run("apply", "--auto-approve", "--target", "nubmer/*", code=64)
        runner.run(
            "apply",
            "--auto-approve",
            "--exclude",
            f"number/{TWO}",
            "--exclude",
            "nubmer/*",
            code=64,
        )
    assert not any(call.writes for call in calls)
    assert not (runner.folder / "state.json").exists()
    assert "`--target nubmer/*` matches nothing" in done.err
    assert "Did you mean `number/*`?" in done.err
    assert done.out == ""

    document = runner.apply("--exclude", f"number/{TWO}")
    assert document["summary"]["left_out"] == 1
    runner.apply()
    for command in ("plan", "drift"):
        runner.run(command, "--target", "nubmer/*", code=64)
        assert (
            f"Did you mean `number/{ONE}`?" in runner.run(command, "--target", ONE[1:], code=64).err
        )
        runner.run(command, "--target", f"number/{ONE}")
