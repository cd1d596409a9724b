"""Submit runs whose stacks do what `tests.fleet.targets` says, and serve them in this process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reconciler.config.load.fleet import Fleet, Stack
from reconciler.fleet.queue.stack_source import StackSource, digest_stack
from reconciler.fleet.queue.stack_task import WorkerOptions
from reconciler.fleet.queue.store import QueueStore
from reconciler.fleet.queue.values import Order
from reconciler.fleet.queue.words import COMMANDS
from reconciler.fleet.queue.worker import Schedule, Worker
from reconciler.model.position import Position

ACT = "tests.fleet.queue.targets:act"


def make_stacks(folder: Path, names: Sequence[str]) -> list[Stack]:
    """Stacks whose entry files say what their processes do."""
    stacks: list[Stack] = []
    for name in names:
        entry = folder / f"{name}.yaml"
        if not entry.exists():
            entry.write_text("end 0")
        stacks.append(Stack(name, folder, entry.name, Position("fleet.yaml", 1, 1)))
    return stacks


def make_orders(stacks: Sequence[Stack], *words: str) -> list[Order]:
    orders: list[Order] = []
    for stack in stacks:
        digest = digest_stack(stack)
        orders.append(
            Order(name=stack.name, directory=".", digest=digest, words=words or ("plan",))
        )
    return orders


@contextmanager
def serving(
    store: QueueStore,
    folder: Path,
    stacks: Sequence[Stack],
    *,
    schedule: Schedule | None = None,
    commands: tuple[str, ...] = COMMANDS,
    name: str = "w",
    lines: list[str] | None = None,
    parallel: int = 2,
    patience: float = 60.0,
) -> Iterator[Worker]:
    """A worker in a thread of this process, which is stopped in order at the end; it has so many seconds
    for that.
    """
    said = [] if lines is None else lines
    options = WorkerOptions(
        name=name,
        folder=folder,
        target=ACT,
        commands=commands,
        parallel=parallel,
        pause=0.2,
        restore=1.0,
    )
    source = StackSource(lambda: Fleet(tuple(stacks), parallel, None))
    own = QueueStore(store.address)
    own.open()
    begun = threading.Event()
    found: list[tuple[Worker, asyncio.AbstractEventLoop]] = []

    async def serve() -> None:
        worker = Worker(own, source, options, schedule, said.append)
        found.append((worker, asyncio.get_running_loop()))
        begun.set()
        await worker.serve()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert begun.wait(30)
    [(worker, loop)] = found
    try:
        yield worker
    finally:
        if thread.is_alive():
            loop.call_soon_threadsafe(worker.stop)
        thread.join(patience)
        own.close()
    assert not thread.is_alive()
