"""Give the server that forks the processes of a fleet a session of its own, and let it ignore Ctrl-C.

The server imports this module first (see `choose_context`), and it does something there alone. Without
it, Ctrl-C on the terminal would end a process that has just been forked. A request to stop that comes
while a process starts waits until `accept_interrupts`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys

_INTERRUPTS = (signal.SIGINT,)


def detach_from_terminal() -> None:
    """Give this process a session of its own: a signal of the terminal does not reach it."""
    if hasattr(os, "setsid"):
        with contextlib.suppress(OSError):
            os.setsid()


def accept_interrupts() -> None:
    """Let a process take requests to stop, once it handles them."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPTS)


def _prepare_server() -> None:
    detach_from_terminal()
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)


if any("multiprocessing.forkserver" in word for word in sys.orig_argv):
    _prepare_server()
