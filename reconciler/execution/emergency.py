"""Give a number another emergency address, or none: clear the former one, wait until Twilio has
unregistered it, set the new one, and wait until Twilio has registered it.

| on Twilio before  | calls                                                                  |
|-------------------|------------------------------------------------------------------------|
| another address   | clear it, read until `unregistered`, then the write                    |
| none, still going | read until `unregistered`, then the write                              |
| none              | the write                                                              |

After the write the number is read until Twilio states the end of the registration. A wait that takes
too long, and a registration that fails, is a failure of the action: emergency calls may not carry the
address, whatever the write has stored. Source: the steps of "Changing the Emergency Address" in
https://www.twilio.com/docs/voice/sip/api/emergency-calling-api
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from reconciler.execution.outcome import Failure, Outcome
from reconciler.kinds.kind import Params
from reconciler.kinds.number import PARAMS
from reconciler.kinds.number_fields import (
    BY_NAME,
    EMERGENCY_ADDRESS,
    EMERGENCY_STATUS,
    EmergencyStage,
    find_emergency_stage,
)
from reconciler.kinds.table import KINDS
from reconciler.model.action import Action

Row = Mapping[str, Any]
_FIELD = BY_NAME[EMERGENCY_ADDRESS].wire
EMERGENCY_PARAM = PARAMS[_FIELD]

_PAUSE = 2.0
_READS = 30
"""Reads while Twilio registers or unregisters an address: one minute in all."""


def write_emergency_address(
    action: Action,
    params: Params,
    call: Callable[..., Row],
    write: Callable[[], Outcome],
    pause: Callable[[float], bool],
) -> Outcome:
    """Execute an update that sets or clears an emergency address, between the two waits.

    `call` makes one call about the number, `write` sends the whole update and judges it. `pause`
    waits for some seconds, and returns False when the run is to stop. Raises what `call` raises.
    """
    address = str(params[EMERGENCY_PARAM])
    registration = _Registration(action, call, pause)
    failure = registration.make_room(address)
    if failure is not None:
        changed = registration.has_written
        return Outcome(action=action, status="failed", error=failure, half_done=changed)

    outcome = write()
    failure = registration.confirm(address) if outcome.succeeded else None
    if failure is None:
        return outcome
    return msgspec.structs.replace(outcome, status="failed", error=failure, half_done=True)


class _Registration:
    """The calls about one number that clear its former emergency address, and wait for Twilio."""

    def __init__(
        self, action: Action, call: Callable[..., Row], pause: Callable[[float], bool]
    ) -> None:
        self.has_written = False
        self._action = action
        self._kind = KINDS[action.kind]
        self._call = call
        self._pause = pause

    def make_room(self, address: str) -> Failure | None:
        """Take another address off the number; return why the new one cannot be set yet."""
        if not address:
            return None
        row = self._read()
        present = row.get(_FIELD) or ""
        if present == address:
            return None

        # A reply may already state the end: then no further read is needed.
        if present:
            row = self._call(self._action, self._kind.update, {EMERGENCY_PARAM: ""})
            self.has_written = True
        stage, status = self._wait(row, "")
        if stage == "settled":
            return None
        return self._failure(stage, status, "unregistered the former emergency address")

    def confirm(self, address: str) -> Failure | None:
        """Wait until Twilio has registered an address that was set, or unregistered one that was
        cleared.
        """
        stage, status = self._wait(self._read(), address)
        if stage == "settled":
            return None
        done = f"registered emergency address {address}" if address else "unregistered its address"
        return self._failure(stage, status, done)

    def _read(self) -> Row:
        return self._call(self._action, self._kind.fetch)

    def _wait(self, row: Row, address: str) -> tuple[EmergencyStage, str]:
        """Read the number until its address is settled; return how far Twilio is, and its word."""
        for _ in range(_READS):
            stage = find_emergency_stage(address, row.get(EMERGENCY_STATUS))
            if stage != "pending" or not self._pause(_PAUSE):
                break
            row = self._read()
        status = row.get(EMERGENCY_STATUS)
        return find_emergency_stage(address, status), str(status or "")

    def _failure(self, stage: EmergencyStage, status: str, done: str) -> Failure:
        number = self._action.address
        if stage == "failed":
            return Failure(
                "emergency_address_failed",
                f"{number}: Twilio has not {done} (its state is `{status}`). Read the reason in Twilio's console "
                "under Phone Numbers > Emergency calling, correct the address, and run apply again.",
            )
        return Failure(
            "emergency_address_pending",
            f"{number}: Twilio has not {done} yet (its state is `{status}`), so emergency calls may not carry the "
            "right address. This can take a while: run apply again in a few minutes.",
        )
