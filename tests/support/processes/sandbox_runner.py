"""Run commands as processes against the embedded sandbox, with several accounts.

Use it where a test needs more of Twilio than `independent_twilio` has. Output is checked as in `process_runner`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.sandbox.service.app import Sandbox
from tests.support.processes.process_runner import Done, Running, fits, inherited_environment


@dataclass
class SandboxRunner:
    """A folder, the environment of its commands, and the sandbox that its accounts lead to."""

    folder: Path
    sandbox: Sandbox
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.environ = {**inherited_environment(), **self.environ}

    def account(self, sid: str, token: str, **fields: object) -> dict[str, Any]:
        """An account as it is declared, entered by its auth token, which goes into the environment."""
        name = f"TOKEN_{sid[-6:]}"
        self.environ[name] = token
        return {
            "sid": sid,
            "auth_token": {"env": name},
            "base_url": self.sandbox.base_url,
            **fields,
        }

    def declare(self, **sections: object) -> None:
        """The configuration, written as JSON, which is YAML."""
        text = json.dumps({"version": 1, "project": "play", **sections}, indent=2)
        (self.folder / "reconciler.yaml").write_text(text, encoding="utf-8")

    def run(self, *args: str, code: int = 0, **environ: str) -> Done:
        """Run a command that must end with this code."""
        done = Running(args, self.folder, {**self.environ, **environ}).done()
        assert done.code == code, f"{args} ended with {done.code}\n{done.out}\n{done.err}"
        assert "Traceback" not in done.text, done.text
        tokens = [value for name, value in self.environ.items() if name.startswith("TOKEN_")]
        assert not [token for token in tokens if token in done.text], "a secret is shown"
        if "--json" in args and code != 64:
            fits(done.json["command"].replace(" ", "-"), done.json)
        return done

    def json(self, *args: str, code: int = 0, **environ: str) -> Any:
        """The document of a command that must end with this code."""
        return self.run(*args, "--json", code=code, **environ).json

    def apply(self, *args: str, code: int = 0) -> Any:
        return self.json("apply", "--auto-approve", *args, code=code)

    def settled(self) -> None:
        """Nothing is left to do."""
        assert self.json("plan", "--detailed-exitcode")["actions"] == []
