"""No secret reaches a server that the files alone name: a real listener under a foreign name, and not one byte for it.

The name is given to the loopback listener by a resolver that each process is started with, so that a command that
connects does reach it: the same command with consent from outside the files proves that.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.destinations import destinations_of, find_new, refuse_new
from reconciler.config.load import load
from reconciler.errors import Refused

from .stage import AC, Stage

NAME = "relay.example.net"
SECRET = "pl4nted-secret-of-the-test"
SID = "AC" + "a" * 32
RESOLVER = f"""\
import socket
ask = socket.getaddrinfo

def answer(host, *rest, **more):
    return ask("127.0.0.1" if str(host).rstrip(".").lower() == {NAME!r} else host, *rest, **more)

socket.getaddrinfo = answer
"""
COMMANDS = (
    ["validate"], ["lint"], ["plan"], ["drift"], ["apply", "--auto-approve"], ["doctor"], ["export"], ["state", "list"],
)  # fmt: skip


class Listener:
    """A server that keeps all it gets, and answers everything alike."""

    def __init__(
        self, answer: bytes = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    ) -> None:
        self.connections = 0
        self.received = b""
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                connection.settimeout(5)
                try:
                    self.received += connection.recv(65536)
                    connection.sendall(self._answer)
                except OSError:
                    continue

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


def run(folder: Path, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose resolver knows the foreign name; everything that it says is free of the secret."""
    (folder / "start").mkdir(exist_ok=True)
    (folder / "start" / "sitecustomize.py").write_text(RESOLVER)
    path = os.pathsep.join(filter(None, [str(folder / "start"), os.environ.get("PYTHONPATH", "")]))
    secrets = dict.fromkeys(("TOKEN", "KEY", "OTHER", "TF_HTTP_PASSWORD", "CI_JOB_TOKEN"), SECRET)
    given = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": path, **secrets, **environ}
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", *args], cwd=folder, env=given, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=120, check=False,
    )  # fmt: skip
    assert SECRET not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def write(folder: Path, name: str = "reconciler.yaml", **sections: Any) -> None:
    accounts = {"main": {"sid": SID, "auth_token": {"env": "TOKEN"}, "base_url": "http://127.0.0.1:1"}}
    agents = {"support": {"webhooks": {"voice": "https://agents.example.com/voice"}}}
    text = {"version": 1, "project": "acme", "accounts": accounts, "agents": agents, **sections}
    number = {"agent": "support", "account": next(iter(text["accounts"]))}
    if "support" in text["agents"]:
        text = {"numbers": {"+15550100101": number}, **text}
    (folder / name).write_text(json.dumps(text))


def account(**fields: Any) -> dict[str, Any]:
    return {"main": {"sid": SID, "auth_token": {"env": "TOKEN"}, **fields}}


def platform(url: str, key: str = "KEY") -> dict[str, Any]:
    return {"nix": {"type": "nixflex", "api_key": {"env": key}, "base_url": url}}


ROUTES = {
    "account": lambda host: {"accounts": account(base_url=f"http://{host}")},
    "account, capitals and a dot": lambda host: {
        "accounts": account(base_url=f"http://{host.upper().replace(':', '.:')}/")
    },
    "account, behind a user": lambda host: {"accounts": account(base_url=f"http://127.0.0.1@{host}")},
    "platform": lambda host: {"platforms": platform(f"http://{host}")},
    "state": lambda host: {"state": f"http://{host}/voice"},
    "state like GitLab's": lambda host: {"state": f"http://{host}/api/v4/projects/1/terraform/state/voice"},
    "region": lambda host: {"accounts": account(region=f"a@{host}/")},
    "edge": lambda host: {"accounts": account(edge=f"a@{host}/")},
    "variable of another": lambda host: {"accounts": account(base_url=f"http://{host}", auth_token={"env": "OTHER"})},
    "file of another": lambda host: {
        "accounts": account(base_url=f"http://{host}", auth_token={"file": "/etc/hostname"})
    },
}


@pytest.mark.parametrize("route", ROUTES)
def test_not_a_byte_reaches_a_host_that_only_the_files_name(tmp_path: Path, listener: Listener, route: str) -> None:
    write(tmp_path, **ROUTES[route](f"{NAME}:{listener.port}"))
    environ = {"CI_API_V4_URL": "https://gitlab.example.com/api/v4"}
    for command in COMMANDS if route in ("account", "state") else COMMANDS[:5]:
        done = run(tmp_path, *command, "--json", **environ)
        assert done.returncode == 3, (command, done.stdout, done.stderr)
        found = json.loads(done.stdout)["diagnostics"]
        codes = {d["code"] for d in found if d["severity"] == "error"}
        assert codes <= {"host_not_allowed", "secret_outside_project", "invalid_value"}, codes
        assert all(d["line"] and d["column"] and d["file"] == "reconciler.yaml" for d in found)
    assert (listener.connections, listener.received) == (0, b"")


@pytest.mark.parametrize("route", ["account", "state"])
def test_consent_from_outside_the_files_lets_the_same_command_through(
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


@pytest.mark.parametrize("route", ["account", "state"])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(tmp_path: Path, listener: Listener, route: str, status: int) -> None:
    for target in (NAME, "127.0.0.1"):
        headers = f"Location: http://{target}:{listener.port}/x\r\nContent-Length: 0\r\nConnection: close"
        allowed = Listener(f"HTTP/1.1 {status} Moved\r\n{headers}\r\n\r\n".encode())
        write(tmp_path, **ROUTES[route](f"127.0.0.1:{allowed.port}"))
        assert run(tmp_path, "plan").returncode == 1
        assert allowed.connections > 0
        allowed.close()
    assert listener.connections == 0


def test_a_baseline_that_lacks_the_destination_is_asked_first(tmp_path: Path, listener: Listener) -> None:
    known = Listener()
    write(tmp_path, "target.yaml", accounts=account(base_url=f"http://127.0.0.1:{known.port}"))
    write(tmp_path, accounts=account(base_url=f"http://127.0.0.1:{listener.port}"))
    for command in (["plan"], ["drift"], ["apply", "--auto-approve"]):
        done = run(tmp_path, *command, "--json", "--baseline", "target.yaml")
        assert done.returncode == 4
        (found,) = json.loads(done.stdout)["diagnostics"]
        assert (found["code"], found["file"], found["line"]) == ("new_secret_destination", "reconciler.yaml", 1)
        assert "--allow-destination main" in found["detail"]
    assert (listener.connections, known.connections) == (0, 0)
    run(tmp_path, "plan", "--baseline", "target.yaml", "--allow-destination", "main")
    assert listener.connections > 0
    assert run(tmp_path, "plan", "--allow-destination", "nobody").returncode == 64


def test_another_place_of_the_state_is_refused_before_its_password_is_sent(tmp_path: Path, listener: Listener) -> None:
    write(tmp_path, "target.yaml", state="./state.json")
    write(tmp_path, state=f"http://127.0.0.1:{listener.port}/voice")
    for command in (["plan"], ["drift"], ["apply", "--auto-approve"]):
        done = run(tmp_path, *command, "--json", "--baseline", "target.yaml")
        assert done.returncode == 4
        assert [d["code"] for d in json.loads(done.stdout)["diagnostics"]] == ["new_secret_destination"]
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
def test_what_counts_as_a_new_destination(tmp_path: Path, before: Any, after: Any, refused: int) -> None:
    baseline, project = made(tmp_path, "before", **before), made(tmp_path, "after", **after)
    if not refused:
        return refuse_new(project, baseline, "target", ())
    with pytest.raises(Refused) as caught:
        refuse_new(project, baseline, "target", ())
    assert len(caught.value.diagnostics) == refused
    return refuse_new(project, baseline, "target", ("main", "nix", "state"))


def test_a_new_account_on_twilio_is_listed(tmp_path: Path) -> None:
    before = made(tmp_path, "before", accounts=TWILIO)
    more = {"new": {"sid": "AC" + "b" * 32, "api_key": {"env": "K"}, "api_secret": {"file": "s"}}}
    after = made(tmp_path, "after", accounts={**TWILIO, **more})
    (new,) = find_new(destinations_of(after), destinations_of(before))
    assert (new.name, new.credential, new.host, new.key) == ("new", "env:K, file:s", "*.twilio.com", "")


def test_apply_records_the_destinations_and_plan_lists_only_new_ones(stage: Stage) -> None:
    stage.number("+15550100101")
    stage.declare({"+15550100101": "support"})
    (new,) = stage.run("plan", "--json").json["destinations"]
    assert (new["name"], new["credential"], new["host"]) == ("main", "env:MAIN_TOKEN", stage.twilio.url)
    assert "New secret destination, `main`: env:MAIN_TOKEN" in stage.run("plan").out
    stage.run("apply", "--auto-approve", f"--allow-takeover=number/{'+15550100101'}")
    assert stage.run("plan", "--json").json["destinations"] == []
    written = (stage.folder / "state.json").read_bytes()
    stage.run("apply", "--auto-approve")
    assert (stage.folder / "state.json").read_bytes() == written, "nothing new, nothing written"

    # What an earlier version wrote has none recorded; the next apply adds them, also where nothing else is to be done.
    stage.environ["SECOND"] = stage.environ["MAIN_TOKEN"]
    account = {"sid": AC, "auth_token": {"env": "SECOND"}, "base_url": stage.twilio.url}
    stage.declare({"+15550100101": "support"}, accounts={"main": account})
    assert [d["credential"] for d in stage.run("plan", "--json").json["destinations"]] == ["env:SECOND"]
    stage.run("apply", "--auto-approve")
    assert stage.run("plan", "--json").json["destinations"] == []
    stage.run("state", "rm", "number/+15550100101")
    assert stage.run("plan", "--json").json["destinations"] == [], "an operation on the state keeps them"
