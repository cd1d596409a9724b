"""The way back, from any state to any of those before it: Twilio is what it was then, for all that is managed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.planning.decide.live_values import live_value
from tests.laws.test_laws import QUICK
from tests.laws.worlds import UNMANAGED, configurations, picture, runners
from tests.support.examples import FACTOR
from tests.support.memory.memory_runner import MemoryRunner

LONG = settings(QUICK, max_examples=20 * FACTOR)


def managed(
    runner: MemoryRunner, entries: Mapping[str, Entry], desired: list[Desired]
) -> dict[str, Any]:
    """What is in effect now of all that these entries manage; a trunk is known by its domain."""
    observed = runner.observe(desired)
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
@given(st.data(), runners(), st.lists(configurations(), min_size=1, max_size=10))
def test_rollback_restores_any_of_the_last_states(
    data: st.DataObject, runner: MemoryRunner, story: list[list[Desired]]
) -> None:
    chapters: list[tuple[dict[str, Entry], list[Desired], dict[str, Any]]] = []
    for desired in story:
        assert not runner.apply(desired).failures
        then = dict(runner.entries)
        chapters.append((then, desired, managed(runner, then, desired)))
    then, desired, was = data.draw(st.sampled_from(chapters))
    made_since = [e.key for a, e in runner.entries.items() if e.created and a not in then]
    result = runner.back(then)
    assert not result.failures, result.failures
    assert managed(runner, then, desired) == was
    world = picture(runner.twilio)
    used = {row["trunk_sid"] for row in world["numbers"].values()}
    assert not [domain for domain in made_since if domain in world["trunks"] and domain not in used]
    assert runner.way_back(then).actions == ()


@QUICK
@given(runners(), configurations(restore=True), configurations(restore=True))
def test_rollback_changes_no_foreign_number(
    runner: MemoryRunner, first: list[Desired], second: list[Desired]
) -> None:
    before = picture(runner.twilio)["numbers"][f"+1555010{UNMANAGED:04d}"]
    runner.apply(first)
    then = dict(runner.entries)
    runner.apply(second)
    runner.back(then)
    assert picture(runner.twilio)["numbers"][f"+1555010{UNMANAGED:04d}"] == before


@QUICK
@given(st.data(), runners())
def test_back_to_before_everything_releases_everything(
    data: st.DataObject, runner: MemoryRunner
) -> None:
    before = picture(runner.twilio)["numbers"]
    for _ in range(2):
        runner.apply(data.draw(configurations(restore=True, names=("edge",))))
    runner.back({})
    assert picture(runner.twilio)["numbers"] == before
    assert not [
        entry for entry in runner.entries.values() if entry.created or entry.kind in NUMBER_KINDS
    ]
