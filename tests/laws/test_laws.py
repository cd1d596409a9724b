"""What holds for every account and every configuration, tried on many small ones."""

from __future__ import annotations

import os
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
from tests.apply.orders import in_any_order
from tests.apply.stage import Stage, e164, pn
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
    stages,
)

MANY = os.environ.get("LAW_EXAMPLES")
"""How many worlds to try, new ones each time; by default a few, always the same."""
QUICK = settings(
    max_examples=int(MANY or 60),
    derandomize=MANY is None,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
Fixed = dict[int, tuple[str, ...]]


def as_bytes(plan: Plan) -> tuple[str, bytes]:
    """All that is shown of a plan and all that is saved of it."""
    return json.render(plan_document(plan, [])), msgspec.json.encode(plan)


def remembered(stage: Stage) -> dict[str, Entry]:
    """What state holds of all that is written, without the SIDs that chance gave."""
    return {
        address: msgspec.structs.replace(entry, sid="") if entry.created else entry
        for address, entry in stage.entries.items()
        if not entry.options.observe_only
    }


@QUICK
@given(stages(), configurations(), configurations(), EDITS, st.randoms(use_true_random=False))
def test_the_order_of_inputs_does_not_change_the_plan(
    stage: Stage,
    first: list[Desired],
    second: list[Desired],
    edits: list[tuple[int, str, str]],
    random: Random,
) -> None:
    stage.apply(first)
    edit(stage, edits)
    observed = stage.observe(second)
    plan = plan_resources(second, stage.entries, observed, OURS)
    desired, entries, others = (
        list(second),
        list(stage.entries.items()),
        list(observed.resources.items()),
    )
    numbers = list(observed.numbers.get("main", {}).items())
    everything: list[list[Any]] = [desired, entries, others, numbers]
    for values in everything:
        random.shuffle(values)
    shuffled = Observed({"main": dict(numbers)}, dict(others))
    assert as_bytes(plan_resources(desired, dict(entries), shuffled, OURS)) == as_bytes(plan)


@QUICK
@given(stages(), configurations(), configurations(), EDITS)
def test_a_plan_after_apply_is_empty_and_a_second_apply_writes_nothing(
    stage: Stage, first: list[Desired], second: list[Desired], edits: list[tuple[int, str, str]]
) -> None:
    for desired in (first, second):
        result = stage.apply(desired)
        assert not result.failures, result.failures
        again = stage.plan(desired)
        assert again.actions == ()
        assert not [
            address
            for address, entry in again.state_updates.items()
            if not entry.options.observe_only
        ]
        assert not stage.writes(lambda desired=desired: stage.apply(desired))  # type: ignore[misc]
        edit(stage, edits)
    assert all(entry.pending is None for entry in stage.entries.values())


@QUICK
@given(stages(), configurations(), configurations())
def test_what_nobody_declares_is_never_in_a_plan_and_never_written(
    stage: Stage, first: list[Desired], second: list[Desired]
) -> None:
    before = dict(stage.twilio.numbers()[pn(UNMANAGED)])
    for desired in (first, second, []):
        plan = stage.plan(desired)
        assert not any(e164(UNMANAGED) in action.address for action in plan.actions)
        calls = stage.writes(lambda desired=desired: stage.apply(desired))  # type: ignore[misc]
        assert not any(pn(UNMANAGED) in call.path or "TK" + "1" * 32 in call.path for call in calls)
    assert stage.twilio.numbers()[pn(UNMANAGED)] == before


@QUICK
@given(st.data(), stages(), parts())
def test_releases_put_prior_values_back(data: st.DataObject, stage: Stage, managed: Fixed) -> None:
    before = picture(stage.twilio)
    for _ in range(2):
        stage.apply(data.draw(configurations(managed, restore=True)))
    stage.apply([])
    after = picture(stage.twilio)
    assert after["numbers"] == before["numbers"]
    assert after["trunks"].keys() == before["trunks"].keys()
    assert not stage.entries


@QUICK
@given(st.data(), stages())
def test_releases_put_prior_values_back_whatever_was_managed_when_and_under_which_name(
    data: st.DataObject, stage: Stage
) -> None:
    """A trunk of ours that is forgotten while a number on it is only watched takes its name with it, so none here."""
    before = picture(stage.twilio)
    for _ in range(3):
        stage.apply(data.draw(configurations(restore=True, names=("edge",))))
    stage.apply([])
    assert picture(stage.twilio)["numbers"] == before["numbers"]
    assert not stage.entries


@QUICK
@given(st.data(), stages(), configurations(), configurations())
def test_in_every_order_that_a_plan_allows_nothing_is_refused_and_no_number_is_without_a_route_on_the_way(
    data: st.DataObject, stage: Stage, first: list[Desired], second: list[Desired]
) -> None:
    stage.apply(first)
    observed = stage.observe(second)
    plan = plan_resources(second, stage.entries, observed, OURS)
    sids = {address: live.sid for address, live in observed.resources.items()}
    seen = [routed(stage.twilio)]
    anything = lambda ready: data.draw(st.sampled_from(ready))  # noqa: E731
    for outcome in in_any_order(stage.twilio, stage.entries, plan, sids, anything):
        assert outcome.succeeded, outcome.error
        seen.append(routed(stage.twilio))
    always = seen[0] & seen[-1]
    assert all(always <= routes for routes in seen)


@QUICK
@given(
    stages(),
    configurations(),
    configurations(),
    st.lists(st.integers(0, 30), min_size=1, max_size=3),
)
def test_killed_at_any_instant_and_run_again_it_ends_in_the_same_world(
    stage: Stage, first: list[Desired], second: list[Desired], instants: list[int]
) -> None:
    stage.apply(first)
    twin = stage.twin()
    twin.apply(second)
    for at in instants:
        stage.killed(second, at)
    stage.apply(second)
    assert picture(stage.twilio) == picture(twin.twilio)
    assert remembered(stage) == remembered(twin)


@QUICK
@given(st.data(), stages(), parts(), st.lists(st.integers(0, 20), min_size=1, max_size=3))
def test_killed_again_and_again_while_the_configuration_changes_prior_values_stay_intact(
    data: st.DataObject, stage: Stage, managed: Fixed, instants: list[int]
) -> None:
    before = picture(stage.twilio)
    for at in instants:
        stage.killed(data.draw(configurations(managed, restore=True)), at)
    stage.apply([])
    after = picture(stage.twilio)
    assert after["numbers"] == before["numbers"]
    assert after["trunks"].keys() == before["trunks"].keys()


def test_numbers_that_are_drawn_are_reserved_ones() -> None:
    assert all(e164(last).startswith("+155501") for last in NUMBERS)
