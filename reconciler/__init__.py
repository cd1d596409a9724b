"""Phone numbers as code: declare Twilio numbers in YAML, review the plan, apply it, see what
drifted.

For programs: `load`, `plan`, `apply` and `drift`; docs/reference/python-api.md describes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reconciler.version import __version__

if TYPE_CHECKING:
    from reconciler.api import Incomplete, apply, drift, load, plan
    from reconciler.errors import ReconcilerError

__all__ = ["Incomplete", "ReconcilerError", "__version__", "apply", "drift", "load", "plan"]


def __dir__() -> list[str]:
    """Return the names for programs as well, which are imported later."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Import the functions for programs at their first use: the command line does without them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from reconciler import api

    return getattr(api, name)
