"""A fleet on two workers with a real PostgreSQL and a second implementation of Twilio: one worker is killed."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.fleet.queue.conftest import new_database
from tests.support.processes.process_runner import AC, ProcessRunner, Running

STACKS = [f"s{number:03d}" for number in range(200)]
BROKEN = {
    "s013": "failed",  # its number is not in the account
    "s060": "invalid",  # its file is no YAML
    "s101": "failed",  # its token is missing
    "s150": "invalid",  # it names an agent that is not declared
    "s199": "refused",  # its webhook belongs to somebody else
}
VOICE = "https://agents.example.com/voice"


def number_of(stack: str) -> str:
    return f"+15550100{stack[1:]}"


def make_fleet(runner: ProcessRunner, stacks: list[str], database: str) -> None:
    """One number for each stack, and the broken ones among them."""
    rows = "".join(f"{stack},{number_of(stack)}\n" for stack in stacks)
    runner.write("customers.csv", f"name,number\n{rows}")
    runner.write(
        "fleet.yaml",
        "version: 1\nfor_each: {file: customers.csv}\nconfiguration: customer.yaml\nparallel: 2\n",
    )
    account = {"sid": AC, "auth_token": {"env": "TOKEN_${name}"}, "base_url": runner.twilio.url}
    customer = {
        "version": 1,
        "project": "acme-${name}",
        "state": database,
        "include": ["numbers/${name}.yaml"],
        "accounts": {"main": account},
        "agents": {"support": {"webhooks": {"voice": VOICE}}},
    }
    runner.write("customer.yaml", json.dumps(customer))
    for stack in stacks:
        runner.number(number_of(stack))
        runner.write(f"numbers/{stack}.yaml", f'numbers: {{"{number_of(stack)}": support}}\n')
        runner.environ[f"TOKEN_{stack}"] = runner.environ["MAIN_TOKEN"]


def break_stacks(runner: ProcessRunner) -> None:
    runner.write("numbers/s013.yaml", 'numbers: {"+15550100999": support}\n')
    runner.write("numbers/s060.yaml", "numbers: [\n")
    del runner.environ["TOKEN_s101"]
    runner.write("numbers/s150.yaml", f'numbers: {{"{number_of("s150")}": sales}}\n')
    runner.twilio.edit(number_of("s199"), voice_url="https://elsewhere.example.net/voice")


@pytest.fixture
def database(postgres: str, runner: ProcessRunner) -> str:
    url = new_database(postgres)
    runner.environ["RECONCILER_QUEUE"] = url
    return url


@contextmanager
def working(runner: ProcessRunner, *words: str) -> Iterator[Running]:
    """A worker, which is stopped in order at the end."""
    worker = runner.start("worker", *words)
    worker.err.wait_for("serves")
    try:
        yield worker
        worker.interrupt(signal.SIGTERM)
    except BaseException:
        worker.kill()
        raise
    finally:
        done = worker.done()
    assert done.code == 0, done.err


def descendants(pid: int) -> set[int]:
    """The processes below this one, those of the fork server included."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(text.rpartition(")")[2].split()[1])
    found: set[int] = set()
    while True:
        below = {child for child, parent in parents.items() if parent in {pid, *found}} - found
        if not below:
            return found
        found |= below


def wait_until(holds: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


def count_ended(database: str) -> int:
    with psycopg.connect(database, autocommit=True) as connection:
        found = connection.execute(
            "SELECT count(*) FROM reconciler_fleet.fleet_stack WHERE status = 'ended'"
        ).fetchone()
    assert found is not None
    return int(found[0])


def wait_for_ended(database: str, stacks: int) -> None:
    wait_until(lambda: count_ended(database) >= stacks, 240)


def is_busy(database: str, worker: str) -> bool:
    with psycopg.connect(database, autocommit=True) as connection:
        found = connection.execute(
            "SELECT 1 FROM reconciler_fleet.fleet_stack WHERE worker = %s AND status = 'running'",
            (worker,),
        ).fetchone()
    return found is not None


def wait_until_busy(database: str, worker: str, pid: int) -> set[int]:
    """Wait until a worker runs a stack, and return its processes: that of the stack, and the server that forks it."""
    wait_until(lambda: is_busy(database, worker) and len(descendants(pid)) >= 2, 60)
    return descendants(pid)


def wait_for_death(processes: set[int]) -> None:
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in processes), 10)


def dump(database: str) -> str:
    """Everything that the database holds, queue and states."""
    texts: list[str] = []
    with psycopg.connect(database, autocommit=True) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        assert len(tables) > 8
        for (table,) in tables:
            rows = connection.execute(f"SELECT row_to_json(t)::text FROM {table} t").fetchall()
            texts += [row for (row,) in rows]
    return "\n".join(texts)


@pytest.mark.skipif(
    not Path("/proc").is_dir(), reason="no /proc: the processes cannot be looked at"
)
def test_two_workers_apply_every_healthy_stack_once_though_one_is_killed_twice(
    runner: ProcessRunner, database: str
) -> None:
    make_fleet(runner, STACKS, database)
    break_stacks(runner)
    seed = int(os.environ.get("RECONCILER_SEED", time.time_ns() % 10_000))
    print(f"RECONCILER_SEED={seed}")
    moments = random.Random(seed)

    logs: list[str] = []
    with working(runner, "--name", "steady") as steady:
        submitted = runner.start("fleet", "apply", "--auto-approve", "--json")
        done = 0
        for victim in range(2):
            killed = runner.start("worker", "--name", f"victim{victim}")
            killed.err.wait_for("serves")
            done += moments.randint(8, 40)
            wait_for_ended(database, done)
            children = wait_until_busy(database, f"victim{victim}", killed.process.pid)
            killed.kill()

            # Its stacks do not outlive it, so nobody meets them who takes over.
            wait_for_death(children)
            logs.append(killed.done().err)
        finished = submitted.done()
        runner.check(finished)
    logs.append(steady.err.whole())

    document = finished.json
    assert finished.code == 1
    outcomes = {stack["name"]: stack["outcome"] for stack in document["stacks"]}
    assert outcomes == {**dict.fromkeys(STACKS, "done"), **BROKEN}
    assert [stack["name"] for stack in document["stacks"]] == STACKS
    assert document["summary"]["outcomes"] == {"done": 195, "failed": 2, "invalid": 2, "refused": 1}

    # One write for each number, and never a second one.
    writes = Counter(call.path for call in runner.twilio.writes)
    assert set(writes.values()) == {1}
    assert len(writes) == 195

    # Only what ran on a killed worker was started again; the state was never found locked.
    with psycopg.connect(database, autocommit=True) as connection:
        repeated = connection.execute(
            "SELECT name FROM reconciler_fleet.fleet_stack WHERE attempts > 1"
        ).fetchall()
    assert len(repeated) <= 4
    text = "\n".join(logs)
    assert "locked" not in text
    for (name,) in repeated:
        assert f"{name}: taken over" in text

    # No secret is in the tables, the logs or the report.
    runner.check_secrets(dump(database), "the database")
    runner.check_secrets(text, "the logs")


def test_a_run_can_be_submitted_and_looked_at_later(runner: ProcessRunner, database: str) -> None:
    stacks = ["s001", "s002"]
    make_fleet(runner, stacks, database)
    submitted = runner.json("fleet", "drift", "--no-wait")
    assert submitted["summary"]["outcomes"] == {"waiting": 2}
    run = str(submitted["summary"]["run"])
    assert runner.json("fleet", "status")["runs"][0]["state"] == "waiting"
    assert runner.json("fleet", "status", run, code=1)["summary"]["outcomes"] == {"waiting": 2}
    assert runner.json("fleet", "cancel", run)["summary"]["outcomes"] == {"not_started": 2}
    assert runner.json("fleet", "status")["runs"][0]["state"] == "stopped"

    planned = runner.json("fleet", "plan", "--no-wait")
    run = str(planned["summary"]["run"])
    with working(runner):
        wait_for_ended(database, 4)
    found = runner.json("fleet", "status", run)
    assert found["summary"]["outcomes"] == {"changes": 2}
    assert runner.run("fleet", "status", "99", code=64).err
    assert runner.run("fleet", "cancel", "one", code=64).err


def test_a_local_state_is_a_warning(runner: ProcessRunner, database: str) -> None:
    """Each worker would have another one; on one machine with a shared disk it can be meant."""
    make_fleet(runner, ["s001"], database)
    assert runner.json("fleet", "plan", "--no-wait")["diagnostics"] == []
    make_fleet(runner, ["s001"], "./${name}.state.json")
    [warning] = runner.json("fleet", "plan", "--no-wait")["diagnostics"]
    assert (warning["code"], warning["severity"]) == ("local_state_on_workers", "warning")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["fleet", "plan", "--parallel", "2"], "reconciler worker"),
        (["fleet", "plan", "--no-wait", "--target", "number/*"], "--stack"),
        (["fleet", "plan", "--allow-host", "evil.example.net"], "RECONCILER_ALLOW_HOSTS"),
        (["fleet", "plan", "--queue", "redis://localhost"], "PostgreSQL"),
        (["fleet", "plan", "--queue", "postgresql://fleet@db.example.com/fleet"], "TLS"),
        (["worker", "--schedule", "hourly"], "cron"),
        (["worker", "--schedule", "* * * * * *"], "five fields"),
    ],
)
def test_a_wrong_use_says_what_to_do(
    runner: ProcessRunner, database: str, words: list[str], reason: str
) -> None:
    make_fleet(runner, ["s001"], database)
    assert reason in runner.run(*words, code=64).err
