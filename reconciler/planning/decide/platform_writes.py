"""Add the values that a platform has written to a number to its declaration, and compute what the
number shows without a trunk or applications; pure.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from reconciler.kinds.number import canonical_routes
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Value, Wire

_HIDING = ("trunk_sid", "voice_application_sid", "sms_application_sid")
"""Wire fields of a number that are in effect in place of its webhooks."""


def adopt_platform_writes(
    declared: Desired, entry: Entry | None, live: Live, *, rewritten: bool, freed: bool
) -> Desired:
    """Return the declaration of a number with the values that its platform has written.

    `rewritten`: the platform is about to write them, so the live values count as right. `freed`: a
    trunk or an application that would hide them is taken off first.
    """
    options = declared.profile.options
    if not options.platform_written:
        return declared

    # The recorded values are the platform's, unless it writes again or is another one now.
    recorded: Mapping[str, Value] = {}
    if entry is not None and not rewritten and entry.options.platform == options.platform:
        recorded = entry.last_applied
    shown = values_without_route(live.wire) if freed and live.wire else live.attrs

    attrs: dict[str, Value] = {}
    for part in options.platform_written:
        attrs[part] = recorded[part] if part in recorded else shown.get(part)
    profile = msgspec.structs.replace(declared.profile, attrs={**attrs, **declared.profile.attrs})
    return msgspec.structs.replace(declared, profile=profile)


def values_without_route(wire: Wire) -> dict[str, Value]:
    """Return what a number would show without a trunk or applications on it."""
    return canonical_routes({**wire, **dict.fromkeys(_HIDING, "")}, {})
