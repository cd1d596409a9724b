"""Build the diagnostic of a missing state: its effect on a command, and the ways to restore it.

Takes the former versions that still exist and returns text; reads nothing and decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.diagnostics import Diagnostic
from reconciler.state.records import StoredVersion

_LISTED_ADDRESSES = 3
"""Number of addresses that a message lists before it counts the others."""

STATE_NEEDED = "This command needs the state. Restore your own copy of it, or"
"""The effect of a missing state on commands other than `plan`; `state_gone` continues the sentence.
"""

PRIOR_VALUES_SAFE = (
    "Every resource now looks new. A number recorded in the newest of these versions keeps its prior "
    "values from there; any other number is imported with its present values as prior values. It is "
    "safer to restore your own copy of the state, or"
)
"""The effect of a missing state on a plan that loses nothing."""


def explain_duplicates(addresses: Sequence[str]) -> str:
    """Return the effect of a plan that would create again what a former version records and Twilio
    has.
    """
    return (
        "These recorded resources still exist on Twilio, and apply would create them a second time: "
        f"{', '.join(addresses)}. Nothing is written until the state is back. Restore your own copy of "
        "it, or"
    )


def explain_lost_prior_values(addresses: Sequence[str]) -> str:
    """Return the effect of a plan without numbers whose prior values only a former version records."""
    listed = ", ".join(addresses[:_LISTED_ADDRESSES])
    if len(addresses) > _LISTED_ADDRESSES:
        listed += f" and {len(addresses) - _LISTED_ADDRESSES} more"

    return (
        f"It recorded the prior values of {listed}. A new state without these numbers would later "
        "record our own webhooks as their prior values. Nothing is written. Plan all numbers at once, "
        "without `--target` and `--exclude`. It is safer to restore your own copy of the state, or"
    )


def state_gone(place: str, versions: Sequence[StoredVersion], effect: str) -> Diagnostic:
    """Return the diagnostic of a missing state whose former versions, the newest first, still
    exist.

    `effect` ends in the middle of a sentence: "…, or".
    """
    last = versions[0]
    newest = "the newest is the empty state"
    if last.serial:
        when = f", written {last.saved}" if last.saved else ""
        newest = f"the newest is serial {last.serial}{when}"

    if "://" in place:
        restore = (
            f"reconciler state pull --serial {last.serial} > FILE\n  reconciler state push FILE"
        )
        start_anew = "delete them"
    else:
        restore = "reconciler state repair --dry-run"
        start_anew = f"move them aside:\n  mv {place}.history {place}.history.aside"

    detail = (
        f"{place} does not exist, but former versions of it do ({newest}). {effect} see what its "
        f"history can restore:\n  {restore}\n"
        f"Or, to start with an empty state and lose what it recorded, {start_anew}"
    )
    return Diagnostic(
        code="state_gone", summary="The state is missing, but its history exists", detail=detail
    )
