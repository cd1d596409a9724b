"""A run that dies at one of its points: before and after each call that writes, and before each call to the file
system, of a write also in its middle. The files are real ones, Twilio is in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from reconciler.execution.executor import execute_plan
from reconciler.execution.outcome import Outcome, Result
from reconciler.execution.scheduler import Scheduler
from reconciler.model.action import Action
from reconciler.model.desired import Desired
from reconciler.planning.identity.observed import Observed
from reconciler.planning.plan import Plan
from reconciler.planning.planner import plan_resources
from reconciler.remote.queries.observe import observe
from reconciler.state.atomic_files import Disk
from reconciler.state.format.document import State, empty_state
from reconciler.state.stores.file import FileStore
from tests.state.samples import holder
from tests.support.memory.fake_twilio import Call, FakeTwilio
from tests.support.memory.memory_runner import Means


class Killed(BaseException):
    """The process is gone."""


class Gone(Exception):
    """The same, seen by a thread that works for it."""


class Death:
    """Comes at the point with this number; None: never. Nothing has any effect after it."""

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.points = 0

    def comes(self) -> bool:
        """One more point has been reached."""
        self.points += 1
        return self.at is not None and self.points >= self.at


class Mortal(Disk):
    """The real file system under a process that may die. A kill loses nothing that was written."""

    def __init__(self, death: Death) -> None:
        self._death = death

    def _point(self) -> None:
        if self._death.comes():
            raise Killed

    def read(self, path: Path, most: int = -1) -> bytes | None:
        self._point()
        return super().read(path, most)

    def create(self, path: Path, like: Path) -> int:
        self._point()
        return super().create(path, like)

    def write(self, handle: int, data: bytes) -> None:
        self._point()
        super().write(handle, data[: len(data) // 2])
        self._point()
        super().write(handle, data[len(data) // 2 :])

    def sync(self, handle: int) -> None:
        self._point()

    def sync_folder(self, folder: Path) -> None:
        self._point()

    def replace(self, source: Path, target: Path) -> None:
        self._point()
        super().replace(source, target)

    def link(self, source: Path, target: Path) -> None:
        self._point()
        super().link(source, target)

    def remove(self, path: Path) -> None:
        self._point()
        super().remove(path)


def plan_for(
    twilio: FakeTwilio, state: State, desired: Sequence[Desired], ours: Collection[str]
) -> tuple[Plan, Observed]:
    """The plan, and what it was made from."""
    observed = observe(desired, state.resources, twilio.gateways())
    return plan_resources(desired, state.resources, observed, ours), observed


def run(
    twilio: FakeTwilio,
    path: Path,
    desired: Sequence[Desired],
    ours: Collection[str],
    death: Death,
    passwords: Mapping[str, str] | None = None,
) -> Result | None:
    """One apply; None when it died."""

    def point(call: Call) -> None:
        if death.comes():
            raise Gone

    store = FileStore(path, "acme", files=Mortal(death))
    twilio.hooks, twilio.after = [point], [point]
    try:
        with store.lock(holder()):
            state = store.load() or empty_state("acme")
            plan, observed = plan_for(twilio, state, desired, ours)
            gateways = twilio.gateways()
            return execute_plan(plan, observed, state, store, gateways, Means(), passwords or {})
    except Killed:
        return None


def take_one(walk: Scheduler, *, gather: bool) -> list[tuple[Action, Outcome]]:
    """Take one outcome at a time, in place of all that are there: how many are there depends on the scheduler."""
    return [walk._completed.get()]
