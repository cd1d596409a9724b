"""Two runs whose calls to one place are interleaved at every point: nothing that one was told is kept gets lost.

The first run stops before one of its calls, as on a machine that stands still, until its lease has run out; or the call
gets no answer and is under way. The second run works. Before one of its calls the first goes on to its end, by a clock
that shows nothing of all that; or what was under way arrives. Each call of the one with each of the other is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Event, Thread

import pytest
from msgspec.structs import replace

from reconciler.errors import ReconcilerError
from reconciler.remote.transport.pool import NoAnswer
from reconciler.remote.transport.retry import FailureKind
from reconciler.state import problems
from reconciler.state.format.codec import Codec
from reconciler.state.records import Put
from reconciler.state.stores.bucket import BucketBacking
from reconciler.state.stores.leased import LeasedStore

from .samples import StoppedClock, address, entry, holder
from .test_state_crash import base, recover
from .test_state_faults import found, with_a_state
from .worlds import LEASE, BucketWorld, HttpWorld, MemoryBucket, World

Effect = Callable[[], object]


class Calls:
    """The calls of one run, of which something else is done in the place of that of this number."""

    def __init__(self, number: int, instead: Callable[[Effect], object]) -> None:
        self.made = 0
        self._number = number
        self._instead = instead

    def call(self, effect: Effect) -> object:
        self.made += 1
        return self._instead(effect) if self.made == self._number else effect()


class Objects(MemoryBucket):
    """The object store of a world, as one run reaches it."""

    def __init__(self, world: BucketWorld, calls: Calls) -> None:
        self._world = world
        self.objects = world.bucket.objects
        self.power = calls  # type: ignore[assignment]

    @property
    def time(self) -> float:  # type: ignore[override]
        return self._world.bucket.time


class Bucket:
    """A state in an object store."""

    silence: Exception = problems.state_unwritable("s3://bucket", "no answer")

    def __init__(self) -> None:
        self.world = BucketWorld()
        with_a_state(self.world)

    def store(self, calls: Calls) -> LeasedStore:
        bucket = Objects(self.world, calls)
        backing = BucketBacking(
            bucket, "voice/state.json", Codec("acme"), origin="s3://bucket", lease=LEASE
        )
        return LeasedStore(backing, lease=LEASE, clock=StoppedClock())


class Http:
    """A state behind Terraform's protocol."""

    silence: Exception = NoAnswer(FailureKind.CUT, "connection reset")

    def __init__(self) -> None:
        self.world = HttpWorld()
        with_a_state(self.world)

    def store(self, calls: Calls) -> LeasedStore:
        return self.world.store(calls)  # type: ignore[arg-type]


class Run:
    """What a run does; `kept` once it was told that its record is."""

    def __init__(self, store: LeasedStore, way: str, put: str) -> None:
        self.put = put
        self.kept = False
        self._store = store
        self._way = way
        self._entry = entry(9, key=put.partition("/")[2])

    def do(self) -> None:
        with suppress(ReconcilerError), self._store.lock(holder()):
            state = self._store.load()
            assert state is not None
            if self._way == "saves":
                self._store.save(
                    replace(state, resources={**state.resources, self.put: self._entry})
                )
                self.kept = True
                return
            journal = self._store.begin(state)
            journal.append([Put(self.put, self._entry)])
            self.kept = True
            if self._way == "folds":
                journal.fold()


class Trial:
    """Two runs in one place: what happened."""

    def __init__(
        self, place: Bucket | Http, ways: tuple[str, str], stops: int, goes_on: int
    ) -> None:
        self.stopped = self.went_on = False
        self._place = place
        self._waits, self._on = Event(), Event()
        self._under_way: Effect = lambda: None
        self._thread: Thread | None = None
        self.first = Run(place.store(Calls(stops, self._stop)), ways[0], address(4))
        self.second = Run(place.store(Calls(goes_on, self._let_go_on)), ways[1], address(5))

    def stand_still(self) -> None:
        """The first run stops before its call; the second works meanwhile."""
        self._thread = Thread(target=self._first)
        self._thread.start()
        assert self._waits.wait(60)
        self._work()

    def give_no_answer(self) -> None:
        """The first run hears nothing of its call and ends; the second works afterwards."""
        self.first.do()
        self._work()

    def _first(self) -> None:
        self.first.do()
        self._waits.set()

    def _stop(self, effect: Effect) -> object:
        self.stopped = True
        self._waits.set()
        if self._thread is None:
            self._under_way = effect
            raise self._place.silence
        assert self._on.wait(60)
        return effect()

    def _work(self) -> None:
        self._place.world.expire()
        self.second.do()
        self._go_on()

    def _let_go_on(self, effect: Effect) -> object:
        self.went_on = True
        self._go_on()
        return effect()

    def _go_on(self) -> None:
        self._on.set()
        if self._thread is not None:
            self._thread.join()
        self._under_way()
        self._under_way = lambda: None


def trials(
    kind: type[Bucket] | type[Http], happens: str, ways: tuple[str, str]
) -> Iterator[tuple[Trial, World]]:
    """Each call of the first run with each of the second, until neither has as many."""
    for stops in range(1, 1000):
        for goes_on in range(1, 1000):
            place = kind()
            trial = Trial(place, ways, stops, goes_on)
            getattr(trial, happens)()
            yield trial, place.world
            if not trial.went_on:
                break
        if not trial.stopped:
            return


@pytest.mark.parametrize("second_way", ["saves", "folds", "is interrupted"])
@pytest.mark.parametrize("first_way", ["saves", "folds"])
@pytest.mark.parametrize("happens", ["stand_still", "give_no_answer"])
@pytest.mark.parametrize("kind", [Bucket, Http])
def test_interleaved_runs_lose_no_acknowledged_record(
    kind: type[Bucket] | type[Http], happens: str, first_way: str, second_way: str
) -> None:
    tried = both = 0
    for trial, world in trials(kind, happens, (first_way, second_way)):
        world.expire()
        recover(world.store())
        after = found(world)
        assert base().resources.keys() <= after.keys()
        assert [
            run.put for run in (trial.first, trial.second) if run.kept and run.put not in after
        ] == []
        tried += 1
        both += trial.first.kept and trial.second.kept
    print(f"{tried} orders, in {both} of them both were kept")
    assert both
