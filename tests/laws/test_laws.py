"""What holds for every account and every configuration, tried on many small ones."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.planning.identity.observed import Observed
from reconciler.planning.plan import Plan
from reconciler.planning.planner import plan_resources
from reconciler.report.documents.build import plan_document
from reconciler.report.formats import json
from tests.laws.worlds import (
    EDITS,
    NUMBERS,
    OURS,
    UNMANAGED,
    configurations,
    edit,
    parts,
    picture,
    routed,
    runners,
)
from tests.support.examples import IS_THOROUGH, examples
from tests.support.memory.memory_runner import MemoryRunner
from tests.support.memory.resources import e164, pn
from tests.support.memory.step_runner import run_in_any_order

QUICK = settings(
    examples(30),
    derandomize=not IS_THOROUGH,
    database=None,
    suppress_health_check=list(HealthCheck),
)
"""By default a few worlds, always the same; new ones in a thorough run."""
Fixed = dict[int, tuple[str, ...]]


def as_bytes(plan: Plan) -> tuple[str, bytes]:
    """All that is shown of a plan and all that is saved of it."""
    return json.render(plan_document(plan, [])), msgspec.json.encode(plan)


def remembered(runner: MemoryRunner) -> dict[str, Entry]:
    """What state holds of all that is written, without the SIDs that chance gave."""
    return {
        address: msgspec.structs.replace(entry, sid="") if entry.created else entry
        for address, entry in runner.entries.items()
        if not entry.options.observe_only
    }


@QUICK
@given(runners(), configurations(), configurations(), EDITS, st.randoms(use_true_random=False))
def test_the_order_of_inputs_does_not_change_the_plan(
    runner: MemoryRunner,
    first: list[Desired],
    second: list[Desired],
    edits: list[tuple[int, str, str]],
    random: Random,
) -> None:
    runner.apply(first)
    edit(runner, edits)
    observed = runner.observe(second)
    plan = plan_resources(second, runner.entries, observed, OURS)
    desired, entries, others = (
        list(second),
        list(runner.entries.items()),
        list(observed.resources.items()),
    )
    numbers = list(observed.numbers.get("main", {}).items())
    everything: list[list[Any]] = [desired, entries, others, numbers]
    for values in everything:
        random.shuffle(values)
    shuffled = Observed({"main": dict(numbers)}, dict(others))
    assert as_bytes(plan_resources(desired, dict(entries), shuffled, OURS)) == as_bytes(plan)


@QUICK
@given(runners(), configurations(), configurations(), EDITS)
def test_second_plan_is_empty_and_second_apply_writes_nothing(
    runner: MemoryRunner,
    first: list[Desired],
    second: list[Desired],
    edits: list[tuple[int, str, str]],
) -> None:
    for desired in (first, second):
        result = runner.apply(desired)
        assert not result.failures, result.failures
        again = runner.plan(desired)
        assert again.actions == ()
        assert not [
            address
            for address, entry in again.state_updates.items()
            if not entry.options.observe_only
        ]
        assert not runner.writes(lambda desired=desired: runner.apply(desired))  # type: ignore[misc]
        edit(runner, edits)
    assert all(entry.pending is None for entry in runner.entries.values())


@QUICK
@given(runners(), configurations(), configurations())
def test_undeclared_resources_are_never_planned_or_written(
    runner: MemoryRunner, first: list[Desired], second: list[Desired]
) -> None:
    before = dict(runner.twilio.numbers()[pn(UNMANAGED)])
    for desired in (first, second, []):
        plan = runner.plan(desired)
        assert not any(e164(UNMANAGED) in action.address for action in plan.actions)
        calls = runner.writes(lambda desired=desired: runner.apply(desired))  # type: ignore[misc]
        assert not any(pn(UNMANAGED) in call.path or "TK" + "1" * 32 in call.path for call in calls)
    assert runner.twilio.numbers()[pn(UNMANAGED)] == before


@QUICK
@given(st.data(), runners(), parts())
def test_releases_put_prior_values_back(
    data: st.DataObject, runner: MemoryRunner, managed: Fixed
) -> None:
    before = picture(runner.twilio)
    for _ in range(2):
        runner.apply(data.draw(configurations(managed, restore=True)))
    runner.apply([])
    after = picture(runner.twilio)
    assert after["numbers"] == before["numbers"]
    assert after["trunks"].keys() == before["trunks"].keys()
    assert not runner.entries


@QUICK
@given(st.data(), runners())
def test_releases_restore_prior_values_after_any_history(
    data: st.DataObject, runner: MemoryRunner
) -> None:
    """A trunk of ours that is forgotten while a number on it is only watched takes its name with it, so none here."""
    before = picture(runner.twilio)
    for _ in range(3):
        runner.apply(data.draw(configurations(restore=True, names=("edge",))))
    runner.apply([])
    assert picture(runner.twilio)["numbers"] == before["numbers"]
    assert not runner.entries


@QUICK
@given(st.data(), runners(), configurations(), configurations())
def test_every_allowed_order_succeeds_and_keeps_every_number_routed(
    data: st.DataObject, runner: MemoryRunner, first: list[Desired], second: list[Desired]
) -> None:
    runner.apply(first)
    observed = runner.observe(second)
    plan = plan_resources(second, runner.entries, observed, OURS)
    sids = {address: live.sid for address, live in observed.resources.items()}
    seen = [routed(runner.twilio)]
    anything = lambda ready: data.draw(st.sampled_from(ready))  # noqa: E731
    for outcome in run_in_any_order(runner.twilio, runner.entries, plan, sids, anything):
        assert outcome.succeeded, outcome.error
        seen.append(routed(runner.twilio))
    always = seen[0] & seen[-1]
    assert all(always <= routes for routes in seen)


@QUICK
@given(
    runners(),
    configurations(),
    configurations(),
    st.lists(st.integers(0, 30), min_size=1, max_size=3),
)
def test_run_killed_at_any_instant_converges_when_repeated(
    runner: MemoryRunner, first: list[Desired], second: list[Desired], instants: list[int]
) -> None:
    runner.apply(first)
    twin = runner.twin()
    twin.apply(second)
    for at in instants:
        runner.killed(second, at)
    runner.apply(second)
    assert picture(runner.twilio) == picture(twin.twilio)
    assert remembered(runner) == remembered(twin)


@QUICK
@given(st.data(), runners(), parts(), st.lists(st.integers(0, 20), min_size=1, max_size=3))
def test_killed_again_and_again_while_the_configuration_changes_prior_values_stay_intact(
    data: st.DataObject, runner: MemoryRunner, managed: Fixed, instants: list[int]
) -> None:
    before = picture(runner.twilio)
    for at in instants:
        runner.killed(data.draw(configurations(managed, restore=True)), at)
    runner.apply([])
    after = picture(runner.twilio)
    assert after["numbers"] == before["numbers"]
    assert after["trunks"].keys() == before["trunks"].keys()


def test_drawn_numbers_are_reserved() -> None:
    assert all(e164(last).startswith("+155501") for last in NUMBERS)
