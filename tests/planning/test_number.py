"""Fine points of numbers; the rows of the design's tables are told by the cases."""

from __future__ import annotations

import msgspec
import pytest

from reconciler.kinds.number import describe_route
from reconciler.model.desired import Desired, Options
from reconciler.model.route import TrunkRoute, Value
from reconciler.planning.plan import Plan
from tests.support.memory.memory_runner import MemoryRunner
from tests.support.memory.resources import (
    bridge,
    declared,
    e164,
    hook,
    number,
    pn,
    row,
    trunk,
    world,
)

OLD = "https://old.example.net/"
BY_SID = declared("number", pn(1), {"voice": hook("b")}, sid=pn(1))


def bound() -> MemoryRunner:
    runner = MemoryRunner(world(row(1, voice_url=OLD)))
    runner.apply([number(1, voice=hook("a"))])
    return runner


def codes(plan: Plan) -> list[str]:
    return [d.code for d in plan.diagnostics]


def test_a_wrong_pin_is_an_error_on_a_number_that_is_as_declared() -> None:
    pinned = [declared("number", e164(1), {"voice": hook("a")}, sid=pn(sid)) for sid in (1, 2)]
    assert [codes(bound().plan([want])) for want in pinned] == [[], ["sid_number_mismatch"]]


@pytest.mark.parametrize(
    "desired",
    [
        [number(1, voice=hook("a")), BY_SID],
        [BY_SID, number(1, voice=hook("a"))],
        [number(1, voice=hook("a")), declared("number", pn(1), {"voice": hook("a")}, sid=pn(1))],
        [
            number(1, voice=hook("a")),
            declared("bridge_number", pn(1), {"voice": hook("b")}, sid=pn(1)),
        ],
    ],
)
def test_one_number_under_two_names_is_an_error_in_any_order(desired: list[Desired]) -> None:
    assert codes(bound().plan(desired)) == ["number_already_imported"]
    assert codes(MemoryRunner(world(row(1))).plan(desired)) == ["number_already_imported"]


def test_the_order_of_declarations_does_not_change_the_diagnostics() -> None:
    desired = [number(last, voice=hook("a")) for last in (5, 6, 7)]
    assert MemoryRunner(world(row(1))).plan(desired) == MemoryRunner(world(row(1))).plan(
        desired[::-1]
    )


def test_what_is_told_of_a_number_declared_by_its_sid_is_told_of_its_number() -> None:
    watched = declared("number", pn(1), {}, sid=pn(1))
    runner = MemoryRunner(world(row(1, voice_url=OLD)))
    runner.apply([watched])
    runner.twilio.numbers()[pn(1)]["voice_url"] = OLD + "changed"
    assert [(d.code, d.address) for d in runner.plan([watched]).diagnostics] == [
        ("watched_number_changed", f"number/{e164(1)}")
    ]


def test_what_stands_on_twilio_need_not_be_a_url() -> None:
    runner = MemoryRunner(world(row(1, voice_url="http://[::1")))
    taken = runner.plan([number(1, voice=hook("a"))]).actions[-1].takeover
    assert [change.before for change in taken] == ["http://[::1"]


def test_a_number_that_was_bought_again_is_an_incident_that_says_so() -> None:
    runner = bound()
    rows = runner.twilio.accounts["main"].numbers
    rows[pn(2)] = {**rows.pop(pn(1)), "sid": pn(2)}
    (problem,) = runner.plan([number(1, voice=hook("a"))]).diagnostics
    assert problem.code == "number_missing"
    assert pn(1) in problem.detail
    assert pn(2) in problem.detail


def test_a_number_whose_account_is_declared_wrongly_is_told_where_it_is() -> None:
    runner = MemoryRunner({"a": {"numbers": [row(1)]}, "b": {"numbers": [row(2)]}})

    def desired(account: str) -> list[Desired]:
        return [
            declared("number", e164(1), {"voice": hook("a")}, account=account),
            declared("number", e164(2), {"voice": hook("a")}, account="b"),
        ]

    runner.apply(desired("a"))
    (problem,) = runner.plan(desired("b")).diagnostics
    assert problem.code == "number_missing"
    assert "is not there any more" not in problem.detail


def test_a_number_that_somebody_moved_follows_its_declaration() -> None:
    runner = MemoryRunner({"a": {"numbers": [row(1)]}, "b": {}})
    runner.apply([declared("number", e164(1), {"voice": hook("a")}, account="a")])
    accounts = runner.twilio.accounts
    accounts["b"].numbers.update(accounts["a"].numbers)
    accounts["a"].numbers.clear()
    (action,) = runner.plan(
        [declared("number", e164(1), {"voice": hook("b")}, account="b")]
    ).actions
    assert (action.account, action.action) == ("b", "overwrite_webhooks")


def test_a_number_that_becomes_a_bridge_number_keeps_the_values_of_before_either() -> None:
    runner = bound()
    runner.apply([bridge(1, hook("bridge"))])
    assert list(runner.entries) == [f"bridge_number/{e164(1)}"]
    runner.apply([number(1, voice=hook("a"))])
    runner.apply([])
    assert runner.twilio.numbers()[pn(1)]["voice_url"] == OLD


def test_a_number_that_was_empty_and_becomes_a_bridge_number_is_empty_again_at_the_end() -> None:
    runner = MemoryRunner(world(row(1)))
    for desired in ([number(1, voice=hook("a"))], [bridge(1, hook("bridge"))], []):
        runner.apply(desired)
    assert runner.twilio.numbers()[pn(1)]["voice_url"] is None


@pytest.mark.parametrize("instant", range(3, 9))
def test_a_move_that_was_cut_short_and_then_given_up_leaves_nothing_behind(instant: int) -> None:
    runner = MemoryRunner(world(row(1, voice_url=OLD)))
    runner.apply([bridge(1, hook("bridge"))])
    runner.killed([number(1, voice=hook("a"))], instant)
    runner.apply([])
    assert runner.twilio.numbers()[pn(1)]["voice_url"] == OLD
    assert not runner.entries


def test_a_method_alone_changes_no_route() -> None:
    (action,) = bound().plan([number(1, voice=hook("a", method="GET"))]).actions
    assert [change.field for change in action.changes] == ["voice_method"]
    assert action.route is None


def test_a_protected_number_that_is_declared_elsewhere_is_not_let_go_of() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.apply([declared("number", e164(1), {"voice": hook("a")}, options=Options(protect=True))])
    assert codes(runner.plan([bridge(1, hook("a"))])) == ["protected"]


def test_a_route_to_a_trunk_that_is_made_in_the_same_run_waits_for_it() -> None:
    plan = MemoryRunner(world(row(1))).plan([trunk("edge"), number(1, voice=TrunkRoute("edge"))])
    assert plan.actions[-1].depends_on == ("trunk/edge",)
    assert plan.actions[-1].route is not None
    assert plan.actions[-1].route.after == describe_route(TrunkRoute("edge"))


def test_numbers_declared_alike_are_looked_at_once_and_all_answered() -> None:
    shared = number(1, voice=hook("a"))
    desired = [
        msgspec.structs.replace(shared, address=f"number/{e164(last)}", key=e164(last))
        for last in (1, 2, 3)
    ]
    runner = MemoryRunner(world(*(row(last) for last in (1, 2, 3))))
    runner.apply(desired)
    assert runner.plan(desired).actions == ()
    runner.twilio.numbers()[pn(2)]["voice_url"] = OLD
    assert [a.address for a in runner.plan(desired).actions] == [f"number/{e164(2)}"]


@pytest.mark.parametrize(
    "attrs", [{"voice": hook("a")}, {"voice": hook("a"), "sms": None, "friendly_name": "Sales"}]
)
def test_numbers_that_are_alike_are_imported_as_each_alone_would_be(
    attrs: dict[str, Value],
) -> None:
    """What they have in common is worked out once; what a release puts back is each one's own all the same."""
    before = [
        {},
        {"voice_url": OLD},
        {"voice_url": OLD, "sms_url": OLD},
        {"trunk_sid": f"TK{'1' * 32}"},
    ]
    runner = MemoryRunner(world(*(row(last, **before[last // 2 % 4]) for last in range(1, 9))))
    shared = declared("number", e164(1), attrs)
    desired = [
        msgspec.structs.replace(shared, address=f"number/{e164(n)}", key=e164(n))
        for n in range(1, 9)
    ]
    together = runner.plan(desired)
    alone = [action for want in desired for action in runner.plan([want]).actions]
    assert sorted(together.actions, key=lambda a: a.address) == alone
    assert {a.entry.prior.get("friendly_name") for a in alone if a.entry} == (
        {f"Line {last}" for last in range(1, 9)} if "friendly_name" in attrs else {None}
    )
