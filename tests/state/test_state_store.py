"""What every store promises; the same tests for all kinds of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from itertools import pairwise

import msgspec
import pytest

from reconciler.errors import Exit, StateError, StateLocked
from reconciler.model.actor import Actor
from reconciler.model.heal import Heal
from reconciler.state.format.document import State, empty_state
from reconciler.state.records import Drop, Put

from .conftest import Place
from .samples import address, entry, holder, state


def saved(place: Place, new: State) -> State:
    store = place.open()
    with store.lock(holder()):
        store.load()
        return store.save(new)


def reloaded(place: Place) -> State:
    loaded = place.open().load()
    assert loaded is not None
    return loaded


def test_new_location_is_empty(place: Place) -> None:
    assert place.open().load() is None


def test_loads_a_saved_state_with_the_next_serial(place: Place) -> None:
    first = saved(place, state(3))
    assert (first.serial, first.journal_records) == (1, 0)
    assert reloaded(place) == first
    second = saved(place, first)
    assert second.serial == 2
    assert second.lineage == first.lineage


def test_beginning_makes_the_base_durable(place: Place) -> None:
    base = empty_state("acme")
    store = place.open()
    with store.lock(holder()):
        store.begin(base)
    assert reloaded(place) == base


def test_appended_records_are_visible_to_all_at_once(place: Place) -> None:
    base = saved(place, state(2))
    store = place.open()
    with store.lock(holder()):
        journal = store.begin(base)
        journal.append([Put(address(5), entry(5)), Drop(address(0))])
        seen = reloaded(place)
        assert seen == journal.state
    assert set(seen.resources) == {address(1), address(5)}
    assert (seen.serial, seen.journal_records) == (base.serial, 2)


def test_keeps_the_record_of_what_was_put_back(place: Place) -> None:
    actor = Actor("US1", "user", "console", None, "2026-03-01T12:00:00Z")
    done = Heal("voice_url", "https://b.example/", "https://a.example/", actor, actor.time)
    begun = Heal("sms_url", "https://b.example/", None, None, actor.time)
    base = saved(place, state(2))
    store = place.open()
    with store.lock(holder()):
        journal = store.begin(base)
        journal.append([Put(address(0), entry(0, healing=(done, begun)))])
        assert reloaded(place).resources[address(0)].healing == (done, begun)
        journal.append([Put(address(0), entry(0, healed=(done,)))])
        journal.fold()
    found = reloaded(place).resources
    assert (found[address(0)].healed, found[address(0)].healing) == ((done,), ())
    assert found[address(1)].healed == ()


def test_store_does_not_change_the_state_of_the_caller(place: Place) -> None:
    base = saved(place, state(2))
    store = place.open()
    with store.lock(holder()):
        store.begin(base).append([Drop(address(0))])
    assert address(0) in base.resources


def test_folding_makes_one_version_of_all_records(place: Place) -> None:
    base = saved(place, state(2))
    store = place.open()
    with store.lock(holder()):
        journal = store.begin(base)
        journal.append([Put(address(5), entry(5))])
        journal.append([])
        journal.append([Put(address(6), entry(6))])
        final = journal.fold([Drop(address(0))])
    assert (final.serial, final.journal_records) == (base.serial + 1, 0)
    assert set(final.resources) == {address(1), address(5), address(6)}
    assert reloaded(place) == final


def test_a_run_without_records_makes_no_version(place: Place) -> None:
    base = saved(place, state(2))
    store = place.open()
    with store.lock(holder()):
        assert store.begin(base).fold() == base
    assert reloaded(place) == base


def test_journal_of_an_interrupted_run_becomes_a_version(place: Place) -> None:
    base = saved(place, state(2))
    store = place.open()
    with store.lock(holder()):
        store.begin(base).append([Put(address(5), entry(5))])
    store = place.open()
    with store.lock(holder()):
        found = store.load()
        assert found is not None
        journal = store.begin(found)
        assert journal.state.version == (base.lineage, base.serial + 1, 0)
        assert address(5) in journal.state.resources
        journal.append([Drop(address(0))])
        assert journal.fold().serial == base.serial + 2
    assert set(reloaded(place).resources) == {address(1), address(5)}


def test_saving_ends_the_journal_that_an_interrupted_run_left(place: Place) -> None:
    base = saved(place, state(2))
    store = place.open()
    with store.lock(holder()):
        store.begin(base).append([Put(address(5), entry(5))])
    found = reloaded(place)
    del found.resources[address(5)]
    assert saved(place, found) == reloaded(place)
    assert address(5) not in reloaded(place).resources


def test_one_lock_covers_two_runs_in_sequence(place: Place) -> None:
    store = place.open()
    with store.lock(holder()):
        journal = store.begin(empty_state("acme"))
        journal.append([Put(address(1), entry(1))])
        journal = store.begin(journal.fold())
        journal.append([Put(address(2), entry(2))])
        assert store.save(journal.fold()).serial == 3
    assert set(reloaded(place).resources) == {address(1), address(2)}


@pytest.mark.parametrize("act", ["save", "begin"])
def test_state_from_before_the_journal_is_stale_even_for_its_own_run(
    place: Place, act: str
) -> None:
    base = saved(place, state(2))
    store = place.open()
    with store.lock(holder()):
        store.begin(base).append([Put(address(5), entry(5))])
        with pytest.raises(StateError, match="state_moved"):
            getattr(store, act)(base)
    assert address(5) in reloaded(place).resources


@pytest.mark.parametrize("act", ["save", "begin"])
def test_unfolded_journal_goes_into_the_next_version(place: Place, act: str) -> None:
    base = saved(place, state(2))
    store = place.open()
    with store.lock(holder()):
        journal = store.begin(base)
        journal.append([Put(address(5), entry(5))])
        getattr(store, act)(journal.state)
        with pytest.raises(RuntimeError):
            journal.append([Put(address(6), entry(6))])
    found = reloaded(place)
    assert found.version == (base.lineage, base.serial + 1, 0)
    assert address(5) in found.resources


@pytest.mark.parametrize("act", ["save", "begin"])
def test_does_not_overwrite_a_state_that_changed_since_it_was_read(place: Place, act: str) -> None:
    mine = saved(place, state(2))
    theirs = saved(place, mine)
    store = place.open()
    with store.lock(holder()), pytest.raises(StateError) as caught:
        getattr(store, act)(mine)
    assert caught.value.diagnostics[0].code == "state_moved"
    assert caught.value.exit is Exit.FAILED
    assert reloaded(place) == theirs


def test_state_read_before_the_lock_may_be_stale(
    place: Place,
) -> None:
    saved(place, state(2))
    store = place.open()
    early = store.load()
    assert early is not None
    saved(place, early)
    with store.lock(holder()), pytest.raises(StateError, match="state_moved"):
        store.save(early)


def test_accepts_an_unchanged_state_read_before_the_lock(place: Place) -> None:
    saved(place, state(2))
    early = reloaded(place)
    store = place.open()
    with store.lock(holder()):
        assert store.save(early).serial == early.serial + 1


def test_state_read_during_a_different_run_is_stale_once_that_run_continues(place: Place) -> None:
    base = saved(place, state(2))
    store = place.open()
    with store.lock(holder()):
        journal = store.begin(base)
        journal.append([Drop(address(0))])
        early = reloaded(place)
        journal.append([Drop(address(1))])
        journal.fold()
    other = place.open()
    with other.lock(holder()), pytest.raises(StateError, match="state_moved"):
        other.save(early)


def test_empty_state_matches_only_an_unused_location(place: Place) -> None:
    store = place.open()
    with store.lock(holder()):
        store.begin(empty_state("acme")).fold()
    assert saved(place, state(1)).serial == 1
    with pytest.raises(StateError, match="state_moved"):
        saved(place, empty_state("acme"))


def test_writing_needs_the_lock(place: Place) -> None:
    store = place.open()
    with pytest.raises(RuntimeError):
        store.save(state(1))
    with store.lock(holder()):
        journal = store.begin(empty_state("acme"))
    with pytest.raises(RuntimeError):
        journal.append([Drop(address(0))])
    with pytest.raises(RuntimeError):
        journal.fold([Drop(address(0))])
    with pytest.raises(RuntimeError):
        store.begin(empty_state("acme"))


def test_refuses_a_different_project(place: Place) -> None:
    saved(place, state(1))
    if place.of_many:
        assert place.open("other").load() is None
        return
    with pytest.raises(StateError) as caught:
        place.open("other").load()
    assert caught.value.diagnostics[0].code == "state_wrong_project"


def test_the_lock_keeps_a_second_run_out_and_names_the_first(place: Place) -> None:
    first, second = place.open(), place.open()
    with first.lock(holder("reconciler apply --auto-approve")) as lease:
        assert lease.holder.command == "reconciler apply --auto-approve"
        with pytest.raises(StateLocked) as caught, second.lock(holder()):
            pytest.fail("both hold the lock")
        first.save(state(1))
    problem = caught.value.diagnostics[0]
    assert (problem.code, caught.value.exit) == ("state_locked", Exit.LOCKED)
    for part in (
        "alice",
        "laptop",
        "4711",
        "2026-03-01T12:00:00Z",
        "apply --auto-approve",
        "https://ci.example/1",
    ):
        assert part in problem.detail
    with second.lock(holder()):
        pass


def test_the_lock_is_free_again_after_an_error(place: Place) -> None:
    store = place.open()
    with pytest.raises(ZeroDivisionError), store.lock(holder()):
        raise ZeroDivisionError
    with place.open().lock(holder()):
        pass


def test_new_location_has_no_history(place: Place) -> None:
    assert place.open().history() == []
    assert place.open().version(0) is None


def test_keeps_the_last_ten_versions_with_their_origin(
    place: Place,
) -> None:
    store = place.open()
    written = {}
    with store.lock(holder("reconciler apply --auto-approve")):
        now = store.load() or state(0)
        for last in range(14):
            now = store.save(
                msgspec.structs.replace(
                    now, resources={**now.resources, address(last): entry(last)}
                )
            )
            written[now.serial] = now
    kept = place.open().history()
    assert [version.serial for version in kept] == list(range(14, 3, -1))
    for version in kept:
        assert place.open().version(version.serial) == written[version.serial]
        assert version.saved == written[version.serial].saved
    assert place.open().version(3) is None
    assert place.open().version(15) is None
    saved = kept[0].saved
    assert saved is not None
    assert (saved.who, saved.command, saved.job_url) == (
        "alice",
        "reconciler apply --auto-approve",
        "https://ci.example/1",
    )
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", saved.at)


def test_folded_journal_is_part_of_the_history(place: Place) -> None:
    base = saved(place, state(2))
    store = place.open()
    with store.lock(holder()):
        journal = store.begin(base)
        journal.append([Put(address(5), entry(5))])
        assert [version.serial for version in place.open().history()] == [1]
        assert place.open().version(1) == base
        final = journal.fold()
    assert [version.serial for version in place.open().history()] == [2, 1]
    assert place.open().version(1) == base
    assert place.open().version(2) == final


FIGHT = """
import json
import sys
import time
from pathlib import Path
from msgspec.structs import replace
from reconciler.model.desired import Options
from reconciler.model.entry import Entry
from reconciler.state.stores.open import open_store
from reconciler.state.format.cipher import Aes
from reconciler.state.format.document import empty_state
from reconciler.state.stores.holder import this_run
from reconciler.state.records import Put

location, base, key, until = sys.argv[1], Path(sys.argv[2]), sys.argv[3], float(sys.argv[4])
store = open_store(location, base, "acme", cipher=Aes([key]) if key else None)
held = []
while not held or time.time() < until:
    turn = len(held)
    with store.lock(this_run("count", "now"), timeout=300):
        since = time.monotonic()
        state = store.load() or empty_state("acme")
        count = state.resources.get("number/x", Entry("number", "main", "0", "x", {}, Options()))
        count = replace(count, sid=str(int(count.sid) + 1))
        if turn % 2:
            store.save(replace(state, resources={"number/x": count}))
        else:
            journal = store.begin(state)
            journal.append([Put("number/x", count)])
            if turn % 4:
                journal.fold()
        held.append((since, time.monotonic()))
print(json.dumps(held))
"""


def test_eight_competing_processes_lose_no_update(place: Place) -> None:
    """Nor does one of them lose its lock: with leases of 30 s that would take a machine that stands still for as long.

    When each held the lock is told by the clock that all processes of a machine share.
    """
    until = time.time() + float(os.environ.get("RECONCILER_FIGHT_SECONDS", "3"))
    command = [sys.executable, "-c", FIGHT, place.location, str(place.base), place.key, str(until)]
    fighters = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    told = [fighter.communicate()[0] for fighter in fighters]
    assert [fighter.returncode for fighter in fighters] == [0] * 8
    held = sorted(turn for each in told for turn in json.loads(each))
    print(f"{len(held)} turns, by fighter {[len(json.loads(each)) for each in told]}")
    assert [turn for turn, after in pairwise(held) if turn[1] > after[0]] == [], (
        "two held the lock at once"
    )
    assert reloaded(place).resources["number/x"].sid == str(len(held))
