"""A server under an unknown host name, and commands that could send a secret to it.

The name is given to a listener on loopback by a resolver that each process is started with. libpq and obstore resolve
names without Python; for them the listener is reached as 0.0.0.0, which is no loopback address to the allow list.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = "relay.example.net"
GITLAB, SANDBOX = "gitlab.example.com", "sandbox"
"""Names of servers that users have, as their jobs and their Compose files name them."""
SECRET = "pl4nted-secret-of-the-test"
SID = "AC" + "a" * 32
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
ASK_PASSWORD = b"R\x00\x00\x00\x08\x00\x00\x00\x03"
"""PostgreSQL's request for the password in the clear."""
RESOLVER = f"""\
import socket
ask = socket.getaddrinfo

def answer(host, *rest, **more):
    here = str(host).rstrip(".").lower().endswith(({NAME!r}, {GITLAB!r}, {SANDBOX!r}))
    return ask("127.0.0.1" if here else host, *rest, **more)

socket.getaddrinfo = answer
"""
DRIVER = (
    RESOLVER
    + """
import json, os, sys
from reconciler.cli.main import run
import reconciler.workflows.plan_apply, reconciler.workflows.pipeline, reconciler.report.documents.build

found = []
for number, args in enumerate(json.load(sys.stdin)):
    child = os.fork()
    if not child:
        streams = os.open(f"{sys.argv[1]}/{number}", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(streams, 1)
        os.dup2(streams, 2)
        run(args)
    found.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(json.dumps(found))
"""
)
SECRETS = (
    "TOKEN", "KEY", "OTHER", "TWILIO_AUTH_TOKEN", "TF_HTTP_PASSWORD", "CI_JOB_TOKEN", "PGPASSWORD",
    "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID",
)  # fmt: skip


class Listener:
    """A server that records all it receives and gives the same answer to everything."""

    def __init__(self, answer: bytes = NOT_FOUND) -> None:
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
                    asked = connection.recv(65536)
                    while (
                        self._answer == ASK_PASSWORD and len(asked) == 8
                    ):  # whether there is TLS, or GSSAPI
                        connection.sendall(b"N")
                        asked = connection.recv(65536)
                    self.received += asked
                    connection.sendall(self._answer)
                    if self._answer == ASK_PASSWORD:
                        self.received += connection.recv(65536)
                except OSError:
                    continue

    def close(self) -> None:
        self._socket.close()


@dataclass(frozen=True)
class Ended:
    """How one command ended; `said` is all that it printed."""

    args: tuple[str, ...]
    code: int
    said: str

    @property
    def diagnostics(self) -> list[dict[str, Any]]:
        """Those of a JSON document."""
        found: list[dict[str, Any]] = json.loads(self.said[self.said.index("{") :])["diagnostics"]
        return found


def environment(folder: Path, **environ: str) -> dict[str, str]:
    """The environment of a command: every secret is there under its name."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        **dict.fromkeys(SECRETS, SECRET),
        **environ,
    }


def run(folder: Path, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose resolver knows the foreign name; everything that it says is free of the secret."""
    (folder / "start").mkdir(exist_ok=True)
    (folder / "start" / "sitecustomize.py").write_text(RESOLVER)
    path = os.pathsep.join(filter(None, [str(folder / "start"), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", *args], cwd=folder, env=environment(folder, PYTHONPATH=path, **environ),
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, check=False,
    )  # fmt: skip
    assert SECRET not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def run_each(
    folder: Path, commands: Sequence[Sequence[str]], environ: Mapping[str, str]
) -> list[Ended]:
    """Run the same as `run` for many commands: each in a fork of one process, which saves starting it anew."""
    kept = folder.parent / f"{folder.name}-said"
    kept.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(kept)], cwd=folder, env=environment(folder, **environ),
        input=json.dumps(commands), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr

    ended = []
    for number, (args, code) in enumerate(zip(commands, json.loads(done.stdout), strict=True)):
        said = (kept / str(number)).read_text()
        assert SECRET not in said, (args, said)
        assert "Traceback" not in said, (args, said)
        ended.append(Ended(tuple(args), code, said))
    return ended


def write(folder: Path, name: str = "reconciler.yaml", **sections: Any) -> None:
    """Write a configuration with one number; sections replace its own."""
    accounts = {
        "main": {"sid": SID, "auth_token": {"env": "TOKEN"}, "base_url": "http://127.0.0.1:1"}
    }
    agents = {"support": {"webhooks": {"voice": "https://agents.example.com/voice"}}}
    text = {"version": 1, "project": "acme", "accounts": accounts, "agents": agents, **sections}
    number = {"agent": "support", "account": next(iter(text["accounts"]))}
    if "support" in text["agents"]:
        text = {"numbers": {"+15550100101": number}, **text}
    (folder / name).write_text(json.dumps(text))


def account(**fields: Any) -> dict[str, Any]:
    """An account whose token is the secret."""
    return {"main": {"sid": SID, "auth_token": {"env": "TOKEN"}, **fields}}


def platform(url: str, key: str = "KEY", kind: str = "nixflex") -> dict[str, Any]:
    """A platform whose key is the secret."""
    fields: dict[str, Any] = {"type": kind, "api_key": {"env": key}, "base_url": url}
    if kind == "livekit":
        fields["api_secret"] = {"env": key}
    if kind == "butter":
        fields["organization_id"] = "org_1"
    if kind == "retell":
        fields["credential"] = "pbx/pbx"
    return {"nix": fields}
