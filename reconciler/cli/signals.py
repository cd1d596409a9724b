"""Stop a command on Ctrl-C; during an apply, finish calls and save at the first signal, and exit at
the second. Also report that the time limit is reached.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event
from types import FrameType

from reconciler.errors import Exit

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_interrupted = Event()


def watch_interrupts() -> None:
    """Stop the command on SIGINT, and remember that it came; a SIGINT that the caller has ignored
    stays ignored.

    The exception of a handler is lost where Python cannot raise it, as in a callback of the import
    system.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        _interrupted.set()
        raise KeyboardInterrupt

    # A shell starts commands with `&` in this way, so that Ctrl-C means the command in the
    # foreground alone.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, handle)


def is_interrupted() -> bool:
    """Return whether a SIGINT came that the command has not handled itself."""
    return _interrupted.is_set()


def write_to_stderr(text: str) -> None:
    """Write a text in one piece, which a signal handler may do; a reader that has closed stderr must
    not stop an apply half way.
    """
    with suppress(OSError):
        os.write(2, text.encode())


def report_time_over() -> None:
    """Report on stderr that the time limit is reached, in one write even while another thread
    prints.
    """
    write_to_stderr("\nTime limit reached: finishing calls in flight and saving.\n")


@contextmanager
def stop_on_signals(stop: Event) -> Iterator[None]:
    """Set `stop` on the first signal and exit on the second, which is safe: the state is durable at
    every moment.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(Exit.FAILED)
        stop.set()
        write_to_stderr(
            "\nStopping: finishing calls in flight and saving. Press again to stop at once.\n"
        )

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def count_interrupts(on_signal: Callable[[], None]) -> Iterator[None]:
    """Call `on_signal` for each SIGINT and SIGTERM, in place of ending the command."""

    def handle(number: int, frame: FrameType | None) -> None:
        on_signal()

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
