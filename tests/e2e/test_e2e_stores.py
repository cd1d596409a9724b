"""The state elsewhere than in a file: the same commands, a killed run on the way, and nothing of it in the folder."""

from __future__ import annotations

import json
import urllib.request
import uuid
from typing import Any

import msgspec
import psycopg
import pytest

from reconciler.state.stores.http_envelope import read_envelope, with_digest
from reconciler.state.stores.open import open_store
from tests.state import servers
from tests.state.conftest import new_schema
from tests.state.servers import AUTHORIZATION
from tests.support.compressed_texts import change_texts
from tests.support.processes.process_runner import AGENT, ProcessRunner

ONE, TWO = "+15550100101", "+15550100102"


@pytest.fixture(params=["s3", "postgres", "http"])
def remote(request: pytest.FixtureRequest, runner: ProcessRunner) -> str:
    """Where the state is; what it takes to get there is in the runner's environment."""
    name = uuid.uuid4().hex
    if request.param == "postgres":
        return new_schema(request.getfixturevalue("postgres"))
    if request.param == "s3":
        runner.environ |= {**servers.S3, "AWS_ENDPOINT_URL": request.getfixturevalue("s3")}
        return f"s3://states/{name}/state.json"
    runner.environ |= servers.HTTP
    return f"{request.getfixturevalue('terraform')}/states/{name}"


def test_saved_plan_is_applied_and_recorded_in_the_store(
    runner: ProcessRunner, remote: str
) -> None:
    runner.number(ONE, voice_url="https://pbx.example.net/in")
    runner.declare({ONE: {"agent": "support", "takeover": "allow"}}, state=remote)
    runner.run("plan", "--out", "plan.bin", "--detailed-exitcode", code=2)
    runner.json("apply", "plan.bin")
    runner.settled()
    assert runner.run("state", "list").out == f"number/{ONE}\n"
    runner.twilio.edit(ONE, voice_url="https://laptop.example.dev/voice")
    assert runner.json("drift", code=2)["drifted"][0]["address"] == f"number/{ONE}"
    runner.declare(None, state=remote)
    runner.twilio.edit(ONE, voice_url=AGENT["voice"])
    runner.apply()
    assert runner.twilio.number(ONE)["voice_url"] == "https://pbx.example.net/in"
    assert runner.run("state", "list").out == ""
    assert {path.name for path in runner.folder.iterdir()} == {"reconciler.yaml", "plan.bin"}


def test_killed_run_is_unlocked_and_finished(runner: ProcessRunner, remote: str) -> None:
    for number in (ONE, TWO):
        runner.number(number, voice_url="https://pbx.example.net/in")
    runner.declare(
        {each: {"agent": "support", "takeover": "allow"} for each in (ONE, TWO)}, state=remote
    )
    gate = runner.twilio.hold(lambda call: call.writes)
    running = runner.start("apply", "--auto-approve", "--json")
    gate.wait()
    locked = runner.run("apply", "--auto-approve", "--json", code=6)
    assert locked.codes == ["state_locked"]
    assert str(running.process.pid) in locked.json["diagnostics"][0]["detail"]
    assert runner.run("state", "unlock", "--json", code=6).codes == ["state_locked"]
    runner.json("plan")
    running.kill()
    running.done()
    gate.open(discard=True)
    freed = runner.json("state", "unlock")
    assert freed["unlocked"]
    assert freed["holder"]["pid"] == running.process.pid
    assert runner.run("state", "unlock").out == "The state is not locked.\n"
    runner.apply()
    runner.settled()
    priors = [
        runner.json("state", "show", f"number/{number}")["resource"]["prior"]
        for number in (ONE, TWO)
    ]
    assert [prior["voice_url"] for prior in priors] == ["https://pbx.example.net/in"] * 2


def test_a_run_whose_lock_is_taken_by_force_stops_with_exit_6(
    runner: ProcessRunner, remote: str
) -> None:
    runner.number(ONE)
    runner.declare({ONE: "support"}, state=remote)
    gate = runner.twilio.hold(lambda call: call.writes)
    running = runner.start("apply", "--auto-approve", "--json")
    gate.wait()
    assert "process" not in runner.run("state", "unlock", "--force").err
    gate.open()
    done = runner.end(running)
    assert done.code == 6, done.text
    assert done.codes == ["state_lock_lost"]
    runner.apply()
    runner.settled()


def test_run_that_cannot_save_reports_its_completed_actions(
    runner: ProcessRunner, remote: str
) -> None:
    rows = [runner.number(number) for number in (ONE, TWO)]
    runner.declare({ONE: "support", TWO: "support"}, state=remote)
    gate = runner.twilio.hold(lambda call: call.writes and rows[1]["sid"] in call.path)
    running = runner.start("apply", "--auto-approve", "--json", "--concurrency", "1")
    gate.wait()
    runner.run("state", "unlock", "--force")
    gate.open()
    done = runner.end(running)
    assert done.code == 6, done.text
    assert done.codes == ["state_lock_lost"]
    outcomes = {(each["address"], each["action"], each["status"]) for each in done.json["outcomes"]}
    assert (f"number/{ONE}", "overwrite_webhooks", "applied") in outcomes
    assert (f"number/{TWO}", "overwrite_webhooks", "applied") not in outcomes, "it was not recorded"
    assert done.json["success_count"] == len(outcomes)
    runner.apply()
    runner.settled()


def test_names_the_command_that_installs_a_missing_extra(
    runner: ProcessRunner,
) -> None:
    names = "('obstore', 'psycopg', 'cryptography')"
    runner.write("sitecustomize.py", f"import sys\nfor name in {names}: sys.modules[name] = None\n")
    path = f"{runner.folder}:{runner.environ.get('PYTHONPATH', '')}"
    for state, extra in {
        "s3://states/x": "s3",
        "gs://states/x": "gcs",
        "az://states/x": "azure",
        "postgresql://localhost/x": "postgres",
    }.items():
        runner.declare({ONE: "support"}, state=state)
        told = runner.run("state", "list", "--json", code=1, PYTHONPATH=path)
        assert told.codes == ["extra_missing"]
        assert (
            f"\n  pip install 'twilio-reconciler[{extra}]'" in told.json["diagnostics"][0]["detail"]
        )
    runner.declare({ONE: "support"}, encryption_key={"env": "MAIN_TOKEN"})
    told = runner.run("state", "list", "--json", code=1, PYTHONPATH=path)
    assert "twilio-reconciler[encryption]" in told.json["diagnostics"][0]["detail"]


def damage(runner: ProcessRunner, remote: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change a prior value in what is stored, behind the store's back."""
    old, new = b"pbx.example.net", b"pbx.example.com"
    if remote.startswith("postgresql:"):
        with psycopg.connect(remote, autocommit=True) as rows:
            change = b"UPDATE reconciler_resource SET entry = replace(entry, 'pbx.example.net', 'pbx.example.com')"
            assert rows.execute(change).rowcount == 1
        return

    for name, value in runner.environ.items():
        monkeypatch.setenv(name, value)
    if remote.startswith("s3:"):
        backing: Any = open_store(remote, runner.folder, "acceptance")._backing  # type: ignore[attr-defined]
        found = backing._bucket.get(backing._key)
        changed = change_texts(found.data, lambda text: text.replace(old, new))
        assert changed != found.data
        backing._bucket.put(backing._key, changed, found.tag)
        return

    # The server takes a document with the ID of its lock only, and with a higher serial.
    there = read_envelope(ask(remote, "GET"), "acceptance", remote)
    changed = msgspec.structs.replace(
        there,
        serial=there.serial + 1,
        state=msgspec.Raw(change_texts(bytes(there.state), lambda text: text.replace(old, new))),
    )
    ask(remote, "LOCK", b'{"ID": "somebody"}')
    ask(f"{remote}?ID=somebody", "POST", msgspec.json.encode(with_digest(changed)))
    ask(remote, "UNLOCK", b'{"ID": "somebody"}')


def ask(url: str, method: str, body: bytes | None = None) -> bytes:
    request = urllib.request.Request(url, body, {"Authorization": AUTHORIZATION}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: bytes = answer.read()
        return found


def test_message_for_a_damaged_state_explains_a_working_replacement(
    runner: ProcessRunner, remote: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every store: no command reads it, `repair` names the cure, and the cure brings all of it back."""
    runner.number(ONE, voice_url="https://pbx.example.net/in")
    runner.declare({ONE: {"agent": "support", "takeover": "allow"}}, state=remote)
    runner.apply()
    good = runner.run("state", "pull").out
    damage(runner, remote, monkeypatch)

    for command in (("plan",), ("drift",), ("state", "list"), ("apply", "--auto-approve")):
        assert runner.run(*command, "--json", code=1).codes == ["state_damaged"]
    told = runner.run("state", "repair", "--json", code=1)
    assert told.codes == ["repair_impossible"]
    assert "reconciler state push --force good.json" in told.json["diagnostics"][0]["detail"]

    runner.write("good.json", good)
    assert runner.run("state", "push", "good.json", "--json", code=1).codes == ["state_damaged"]
    runner.json("state", "push", "--force", "good.json", "--dry-run")
    assert runner.run("state", "list", "--json", code=1).codes == ["state_damaged"]
    runner.json("state", "push", "--force", "good.json")
    runner.settled()
    assert json.loads(runner.run("state", "pull").out)["resources"] == json.loads(good)["resources"]
    runner.json("release", f"number/{ONE}", "--auto-approve")
    assert runner.twilio.number(ONE)["voice_url"] == "https://pbx.example.net/in"
