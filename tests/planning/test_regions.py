"""Regions of numbers: which questions a plan asks, what it records, and what is an error."""

from __future__ import annotations

import msgspec
import pytest

from reconciler.model.desired import Desired
from reconciler.planning.checks.inbound_regions import check_regions, list_questions
from reconciler.planning.checks.region_questions import RegionFacts, RegionQuestion
from reconciler.planning.plan import Plan
from tests.support.memory.memory_runner import MemoryRunner
from tests.support.memory.resources import declared, e164, hook, number, pn, row, world

IE1: dict[str, str | None] = {"main": "ie1"}
NO_REGION: dict[str, str | None] = {"main": None}
ONE, TWO = f"number/{e164(1)}", f"number/{e164(2)}"
BOTH = [number(1, voice=hook("a")), number(2, voice=hook("a"))]


def runner_of() -> MemoryRunner:
    return MemoryRunner(world(row(1), row(2)))


def asked(runner: MemoryRunner, desired: list[Desired]) -> dict[str, RegionQuestion]:
    return list_questions(runner.plan(desired), runner.entries, IE1)


def answered(runner: MemoryRunner, desired: list[Desired], region: str) -> Plan:
    found = asked(runner, desired)
    return check_regions(
        runner.plan(desired),
        runner.entries,
        desired,
        found,
        RegionFacts({("main", q.key): region for q in found.values()}),
    )


def test_asks_the_region_of_an_imported_number_once_and_records_it() -> None:
    runner = runner_of()
    assert set(asked(runner, BOTH)) == {ONE, TWO}
    runner.apply(BOTH, answered(runner, BOTH, "ie1"))
    assert {entry.region for entry in runner.entries.values()} == {"ie1"}
    assert asked(runner, BOTH) == {}


def test_asks_the_region_of_a_changed_number_again() -> None:
    runner = runner_of()
    runner.apply(BOTH, answered(runner, BOTH, "ie1"))
    assert set(asked(runner, [BOTH[0], number(2, voice=hook("b"))])) == {TWO}


def test_an_unknown_region_is_recorded_without_a_write() -> None:
    runner = runner_of()
    runner.apply(BOTH)
    plan = answered(runner, BOTH, "ie1")
    assert plan.actions == ()
    assert list(plan.state_updates) == [ONE, TWO]
    assert not runner.writes(lambda: runner.apply(BOTH, plan))
    assert runner.entries[ONE].region == "ie1"


def test_asks_again_when_the_account_declares_a_different_region() -> None:
    runner = runner_of()
    runner.apply(BOTH, answered(runner, BOTH, "ie1"))
    assert set(list_questions(runner.plan(BOTH), runner.entries, {"main": "au1"})) == {ONE, TWO}


@pytest.mark.parametrize("managed", [{}, {"other": "ie1"}])
def test_never_asks_an_undeclared_account(managed: dict[str, str]) -> None:
    runner = runner_of()
    assert list_questions(runner.plan(BOTH), runner.entries, managed) == {}


def test_does_not_ask_the_region_of_numbers_without_managed_voice() -> None:
    """Watched, without a managed voice, released, or missing on Twilio."""
    runner = runner_of()
    quiet = [number(1), number(2, sms=hook("s")), number(3, voice=hook("a"))]
    assert asked(runner, quiet) == {}
    runner.apply(BOTH)
    assert asked(runner, []) == {}


def test_does_not_ask_the_region_of_a_number_to_buy() -> None:
    runner = runner_of()
    plan = runner.plan([number(1, voice=hook("a"))])
    bought = msgspec.structs.replace(
        plan, actions=(msgspec.structs.replace(plan.actions[0], action="purchase"),)
    )
    assert set(list_questions(plan, {}, IE1)) == {ONE}
    assert list_questions(bought, {}, IE1) == {}


@pytest.mark.parametrize("bound", [False, True])
def test_number_in_a_different_region_is_an_error_at_its_position(bound: bool) -> None:
    runner = runner_of()
    desired = [declared("number", pn(1), {"voice": hook("a")}, sid=pn(1))]
    if bound:
        runner.apply(desired)
    plan = answered(runner, desired, "us1")
    (problem,) = plan.diagnostics
    assert (problem.severity, problem.code, problem.address) == ("error", "wrong_region", ONE)
    assert (problem.file, problem.line, problem.column) == ("reconciler.yaml", 1, 1)
    assert all(word in problem.detail for word in (e164(1), "`us1`", "`ie1`", "region: us1"))
    assert not [
        action for action in plan.actions if action.entry is not None and action.entry.region
    ]
    assert plan.state_updates == {}


def test_missing_region_changes_nothing() -> None:
    runner = runner_of()
    plan = check_regions(
        runner.plan(BOTH), runner.entries, BOTH, asked(runner, BOTH), RegionFacts()
    )
    assert plan == runner.plan(BOTH)


def test_an_account_without_a_region_repeats_only_the_prefetched_questions() -> None:
    runner = runner_of()
    plan = runner.plan(BOTH)
    assert set(list_questions(plan, {}, NO_REGION)) == {ONE, TWO}
    assert set(list_questions(plan, {}, NO_REGION, {("main", e164(2))})) == {TWO}

    # None of the prefetched numbers is about to change.
    assert set(list_questions(plan, {}, NO_REGION, {("main", e164(3))})) == {ONE, TWO}


def test_an_account_without_a_region_asks_only_about_changes() -> None:
    runner = runner_of()
    runner.apply(BOTH)
    assert list_questions(runner.plan(BOTH), runner.entries, NO_REGION) == {}
    changed = runner.plan([BOTH[0], number(2, voice=hook("b"))])
    questions = list_questions(changed, runner.entries, NO_REGION)
    assert set(questions) == {TWO}
    assert questions[TWO].sampled
