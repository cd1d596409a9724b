"""A plan that asks Twilio nothing."""

from __future__ import annotations

from reconciler.model.desired import Desired
from reconciler.planning.identity.offline import observe_recorded, split_plannable
from reconciler.planning.plan import Plan
from reconciler.planning.planner import plan_resources
from tests.support.memory.memory_runner import MemoryRunner
from tests.support.memory.resources import (
    declared,
    e164,
    hook,
    number,
    origination,
    pn,
    row,
    trunk,
    world,
)


def applied() -> MemoryRunner:
    runner = MemoryRunner(world(row(1), row(2)))
    runner.apply(
        [
            number(1, voice=hook("a"), friendly_name="Sales"),
            trunk("edge"),
            origination("edge", "sbc1"),
        ]
    )
    return runner


def planned(runner: MemoryRunner, desired: list[Desired]) -> tuple[Plan, list[str]]:
    kept, warnings = split_plannable(desired, runner.entries)
    return plan_resources(kept, runner.entries, observe_recorded(runner.entries), runner.ours), [
        w.code for w in warnings
    ]


def test_declaration_equal_to_the_state_needs_nothing() -> None:
    desired = [
        number(1, voice=hook("a"), friendly_name="Sales"),
        trunk("edge"),
        origination("edge", "sbc1"),
    ]
    plan, warnings = planned(applied(), desired)
    assert (plan.actions, plan.state_updates, warnings) == ((), {}, [])


def test_shows_a_change_against_the_state() -> None:
    desired = [
        number(1, voice=hook("b"), friendly_name="Support"),
        trunk("edge"),
        origination("edge", "sbc1"),
    ]
    plan, _ = planned(applied(), desired)
    assert [(a.action, a.reason) for a in plan.actions] == [
        ("overwrite_webhooks", "config"),
        ("rename", "config"),
    ]


def test_skips_and_counts_numbers_never_imported() -> None:
    by_sid = declared("number", pn(1), {"voice": hook("a"), "friendly_name": "Sales"}, sid=pn(1))
    desired = [by_sid, number(2, voice=hook("a")), trunk("edge"), origination("edge", "sbc1")]
    plan, warnings = planned(applied(), desired)
    assert plan.actions == ()
    assert warnings == ["not_planned"]


def test_trunk_of_a_dead_run_may_or_may_not_exist() -> None:
    runner = MemoryRunner(world(row(1)))
    assert runner.killed([trunk("edge")], 4)
    assert observe_recorded(runner.entries).resources == {}


def test_recorded_number_has_the_address_of_its_phone_number() -> None:
    assert f"number/{e164(1)}" in applied().entries
