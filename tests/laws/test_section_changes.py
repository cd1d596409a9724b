"""A number moves between `numbers` and `bridge_numbers`, on a platform or not: one apply, killed at any writing call."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.sandbox.service.app import Sandbox
from tests.support.processes.killed_child import FINISHED, KILLED, run_until_killed

from .platform_worlds import FIRST, NUMBER, PLATFORMS, LawRunner, seeded

MOST_CALLS = 12
OWN = {"voice": "https://agents.example.com/voice", "sms": "https://agents.example.com/sms"}
BRIDGE = "https://agents.example.com/bridge"
FORMS: dict[str, tuple[str, dict[str, object]]] = {
    "number": ("numbers", {"agent": "own"}),
    "number on Feather": ("numbers", {"agent": "sales"}),
    "bridge number": ("bridge_numbers", {"voice": BRIDGE}),
    "bridge number on Feather": ("bridge_numbers", {"platform": "p"}),
}
MOVES = [
    (before, after)
    for before in FORMS
    for after in FORMS
    if FORMS[before][0] != FORMS[after][0] and "on Feather" in before + after
]


def declare(runner: LawRunner, form: str | None) -> None:
    """Declare the number in this form; None: not at all."""
    runner.declare(None)
    file = runner.folder / "reconciler.yaml"
    whole = json.loads(file.read_text(encoding="utf-8"))
    whole["agents"] = {"own": {"webhooks": OWN}, "sales": {"platform": "p", "id": FIRST}}
    if form is not None:
        section, value = FORMS[form]
        whole[section] = {NUMBER: {**value, "takeover": "allow"}}
    file.write_text(json.dumps(whole), encoding="utf-8")


def make_runner(folder: Path, sandbox: Sandbox, before: str, after: str) -> LawRunner:
    """A folder where one form is applied and another one is declared."""
    folder.mkdir()
    runner = LawRunner(folder, sandbox, PLATFORMS["feather_bridge"])
    declare(runner, before)
    runner.apply()
    declare(runner, after)
    return runner


@pytest.mark.parametrize(("before", "after"), MOVES)
def test_one_apply_is_enough(tmp_path: Path, before: str, after: str) -> None:
    with Sandbox(seeded("webhook")) as sandbox:
        runner = make_runner(tmp_path / "moved", sandbox, before, after)
        assert [o.error for o in runner.apply().result.outcomes if o.error] == []
        assert runner.plan().plan.actions == ()

    # The platform wrote last where it serves the number, else we did.
    if "on Feather" not in after:
        assert runner.route() == (BRIDGE if after.startswith("bridge") else OWN["voice"])


@pytest.mark.parametrize("carried_out", [False, True])
@pytest.mark.parametrize(("before", "after"), MOVES)
def test_killed_at_any_call_the_next_run_ends_right(
    tmp_path: Path, before: str, after: str, carried_out: bool
) -> None:
    with Sandbox(seeded("webhook")) as sandbox:
        runner = make_runner(tmp_path / "whole", sandbox, before, after)
        runner.apply()
        expected = runner.number()

    for at in range(1, MOST_CALLS):
        with Sandbox(seeded("webhook")) as sandbox:
            original = LawRunner(tmp_path, sandbox, PLATFORMS["feather_bridge"]).number()
            runner = make_runner(tmp_path / str(at), sandbox, before, after)
            ended = run_until_killed(runner.apply, at, carried_out=carried_out)
            if ended == FINISHED:
                assert at > 1
                return
            assert ended == KILLED

            assert [o.error for o in runner.apply().result.outcomes if o.error] == []
            assert runner.plan().plan.actions == (), f"killed at call {at}"
            assert runner.number() == expected, f"killed at call {at}"

            declare(runner, None)
            runner.apply()
            assert runner.number() == original, f"killed at call {at}"
            assert runner.plan().plan.actions == ()
    pytest.fail(f"more than {MOST_CALLS} writing calls")
