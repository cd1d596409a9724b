"""Decide whether a stack is tried again, and after which time; pure.

Only what may pass by itself is tried again: a network, a server, a lock. A refusal, an invalid
configuration, wrong credentials and a crash need a person.
"""

from __future__ import annotations

from reconciler.errors import Exit
from reconciler.fleet.queue.values import MOST_ATTEMPTS
from reconciler.report.documents.fleet import FleetStack

_PASSING = frozenset(
    {
        "dependency_failed",
        "interrupted",
        "network_error",
        "platform_unavailable",
        "rate_limited",
        "state_lock_lost",
        "state_locked",
        "state_unreadable",
        "state_unwritable",
        "twilio_unavailable",
    }
)
"""The codes of failures that may pass. `dependency_failed` and `interrupted` are those of actions that
were not begun because of another failure, or because the worker was asked to stop.
"""
_FAILED = frozenset({Exit.FAILED, Exit.PARTIAL, Exit.LOCKED})


def may_pass(entry: FleetStack) -> bool:
    """Return whether every error of a stack is one that may pass by itself."""
    if entry.exit_code not in _FAILED:
        return False
    return bool(entry.codes) and all(code in _PASSING for code in entry.codes)


def find_pause(number: int, first: float) -> float | None:
    """Return the seconds before the next attempt: each pause is twice as long as the one before.

    None after the last attempt.
    """
    if number >= MOST_ATTEMPTS:
        return None
    return float(first * 2 ** (number - 1))
