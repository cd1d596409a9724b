"""The process dies at any call to a place outside this machine: no binding and no prior value is lost there either."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import msgspec
import pytest

from reconciler.errors import StateError
from reconciler.state.format.document import State, Version
from reconciler.state.records import Drop, Put
from reconciler.state.stores.backing import Grant, LeaseLost
from reconciler.state.stores.leased import LeasedStore

from .conftest import new_schema
from .faulty import PowerCut
from .samples import address, entry, holder, state
from .test_state_crash import EMPTY, INTENT, Resources, Witness, base, recover, run
from .worlds import BucketWorld, HttpWorld, PostgresWorld, Power, World

Make = Callable[[], World]


@pytest.fixture(params=["bucket", "http", "postgres"])
def place(request: pytest.FixtureRequest) -> Make:
    """Makes an empty place of each kind."""
    return maker(request.param, request)


def maker(kind: str, request: pytest.FixtureRequest) -> Make:
    if kind == "postgres":
        location = new_schema(request.getfixturevalue("postgres"))
        return lambda: PostgresWorld(location)
    return {"bucket": BucketWorld, "http": HttpWorld}[kind]


def with_a_state(world: World) -> None:
    store = world.store()
    with store.lock(holder()):
        store.save(msgspec.structs.replace(EMPTY, resources=base().resources))


def with_a_journal(world: World) -> None:
    """A run was killed between intent and outcome."""
    with_a_state(world)
    power = Power()
    store = world.store(power)
    with suppress(PowerCut), store.lock(holder()):
        found = store.load()
        assert found is not None
        store.begin(found).append(INTENT[0])
        power.out_at = 1
        power.point()
    world.expire()


BEGINNINGS: dict[str, Callable[[World], None]] = {
    "nothing": lambda world: None,
    "a state": with_a_state,
    "an unfolded journal": with_a_journal,
}


@pytest.fixture(
    params=[
        *((kind, beginning) for kind in ("bucket", "http") for beginning in BEGINNINGS),
        (
            "postgres",
            "an unfolded journal",
        ),  # a real server: the past from which most can go wrong has to do
    ],
    ids=" with ".join,
)
def begun(request: pytest.FixtureRequest) -> Make:
    """Makes a place with a past."""
    kind, beginning = request.param
    empty = maker(kind, request)

    def make() -> World:
        world = empty()
        BEGINNINGS[beginning](world)
        return world

    return make


def found(world: World) -> Resources:
    loaded = world.store().load()
    return loaded.resources if loaded else {}


def cuts(make: Make, work: Callable[[LeasedStore, World], None]) -> Iterator[World]:
    """The places after the process died at each point of the work in turn, its lease run out."""
    for out_at in range(1, 1000):
        world = make()
        try:
            work(world.store(Power(out_at)), world)
        except PowerCut:
            world.expire()
            yield world
        else:
            return
    pytest.fail("the work does not end")


def test_death_at_any_call_loses_nothing_and_the_next_run_converges(
    begun: Make,
) -> None:
    witness = Witness({})
    undisturbed = begun()
    run(undisturbed.store())
    wanted = found(undisturbed)

    def work(store: LeasedStore, world: World) -> None:
        witness.certain, witness.under_way = dict(before), dict(before)
        run(store, witness)

    before = found(begun())
    versions: dict[Version, Resources] = {}
    deaths = 0
    for world in cuts(begun, work):
        deaths += 1
        assert found(world) in (witness.certain, witness.under_way)
        same_versions(world, versions)
        run(world.store())
        after = world.store().load()
        assert after is not None
        assert (after.resources, after.journal_records) == (wanted, 0)
    assert deaths >= 18


def same_versions(world: World, known: dict[Version, Resources]) -> None:
    """A version never stands for two different states, be it the present one or one that is kept."""
    present = world.store().load()
    kept = [world.store().version(kept.serial) for kept in world.store().history()]
    for each in [present, *kept]:
        if each is not None:
            assert known.setdefault(each.version, each.resources) == each.resources
    assert None not in kept


def test_death_during_recovery_loses_nothing(place: Make) -> None:
    def make() -> World:
        world = place()
        with_a_journal(world)
        return world

    before = found(make())
    for world in cuts(make, lambda store, _: recover(store)):
        assert found(world) == before
        recover(world.store())
        assert found(world) == before


def seized(world: World) -> tuple[LeasedStore, State, Grant]:
    """A run that lost its lock without having noticed: what it works with, and its grant."""
    first = world.store()
    backing = first._backing
    backing.open()
    grant = backing.acquire(holder())
    assert isinstance(grant, Grant)
    known = backing.read()
    assert known is not None
    world.expire()
    return first, known, grant


def test_refuses_a_write_that_arrives_after_a_lock_takeover(place: Make) -> None:
    world = place()
    with_a_state(world)
    late, known, grant = seized(world)
    store = world.store()
    with store.lock(holder()):
        loaded = store.load()
        assert loaded is not None
        journal = store.begin(loaded)
        with pytest.raises(LeaseLost):
            late._backing.append(known, 1, [Drop(address(0))], grant)
        journal.append([Put(address(5), entry(5))])
        with pytest.raises((LeaseLost, StateError)):
            late._backing.replace(state(0), known.resources, grant)
        final = journal.fold()
        with pytest.raises((LeaseLost, StateError)):
            late._backing.replace(state(0), known.resources, grant)
    late._backing.close()
    assert found(world) == final.resources
    assert {address(0), address(5)} <= set(final.resources)


def test_keeps_a_late_write_that_arrives_before_the_next_run_writes() -> None:
    world = BucketWorld()
    with_a_state(world)
    late, known, grant = seized(world)
    store = world.store()
    with store.lock(holder()):
        loaded = store.load()
        assert loaded is not None
        with pytest.raises(LeaseLost):
            late._backing.append(known, 1, [Put(address(5), entry(5))], grant)
        with pytest.raises(StateError, match="state_moved"):
            store.begin(loaded)
    recover(world.store())
    assert address(5) in found(world)


def test_unused_lock_still_blocks_late_writes_of_the_previous_run() -> None:
    world = BucketWorld()
    with_a_state(world)
    late, known, grant = seized(world)
    with world.store().lock(holder()):
        pass
    store = world.store()
    with store.lock(holder()):
        loaded = store.load()
        assert loaded is not None
        journal = store.begin(loaded)
        with pytest.raises(LeaseLost):
            late._backing.append(known, 1, [Drop(address(0))], grant)
        journal.append([Put(address(5), entry(5))])
    assert {address(0), address(5)} <= set(found(world))


def test_repeated_write_after_a_lost_answer_counts_once() -> None:
    """Client libraries repeat a request of which they heard nothing; the repetition meets what the first one wrote."""
    world = BucketWorld()
    with_a_state(world)
    once = world.bucket.put

    def twice(key: str, data: bytes, over: str | None) -> str | None:
        once(key, data, over)
        return once(key, data, over)

    store = world.store()
    world.bucket.put = twice  # type: ignore[method-assign]
    with store.lock(holder()):
        loaded = store.load()
        assert loaded is not None
        journal = store.begin(loaded)
        journal.append([Put(address(5), entry(5))])
        assert found(world).keys() == journal.state.resources.keys()
        final = journal.fold()
    assert found(world) == final.resources
    assert store.lock_info() is None
