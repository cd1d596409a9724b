"""A lock that another program set: every command that writes ends with exit 6, and the lock stays at any age."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.state import servers
from tests.state.conftest import new_schema
from tests.state.servers import AUTHORIZATION
from tests.support.processes.process_runner import ProcessRunner, watched

ONE = "+15550100101"
AGES = {
    "new": timedelta(),
    "older than 120 s": timedelta(seconds=130),
    "older than an hour": timedelta(hours=1.1),
}
WRITERS: tuple[tuple[str, ...], ...] = (
    ("apply", "--auto-approve"),
    ("apply", "--auto-approve", "--lock-timeout", "1s"),
    ("release", f"number/{ONE}", "--auto-approve"),
    ("state", "rm", f"number/{ONE}"),
)


def ask(method: str, url: str, body: dict[str, str] | None = None) -> tuple[int, bytes]:
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, {"Authorization": AUTHORIZATION}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def terraform_lock(age: timedelta) -> dict[str, str]:
    """What Terraform writes about a lock."""
    return {
        "ID": "0f1e2d3c-0000-1111-2222-333344445555",
        "Operation": "OperationTypeApply",
        "Info": "",
        "Who": "bob@laptop",
        "Version": "1.9.0",
        "Created": (datetime.now(UTC) - age).isoformat().replace("+00:00", "Z"),
        "Path": "",
    }


def applied(runner: ProcessRunner, state: str) -> None:
    """One number is bound; then something is left to write."""
    runner.number(ONE)
    runner.declare({ONE: "support"}, state=state)
    runner.apply()
    runner.declare({ONE: {"webhooks": {"voice": "https://agents.example.com/second"}}}, state=state)


def refused(runner: ProcessRunner, command: tuple[str, ...]) -> str:
    """A command that meets the lock: exit 6, and nothing is written to Twilio. The detail of its error."""
    with watched(runner.twilio) as calls:
        done = runner.run(*command, "--json", code=6)
    assert done.codes == ["state_locked"]
    assert not [call for call in calls if call.writes]
    detail: str = done.json["diagnostics"][0]["detail"]
    return detail


@pytest.mark.parametrize("age", AGES.values(), ids=AGES.keys())
@pytest.mark.parametrize(
    "path", ["/states", "/api/v4/projects/1/terraform/state"], ids=["terraform", "gitlab"]
)
def test_a_lock_behind_http_is_respected_until_it_is_released(
    runner: ProcessRunner, terraform: str, path: str, age: timedelta
) -> None:
    runner.environ |= servers.HTTP
    state = f"{terraform}{path}/{uuid.uuid4().hex}"
    applied(runner, state)
    gitlab = "/api/v4/" in path
    where, lock, unlock = (
        (f"{state}/lock", "POST", "DELETE") if gitlab else (state, "LOCK", "UNLOCK")
    )
    theirs = terraform_lock(age)
    assert ask(lock, where, theirs)[0] == 200
    _, before = ask("GET", state)

    for command in WRITERS:
        detail = refused(runner, command)
        assert "bob" in detail
        assert "state unlock --force" in detail
    assert "bob" in refused(runner, ("state", "unlock"))
    status, held = ask(lock, where, {**theirs, "ID": "another"})
    assert (status, json.loads(held)["ID"]) == (423, theirs["ID"]), "the lock is still theirs"
    assert ask("GET", state)[1] == before, "the state is untouched"
    runner.json("plan")

    assert ask(unlock, where, theirs)[0] == 200
    runner.apply()
    runner.settled()


def test_a_lock_behind_http_can_be_taken_by_force(runner: ProcessRunner, terraform: str) -> None:
    runner.environ |= servers.HTTP
    state = f"{terraform}/api/v4/projects/1/terraform/state/{uuid.uuid4().hex}"
    applied(runner, state)
    assert ask("POST", f"{state}/lock", terraform_lock(timedelta(hours=2)))[0] == 200
    freed = runner.json("state", "unlock", "--force")
    assert freed["unlocked"]
    assert freed["holder"]["who"] == "bob"
    runner.apply()
    runner.settled()


def test_respects_a_foreign_lock_in_a_database(runner: ProcessRunner, postgres: str) -> None:
    state = new_schema(postgres)
    applied(runner, state)
    with psycopg.connect(state, autocommit=True) as rows:
        rows.execute(
            "UPDATE reconciler_project SET run = 'x', holder = 'bob', lease_until = now() - interval '1 hour'"
        )
        for command in WRITERS:
            assert "unlock --force" in refused(runner, command)
        refused(runner, ("state", "unlock"))
        assert rows.execute("SELECT run, holder FROM reconciler_project").fetchone() == ("x", "bob")
    assert runner.json("state", "unlock", "--force")["unlocked"]
    runner.apply()
    runner.settled()


def test_respects_a_foreign_lock_on_a_file(runner: ProcessRunner) -> None:
    """The operating system's lock has no age; `unlock` cannot take it, and it ends with its process."""
    fcntl = pytest.importorskip("fcntl")
    applied(runner, "./state.json")
    with (runner.folder / "state.json.lock").open("r+b") as theirs:
        fcntl.flock(theirs, fcntl.LOCK_EX)
        for command in WRITERS:
            refused(runner, command)
        refused(runner, ("state", "unlock"))
        refused(runner, ("state", "unlock", "--force"))
    runner.apply()
    runner.settled()
