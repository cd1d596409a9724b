"""Compare a number's raw fields with those before a platform's action, write the former values to
Twilio, and return the fields that still differ.
"""

from __future__ import annotations

from reconciler.execution.read_numbers import raw_fields
from reconciler.kinds.number import UPDATE, WIRE_FIELDS, restore_params, url_field_for
from reconciler.model.route import Wire, WireValue
from reconciler.remote.gateway import Gateway

_SWITCHES = ("trunk_sid", "voice_application_sid")


def find_differences(before: Wire, now: Wire) -> dict[str, WireValue]:
    """Return the fields that are not as before, with their former values; a method counts with its
    URL only.
    """
    found: dict[str, WireValue] = {}
    for field in WIRE_FIELDS:
        was = before.get(field) or ""
        if was == (now.get(field) or ""):
            continue
        if field.endswith("_method") and not (was and before.get(url_field_for(field))):
            continue  # a method without a URL decides nothing
        found[field] = was
    return found


def restore_number(gateway: Gateway, sid: str, before: Wire, now: Wire) -> list[str]:
    """Write the former values of what has changed; return the fields that are still not as before.
    Raises RemoteError.

    Setting a trunk deletes an application and the other way round, and an update must not name
    both. A number that leaves a trunk gets its webhooks first, so that it always has a route.
    """
    send = find_differences(before, now)
    if not send:
        return []

    # Clearing the other one is what Twilio does by itself; an update that names both is refused.
    for switch, other in (_SWITCHES, _SWITCHES[::-1]):
        if send.get(switch):
            send.pop(other, None)

    row: dict[str, object] = {}
    first = {field: value for field, value in send.items() if field != "trunk_sid"}
    leaves_trunk = send.get("trunk_sid") == ""
    if leaves_trunk and first:
        gateway.call(UPDATE, restore_params(first), sid=sid)
        send = {"trunk_sid": ""}
    row = dict(gateway.call(UPDATE, restore_params(send), sid=sid))
    return sorted(find_differences(before, raw_fields(row)))
