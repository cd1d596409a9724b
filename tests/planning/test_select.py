from __future__ import annotations

import pytest

from reconciler.model import TrunkRoute
from reconciler.planning.plan import Plan
from reconciler.planning.select import matches, select
from tests.apply.stage import Stage, e164, hook, number, origination, row, trunk, world

ONE, TWO = (f"number/{e164(last)}" for last in (1, 2))
EDGE, URL = "trunk/edge", "origination_url/edge/sip:sbc1.example.com"
WHOLE = [
    trunk("edge"),
    origination("edge", "sbc1"),
    number(1, voice=TrunkRoute("edge")),
    number(2, voice=hook("a")),
    number(9, voice=hook("a")),
]


def chosen(targets: tuple[str, ...] = (), excludes: tuple[str, ...] = (), plan: Plan | None = None) -> set[str]:
    plan = plan or Stage(world(row(1), row(2))).plan(WHOLE)
    return {action.address for action in select(plan, targets, excludes).actions}


def test_without_a_choice_the_plan_stays_as_it_is() -> None:
    plan = Stage(world(row(1), row(2))).plan(WHOLE)
    assert select(plan, (), ()) is plan


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
def test_a_target_brings_what_it_depends_on_and_an_exclusion_takes_what_depends_on_it(
    targets: tuple[str, ...], excludes: tuple[str, ...], addresses: set[str]
) -> None:
    assert chosen(targets, excludes) == addresses


def test_fingerprints_refreshes_and_diagnostics_follow_the_choice() -> None:
    stage = Stage(world(row(1), row(2, voice_url=hook("a").url)))
    stage.apply([number(2, voice=hook("a"))])
    entry = stage.entries[TWO]
    plan = stage.plan(WHOLE)
    assert [d.address for d in plan.diagnostics] == [f"number/{e164(9)}"]
    part = select(Plan(plan.actions, {TWO: entry}, plan.diagnostics, {}, 0, plan.fingerprints), (ONE,), ())
    assert set(part.fingerprints) == {ONE}
    assert part.refreshes == {}
    assert part.diagnostics == ()


def test_globs_are_over_whole_addresses() -> None:
    assert matches(ONE, (), ())
    assert matches(ONE, ("number/*",), ())
    assert not matches(ONE, ("number",), ())
    assert not matches(ONE, (), ("*1",))


def test_what_is_left_out_is_counted_and_a_glob_that_fits_nothing_is_told() -> None:
    plan = Stage(world(row(1), row(2))).plan(WHOLE)
    part = select(plan, (TWO, "nubmer/*"), (URL, "trunk/gone"), known=[ONE, TWO])
    assert part.left_out == 3
    warnings = [d for d in part.diagnostics if d.severity == "warning"]
    assert [d.code for d in warnings] == ["target_no_match"] * 2
    assert [
        glob in d.detail for glob, d in zip(("--target nubmer/*", "--exclude trunk/gone"), warnings, strict=True)
    ] == [True] * 2


def test_a_target_without_changes_is_no_mistake() -> None:
    plan = Stage(world(row(1), row(2))).plan([])
    assert select(plan, (ONE,), (), known=[ONE]).diagnostics == ()
