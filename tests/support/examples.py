"""How many examples a property is tried with: few by default, more for a thorough run.

RECONCILER_EXAMPLES=10 multiplies the number of every property by ten, and draws new examples in each run.
"""

from __future__ import annotations

import os

from hypothesis import settings

FACTOR = int(os.environ.get("RECONCILER_EXAMPLES", "1"))
IS_THOROUGH = FACTOR > 1
_DEFAULT = 50


def few_examples() -> settings:
    """Return the profile of all properties that name no number of their own."""
    return settings(max_examples=_DEFAULT * FACTOR, deadline=None)


def examples(number: int) -> settings:
    """Return the settings of a property that is tried this many times by default."""
    return settings(max_examples=number * FACTOR, deadline=None)
