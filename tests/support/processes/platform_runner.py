"""Run commands as processes against the embedded sandbox, which plays Twilio and the platforms.

The checks are those of `process_runner`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reconciler.sandbox.http.call_log import LoggedCall
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.twilio.numbers import Number
from reconciler.sandbox.world.world import World
from tests.support.processes.process_runner import ProcessRunner

AC = "AC" + "0b" * 16
TOKEN = "pl4nted.twilio.token.of.main"


class _Served:
    """Give a sandbox the interface that `ProcessRunner` needs of a server."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.url = sandbox.base_url

    def add_account(self, sid: str, **tokens: str) -> None:
        """The world has been made with its account."""


class PlatformRunner(ProcessRunner):
    """A folder, the environment of its commands, and a sandbox."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.world: World = sandbox.world
        super().__init__(folder, _Served(sandbox))  # type: ignore[arg-type]
        self.environ["MAIN_TOKEN"] = TOKEN
        self.plant(AC, TOKEN)

    def secret(self, variable: str, value: str) -> dict[str, str]:
        """A planted secret, as a reference to it."""
        self.environ[variable] = value
        self.plant("", value)
        return {"env": variable}

    def setting(self, numbers: object, *, platforms: object, **sections: object) -> None:
        """The configuration."""
        account = {
            "sid": AC,
            "auth_token": {"env": "MAIN_TOKEN"},
            "base_url": self.sandbox.base_url,
        }
        whole = {
            "version": 1,
            "project": "acceptance",
            "accounts": {"main": account},
            "platforms": platforms,
            "numbers": numbers,
            **sections,
        }
        kept = {name: section for name, section in whole.items() if section is not None}
        self.write("reconciler.yaml", json.dumps(kept, indent=2))

    def twilio_number(self, e164: str) -> Number:
        """A number as Twilio has it."""
        return self.world.number(e164)

    def edit(self, e164: str, **fields: object) -> None:
        """Somebody changes a number in Twilio's console."""
        self.sandbox.edit(e164, fields)

    def hooks(self, e164: str) -> dict[str, Any]:
        """What a number shows on Twilio."""
        number = self.world.number(e164)
        names = ("voice_url", "sms_url", "status_callback", "trunk_sid", "voice_application_sid")
        return {name: getattr(number, name) for name in names if getattr(number, name)}

    @contextmanager
    def watched(self) -> Iterator[list[LoggedCall]]:
        """The calls that are made inside, in order."""
        self.sandbox.calls.reset()
        calls: list[LoggedCall] = []
        yield calls
        calls += list(self.sandbox.calls)


def world(numbers: dict[str, dict[str, object]], **sections: object) -> World:
    """A world of one account with these numbers, and the rows of platforms."""
    rows = [
        {"sid": f"PN{index:032x}", "account_sid": AC, "phone_number": e164, **fields}
        for index, (e164, fields) in enumerate(numbers.items(), start=1)
    ]
    account = {"sid": AC, "auth_token": TOKEN, "friendly_name": "Main"}
    return World.from_seed({"format": 1, "accounts": [account], "numbers": rows, **sections})
