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

from .stage import AGENT, Stage

ONE, TWO = "+15550100101", "+15550100102"


@pytest.fixture(params=["s3", "postgres", "http"])
def remote(request: pytest.FixtureRequest, stage: Stage) -> str:
    """Where the state is; what it takes to get there is in the stage's environment."""
    name = uuid.uuid4().hex
    if request.param == "postgres":
        return new_schema(request.getfixturevalue("postgres"))
    if request.param == "s3":
        stage.environ |= {**servers.S3, "AWS_ENDPOINT_URL": request.getfixturevalue("s3")}
        return f"s3://states/{name}/state.json"
    stage.environ |= servers.HTTP
    return f"{request.getfixturevalue('terraform')}/states/{name}"


def test_a_plan_saved_applied_and_remembered(stage: Stage, remote: str) -> None:
    stage.number(ONE, voice_url="https://pbx.example.net/in")
    stage.declare({ONE: {"agent": "support", "takeover": "allow"}}, state=remote)
    stage.run("plan", "--out", "plan.bin", "--detailed-exitcode", code=2)
    stage.json("apply", "plan.bin")
    stage.settled()
    assert stage.run("state", "list").out == f"number/{ONE}\n"
    stage.twilio.edit(ONE, voice_url="https://laptop.example.dev/voice")
    assert stage.json("drift", code=2)["drifted"][0]["address"] == f"number/{ONE}"
    stage.declare(None, state=remote)
    stage.twilio.edit(ONE, voice_url=AGENT["voice"])
    stage.apply()
    assert stage.twilio.number(ONE)["voice_url"] == "https://pbx.example.net/in"
    assert stage.run("state", "list").out == ""
    assert {path.name for path in stage.folder.iterdir()} == {"reconciler.yaml", "plan.bin"}


def test_a_killed_run_is_unlocked_and_finished(stage: Stage, remote: str) -> None:
    for number in (ONE, TWO):
        stage.number(number, voice_url="https://pbx.example.net/in")
    stage.declare(
        {each: {"agent": "support", "takeover": "allow"} for each in (ONE, TWO)}, state=remote
    )
    gate = stage.twilio.hold(lambda call: call.writes)
    running = stage.start("apply", "--auto-approve", "--json")
    gate.wait()
    locked = stage.run("apply", "--auto-approve", "--json", code=6)
    assert locked.codes == ["state_locked"]
    assert str(running.process.pid) in locked.json["diagnostics"][0]["detail"]
    assert stage.run("state", "unlock", "--json", code=6).codes == ["state_locked"]
    stage.json("plan")
    running.kill()
    running.done()
    gate.open(discard=True)
    freed = stage.json("state", "unlock")
    assert freed["unlocked"]
    assert freed["holder"]["pid"] == running.process.pid
    assert stage.run("state", "unlock").out == "The state is not locked.\n"
    stage.apply()
    stage.settled()
    priors = [
        stage.json("state", "show", f"number/{number}")["resource"]["prior"]
        for number in (ONE, TWO)
    ]
    assert [prior["voice_url"] for prior in priors] == ["https://pbx.example.net/in"] * 2


def test_a_run_whose_lock_is_taken_by_force_stops_with_exit_6(stage: Stage, remote: str) -> None:
    stage.number(ONE)
    stage.declare({ONE: "support"}, state=remote)
    gate = stage.twilio.hold(lambda call: call.writes)
    running = stage.start("apply", "--auto-approve", "--json")
    gate.wait()
    assert "process" not in stage.run("state", "unlock", "--force").err
    gate.open()
    done = stage.end(running)
    assert done.code == 6, done.text
    assert done.codes == ["state_lock_lost"]
    stage.apply()
    stage.settled()


def test_a_run_that_cannot_save_any_more_tells_what_it_has_done(stage: Stage, remote: str) -> None:
    rows = [stage.number(number) for number in (ONE, TWO)]
    stage.declare({ONE: "support", TWO: "support"}, state=remote)
    gate = stage.twilio.hold(lambda call: call.writes and rows[1]["sid"] in call.path)
    running = stage.start("apply", "--auto-approve", "--json", "--concurrency", "1")
    gate.wait()
    stage.run("state", "unlock", "--force")
    gate.open()
    done = stage.end(running)
    assert done.code == 6, done.text
    assert done.codes == ["state_lock_lost"]
    outcomes = {(each["address"], each["action"], each["status"]) for each in done.json["outcomes"]}
    assert (f"number/{ONE}", "overwrite_webhooks", "applied") in outcomes
    assert (f"number/{TWO}", "overwrite_webhooks", "applied") not in outcomes, "it was not recorded"
    assert done.json["success_count"] == len(outcomes)
    stage.apply()
    stage.settled()


def test_what_a_store_needs_and_is_not_installed_is_named_with_the_line_that_installs_it(
    stage: Stage,
) -> None:
    names = "('obstore', 'psycopg', 'cryptography')"
    stage.write("sitecustomize.py", f"import sys\nfor name in {names}: sys.modules[name] = None\n")
    path = f"{stage.folder}:{stage.environ.get('PYTHONPATH', '')}"
    for state, extra in {
        "s3://states/x": "s3",
        "gs://states/x": "gcs",
        "az://states/x": "azure",
        "postgresql://localhost/x": "postgres",
    }.items():
        stage.declare({ONE: "support"}, state=state)
        told = stage.run("state", "list", "--json", code=1, PYTHONPATH=path)
        assert told.codes == ["extra_missing"]
        assert (
            f"\n  pip install 'twilio-reconciler[{extra}]'" in told.json["diagnostics"][0]["detail"]
        )
    stage.declare({ONE: "support"}, encryption_key={"env": "MAIN_TOKEN"})
    told = stage.run("state", "list", "--json", code=1, PYTHONPATH=path)
    assert "twilio-reconciler[encryption]" in told.json["diagnostics"][0]["detail"]


def damage(stage: Stage, remote: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change a prior value in what is stored, behind the store's back."""
    old, new = b"pbx.example.net", b"pbx.example.com"
    if remote.startswith("postgresql:"):
        with psycopg.connect(remote, autocommit=True) as rows:
            change = b"UPDATE reconciler_resource SET entry = replace(entry, 'pbx.example.net', 'pbx.example.com')"
            assert rows.execute(change).rowcount == 1
        return

    for name, value in stage.environ.items():
        monkeypatch.setenv(name, value)
    if remote.startswith("s3:"):
        backing: Any = open_store(remote, stage.folder, "acceptance")._backing  # type: ignore[attr-defined]
        found = backing._bucket.get(backing._key)
        assert found.data.count(old) == 1
        backing._bucket.put(backing._key, found.data.replace(old, new), found.tag)
        return

    # The server takes a document with the ID of its lock only, and with a higher serial.
    there = read_envelope(ask(remote, "GET"), "acceptance", remote)
    assert bytes(there.state).count(old) == 1
    changed = msgspec.structs.replace(
        there, serial=there.serial + 1, state=msgspec.Raw(bytes(there.state).replace(old, new))
    )
    ask(remote, "LOCK", b'{"ID": "somebody"}')
    ask(f"{remote}?ID=somebody", "POST", msgspec.json.encode(with_digest(changed)))
    ask(remote, "UNLOCK", b'{"ID": "somebody"}')


def ask(url: str, method: str, body: bytes | None = None) -> bytes:
    request = urllib.request.Request(url, body, {"Authorization": AUTHORIZATION}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: bytes = answer.read()
        return found


def test_a_damaged_state_is_replaced_as_the_message_says(
    stage: Stage, remote: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every store: no command reads it, `repair` names the cure, and the cure brings all of it back."""
    stage.number(ONE, voice_url="https://pbx.example.net/in")
    stage.declare({ONE: {"agent": "support", "takeover": "allow"}}, state=remote)
    stage.apply()
    good = stage.run("state", "pull").out
    damage(stage, remote, monkeypatch)

    for command in (("plan",), ("drift",), ("state", "list"), ("apply", "--auto-approve")):
        assert stage.run(*command, "--json", code=1).codes == ["state_damaged"]
    told = stage.run("state", "repair", "--json", code=1)
    assert told.codes == ["repair_impossible"]
    assert "reconciler state push --force good.json" in told.json["diagnostics"][0]["detail"]

    stage.write("good.json", good)
    assert stage.run("state", "push", "good.json", "--json", code=1).codes == ["state_damaged"]
    stage.json("state", "push", "--force", "good.json", "--dry-run")
    assert stage.run("state", "list", "--json", code=1).codes == ["state_damaged"]
    stage.json("state", "push", "--force", "good.json")
    stage.settled()
    assert json.loads(stage.run("state", "pull").out)["resources"] == json.loads(good)["resources"]
    stage.json("release", f"number/{ONE}", "--auto-approve")
    assert stage.twilio.number(ONE)["voice_url"] == "https://pbx.example.net/in"
