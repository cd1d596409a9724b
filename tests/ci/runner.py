"""Runs what CI files say as their CI would: the commands as written, in the shell that is asked for, in a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from tests.ci.expressions import evaluate, fill

ROOT = Path(__file__).resolve().parents[2]
CI = ROOT / "examples" / "ci"
ACTION = ROOT / "action.yml"
USED = "example/reconciler@0000000000000000000000000000000000000000"
"""The action, as the workflow of the examples names it."""
AC = "AC00000000000000000000000000000001"
READ, WRITE = ("SK" + "1" * 32, "read-secret"), ("SK" + "2" * 32, "write-secret")
ONE = "+15550100101"
GOOD = """\
version: 1
project: acme-voice
state: ./state.json
agents:
  support: {webhooks: {voice: "https://agents.example.com/voice"}}
numbers:
  "+15550100101": support
"""


def yaml_of(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def twilio() -> Sandbox:
    """An account with a number that nobody has set up, and two keys."""
    keys = [{"sid": sid, "account_sid": AC, "secret": secret} for sid, secret in (READ, WRITE)]
    numbers = [
        {
            "account_sid": AC,
            "phone_number": ONE,
            "voice_url": "https://demo.twilio.com/welcome/voice/",
        }
    ]
    accounts = [{"sid": AC, "auth_token": "never-used"}]
    return Sandbox(
        World.from_seed({"format": 1, "accounts": accounts, "api_keys": keys, "numbers": numbers})
    )


def environment(**more: str) -> dict[str, str]:
    """That of a runner: the command on the path, and no account."""
    commands = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "PYTHONPATH") if name in os.environ}
    return {**kept, "PATH": commands, **more}


def commit(folder: Path, *files: str) -> str:
    """A commit of these files in a repository of the folder; its SHA."""

    def git(*words: str) -> str:
        who = ["-c", "user.name=Example", "-c", "user.email=example@example.com"]
        done = subprocess.run(
            ["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    git("init", "-q")
    if files:
        git("add", *files)
    git("commit", "-q", "--allow-empty", "-m", "as it is")
    return git("rev-parse", "HEAD")


def bash(script: str, folder: Path, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A script as GitHub and GitLab run it: it ends at the first command that fails."""
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(
        command,
        cwd=folder,
        env=dict(environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


class Action:
    """The composite action, used in a checkout. `log` is all that its steps have printed."""

    def __init__(
        self, folder: Path, environ: Mapping[str, str], context: Mapping[str, str]
    ) -> None:
        self.folder = folder
        self.environ = environ
        self.context = context
        self.log = ""

    def use(self, given: Mapping[str, str]) -> int:
        """Take its steps; the exit code of the first that fails. What other actions do (`uses`) is left out."""
        action = yaml_of(ACTION)
        inputs = {}
        for name, spec in action["inputs"].items():
            value = given.get(name, spec.get("default", ""))
            inputs[f"inputs.{name}"] = fill(str(value), self.context)
        context = {**self.context, **inputs}

        code = 0
        for step in action["runs"]["steps"]:
            if "uses" in step or step["name"] == "Install":
                continue
            condition = step["if"]
            if not evaluate(condition, context) or (code and "always()" not in condition):
                continue
            environ = {name: fill(value, context) for name, value in step.get("env", {}).items()}
            done = bash(step["run"], self.folder, {**self.environ, **environ})
            self.log += done.stdout + done.stderr
            code = code or done.returncode
        return code
