"""Run a function for each item in several threads, with results in order, or start one in the
background as a future.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def map_each(
    function: Callable[[Item], Answer], items: Iterable[Item], *, workers: int, name: str
) -> list[Answer]:
    """Return the result for each item, in the order of the items.

    `name` is the name of the threads. An error of one item, or Ctrl-C, is raised as soon as the
    calls in flight have ended; items that have not started are dropped.
    """
    todo = list(items)
    if not todo:
        return []

    with ThreadPoolExecutor(min(workers, len(todo)), thread_name_prefix=name) as pool:
        try:
            return list(pool.map(function, todo))
        except BaseException:
            # Otherwise Ctrl-C would wait for ten thousand answers.
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def start(function: Callable[[], Answer], *, name: str) -> Future[Answer]:
    """Run a function in a thread of its own; the future has its result or its error."""
    pool = ThreadPoolExecutor(1, thread_name_prefix=name)
    future = pool.submit(function)
    pool.shutdown(wait=False)
    return future


def completed(answer: Answer) -> Future[Answer]:
    """Return a future that has its result already."""
    future: Future[Answer] = Future()
    future.set_result(answer)
    return future
