"""Report the emergency address of a number whose registration is under way or has failed; pure.

| declared | state on Twilio                                 | reported                             |
|----------|-------------------------------------------------|--------------------------------------|
| a SID    | `registered`, or not stated by the server       | nothing                              |
| a SID    | `registration-failure`                          | an error                             |
| a SID    | any other                                       | a warning: it is not registered yet  |
| none     | `unregistered`, or not stated by the server     | nothing                              |
| none     | `unregistration-failure`                        | an error                             |
| none     | any other                                       | a warning: it is not off yet         |

Twilio registers an address with the emergency service in its own time. Until then an emergency call
from the number may not carry the address. Source:
https://www.twilio.com/docs/voice/sip/api/emergency-calling-api
"""

from __future__ import annotations

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.number_fields import (
    EMERGENCY_ADDRESS,
    EMERGENCY_STATUS,
    find_emergency_stage,
)
from reconciler.model.desired import Desired
from reconciler.model.live import Live
from reconciler.model.route import Attrs
from reconciler.planning.decide.live_values import live_value


def is_settled(attrs: Attrs, live: Live) -> bool:
    """Return whether nothing is to be reported about the emergency address of a number."""
    if EMERGENCY_ADDRESS not in attrs:
        return True
    wanted = attrs[EMERGENCY_ADDRESS]
    return find_emergency_stage(wanted, live_value(live, EMERGENCY_STATUS)) == "settled"


def find_emergency_problems(declared: Desired, address: str, live: Live) -> list[Diagnostic]:
    """Return a problem where Twilio has the declared address, and its registration is not done."""
    attrs = declared.profile.attrs
    if EMERGENCY_ADDRESS not in attrs:
        return []

    # Another address than the declared one is a change of the plan; its apply waits and reports.
    wanted = attrs[EMERGENCY_ADDRESS]
    if live_value(live, EMERGENCY_ADDRESS) != wanted:
        return []

    status = live_value(live, EMERGENCY_STATUS)
    stage = find_emergency_stage(wanted, status)
    if stage == "settled":
        return []

    what = f"emergency address {wanted}" if wanted else "removal of its emergency address"
    if stage == "failed":
        return [
            Diagnostic.at(
                declared.position,
                code="emergency_address_failed",
                summary="Registration of an emergency address failed",
                detail=f"{live.key}: Twilio reports `{status}` for the {what}. Read the reason in "
                "Twilio's console under Phone Numbers > Emergency calling, correct the address there, and "
                "apply with `emergency_address: none` and then with the address to register it again.",
                address=address,
            )
        ]
    return [
        Diagnostic.at(
            declared.position,
            severity="warning",
            code="emergency_address_pending",
            summary="Registration of an emergency address is under way",
            detail=f"{live.key}: Twilio reports `{status}` for the {what}, so an emergency call may not "
            "carry the right address yet. Plan again in a few minutes.",
            address=address,
        )
    ]
