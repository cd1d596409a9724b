"""Call the workflows in this process, on a folder with a configuration and a sandbox with one account."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reconciler.doctor.check import Check
from reconciler.planning.decide.drift import Drifted
from reconciler.sandbox.http.call_log import LoggedCall
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from reconciler.workflows.doctor import doctor
from reconciler.workflows.drift import drift
from reconciler.workflows.plan_apply import apply, plan
from reconciler.workflows.session import Applied, Consent, Planned, RunOptions
from tests.support.progress import SilentProgress

AC, TOKEN = "AC" + "1" * 32, "token of the sandbox"
EDGE, OTHER_EDGE = "TK" + "1" * 32, "TK" + "2" * 32
MENU, LOBBY = "AP" + "1" * 32, "AP" + "2" * 32
ONE, TWO, THREE = "+15550100101", "+15550100102", "+15550100103"
AGENT = {"voice": "https://agents.example.com/voice", "sms": "https://agents.example.com/sms"}


class WorkflowRunner:
    """A folder and a sandbox. Each method calls a workflow function, without the command line."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self.sandbox = sandbox

    def declare(
        self, numbers: object, *, account: dict[str, Any] | None = None, **sections: object
    ) -> None:
        """The configuration, written as JSON, which is YAML."""
        main = {
            "sid": AC,
            "auth_token": {"env": "TOKEN"},
            "base_url": self.sandbox.base_url,
            **(account or {}),
        }
        agents = {"support": {"webhooks": AGENT}}
        whole = {
            "version": 1,
            "project": "routes",
            "accounts": {"main": main},
            "agents": agents,
            "safety": {"takeover": "allow"},
            "numbers": numbers,
            **sections,
        }
        (self.folder / "reconciler.yaml").write_text(json.dumps(whole, indent=2), encoding="utf-8")

    def setting(self, **more: Any) -> RunOptions:
        """Return the options of a run in this folder."""
        return RunOptions(
            directory=self.folder,
            environ={"TOKEN": TOKEN},
            progress=SilentProgress(),
            clock=lambda: datetime(2026, 3, 1, 12, tzinfo=UTC),
            **more,
        )

    def plan(self, **more: Any) -> Planned:
        """Build the plan."""
        return plan(self.setting(**more))

    def doctor(self, **more: Any) -> list[Check]:
        """Check everything that the configuration needs."""
        return doctor(self.setting(**more))[1]

    def apply(self, **more: Any) -> Applied:
        """Apply the configuration."""
        return apply(self.setting(**more), Consent(), None)

    def drift(self) -> list[Drifted]:
        """Find drift."""
        return drift(self.setting())[1].drifted

    def calls(self, part: str) -> list[LoggedCall]:
        """Return the calls since the last `forget` whose path contains this text."""
        return [call for call in self.sandbox.calls if part in call.path]

    def forget(self) -> None:
        """Forget the calls so far."""
        self.sandbox.calls.reset()

    @property
    def entries(self) -> dict[str, Any]:
        """The resources in the state file."""
        resources: dict[str, Any] = json.loads(
            (self.folder / "state.json").read_text(encoding="utf-8")
        )["resources"]
        return resources


def world(*numbers: dict[str, Any], **shelves: Any) -> World:
    """An account with these numbers, two trunks and two applications."""
    trunks = [
        {"sid": EDGE, "domain_name": "edge.pstn.twilio.com", "friendly_name": "edge"},
        {"sid": OTHER_EDGE, "domain_name": "other.pstn.twilio.com", "friendly_name": "other"},
    ]
    return World.from_seed(
        {
            "accounts": [{"sid": AC, "auth_token": TOKEN}],
            "trunks": trunks,
            "applications": [
                {"sid": MENU, "friendly_name": "menu"},
                {"sid": LOBBY, "friendly_name": "lobby"},
            ],
            "numbers": list(numbers) or [{"phone_number": ONE}],
            **shelves,
        }
    )
