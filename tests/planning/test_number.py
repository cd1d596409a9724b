"""Fine points of numbers; the rows of the design's tables are told by the cases."""

from __future__ import annotations

import msgspec
import pytest

from reconciler.kinds.number import describe_route
from reconciler.model.desired import Desired, Options
from reconciler.model.entry import Entry
from reconciler.model.route import TrunkRoute, Value
from reconciler.planning.decide.number import adopt
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


def test_wrong_pin_is_an_error_even_without_a_change() -> None:
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
def test_declaring_one_number_twice_is_an_error_in_any_order(desired: list[Desired]) -> None:
    assert codes(bound().plan(desired)) == ["number_already_imported"]
    assert codes(MemoryRunner(world(row(1))).plan(desired)) == ["number_already_imported"]


def test_the_order_of_declarations_does_not_change_the_diagnostics() -> None:
    desired = [number(last, voice=hook("a")) for last in (5, 6, 7)]
    assert MemoryRunner(world(row(1))).plan(desired) == MemoryRunner(world(row(1))).plan(
        desired[::-1]
    )


def test_reports_a_number_declared_by_sid_under_its_phone_number() -> None:
    watched = declared("number", pn(1), {}, sid=pn(1))
    runner = MemoryRunner(world(row(1, voice_url=OLD)))
    runner.apply([watched])
    runner.twilio.numbers()[pn(1)]["voice_url"] = OLD + "changed"
    assert [(d.code, d.address) for d in runner.plan([watched]).diagnostics] == [
        ("watched_number_changed", f"number/{e164(1)}")
    ]


def test_accepts_an_observed_value_that_is_not_a_url() -> None:
    runner = MemoryRunner(world(row(1, voice_url="http://[::1")))
    taken = runner.plan([number(1, voice=hook("a"))]).actions[-1].takeover
    assert [change.before for change in taken] == ["http://[::1"]


def test_reports_an_incident_when_a_number_was_bought_again() -> None:
    runner = bound()
    rows = runner.twilio.accounts["main"].numbers
    rows[pn(2)] = {**rows.pop(pn(1)), "sid": pn(2)}
    (problem,) = runner.plan([number(1, voice=hook("a"))]).diagnostics
    assert problem.code == "number_missing"
    assert pn(1) in problem.detail
    assert pn(2) in problem.detail


def test_names_the_account_that_really_owns_the_number() -> None:
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


def test_number_moved_between_accounts_follows_its_declaration() -> None:
    runner = MemoryRunner({"a": {"numbers": [row(1)]}, "b": {}})
    runner.apply([declared("number", e164(1), {"voice": hook("a")}, account="a")])
    accounts = runner.twilio.accounts
    accounts["b"].numbers.update(accounts["a"].numbers)
    accounts["a"].numbers.clear()
    (action,) = runner.plan(
        [declared("number", e164(1), {"voice": hook("b")}, account="b")]
    ).actions
    assert (action.account, action.action) == ("b", "overwrite_webhooks")


def test_number_converted_to_a_bridge_number_keeps_its_prior_values() -> None:
    runner = bound()
    runner.apply([bridge(1, hook("bridge"))])
    assert list(runner.entries) == [f"bridge_number/{e164(1)}"]
    runner.apply([number(1, voice=hook("a"))])
    runner.apply([])
    assert runner.twilio.numbers()[pn(1)]["voice_url"] == OLD


def test_empty_number_is_empty_again_after_its_time_as_a_bridge_number() -> None:
    runner = MemoryRunner(world(row(1)))
    for desired in ([number(1, voice=hook("a"))], [bridge(1, hook("bridge"))], []):
        runner.apply(desired)
    assert runner.twilio.numbers()[pn(1)]["voice_url"] is None


@pytest.mark.parametrize("instant", range(3, 9))
def test_interrupted_and_abandoned_move_leaves_no_trace(instant: int) -> None:
    runner = MemoryRunner(world(row(1, voice_url=OLD)))
    runner.apply([bridge(1, hook("bridge"))])
    runner.killed([number(1, voice=hook("a"))], instant)
    runner.apply([])
    assert runner.twilio.numbers()[pn(1)]["voice_url"] == OLD
    assert not runner.entries


def test_method_without_a_url_changes_no_route() -> None:
    (action,) = bound().plan([number(1, voice=hook("a", method="GET"))]).actions
    assert [change.field for change in action.changes] == ["voice_method"]
    assert action.route is None


def test_does_not_release_a_protected_number_declared_elsewhere() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.apply([declared("number", e164(1), {"voice": hook("a")}, options=Options(protect=True))])
    assert codes(runner.plan([bridge(1, hook("a"))])) == ["protected"]


def test_route_waits_for_a_trunk_created_in_the_same_run() -> None:
    plan = MemoryRunner(world(row(1))).plan([trunk("edge"), number(1, voice=TrunkRoute("edge"))])
    assert plan.actions[-1].depends_on == ("trunk/edge",)
    assert plan.actions[-1].route is not None
    assert plan.actions[-1].route.after == describe_route(TrunkRoute("edge"))


def test_compares_equally_declared_numbers_once_and_decides_for_all() -> None:
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
def test_imports_equal_numbers_as_it_would_import_each(
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


def test_numbers_converted_alike_keep_their_own_prior_values() -> None:
    """Declared and configured alike by now, they were different before us: each gets its own value back."""
    runner = MemoryRunner(world(row(1, voice_url=OLD + "1"), row(2, voice_url=OLD + "2"), row(3)))
    runner.apply([number(last, voice=hook("a")) for last in (1, 2, 3)])
    shared = bridge(1, hook("bridge"))
    converted = [
        msgspec.structs.replace(shared, address=f"bridge_number/{e164(last)}", key=e164(last))
        for last in (1, 2, 3)
    ]
    priors = {
        action.address: action.entry.prior
        for action in runner.plan(converted).actions
        if action.entry is not None and action.action != "forget"
    }
    assert priors == {
        f"bridge_number/{e164(1)}": {"voice_url": OLD + "1"},
        f"bridge_number/{e164(2)}": {"voice_url": OLD + "2"},
        f"bridge_number/{e164(3)}": {},
    }

    runner.apply(converted)
    runner.apply([])
    found = [runner.twilio.numbers()[pn(last)]["voice_url"] for last in (1, 2, 3)]
    assert found == [OLD + "1", OLD + "2", None]


@pytest.mark.parametrize("shown", [hook("a").url, OLD, None])
def test_number_bought_again_is_another_number_and_is_not_released(shown: str | None) -> None:
    """Its values are those of its new owner, also where they look like ours."""
    runner = bound()
    rows = runner.twilio.accounts["main"].numbers
    rows[pn(2)] = {**rows.pop(pn(1)), "sid": pn(2), "voice_url": shown}
    (action,) = runner.plan([]).actions
    assert (action.action, action.sid, action.note) == ("forget", pn(1), "no longer on Twilio")
    assert not runner.writes(lambda: runner.apply([]))
    assert rows[pn(2)]["voice_url"] == shown
    assert not runner.entries


@pytest.mark.parametrize(
    ("options", "attrs", "kept"),
    [
        (Options(), {"voice": hook("b")}, {"sms": hook("s"), "status": hook("t")}),
        (Options(), {"voice": hook("b"), "status": None}, {"sms": hook("s")}),
        # Only watched: everything that we wrote under the other address is still ours.
        (
            Options(observe_only=True),
            {},
            {"voice": hook("a"), "sms": hook("s"), "status": hook("t")},
        ),
    ],
)
def test_what_we_wrote_under_another_address_is_known_where_it_is_not_managed(
    options: Options, attrs: dict[str, Value], kept: dict[str, Value]
) -> None:
    former = Entry(
        "number",
        "main",
        pn(1),
        e164(1),
        {"voice": hook("a"), "sms": hook("s")},
        Options(),
        prior={"voice_url": OLD},
        prior_at="2026-01-01T00:00:00Z",
        previously_managed={"status": hook("t")},
    )
    runner = MemoryRunner(
        world(row(1, voice_url=hook("a").url, sms_url=OLD, status_callback=hook("t").url))
    )
    live = runner.observe([number(1)]).numbers["main"][e164(1)]
    want = declared("bridge_number", e164(1), attrs, options=options)
    first, *writes = adopt(want, live, (), former)
    assert first.entry is not None
    assert first.entry.previously_managed == kept
    assert (first.entry.prior_at, first.entry.prior) == (former.prior_at, {"voice_url": OLD})
    assert [write.takeover for write in writes] == [()] * len(writes)
    assert bool(writes) is bool(attrs)


def test_a_value_that_somebody_has_set_since_is_a_takeover_under_another_address_too() -> None:
    former = Entry("number", "main", pn(1), e164(1), {"voice": hook("a")}, Options())
    runner = MemoryRunner(world(row(1, voice_url=OLD, sms_url=OLD)))
    live = runner.observe([number(1)]).numbers["main"][e164(1)]
    want = declared("bridge_number", e164(1), {"voice": hook("b"), "sms": None})
    first, write = adopt(want, live, (), former)
    assert [change.field for change in write.takeover] == ["voice_url", "sms_url"]
    assert first.entry is not None
    assert first.entry.prior == {"sms_url": OLD}, "the value before us was none"
