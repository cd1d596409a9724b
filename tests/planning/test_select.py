from __future__ import annotations

import pytest

from reconciler.errors import UsageError
from reconciler.model.route import TrunkRoute
from reconciler.planning.plan import Plan
from reconciler.planning.selection.narrow import narrow_plan
from tests.support.memory.memory_runner import MemoryRunner
from tests.support.memory.resources import e164, hook, number, origination, row, trunk, world

ONE, TWO = (f"number/{e164(last)}" for last in (1, 2))
EDGE, URL = "trunk/edge", "origination_url/edge/sip:sbc1.example.com"
WHOLE = [
    trunk("edge"),
    origination("edge", "sbc1"),
    number(1, voice=TrunkRoute("edge")),
    number(2, voice=hook("a")),
    number(9, voice=hook("a")),
]


def chosen(
    targets: tuple[str, ...] = (), excludes: tuple[str, ...] = (), plan: Plan | None = None
) -> set[str]:
    plan = plan or MemoryRunner(world(row(1), row(2))).plan(WHOLE)
    return {action.address for action in narrow_plan(plan, targets, excludes).actions}


def test_plan_without_a_selection_is_unchanged() -> None:
    plan = MemoryRunner(world(row(1), row(2))).plan(WHOLE)
    assert narrow_plan(plan, (), ()) is plan


@pytest.mark.parametrize(
    ("targets", "excludes", "addresses"),
    [
        ((TWO,), (), {TWO}),
        ((ONE,), (), {ONE, EDGE, URL}),
        ((), (ONE,), {TWO, EDGE, URL}),
        ((), (EDGE,), {TWO}),
        ((ONE,), (EDGE,), set()),
        (("number/*",), (ONE,), {TWO}),
        (("*",), ("number/*",), {EDGE, URL}),
    ],
)
def test_target_includes_dependencies_and_exclusion_removes_dependents(
    targets: tuple[str, ...], excludes: tuple[str, ...], addresses: set[str]
) -> None:
    assert chosen(targets, excludes) == addresses


def test_fingerprints_refreshes_and_diagnostics_follow_the_choice() -> None:
    runner = MemoryRunner(world(row(1), row(2, voice_url=hook("a").url)))
    runner.apply([number(2, voice=hook("a"))])
    entry = runner.entries[TWO]
    plan = runner.plan(WHOLE)
    assert [d.address for d in plan.diagnostics] == [f"number/{e164(9)}"]
    part = narrow_plan(
        Plan(plan.actions, {TWO: entry}, plan.diagnostics, {}, 0, plan.fingerprints), (ONE,), ()
    )
    assert set(part.fingerprints) == {ONE}
    assert part.state_updates == {}
    assert part.diagnostics == ()


@pytest.mark.parametrize(
    ("targets", "excludes"),
    [
        (("nubmer/*",), ()),
        ((), ("trunk/gone",)),
        ((TWO, "+1555999*"), ()),
        (("label:team",), ()),
        (("",), ()),
    ],
)
def test_a_pattern_without_a_match_is_wrong_usage(
    targets: tuple[str, ...], excludes: tuple[str, ...]
) -> None:
    plan = MemoryRunner(world(row(1), row(2))).plan(WHOLE)
    with pytest.raises(UsageError) as raised:
        narrow_plan(plan, targets, excludes, WHOLE)
    (problem,) = raised.value.diagnostics
    assert problem.code == "target_no_match"
    option, wrong = ("--exclude", excludes[-1]) if excludes else ("--target", targets[-1])
    assert problem.detail.startswith(f"`{option} {wrong}` matches nothing")
    assert TWO not in problem.detail, "what matches is not reported"


def test_every_pattern_without_a_match_is_named_in_one_run() -> None:
    plan = MemoryRunner(world(row(1), row(2))).plan(WHOLE)
    with pytest.raises(UsageError) as raised:
        narrow_plan(plan, ("nubmer/*", ONE), ("trunk/gone",), WHOLE)
    told = raised.value.diagnostics[0].detail
    assert "--target nubmer/*" in told
    assert "--exclude trunk/gone" in told


def test_accepts_a_target_that_is_declared_recorded_or_planned() -> None:
    """Also where there is nothing to do about it, and where only the state or only the plan knows it."""
    nothing = MemoryRunner(world(row(1), row(2))).plan([])
    assert narrow_plan(nothing, (TWO,), (), [number(2)]).actions == ()
    runner = MemoryRunner(world(row(1), row(2)))
    runner.apply([number(1, voice=hook("a"))])
    assert narrow_plan(nothing, (ONE,), (), (), (runner.entries,)).actions == ()
    gone = runner.plan([])
    assert {action.address for action in narrow_plan(gone, (ONE,), ()).actions} == {ONE}
