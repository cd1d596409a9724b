"""What counts as a new destination of a secret, how somebody consents to it, and what state records of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.load.load import load
from reconciler.config.secrets.destinations import (
    KnownDestinations,
    destinations_of,
    find_new,
    refuse_new,
)
from reconciler.errors import Refused
from tests.support.processes.listener import NAME, SID, Listener, account, platform, run, write
from tests.support.processes.process_runner import AC, ProcessRunner

ROUTES = {
    "account": lambda host: {"accounts": account(base_url=f"http://{host}")},
    "state": lambda host: {"state": f"http://{host}/voice"},
}


@pytest.mark.parametrize("route", ROUTES)
def test_consent_from_outside_the_files_permits_the_destination(
    tmp_path: Path, listener: Listener, route: str
) -> None:
    host = f"{NAME}:{listener.port}"
    write(tmp_path, **ROUTES[route](host))
    for more, environ in (
        (["--allow-host", f"http://{host}"], {}),
        ([], {"RECONCILER_ALLOW_HOSTS": f"http://{host}"}),
        ([], {"TWILIO_BASE_URL": f"http://{host}", "TF_HTTP_ADDRESS": f"http://{host}/voice"}),
    ):
        listener.received = b""
        assert run(tmp_path, "validate", *more, **environ).returncode == 0
        assert run(tmp_path, "plan", *more, **environ).returncode != 3
        assert b"Authorization: Basic" in listener.received, "the listener is where the name leads"
    assert run(tmp_path, "validate", "--allow-host", "http://a b").returncode == 64


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(
    tmp_path: Path, listener: Listener, route: str, status: int
) -> None:
    for target in (NAME, "127.0.0.1"):
        headers = (
            f"Location: http://{target}:{listener.port}/x\r\nContent-Length: 0\r\nConnection: close"
        )
        allowed = Listener(f"HTTP/1.1 {status} Moved\r\n{headers}\r\n\r\n".encode())
        write(tmp_path, **ROUTES[route](f"127.0.0.1:{allowed.port}"))
        assert run(tmp_path, "plan").returncode == 1
        assert allowed.connections > 0
        allowed.close()
    assert listener.connections == 0


def test_checks_the_baseline_before_a_new_destination(tmp_path: Path, listener: Listener) -> None:
    known = Listener()
    write(tmp_path, "target.yaml", accounts=account(base_url=f"http://127.0.0.1:{known.port}"))
    write(tmp_path, accounts=account(base_url=f"http://127.0.0.1:{listener.port}"))
    for command in (["plan"], ["drift"], ["apply", "--auto-approve"]):
        done = run(tmp_path, *command, "--json", "--baseline", "target.yaml")
        assert done.returncode == 4
        (found,) = json.loads(done.stdout)["diagnostics"]
        assert (found["code"], found["file"], found["line"]) == (
            "new_secret_destination",
            "reconciler.yaml",
            1,
        )
        assert "--allow-destination main" in found["detail"]
    assert (listener.connections, known.connections) == (0, 0)
    run(tmp_path, "plan", "--baseline", "target.yaml", "--allow-destination", "main")
    assert listener.connections > 0
    assert run(tmp_path, "plan", "--allow-destination", "nobody").returncode == 64


def test_refuses_a_changed_state_location_before_it_sends_the_password(
    tmp_path: Path, listener: Listener
) -> None:
    write(tmp_path, "target.yaml", state="./state.json")
    write(tmp_path, state=f"http://127.0.0.1:{listener.port}/voice")
    for command in (["plan"], ["drift"], ["apply", "--auto-approve"]):
        done = run(tmp_path, *command, "--json", "--baseline", "target.yaml")
        assert done.returncode == 4
        assert [d["code"] for d in json.loads(done.stdout)["diagnostics"]] == [
            "new_secret_destination"
        ]
    assert listener.connections == 0
    run(tmp_path, "plan", "--baseline", "target.yaml", "--allow-destination", "state")
    assert b"Authorization: Basic" in listener.received


def made(folder: Path, name: str, **sections: Any) -> Any:
    write(folder, f"{name}.yaml", **sections)
    return load(folder / f"{name}.yaml", environ={})


TWILIO = {"main": {"sid": SID, "auth_token": {"env": "TOKEN"}}}
NEW = {"sid": "AC" + "b" * 32, "auth_token": {"env": "OTHER"}}
NIX = "https://api.nixflex.com"
NUMBER = {"+15550100101": "desk"}
DESK = {"desk": {"platform": "nix", "id": "agent_1"}}
ON_NIX = {"accounts": TWILIO, "agents": DESK, "numbers": NUMBER}


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        ({"accounts": TWILIO}, {"accounts": {"renamed": TWILIO["main"]}}, 0),
        ({"accounts": TWILIO}, {"accounts": {**TWILIO, "new": NEW}}, 0),
        ({"accounts": TWILIO}, {"accounts": account(base_url="https://api.dublin.ie1.twilio.com")}, 0),
        ({"accounts": TWILIO}, {"accounts": account(base_url="http://127.0.0.1:8010")}, 1),
        ({"platforms": platform(NIX)}, {"platforms": platform("https://api.nixflex.com/")}, 0),
        ({"platforms": platform(NIX)}, {"platforms": platform(NIX, "OTHER")}, 1),
        ({"platforms": platform(NIX)}, {"platforms": platform("https://api.nixflex.com:444")}, 1),
        ({}, {"platforms": platform(NIX)}, 1),
        ({"platforms": platform(NIX), "accounts": TWILIO},
         {"platforms": platform(NIX), **ON_NIX}, 1),
        ({"platforms": platform(NIX), **ON_NIX},
         {"platforms": platform(NIX, "OTHER"), **ON_NIX}, 2),
        ({"state": "s3://one/voice"}, {"state": "s3://two/voice"}, 1),
    ],
)  # fmt: skip
def test_recognises_new_destinations(tmp_path: Path, before: Any, after: Any, refused: int) -> None:
    baseline, project = made(tmp_path, "before", **before), made(tmp_path, "after", **after)
    known = KnownDestinations("target", baseline.state, destinations_of(baseline))
    if not refused:
        return refuse_new(project, known, ())
    with pytest.raises(Refused) as caught:
        refuse_new(project, known, ())
    assert len(caught.value.diagnostics) == refused
    assert all(found.file and found.line for found in caught.value.diagnostics)
    return refuse_new(project, known, ("main", "nix", "state"))


def test_a_new_account_on_twilio_is_listed(tmp_path: Path) -> None:
    before = made(tmp_path, "before", accounts=TWILIO)
    more = {"new": {"sid": "AC" + "b" * 32, "api_key": {"env": "K"}, "api_secret": {"file": "s"}}}
    after = made(tmp_path, "after", accounts={**TWILIO, **more})
    (new,) = find_new(destinations_of(after), destinations_of(before))
    assert (new.name, new.credential, new.host, new.key) == (
        "new",
        "env:K, file:s",
        "*.twilio.com",
        "",
    )


def test_apply_records_the_destinations_and_plan_lists_only_new_ones(runner: ProcessRunner) -> None:
    runner.number("+15550100101")
    runner.declare({"+15550100101": "support"})
    (new,) = runner.run("plan", "--json").json["destinations"]
    assert (new["name"], new["credential"], new["host"]) == (
        "main",
        "env:MAIN_TOKEN",
        runner.twilio.url,
    )
    assert "New secret destination, `main`: env:MAIN_TOKEN" in runner.run("plan").out
    runner.run("apply", "--auto-approve", f"--allow-takeover=number/{'+15550100101'}")
    assert runner.run("plan", "--json").json["destinations"] == []
    written = (runner.folder / "state.json").read_bytes()
    runner.run("apply", "--auto-approve")
    assert (runner.folder / "state.json").read_bytes() == written, "nothing new, nothing written"

    # What an earlier version wrote has none recorded; the next apply adds them, also where nothing else is to be done.
    runner.environ["SECOND"] = runner.environ["MAIN_TOKEN"]
    account = {"sid": AC, "auth_token": {"env": "SECOND"}, "base_url": runner.twilio.url}
    runner.declare({"+15550100101": "support"}, accounts={"main": account})
    assert [d["credential"] for d in runner.run("plan", "--json").json["destinations"]] == [
        "env:SECOND"
    ]
    runner.run("apply", "--auto-approve")
    assert runner.run("plan", "--json").json["destinations"] == []
    runner.run("state", "rm", "number/+15550100101")
    assert runner.run("plan", "--json").json["destinations"] == [], (
        "an operation on the state keeps them"
    )


def test_refusal_names_the_location_of_the_state(tmp_path: Path) -> None:
    """`state` has a position like every other destination; without one in the file, the file's beginning."""
    target = tmp_path / "target.yaml"
    target.write_text("version: 1\nproject: acme\nstate: ./one.json\n")
    for text, place in (
        ("version: 1\nproject: acme\nstate: ./two.json\n", (3, 8)),
        ("version: 1\nproject: acme\n", (1, 1)),
    ):
        (tmp_path / "reconciler.yaml").write_text(text)
        done = run(tmp_path, "plan", "--json", "--baseline", "target.yaml")
        (found,) = json.loads(done.stdout)["diagnostics"]
        assert (done.returncode, found["code"]) == (4, "new_secret_destination")
        assert (found["file"], found["line"], found["column"]) == ("reconciler.yaml", *place)


@pytest.mark.parametrize("changed", ["account", "credential", "platform", "state"])
def test_saved_plan_sends_nothing_to_a_destination_it_was_not_made_with(
    runner: ProcessRunner, listener: Listener, changed: str
) -> None:
    """The configuration was changed between plan and apply; the apply has no `--baseline`."""
    runner.number("+15550100101")
    runner.declare({"+15550100101": "support"})
    runner.run("plan", "--out", "plan.bin")
    calls = len(runner.twilio.calls)

    there = f"http://127.0.0.1:{listener.port}"
    token = {"env": "OTHER" if changed == "credential" else "MAIN_TOKEN"}
    base_url = there if changed in ("account", "credential") else runner.twilio.url
    sections: dict[str, Any] = {
        "accounts": {"main": {"sid": AC, "auth_token": token, "base_url": base_url}}
    }
    if changed == "platform":
        sections["platforms"] = platform(there)
    if changed == "state":
        sections["state"] = f"{there}/voice"
    runner.declare({"+15550100101": "support"}, **sections)

    secrets = {"OTHER": runner.environ["MAIN_TOKEN"], "KEY": "k:s", "TF_HTTP_PASSWORD": "p"}
    done = runner.run("apply", "plan.bin", "--json", code=4, **secrets)
    (found,) = done.json["diagnostics"]
    assert found["code"] == "new_secret_destination"
    assert "the saved plan" in found["detail"]
    assert (found["file"], found["line"] is None) == ("reconciler.yaml", False)
    assert (listener.connections, len(runner.twilio.calls)) == (0, calls)


def test_saved_plan_carries_the_consent_given_to_plan(runner: ProcessRunner) -> None:
    """What the plan was made with, and consented to with a baseline, is not asked about a second time."""
    runner.number("+15550100101")
    runner.write("target.yaml", "version: 1\nproject: acceptance\n")
    runner.declare({"+15550100101": "support"})
    runner.run("plan", "--out", "plan.bin", "--baseline", "target.yaml", code=4)
    runner.run(
        "plan", "--out", "plan.bin", "--baseline", "target.yaml", "--allow-destination", "main"
    )
    runner.run("apply", "plan.bin", "--allow-takeover")
    runner.settled()


def test_targeted_apply_records_only_the_destinations_it_used(runner: ProcessRunner) -> None:
    other = "AC" + "0b" * 16
    runner.twilio.add_account(other, **{other: runner.environ["MAIN_TOKEN"]})
    runner.number("+15550100101")
    runner.twilio.add_number(other, "+15550100102")
    runner.environ["SECOND"] = runner.environ["MAIN_TOKEN"]
    accounts = {
        "main": {"sid": AC, "auth_token": {"env": "MAIN_TOKEN"}, "base_url": runner.twilio.url},
        "second": {"sid": other, "auth_token": {"env": "SECOND"}, "base_url": runner.twilio.url},
    }
    numbers = {
        "+15550100101": {"agent": "support", "account": "main"},
        "+15550100102": {"agent": "support", "account": "second"},
    }
    runner.environ["KEY"] = "pl4nted-key:half"
    runner.declare(numbers, accounts=accounts, platforms=platform(runner.twilio.url))

    def listed() -> set[str]:
        return {each["name"] for each in runner.json("plan")["destinations"]}

    assert listed() == {"main", "second", "nix"}
    runner.apply("--target", "+15550100101", "--allow-takeover")
    assert listed() == {"second", "nix"}, (
        "neither was connected to, so nobody has consented to them"
    )
    runner.apply("--target", "+15550100102", "--allow-takeover")
    assert listed() == {"nix"}, "what was recorded before is still recorded"
    runner.apply()
    assert listed() == {"nix"}, "no number is there yet, so its key has not been sent"


@pytest.mark.parametrize(
    ("type_", "declared", "sent"),
    [
        ("vapi", "key", "env:K, env:S"),
        ("vapi", "token", "env:T"),
        ("elevenlabs", "token", "env:T"),
        ("nixflex", "token", "env:T"),
    ],
)
def test_credentials_that_an_import_sends_are_destinations(
    tmp_path: Path, type_: str, declared: str, sent: str
) -> None:
    login = {
        "token": "auth_token: {env: T}",
        "key": "api_key: {env: K}, api_secret: {env: S}",
    }
    text = f"""
version: 1
project: acme
accounts: {{main: {{sid: AC{"a" * 32}, {login[declared]}}}}}
platforms: {{p: {{type: {type_}, api_key: {{env: P}}}}}}
agents: {{sales: {{platform: p, id: agent_1}}}}
numbers: {{"+15550100101": sales}}
"""
    (tmp_path / "reconciler.yaml").write_text(text, encoding="utf-8")
    project = load(tmp_path / "reconciler.yaml", environ={})
    found = {each.credential for each in destinations_of(project) if each.key}
    assert sent in found
