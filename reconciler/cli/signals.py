"""Ctrl-C and SIGTERM: the first lets calls in flight finish and saves, the second stops at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType

from reconciler.errors import Exit

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_interrupted = Event()


def watch_interrupts() -> None:
    """Stop the command on SIGINT, and remember that it came; a SIGINT that the caller has ignored stays ignored.

    The exception of a handler is lost where Python cannot raise it, as in a callback of the import system.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        _interrupted.set()
        raise KeyboardInterrupt

    # A shell starts commands with `&` in this way, so that Ctrl-C means the command in the foreground alone.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, handle)


def is_interrupted() -> bool:
    """Whether a SIGINT came that the command has not handled itself."""
    return _interrupted.is_set()


def report_time_over() -> None:
    """Say on stderr that the time of the run is over; whole, even while another thread writes."""
    os.write(2, b"\nThe time is over: finishing the calls in flight and saving.\n")


@contextmanager
def stop_on_signals(stop: Event) -> Iterator[None]:
    """While inside, the first signal sets `stop`; state is durable at every moment, so the second may just leave."""

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(Exit.FAILED)
        stop.set()
        os.write(
            2, b"\nStopping: finishing the calls in flight and saving. Once more to stop at once.\n"
        )

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
