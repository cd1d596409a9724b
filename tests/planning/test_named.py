"""Entries that hold a SID which has a name by now."""

from __future__ import annotations

import msgspec

from reconciler.kinds.number import Observer
from reconciler.kinds.number_row import NumberRow
from reconciler.model.desired import Desired, Options
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import ApplicationRoute, TrunkRoute
from reconciler.planning.decide import drift
from reconciler.planning.identity.names_for_sids import resolve_names
from reconciler.planning.identity.observed import Observed
from reconciler.planning.identity.offline import observe_recorded
from reconciler.planning.planner import plan_resources
from tests.support.memory.memory_runner import MemoryRunner
from tests.support.memory.resources import e164, hook, number, pn, row, trunk, world

EDGE, MENU = "TK" + "1" * 32, "AP" + "1" * 32
ON_EDGE = number(1, voice=TrunkRoute("edge"))
BY_SID = number(1, voice=TrunkRoute(EDGE))


def forgotten() -> MemoryRunner:
    """A number on a trunk that was there before, was declared for a while, and is known by its SID now."""
    runner = MemoryRunner(
        world(
            row(1, voice_url="https://old.example.net/"),
            trunks=[{"sid": EDGE, "friendly_name": "edge", "domain_name": "edge.pstn.twilio.com"}],
        )
    )
    runner.apply([trunk("edge"), ON_EDGE])
    runner.apply([BY_SID])
    assert runner.entries[f"number/{e164(1)}"].last_applied["voice"] == TrunkRoute(EDGE)
    return runner


def test_a_number_released_while_its_trunk_is_declared_again_leaves_it() -> None:
    runner = forgotten()
    edge = [trunk("edge")]
    runner.apply(edge)
    found = runner.twilio.numbers()[pn(1)]
    assert (found["trunk_sid"], found["voice_url"]) == (None, "https://old.example.net/")
    assert list(runner.entries) == ["trunk/edge"]


def test_naming_a_trunk_is_neither_a_change_nor_drift() -> None:
    runner = forgotten()
    edge: list[Desired] = [trunk("edge")]
    runner.apply([*edge, BY_SID])
    plan = runner.plan([*edge, ON_EDGE])
    assert (plan.actions, plan.state_updates) == ((), {})
    assert drift.find_drift(runner.entries, runner.observe([*edge, ON_EDGE])) == []
    assert (
        plan_resources(
            [*edge, ON_EDGE], runner.entries, observe_recorded(runner.entries), ()
        ).actions
        == ()
    )


def test_naming_a_trunk_changes_the_configuration_of_its_numbers_only() -> None:
    runner = forgotten()
    runner.apply([trunk("edge"), BY_SID])
    reasons = {
        action.reason for action in runner.plan([trunk("edge"), number(1, voice=hook("a"))]).actions
    }
    assert reasons == {"config"}


def test_named_application_matches_the_one_recorded_by_sid() -> None:
    found = Observer({MENU: "menu"}).live(
        NumberRow(pn(1), e164(1), voice_application_sid=MENU), "main"
    )
    others = {"application/menu": Live(MENU, "menu", "main", {}, {})}
    route = {"voice": ApplicationRoute(MENU)}
    entry = Entry(
        "number",
        "main",
        pn(1),
        e164(1),
        {**route},
        Options(),
        pending={**route},
        previously_managed={"sms": route["voice"]},
    )
    observed = Observed({"main": {e164(1): found}}, others)
    (named,) = resolve_names({"a": entry}, others).values()
    assert (
        named.last_applied["voice"] == named.previously_managed["sms"] == ApplicationRoute("menu")
    )
    assert named.pending == {"voice": ApplicationRoute("menu")}
    settled = msgspec.structs.replace(entry, pending=None, previously_managed={})
    address = f"number/{e164(1)}"
    assert (
        plan_resources(
            [number(1, voice=ApplicationRoute("menu"))], {address: settled}, observed, ()
        ).actions
        == ()
    )


def test_equal_entries_stay_equal_and_others_are_unchanged() -> None:
    shared: dict[str, object] = {"voice": TrunkRoute(EDGE)}
    alike = [Entry("number", "main", pn(n), e164(n), shared, Options()) for n in (1, 2)]  # type: ignore[arg-type]
    other = Entry("number", "main", pn(3), e164(3), {"voice": None}, Options())
    others = {"trunk/edge": Live(EDGE, "edge", "main", {}, {})}
    one, two, three = resolve_names(dict(zip("abc", [*alike, other], strict=True)), others).values()
    assert one.last_applied is two.last_applied
    assert three is other
    known = {"c": other}
    assert resolve_names(known, others) is known
    assert resolve_names(known, {f"trunk/{EDGE}": others["trunk/edge"]}) is known
