"""The twelve switches where trunk and application go by names of ours; in whole, `tests/routes/test_switches.py`."""

from __future__ import annotations

from itertools import permutations

import pytest

from reconciler.kinds.number import Observer
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import ApplicationRoute, TrunkRoute, Value
from reconciler.planning.identity.observed import Observed
from reconciler.planning.plan import Plan
from reconciler.planning.planner import plan_resources
from tests.routes.rules import Row, route, updated
from tests.support.memory.fake_twilio import Call, FakeTwilio
from tests.support.memory.resources import hook, number, pn, row, world
from tests.support.memory.step_runner import run_in_order

EDGE, MENU = "TK" + "1" * 32, "AP" + "1" * 32
NAMES = {EDGE: "edge", MENU: "menu"}
OTHERS = {
    "trunk/edge": Live(EDGE, "edge", "main", {}, {}),
    "application/menu": Live(MENU, "menu", "main", {}, {}),
}
FORMS: dict[str, Value] = {
    "webhooks": hook("a", fallback_url="https://agents.example.com/down"),
    "application": ApplicationRoute("menu"),
    "trunk": TrunkRoute("edge"),
    "nothing": None,
}


class World:
    """One number, and what is remembered of it."""

    def __init__(self) -> None:
        self.twilio = FakeTwilio(world(row(1), trunks=[{"sid": EDGE}], applications=[MENU]))
        self.entries: dict[str, Entry] = {}

    def row(self) -> Row:
        return {name: str(value or "") for name, value in self.twilio.numbers()[pn(1)].items()}

    def plan(self, voice: Value) -> Plan:
        observer = Observer(NAMES)
        rows = [r for page in self.twilio.gateways()["main"].number_pages() for r in page]
        observed = Observed(
            {"main": {r.phone_number: observer.live(r, "main") for r in rows}}, OTHERS
        )
        return plan_resources([number(1, voice=voice)], self.entries, observed, ())

    def become(self, voice: Value) -> list[Call]:
        """Carry the plan out; the calls that it took."""
        before = len(self.twilio.calls)
        sids = {address: live.sid for address, live in OTHERS.items()}
        for outcome in run_in_order(self.twilio, self.entries, self.plan(voice), sids):
            assert outcome.entry is not None, outcome.error
            self.entries[outcome.action.address] = outcome.entry
        assert self.plan(voice).actions == ()
        return self.twilio.calls[before:]


@pytest.mark.parametrize(("before", "after"), list(permutations(FORMS, 2)))
def test_switch_by_name_never_leaves_a_number_without_a_route(before: str, after: str) -> None:
    runner = World()
    runner.become(FORMS[before])
    at = runner.row()
    old = route(at)
    calls = runner.become(FORMS[after])
    assert calls
    new = route(runner.row())
    for call in calls:
        at = updated(at, call.params)
        assert route(at) in (old, new)
    assert route(at) == new
