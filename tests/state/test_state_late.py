"""What arrives late, and what others do between two calls: moments that real servers show once in a long while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from msgspec.structs import replace

from reconciler.errors import StateError, StateLocked
from reconciler.state import problems
from reconciler.state.records import Put
from reconciler.state.stores.backing import Grant, LeaseLost
from reconciler.state.stores.lease_renewal import LeaseRenewal
from reconciler.state.stores.leased import LeasedStore

from .samples import StoppedClock, address, entry, holder
from .test_state_faults import Make, found, maker, seized, with_a_state
from .worlds import LEASE, BucketWorld, MemoryBucket

KEY = "voice/state.json"
LOCK = f"{KEY}.lock"
FIRST_BATCH = f"{KEY}.journal/000000001/000000001"


@pytest.fixture(params=["bucket", "http", "postgres"])
def place(request: pytest.FixtureRequest) -> Make:
    """Makes an empty place of each kind."""
    return maker(request.param, request)


@pytest.fixture
def world() -> BucketWorld:
    """An object store with a state in it."""
    world = BucketWorld()
    with_a_state(world)
    return world


@contextmanager
def before_the_next_put(
    world: BucketWorld, key: str, happens: Callable[[], object]
) -> Iterator[None]:
    """Let something happen between what was read and the first put of this key."""
    put, waiting = world.bucket.put, [happens]

    def late(name: str, data: bytes, over: str | None) -> str | None:
        if name == key and waiting:
            waiting.pop()()
        return put(name, data, over)

    world.bucket.put = late  # type: ignore[method-assign]
    yield
    world.bucket.put = put  # type: ignore[method-assign]
    assert not waiting, "it did not happen"


@contextmanager
def unanswered(world: BucketWorld, key: str) -> Iterator[list[Callable[[], object]]]:
    """The first put of this key is given up without an answer, and arrives when what is in the list is called."""
    put = world.bucket.put
    under_way: list[Callable[[], object]] = []

    def lose(name: str, data: bytes, over: str | None) -> str | None:
        if name != key or under_way:
            return put(name, data, over)
        under_way.append(lambda: put(name, data, over))
        raise problems.state_unwritable("s3://bucket", "no answer")

    world.bucket.put = lose  # type: ignore[method-assign]
    yield under_way
    world.bucket.put = put  # type: ignore[method-assign]


def test_late_abandoned_version_replaces_no_later_record(
    world: BucketWorld,
) -> None:
    first, second = world.store(), world.store()
    with unanswered(world, KEY) as under_way, first.lock(holder()):
        loaded = first.load()
        assert loaded is not None
        with pytest.raises(StateError, match="no answer"):
            first.save(loaded)
    with second.lock(holder()):
        loaded = second.load()
        assert loaded is not None
        journal = second.begin(loaded)
        journal.append([Put(address(5), entry(5))])
        under_way[0]()
        assert address(5) in found(world)
        journal.fold()
    assert address(5) in found(world)


def test_late_abandoned_batch_does_not_block_a_later_run(world: BucketWorld) -> None:
    first, second = world.store(), world.store()
    with unanswered(world, FIRST_BATCH) as under_way, first.lock(holder()):
        loaded = first.load()
        assert loaded is not None
        journal = first.begin(loaded)
        with pytest.raises(StateError, match="no answer"):
            journal.append([Put(address(4), entry(4))])
    with second.lock(holder()):
        loaded = second.load()
        assert loaded is not None
        journal = second.begin(loaded)
        under_way[0]()
        journal.append([Put(address(5), entry(5))])
        journal.fold()
    assert address(5) in found(world)
    assert address(4) not in found(world)


@pytest.mark.parametrize("arrives", [True, False])
def test_next_version_of_a_run_contains_its_unanswered_batch(
    world: BucketWorld, arrives: bool
) -> None:
    store = world.store()
    with store.lock(holder()):
        loaded = store.load()
        assert loaded is not None
        journal = store.begin(loaded)
        journal.append([Put(address(4), entry(4))])
        second = FIRST_BATCH[:-1] + "2"
        with unanswered(world, second) as under_way, pytest.raises(StateError, match="no answer"):
            journal.append([Put(address(5), entry(5))])
        if arrives:
            under_way[0]()
        final = journal.fold()
    assert {address(4), address(5)} <= set(final.resources)
    assert found(world) == final.resources


def test_batch_number_taken_by_a_different_run_is_not_reported_as_a_lost_lock(
    world: BucketWorld,
) -> None:
    store = world.store()
    with store.lock(holder()):
        loaded = store.load()
        assert loaded is not None
        journal = store.begin(loaded)
        world.bucket.put(FIRST_BATCH, b"{}", None)
        with pytest.raises(StateError, match="state_moved"):
            journal.append([Put(address(5), entry(5))])


@pytest.mark.parametrize("act", ["renew", "release"])
def test_recognises_its_own_late_renewal(world: BucketWorld, act: str) -> None:
    backing = world.backing()
    grant = backing.acquire(holder())
    assert isinstance(grant, Grant)
    with before_the_next_put(world, LOCK, lambda: backing.renew(grant)):
        getattr(backing, act)(grant)
    assert (backing.lock_info() is None) == (act == "release")


def test_force_frees_a_lock_during_its_renewal(world: BucketWorld) -> None:
    backing = world.backing()
    grant = backing.acquire(holder())
    assert isinstance(grant, Grant)
    with before_the_next_put(world, LOCK, lambda: backing.renew(grant)):
        world.store().unlock(holder(), force=True)
    assert backing.lock_info() is None


def test_unlock_keeps_a_lock_taken_since_it_was_read(place: Make) -> None:
    world = place()
    first, second, other = world.backing(), world.backing(), world.backing()
    try:
        assert isinstance(first.acquire(holder()), Grant)
        seen = other.lock_info()
        assert seen is not None
        world.expire()
        assert isinstance(second.acquire(next_run := holder()), Grant)
        other.break_lock(seen)
        now = other.lock_info()
        assert now is not None
        assert now.holder == next_run
    finally:
        for backing in (first, second, other):
            backing.close()


def test_run_that_lost_the_lock_learns_the_new_holder(place: Make) -> None:
    world = place()
    with_a_state(world)
    late, _, grant = seized(world)
    thief = replace(holder(), who="bob", host="ci-7", command="reconciler apply --force")
    with world.store().lock(thief), pytest.raises(LeaseLost) as lost:
        late._backing.renew(grant)
    late._backing.close()
    run = "process 4711, `reconciler apply --force` since 2026-03-01T12:00:00Z, CI job https://ci.example/1"
    assert lost.value.reason == f"bob on ci-7 ({run}) took over the lock"


def test_message_names_the_holder_and_when_we_last_held_the_lock(world: BucketWorld) -> None:
    clock = StoppedClock()
    store = LeasedStore(world.backing(), lease=LEASE, clock=clock)
    with store.lock(holder()):
        loaded = store.load()
        assert loaded is not None
        world.expire()
        clock.now += 3
        told = r"bob on laptop .* took over the lock, 3 s after this run had last renewed it"
        with (
            world.store().lock(replace(holder(), who="bob")),
            pytest.raises(StateLocked, match=told),
        ):
            store.save(loaded)


def test_lease_starts_before_its_request(world: BucketWorld) -> None:
    clock = StoppedClock()
    store = LeasedStore(world.backing(), lease=LEASE, clock=clock)

    def take_long() -> None:
        clock.now += LEASE

    with before_the_next_put(world, LOCK, take_long), store.lock(holder()):
        loaded = store.load()
        assert loaded is not None
        with pytest.raises(StateLocked, match="could not be renewed for 30 seconds"):
            store.save(loaded)


def test_renewal_is_due_on_schedule_after_a_slow_answer() -> None:
    clock = StoppedClock()
    heart = LeaseRenewal(lambda: None, LEASE, clock, asked=clock.now - 4)
    assert heart.due() == 6
    clock.now += 20
    assert heart.due() == 0


class Careless(MemoryBucket):
    """An object store that takes every write."""

    def put(self, key: str, data: bytes, over: str | None) -> str | None:
        present = self.objects.get(key)
        return super().put(key, data, present.tag if present else None)


@pytest.mark.parametrize("before", [0, 1])
def test_refuses_a_store_that_ignores_conditions_and_leaves_it_unlocked(before: int) -> None:
    world = BucketWorld()
    for _ in range(before):
        with_a_state(world)
    careless = Careless()
    careless.objects = world.bucket.objects
    world.bucket = careless
    store = world.store()
    with pytest.raises(StateError, match="state_conditions_ignored"), store.lock(holder()):
        pytest.fail("there is no lock")
    assert store.lock_info() is None
