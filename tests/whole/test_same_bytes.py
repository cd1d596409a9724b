"""A plan is the same bytes in every process: no order depends on the seed of Python's hashes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from reconciler.sandbox.twilio.accounts import SANDBOX_TOKEN
from tests.support.command_runner import AGENT, CommandRunner
from tests.whole.test_trunk import EDGE

SEEDS = ("0", "1", "2", "12345")


def planned(runner: CommandRunner, seed: str, *args: str) -> tuple[bytes, bytes]:
    """What another process with this seed says."""
    words = [sys.executable, "-m", "reconciler", "-C", str(runner.folder), *args]
    environ = {
        **os.environ,
        **runner.environ,
        "SANDBOX_TOKEN": SANDBOX_TOKEN,
        "PYTHONHASHSEED": seed,
    }
    found = subprocess.run(words, env=environ, capture_output=True, check=False, timeout=120)
    assert found.returncode == 0, found.stderr.decode()
    return found.stdout, found.stderr


def declare_much(runner: CommandRunner) -> None:
    """Record one half of the project, then declare another: the plan adds, changes and removes."""
    one, two, three, four = [number.phone_number for number in runner.sandbox.world.numbers]
    for number in (one, two, three, four):
        runner.sandbox.edit(number, {"voice_url": f"https://old.example.net/{number}"})

    menus = {name: {"voice": f"https://agents.example.com/{name}"} for name in ("menu", "night")}
    agents: dict[str, Any] = {
        "support": {"webhooks": AGENT},
        "ivr": {"application": "menu"},
        "late": {"application": "night"},
    }
    old = {**EDGE, "domain": "acme-old.pstn.twilio.com"}
    runner.declare(
        trunks={"old": old},
        applications=menus,
        agents=agents,
        numbers={one: "support", two: "ivr", three: "late"},
        safety={"takeover": "allow"},
    )
    runner.apply()
    runner.declare(
        trunks={"edge": EDGE},
        applications={"menu": menus["menu"], "other": AGENT},
        agents={**agents, "late": {"application": "other"}},
        numbers={
            two: {"agent": "support", "friendly_name": "Two"},
            three: {"agent": "support", "trunk": "edge"},
            four: "late",
        },
        safety={"takeover": "allow"},
    )


def test_plan_has_the_same_bytes_under_every_hash_seed(runner: CommandRunner) -> None:
    declare_much(runner)
    for args in (("plan", "--json"), ("plan",)):
        first, *others = [planned(runner, seed, *args) for seed in SEEDS[: 4 if args[1:] else 2]]
        assert len(first[0]) > 1_000
        for other in others:
            assert other == first


def test_saved_plan_has_the_same_actions_under_every_hash_seed(runner: CommandRunner) -> None:
    declare_much(runner)
    shown: list[dict[str, Any]] = []
    for seed in SEEDS[:2]:
        file = runner.folder / f"plan-{seed}.json"
        planned(runner, seed, "plan", "--out", str(file))
        document = json.loads(planned(runner, "0", "show", str(file), "--json")[0])
        del document["summary"]["created_at"]
        shown.append(document)
    assert shown[0] == shown[1]
