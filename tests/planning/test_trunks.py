"""Trunks and origination URLs: made before they are joined, left before they go, kept while somebody uses them."""

from __future__ import annotations

import msgspec
import pytest

from reconciler.model.action import Action
from reconciler.model.desired import Desired, Options
from reconciler.model.route import TrunkRoute
from reconciler.planning.decide.drift import find_drift
from reconciler.planning.plan import Plan
from tests.support.memory.memory_runner import MemoryRunner
from tests.support.memory.resources import hook, number, origination, pn, row, trunk, world

EDGE = [trunk("edge"), origination("edge", "sbc1")]
URL = "origination_url/edge/sip:sbc1.example.com"


def on_edge(*numbers: int) -> MemoryRunner:
    """A trunk of ours with an origination URL, and these numbers on it."""
    runner = MemoryRunner(world(*(row(last) for last in (1, 2, 3))))
    runner.apply([*EDGE, *(number(last, voice=TrunkRoute("edge")) for last in numbers)])
    return runner


def action(plan: Plan, address: str) -> Action:
    return [a for a in plan.actions if a.address == address][-1]


def actions(plan: Plan) -> list[tuple[str, str]]:
    return [(a.address, a.action) for a in plan.actions]


def kept(want: Desired) -> Desired:
    profile = msgspec.structs.replace(want.profile, options=Options(on_removal="keep"))
    return msgspec.structs.replace(want, profile=profile)


def test_trunk_in_use_keeps_its_children() -> None:
    """Its origination URLs are what it is used for: without them the numbers on it ring nobody."""
    runner = on_edge()
    sid = next(iter(runner.twilio.accounts["main"].trunks))
    runner.twilio.numbers()[pn(1)]["trunk_sid"] = sid
    assert actions(runner.plan([])) == [(URL, "forget"), ("trunk/edge", "forget")]
    runner.apply([])
    assert runner.twilio.accounts["main"].origination_urls


def test_kept_trunk_keeps_its_children() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.apply([kept(want) for want in EDGE])
    assert actions(runner.plan([])) == [(URL, "forget"), ("trunk/edge", "forget")]


def test_our_origination_url_stays_on_a_trunk_that_existed_before() -> None:
    runner = MemoryRunner(
        world(row(1), trunks=[{"sid": "TK" + "1" * 32, "domain_name": "edge.pstn.twilio.com"}])
    )
    runner.apply(EDGE)
    assert actions(runner.plan([])) == [(URL, "forget"), ("trunk/edge", "forget")]


def test_removes_our_origination_url_when_its_trunk_stays_declared() -> None:
    assert actions(on_edge().plan([trunk("edge")])) == [(URL, "delete")]


def test_number_joins_a_trunk_after_its_origination_urls_exist() -> None:
    plan = MemoryRunner(world(row(1))).plan([*EDGE, number(1, voice=TrunkRoute("edge"))])
    assert action(plan, f"number/{row(1)['phone_number']}").depends_on == ("trunk/edge", URL)


def test_number_already_on_the_trunk_has_no_dependencies() -> None:
    plan = on_edge(1).plan([trunk("edge"), number(1, voice=TrunkRoute("edge"), sms=hook("sms"))])
    assert action(plan, f"number/{row(1)['phone_number']}").depends_on == ()


def test_removes_an_origination_url_after_its_replacement_exists() -> None:
    plan = on_edge().plan([trunk("edge"), origination("edge", "sbc2")])
    assert action(plan, URL).depends_on == ("origination_url/edge/sip:sbc2.example.com",)


def test_removes_an_origination_url_after_the_numbers_leave_its_trunk() -> None:
    plan = on_edge(1).plan([trunk("edge"), number(1, voice=hook("a"))])
    assert action(plan, URL).depends_on == (f"number/{row(1)['phone_number']}",)


def test_removes_a_trunk_after_its_urls_and_its_leaving_numbers_only() -> None:
    runner = on_edge(1, 2)
    plan = runner.plan([number(2, voice=hook("a")), number(3, voice=hook("a"))])
    leaving = tuple(f"number/{row(last)['phone_number']}" for last in (1, 2))
    assert action(plan, "trunk/edge").depends_on == (URL, *leaving)
    assert action(plan, URL).depends_on == leaving


def test_keeps_the_trunk_when_one_number_cannot_leave() -> None:
    runner = on_edge(1, 2)
    runner.twilio.refuse(pn(1))
    result = runner.apply([number(2, voice=hook("a"))])
    codes = {o.action.address: o.error.code for o in result.failures if o.error}
    assert codes["trunk/edge"] == codes[URL] == "dependency_failed"
    assert runner.twilio.accounts["main"].origination_urls


def test_undeclared_trunk_named_by_sid_is_still_in_use() -> None:
    runner = on_edge(1)
    sid = next(iter(runner.twilio.accounts["main"].trunks))
    runner.apply([number(1, voice=TrunkRoute(sid))])
    assert runner.twilio.numbers()[pn(1)]["trunk_sid"] == sid
    assert sid in runner.twilio.accounts["main"].trunks
    assert runner.twilio.accounts["main"].origination_urls


def test_a_trunk_stays_when_a_release_puts_a_number_on_it_again() -> None:
    runner = on_edge(1)
    runner.apply([*EDGE, kept(number(1, voice=TrunkRoute("edge")))])
    runner.apply(EDGE)
    runner.apply([*EDGE, number(1, voice=hook("a"))])
    assert not runner.apply([]).failures
    assert runner.twilio.numbers()[pn(1)]["trunk_sid"] in runner.twilio.accounts["main"].trunks


def test_trunk_without_a_domain_ignores_another_of_the_same_name() -> None:
    theirs = {
        "sid": "TK" + "1" * 32,
        "friendly_name": "edge",
        "domain_name": "theirs.pstn.twilio.com",
    }
    plan = MemoryRunner(world(row(1), trunks=[theirs])).plan([trunk("edge", domain_name=None)])
    assert actions(plan) == [("trunk/edge", "create")]


def test_trunk_with_a_changed_domain_needs_no_further_action() -> None:
    runner = on_edge()
    moved = [trunk("edge", domain_name="moved.pstn.twilio.com"), origination("edge", "sbc1")]
    runner.apply(moved)
    plan = runner.plan(moved)
    assert plan.actions == ()
    assert plan.state_updates == {}


def test_recreates_a_missing_trunk_and_reattaches_its_numbers() -> None:
    runner = on_edge(1)
    account = runner.twilio.accounts["main"]
    account.trunks.clear()
    account.origination_urls.clear()
    runner.twilio.numbers()[pn(1)]["trunk_sid"] = None
    desired = [*EDGE, number(1, voice=TrunkRoute("edge"))]
    assert [name for _, name in actions(runner.plan(desired))] == [
        "create",
        "create",
        "attach_trunk",
    ]
    assert not runner.apply(desired).failures
    assert runner.plan(desired).actions == ()


def test_attaches_numbers_to_a_recreated_trunk_by_its_new_sid() -> None:
    runner = on_edge()
    account = runner.twilio.accounts["main"]
    ((_, made),) = account.trunks.items()
    account.trunks.clear()
    account.origination_urls.clear()
    account.trunks["TK" + "2" * 32] = {**made, "sid": "TK" + "2" * 32}
    assert not runner.apply([*EDGE, number(1, voice=TrunkRoute("edge"))]).failures
    assert runner.twilio.numbers()[pn(1)]["trunk_sid"] == "TK" + "2" * 32


@pytest.mark.parametrize("removed", [[], [trunk("edge")]])
def test_trunk_created_by_a_dead_run_is_ours(removed: list[Desired]) -> None:
    runner = MemoryRunner(world(row(1)))
    assert runner.killed([trunk("edge")], 5), "made, and its outcome not recorded"
    assert runner.entries["trunk/edge"].sid == ""
    runner.apply(removed)
    assert len(runner.twilio.accounts["main"].trunks) == len(removed)


def test_number_on_a_forgotten_trunk_is_unchanged_and_leaves_it_on_release() -> None:
    """The trunk's name goes with its entry; what is remembered of the number must not hang on it."""
    runner = on_edge(1)
    runner.apply([number(1)])
    plan = runner.plan([number(1)])
    assert (plan.actions, plan.state_updates, plan.diagnostics) == ((), {}, ())
    assert find_drift(runner.entries, runner.observe([number(1)])) == []
    runner.apply([])
    assert runner.twilio.numbers()[pn(1)]["trunk_sid"] is None


@pytest.mark.parametrize("instant", range(2, 12))
def test_trunk_made_again_by_a_dead_run_is_ours(instant: int) -> None:
    """It was gone, and the run that made it again died: like the first one it is deleted when it is not declared."""
    runner = on_edge()
    account = runner.twilio.accounts["main"]
    account.trunks.clear()
    account.origination_urls.clear()
    runner.killed(EDGE, instant)
    assert not runner.apply(EDGE).failures
    assert runner.plan(EDGE).actions == ()
    assert len(account.trunks) == 1
    assert runner.entries["trunk/edge"].sid in account.trunks
    assert runner.entries["trunk/edge"].created
    assert runner.entries[URL].created
    runner.apply([])
    assert (account.trunks, account.origination_urls) == ({}, {})
