"""Define the outcome of an action, its failure, and the result of an apply; build the failure of a
write that cannot be read back. No I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from reconciler.model.action import Action
from reconciler.model.entry import Entry
from reconciler.model.route import Value, Wire

Status = Literal["applied", "normalised", "dropped", "reverted", "failed", "skipped"]
SUCCESSES: frozenset[Status] = frozenset({"applied", "normalised"})


class Failure(msgspec.Struct, frozen=True):
    """The reason why an action did not succeed: our code, and Twilio's words with its own code and
    request id.
    """

    code: str
    message: str


def verification_failure(address: str, service: str, reason: str) -> Failure:
    """Return the failure of a write that was answered with success and could not be read back."""
    return Failure(
        "write_unverified",
        f"{service} accepted the write for {address}, but it could not be read back, so it is unknown "
        f"whether it is stored: {reason} Run `reconciler plan`: it compares the live values with what was "
        "written.",
    )


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One action and its result.

    `entry` is what the state holds now (None: nothing any more). `sent` are the raw fields that
    were written and that Twilio should show afterwards. `note` is extra information for the reader.
    `unmade`: the resource was to be created, and certainly was not. `learned` are the values that a
    platform has written to the number of this action: the new baseline of drift. The status
    `reverted` means that everything the action had done was undone; `half_done` that it failed and
    left something changed, and the error says how to correct it by hand.
    """

    action: Action
    status: Status
    entry: Entry | None = None
    error: Failure | None = None
    sid: str | None = None
    sent: Wire = {}
    note: str | None = None
    learned: Mapping[str, Value] | None = None
    unmade: bool = False
    half_done: bool = False

    @property
    def succeeded(self) -> bool:
        """True when the action has done what the plan contains."""
        return self.status in SUCCESSES


class Result(msgspec.Struct, frozen=True):
    """All outcomes in the order of the plan; `interrupted` when the run was asked to stop."""

    outcomes: tuple[Outcome, ...]
    interrupted: bool = False

    @property
    def successes(self) -> int:
        """The number of actions that succeeded."""
        return sum(outcome.succeeded for outcome in self.outcomes)

    @property
    def failures(self) -> list[Outcome]:
        """The actions that failed or were not tried because of one that failed."""
        return [outcome for outcome in self.outcomes if not outcome.succeeded]
