"""The way back, from any state to any of those before it: Twilio is what it was then, for all that is managed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.planning.decide.compare import live_value
from tests.apply.stage import Stage
from tests.laws.test_laws import MANY, QUICK
from tests.laws.worlds import UNMANAGED, configurations, picture, stages

LONG = settings(QUICK, max_examples=int(MANY or 40))


def managed(stage: Stage, entries: Mapping[str, Entry], desired: list[Desired]) -> dict[str, Any]:
    """What is in effect now of all that these entries manage; a trunk is known by its domain."""
    observed = stage.observe(desired)
    found: dict[str, Any] = {}
    for address, entry in entries.items():
        live = (
            observed.live(address, entry)
            if entry.kind in NUMBER_KINDS
            else observed.resources.get(address)
        )
        names = () if entry.options.observe_only else entry.last_applied
        found[address] = (
            {name: live_value(live, name) for name in names} if live is not None else None
        )
    return found


@LONG
@given(st.data(), stages(), st.lists(configurations(), min_size=1, max_size=10))
def test_back_to_any_of_the_last_states_is_what_it_was_then(
    data: st.DataObject, stage: Stage, story: list[list[Desired]]
) -> None:
    chapters: list[tuple[dict[str, Entry], list[Desired], dict[str, Any]]] = []
    for desired in story:
        assert not stage.apply(desired).failures
        then = dict(stage.entries)
        chapters.append((then, desired, managed(stage, then, desired)))
    then, desired, was = data.draw(st.sampled_from(chapters))
    made_since = [e.key for a, e in stage.entries.items() if e.created and a not in then]
    result = stage.back(then)
    assert not result.failures, result.failures
    assert managed(stage, then, desired) == was
    world = picture(stage.twilio)
    used = {row["trunk_sid"] for row in world["numbers"].values()}
    assert not [domain for domain in made_since if domain in world["trunks"] and domain not in used]
    assert stage.way_back(then).actions == ()


@QUICK
@given(stages(), configurations(restore=True), configurations(restore=True))
def test_nobody_elses_number_is_touched_on_the_way(
    stage: Stage, first: list[Desired], second: list[Desired]
) -> None:
    before = picture(stage.twilio)["numbers"][f"+1555010{UNMANAGED:04d}"]
    stage.apply(first)
    then = dict(stage.entries)
    stage.apply(second)
    stage.back(then)
    assert picture(stage.twilio)["numbers"][f"+1555010{UNMANAGED:04d}"] == before


@QUICK
@given(st.data(), stages())
def test_back_to_before_everything_releases_everything(data: st.DataObject, stage: Stage) -> None:
    before = picture(stage.twilio)["numbers"]
    for _ in range(2):
        stage.apply(data.draw(configurations(restore=True, names=("edge",))))
    stage.back({})
    assert picture(stage.twilio)["numbers"] == before
    assert not [
        entry for entry in stage.entries.values() if entry.created or entry.kind in NUMBER_KINDS
    ]
