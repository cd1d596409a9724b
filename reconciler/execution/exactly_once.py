"""Make a resource exactly once, even when no answer comes: look for it before it is made again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.errors import RemoteError

_TRIES = 8


def make_once(
    make: Callable[[], Mapping[str, Any]], find: Callable[[], Mapping[str, Any] | None]
) -> Mapping[str, Any]:
    """Return what was made, or what was found after a call without an answer.

    Raises RemoteError; `ambiguous` stays true once one attempt was ambiguous.
    """
    for attempt in range(_TRIES):
        try:
            return make()
        except RemoteError as error:
            if not error.ambiguous or attempt == _TRIES - 1:
                error.ambiguous = error.ambiguous or attempt > 0
                raise

            # No answer came: look for it before it is made a second time.
            found = find()
            if found is not None:
                return found
    raise AssertionError("unreachable")
