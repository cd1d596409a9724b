"""A fleet on a second implementation of Twilio: every stack in a process of its own, one report on all."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from click.testing import CliRunner

from reconciler.cli.main import main
from tests.state.conftest import new_schema
from tests.support.processes.independent_twilio import IndependentTwilio
from tests.support.processes.process_runner import AC, ProcessRunner

STACKS = tuple(f"stack{number:02d}" for number in range(8))
VOICE = "https://agents.example.com/voice"


def number_of(stack: str) -> str:
    return f"+155501001{stack[-2:]}"


@pytest.fixture
def fleet(runner: ProcessRunner) -> ProcessRunner:
    """Eight stacks of one number each, made from one configuration."""
    for stack in STACKS:
        runner.number(number_of(stack))
    rows = "".join(f"{stack},{number_of(stack)},{VOICE}\n" for stack in STACKS)
    runner.write("customers.csv", f"name,number,voice\n{rows}")
    runner.write(
        "fleet.yaml",
        "version: 1\nfor_each: {file: customers.csv}\nconfiguration: customer.yaml\nparallel: 3\n",
    )
    customer = {
        "version": 1,
        "project": "acme-${name}",
        "state": "./states/${name}.json",
        "include": ["numbers/${name}.yaml"],
        "accounts": {
            "main": {
                "sid": AC,
                "auth_token": {"env": "TOKEN_${name}"},
                "base_url": runner.twilio.url,
            }
        },
        "agents": {"support": {"webhooks": {"voice": "${voice}"}}},
    }
    runner.write("customer.yaml", json.dumps(customer))
    (runner.folder / "states").mkdir()
    for stack in STACKS:
        runner.write(f"numbers/{stack}.yaml", f'numbers: {{"{number_of(stack)}": support}}\n')
        runner.environ[f"TOKEN_{stack}"] = runner.environ["MAIN_TOKEN"]
    return runner


def outcomes(document: Any) -> dict[str, str]:
    return {stack["name"]: stack["outcome"] for stack in document["stacks"]}


def test_plan_apply_and_drift_of_every_stack(fleet: ProcessRunner) -> None:
    planned = fleet.json("fleet", "plan", "--detailed-exitcode", code=2)
    assert outcomes(planned) == dict.fromkeys(STACKS, "changes")
    assert fleet.twilio.writes == []

    applied = fleet.json("fleet", "apply", "--auto-approve")
    assert outcomes(applied) == dict.fromkeys(STACKS, "done")
    assert [fleet.twilio.number(number_of(stack))["voice_url"] for stack in STACKS] == [VOICE] * 8
    assert fleet.json("fleet", "plan", "--detailed-exitcode")["summary"]["outcomes"] == {"done": 8}

    # Once for each stack, and never again.
    writes = Counter(call.path for call in fleet.twilio.writes)
    assert len(writes) == 8
    assert set(writes.values()) == {1}
    fleet.json("fleet", "apply", "--auto-approve")
    assert len(fleet.twilio.writes) == 8

    fleet.twilio.edit(number_of(STACKS[3]), voice_url="https://elsewhere.example.net/")
    drifted = fleet.json("fleet", "drift", code=2)
    assert [name for name, how in outcomes(drifted).items() if how == "changes"] == [STACKS[3]]
    [stack] = [each for each in drifted["stacks"] if each["name"] == STACKS[3]]
    assert [item["address"] for item in stack["items"]] == [f"number/{number_of(STACKS[3])}"]
    assert fleet.json("fleet", "list")["summary"]["outcomes"] == {"done": 8}


def test_broken_stacks_are_named_and_all_others_are_applied(fleet: ProcessRunner) -> None:
    fleet.write(f"numbers/{STACKS[1]}.yaml", 'numbers: {"+15550100199": support}\n')
    fleet.write(f"numbers/{STACKS[4]}.yaml", "numbers: [\n")
    del fleet.environ[f"TOKEN_{STACKS[6]}"]

    done = fleet.json("fleet", "apply", "--auto-approve", code=1)
    broken = {STACKS[1]: "failed", STACKS[4]: "invalid", STACKS[6]: "failed"}
    assert outcomes(done) == {**dict.fromkeys(STACKS, "done"), **broken}
    assert fleet.run("fleet", "validate", code=3).out.splitlines()[1].split()[:2] == [
        STACKS[4],
        "invalid",
    ]

    text = fleet.run("fleet", "plan", code=1)
    assert [line.split()[0] for line in text.out.splitlines()[1:6:2]] == [
        STACKS[1],
        STACKS[6],
        STACKS[4],
    ]


def test_stacks_that_share_a_project_or_a_state_are_invalid(fleet: ProcessRunner) -> None:
    text = (fleet.folder / "customer.yaml").read_text(encoding="utf-8")
    for field, code in (("-${name}", "fleet_shares_project"), ("/${name}", "fleet_shares_state")):
        fleet.write("customer.yaml", text.replace(field, "/x" if "/" in field else "", 1))
        refused = fleet.json("fleet", "apply", "--auto-approve", code=3)
        assert {each["code"] for each in refused["diagnostics"]} == {code}
        assert len(refused["diagnostics"]) == len(STACKS) - 1
    assert fleet.twilio.calls == []


def test_two_stacks_of_one_database_cannot_have_the_same_number(
    fleet: ProcessRunner, postgres: str
) -> None:
    """The stacks run at the same time, so neither can see what the other one is about to claim."""
    customer = json.loads((fleet.folder / "customer.yaml").read_text())
    customer["state"] = new_schema(postgres)
    fleet.write("customer.yaml", json.dumps(customer))
    first, second = STACKS[:2]
    fleet.write(f"numbers/{second}.yaml", f'numbers: {{"{number_of(first)}": support}}\n')
    applied = fleet.json("fleet", "apply", "--auto-approve", code=1)
    ends = outcomes(applied)
    assert {ends.pop(first), ends.pop(second)} == {"done", "failed"}
    assert set(ends.values()) == {"done"}

    # The second one changes nothing at the number, and its report names it.
    [refused] = [each for each in applied["stacks"] if each["outcome"] == "failed"]
    assert [each["code"] for each in refused["diagnostics"]] == ["number_already_imported"]
    writes = Counter(call.path for call in fleet.twilio.writes)
    assert set(writes.values()) == {1}
    assert len(writes) == len(STACKS) - 1
    again = fleet.json("fleet", "plan", code=1)
    assert outcomes(again)[refused["name"]] == "failed"


def test_no_temporary_file_is_left(fleet: ProcessRunner) -> None:
    with TemporaryDirectory() as temporary:  # the name of a socket in it must be short
        fleet.environ["TMPDIR"] = temporary
        fleet.json("fleet", "validate")
        assert os.listdir(temporary) == []


def test_a_target_selects_stacks(fleet: ProcessRunner) -> None:
    done = fleet.json("fleet", "apply", "--auto-approve", f"--target={number_of(STACKS[2])}")
    assert list(outcomes(done)) == [STACKS[2]]
    assert len(fleet.twilio.writes) == 1
    assert fleet.run("fleet", "plan", "--target=+15550100999", code=64).out == ""

    # Patterns of several stacks: each stack gets its own, and one that is mistyped stops all.
    one, two, three = (f"--target={number_of(STACKS[n])}" for n in (3, 4, 5))
    excluded = f"--exclude={number_of(STACKS[5])}"
    for mistyped in ("--target=+15550100999", "--exclude=+15550100999"):
        assert (
            "no stack" in fleet.run("fleet", "apply", "--auto-approve", one, mistyped, code=64).err
        )
    assert len(fleet.twilio.writes) == 1
    done = fleet.json("fleet", "apply", "--auto-approve", one, two, three, excluded)
    assert list(outcomes(done)) == [STACKS[3], STACKS[4], STACKS[5]]
    assert [len(fleet.twilio.writes_to(number_of(STACKS[n]))) for n in (3, 4, 5)] == [1, 1, 0]

    done = fleet.json("fleet", "apply", "--auto-approve", "--stack=stack0[01]")
    assert list(outcomes(done)) == [STACKS[0], STACKS[1]]
    assert "no stack" in fleet.run("fleet", "plan", "--stack=other", code=64).err


def test_an_apply_without_consent_asks_for_it(fleet: ProcessRunner) -> None:
    assert "--auto-approve" in fleet.run("fleet", "apply", code=64).err
    assert fleet.twilio.calls == []


def test_ctrl_c_finishes_what_runs_and_starts_nothing_more(fleet: ProcessRunner) -> None:
    gate = fleet.twilio.hold(lambda call: call.writes)
    running = fleet.start("fleet", "apply", "--auto-approve", "--json", "--parallel", "2")
    gate.wait(2)
    running.interrupt(signal.SIGINT)
    running.err.wait_for("no further stack starts")
    time.sleep(0.5)
    gate.open()

    done = fleet.end(running)
    assert done.code == 1
    assert Counter(outcomes(done.json).values()) == {"done": 2, "not_started": 6}
    assert len(fleet.twilio.writes) == 2


def test_every_format_has_every_stack(fleet: ProcessRunner) -> None:
    fleet.write(f"numbers/{STACKS[4]}.yaml", "numbers: [\n")
    for form in ("text", "json", "markdown", "html", "junit"):
        text = fleet.run("fleet", "plan", f"--format={form}", code=3).out
        missing = [stack for stack in STACKS if stack not in text]
        assert not missing, form
    for form in ("sarif", "github", "gitlab"):
        assert (
            f"numbers/{STACKS[4]}.yaml"
            in fleet.run("fleet", "plan", f"--format={form}", code=3).out
        )


def test_a_report_does_not_overwrite_a_file_of_the_fleet(
    fleet: ProcessRunner, twilio: IndependentTwilio
) -> None:
    files = ("customer.yaml", "customers.csv", "fleet.yaml", f"numbers/{STACKS[7]}.yaml")
    for file in files:
        before = (fleet.folder / file).read_bytes()
        done = fleet.run("fleet", "plan", f"--report=json={file}", code=64)
        assert (fleet.folder / file).read_bytes() == before, done.err

    # The state of the last stack, which no apply has written yet.
    for state in (f"states/{STACKS[7]}.json", f"states/{STACKS[7]}.json.journal"):
        fleet.run("fleet", "plan", f"--report=json={state}", code=64)
        assert not (fleet.folder / state).exists()
    assert twilio.calls == []


def test_the_example_is_valid() -> None:
    folder = Path(__file__).parents[2] / "examples" / "fleet"
    done = CliRunner().invoke(main, ["fleet", "validate", "-C", str(folder), "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert outcomes(document) == {"acme": "done", "globex": "done"}
