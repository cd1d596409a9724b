"""Run `python -m reconciler` as a process, in a folder with YAML and with credentials in the environment.

Every command is checked: no traceback, no planted secret in any stream or file, and with JSON exactly one document that
its published schema accepts. Standard input is open and silent, so a command that reads it hangs.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import gettempdir
from typing import IO, Any
from urllib.parse import quote

from jsonschema import Draft202012Validator

from tests.support.processes.fork_server import ForkedProcess, can_fork, fork_server
from tests.support.processes.http_server import PATIENCE, Call
from tests.support.processes.independent_twilio import IndependentTwilio

AC = "AC" + "0a" * 16
TOKEN = "pl4nted:t/oken+of=main"
AGENT = {"voice": "https://agents.example.com/voice", "sms": "https://agents.example.com/sms"}
COMMAND = (sys.executable, "-m", "reconciler")


@dataclass(frozen=True)
class Done:
    """The exit code and the output of a command."""

    args: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def codes(self) -> list[str]:
        """The codes of all diagnostics of a JSON document."""
        return [diagnostic["code"] for diagnostic in self.json["diagnostics"]]

    @property
    def text(self) -> str:
        return self.out + self.err


class Stream:
    """The output of a running process. A test can wait for a text in it."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._said = b""
        self._at_end: list[Callable[[], None]] = []
        self._ended = False
        self._changed = threading.Condition()
        self._pipe = pipe
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait_for(self, word: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: word.encode() in self._said, PATIENCE), (
                self._said.decode()
            )

    def at_end(self, call: Callable[[], None]) -> None:
        """Have this called when nothing more can be said."""
        with self._changed:
            self._at_end.append(call)
            if self._ended:
                call()

    def whole(self) -> str:
        self._thread.join(PATIENCE)
        self._pipe.close()
        return self._said.decode()

    def _read(self) -> None:
        while piece := os.read(self._pipe.fileno(), 65536):
            with self._changed:
                self._said += piece
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            for call in self._at_end:
                call()


class Running:
    """A command that runs."""

    def __init__(self, args: Sequence[str], folder: Path, environ: Mapping[str, str]) -> None:
        self.args = tuple(args)
        silent, self._mouth = os.pipe()
        self.process: subprocess.Popen[bytes] | ForkedProcess
        if can_fork(environ):
            out, said = os.pipe()
            err, complained = os.pipe()
            streams = (silent, said, complained)
            self.process = fork_server().start(args, folder, environ, streams)
            os.close(said)
            os.close(complained)
            self.out, self.err = Stream(os.fdopen(out, "rb")), Stream(os.fdopen(err, "rb"))
        else:
            self.process = subprocess.Popen(
                [*COMMAND, *args],
                cwd=folder,
                env=environ,
                stdin=silent,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            assert self.process.stdout is not None
            assert self.process.stderr is not None
            self.out, self.err = Stream(self.process.stdout), Stream(self.process.stderr)
        os.close(silent)

    def interrupt(self, number: int = signal.SIGINT) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def done(self) -> Done:
        """Wait for its end."""
        try:
            code = self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            os.close(self._mouth)
        return Done(self.args, code, self.out.whole(), self.err.whole())


def inherited_environment() -> dict[str, str]:
    """Return the variables that every process needs, and no others."""
    names = ("PATH", "HOME", "LANG", "PYTHONPATH")
    return {name: os.environ[name] for name in names if name in os.environ}


@dataclass
class ProcessRunner:
    """A folder, the environment of its commands, and the server that they call."""

    folder: Path
    twilio: IndependentTwilio
    environ: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.environ = {**inherited_environment(), "MAIN_TOKEN": TOKEN}
        self.plant(AC, TOKEN)
        self.twilio.add_account(AC, **{AC: TOKEN})

    def plant(self, user: str, password: str) -> None:
        """From now on this password must not be seen anywhere, in none of the forms it goes over the wire in."""
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.secrets |= {password, quote(password), quote(password, safe=""), pair}

    # the world

    def number(self, e164: str, **fields: object) -> dict[str, Any]:
        return self.twilio.add_number(AC, e164, **fields)

    # the files

    def declare(self, numbers: object = None, **sections: object) -> None:
        """The configuration, written as JSON, which is YAML; sections that are None are left out."""
        account = {"sid": AC, "auth_token": {"env": "MAIN_TOKEN"}, "base_url": self.twilio.url}
        whole = {
            "version": 1,
            "project": "acceptance",
            "accounts": {"main": account},
            "agents": {"support": {"webhooks": AGENT}},
            "numbers": numbers,
            **sections,
        }
        kept = {name: section for name, section in whole.items() if section is not None}
        self.write("reconciler.yaml", json.dumps(kept, indent=2, ensure_ascii=False))

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    @property
    def state(self) -> dict[str, dict[str, Any]]:
        """The resources in the state file."""
        document = json.loads((self.folder / "state.json").read_text(encoding="utf-8"))
        fits("state", document)
        resources: dict[str, dict[str, Any]] = document["resources"]
        return resources

    def lose_state(self) -> None:
        """State and history are gone, as on a machine that never had them."""
        (self.folder / "state.json").unlink()
        shutil.rmtree(self.folder / "state.json.history")

    # the commands

    def start(self, *args: str, **environ: str) -> Running:
        return Running(args, self.folder, {**self.environ, **environ})

    def end(self, running: Running) -> Done:
        """The end of a command that was started, checked."""
        done = running.done()
        self.check(done)
        return done

    def run(self, *args: str, code: int = 0, **environ: str) -> Done:
        """Run a command that must end with this code."""
        done = self.end(self.start(*args, **environ))
        assert done.code == code, f"{args} ended with {done.code}\n{done.out}\n{done.err}"
        return done

    def json(self, *args: str, code: int = 0, **environ: str) -> Any:
        """The document of a command that must end with this code."""
        return self.run(*args, "--json", code=code, **environ).json

    def apply(self, *args: str, code: int = 0) -> Any:
        return self.json("apply", "--auto-approve", *args, code=code)

    def plan(self, *args: str, code: int = 2) -> Any:
        return self.json("plan", "--detailed-exitcode", *args, code=code)

    def settled(self) -> None:
        """Nothing is left to do."""
        assert self.plan(code=0)["actions"] == []

    def check(self, done: Done) -> None:
        """What holds for every command, however it ended."""
        assert "Traceback" not in done.text or "-vv" in done.args, done.text
        assert "Warning:" not in done.err, done.err
        self.check_secrets(done.text, "the output")
        for path in self.folder.rglob("*"):
            if path.is_file():
                self.check_secrets(path.read_bytes().decode("utf-8", "replace"), path.name)
        if done.code != 64 and done.code >= 0 and _wants_json(done.args):
            document = json.loads(done.out)
            fits(document["command"].replace(" ", "-"), document)

    def check_secrets(self, text: str, where: str) -> None:
        shown = [secret for secret in self.secrets if secret in text]
        assert not shown, f"a secret is in {where}: {text}"


def _wants_json(args: Sequence[str]) -> bool:
    return "--json" in args or "json" in args or "--format=json" in args


@cache
def schema(name: str) -> Any:
    """A schema as the command publishes it."""
    run = subprocess.run(
        [*COMMAND, "schema", name],
        cwd=gettempdir(),
        capture_output=True,
        check=True,
        timeout=PATIENCE,
    )
    found = json.loads(run.stdout)
    Draft202012Validator.check_schema(found)
    return found


def fits(name: str, document: object) -> None:
    """The document is what the schema of this name says."""
    Draft202012Validator(schema(name)).validate(document)


def actions(document: Any) -> list[tuple[str, str]]:
    """(address, action) of a plan's actions or of an apply's outcomes."""
    return [
        (row["address"], row["action"]) for row in document.get("actions", document.get("outcomes"))
    ]


def is_update(call: Call) -> bool:
    """An update of a number."""
    return call.method == "POST" and "/IncomingPhoneNumbers/" in call.path


@contextmanager
def watched(twilio: IndependentTwilio) -> Iterator[list[Call]]:
    """The calls that are made inside, in order."""
    before, calls = len(twilio.calls), list[Call]()
    yield calls
    calls += twilio.calls[before:]
