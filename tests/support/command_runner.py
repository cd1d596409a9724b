"""Run whole commands in this process, in a folder, against an embedded sandbox."""

from __future__ import annotations

import io
import json
import os
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

from reconciler.cli.arguments import complete_arguments
from reconciler.cli.main import main, run_to_exit_code
from reconciler.sandbox.http.call_log import LoggedCall
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.twilio.accounts import SANDBOX_TOKEN
from reconciler.sandbox.world.world import World
from tests.support.sandbox_client import ask

AGENT = {"voice": "https://agents.example.com/voice", "sms": "https://agents.example.com/sms"}


@dataclass
class CommandRunner:
    """A folder with a configuration, and the sandbox that its account leads to."""

    folder: Path
    sandbox: Sandbox
    environ: dict[str, str] = field(default_factory=dict)

    def declare(self, **sections: object) -> None:
        """Write the configuration; its account is the sandbox's."""
        account = {
            "sid": self.sandbox.world.account.sid,
            "auth_token": {"env": "SANDBOX_TOKEN"},
            "base_url": self.sandbox.base_url,
        }
        whole = {"version": 1, "project": "acme-voice", "accounts": {"main": account}, **sections}
        text = yaml.safe_dump(whole, sort_keys=False)
        (self.folder / "reconciler.yaml").write_text(text, encoding="utf-8")

    def run(self, *args: str, code: int = 0, **environ: str) -> str:
        """Run a command that must exit with this code. Return its output."""
        found, text = self.run_to_code(*args, **environ)
        assert found == code, f"{args} ended with {found}\n{text}"
        return text

    def run_to_code(self, *args: str, **environ: str) -> tuple[int, str]:
        """Run a command. Return its exit code and its output, with `--json` without what it writes to stderr."""
        # Behind the command: flags in front of it have all 25 commands inspected, which takes 7 ms.
        words = complete_arguments([args[0], "-C", str(self.folder), *args[1:]])
        out, err = io.StringIO(), io.StringIO()
        known = {"SANDBOX_TOKEN": SANDBOX_TOKEN, **self.environ, **environ}
        with mock.patch.dict(os.environ, known), redirect_stdout(out), redirect_stderr(err):
            found = run_to_exit_code(
                lambda: main.main(words, prog_name="reconciler", standalone_mode=False)
            )
        assert "Traceback" not in err.getvalue()
        return found, out.getvalue() + ("" if "--json" in args else err.getvalue())

    def json(self, *args: str, code: int = 0, **environ: str) -> Any:
        """Return the JSON document of a command."""
        return json.loads(self.run(*args, "--json", code=code, **environ))

    def plan(self) -> list[tuple[str, str]]:
        """Return (address, action) of each planned action."""
        return [(a["address"], a["action"]) for a in self.json("plan")["actions"]]

    def apply(self, *args: str, code: int = 0) -> list[LoggedCall]:
        """Apply, and return the writing calls."""
        known = len(list(self.sandbox.calls))
        self.run("apply", "--auto-approve", *args, code=code)
        return [call for call in list(self.sandbox.calls)[known:] if call.is_write]

    def rows(self, path: str, key: str) -> Any:
        """Read one page of the sandbox's API."""
        return ask(self.sandbox, "GET", path).json[key]

    def applications(self) -> Any:
        """The TwiML applications of the account."""
        return self.rows(f"{self._account}/Applications.json", "applications")

    def make_application(self, **form: str) -> str:
        """Create an application by hand. Return its SID."""
        return str(self.post("/Applications.json", **form)["sid"])

    def post(self, path: str, **form: str) -> Any:
        """POST to the 2010 API by hand."""
        answer = ask(self.sandbox, "POST", self._account + path, form=form)
        assert answer.status in (200, 201), answer.body
        return answer.json

    def delete(self, path: str) -> None:
        """DELETE by hand."""
        answer = ask(self.sandbox, "DELETE", path)
        assert answer.status == 204, answer.body

    @property
    def _account(self) -> str:
        return f"/2010-04-01/Accounts/{self.sandbox.world.account.sid}"

    @property
    def state(self) -> dict[str, Any]:
        """The resources in the state file."""
        resources: dict[str, Any] = json.loads(
            (self.folder / "state.json").read_text(encoding="utf-8")
        )["resources"]
        return resources


def empty_world(numbers: int = 0) -> World:
    """Return a world with this many numbers and nothing else."""
    return World.generate(numbers=numbers)
