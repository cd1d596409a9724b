"""States, entries and plans for the tests."""

from __future__ import annotations

import uuid
from threading import Event

from reconciler.model.action import Action, Change
from reconciler.model.desired import Options
from reconciler.model.entry import Entry
from reconciler.model.route import ApplicationRoute, TrunkRoute, Webhook
from reconciler.state.format.document import State, empty_state
from reconciler.state.plan_file import PlanFile
from reconciler.state.stores.holder import Holder

NOW = "2026-03-01T12:00:00Z"


class StoppedClock:
    """A clock that tells what the test sets."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now

    def pause(self, seconds: float, stop: Event) -> None:
        self.now += seconds


def entry(last: int = 0, **changes: object) -> Entry:
    fields: dict[str, object] = {
        "kind": "number",
        "account": "main",
        "sid": f"PN{last:032x}",
        "key": f"+1555000{last:04d}",
        "last_applied": {
            "voice": Webhook("https://a.example/voice"),
            "sms": TrunkRoute("edge"),
            "status": None,
        },
        "options": Options(agent="support"),
        "prior": {
            "voice_url": "https://before.example/",
            "voice_method": "POST",
            "trunk_sid": "",
            "x": None,
        },
        "prior_at": NOW,
        "imported_at": NOW,
    }
    return Entry(**fields | changes)  # type: ignore[arg-type]


def address(last: int) -> str:
    return f"number/+1555000{last:04d}"


def state(count: int = 3) -> State:
    full = empty_state("acme")
    full.resources.update({address(last): entry(last) for last in range(count)})
    return full


def holder(command: str = "reconciler apply") -> Holder:
    job = "https://ci.example/1"
    return Holder("alice", "laptop", 4711, command, NOW, uuid.uuid4().hex, job, job)


def plan(**changes: object) -> PlanFile:
    action = Action(
        address=address(1),
        action="overwrite_webhooks",
        reason="config",
        kind="number",
        account="main",
        sid="PN1",
        changes=(Change("voice_url", "https://a.example/", None),),
        set={"voice": ApplicationRoute("menu")},
        entry=entry(1),
    )
    fields: dict[str, object] = {
        "project": "acme",
        "created_at": NOW,
        "tool_version": "0.1.0",
        "lineage": "one",
        "serial": 3,
        "config_digest": "sha256:0",
        "fingerprints": {address(1): {"voice_url": "https://a.example/", "trunk_sid": None}},
        "actions": [action],
        "state_updates": {address(2): entry(2)},
    }
    return PlanFile(**fields | changes)  # type: ignore[arg-type]
