"""Note that Twilio reserves the domain of a deleted trunk for up to 30 days; pure.

| the plan                                            | note                                          |
|-----------------------------------------------------|-----------------------------------------------|
| deletes a trunk that has a domain                   | the domain is reserved for a while            |
| makes a trunk again that state or a version knows   | Twilio may refuse its domain for a while      |
| makes a trunk that was never recorded               | nothing                                       |
"""

from __future__ import annotations

import msgspec

from reconciler.kinds.trunk import TRUNK
from reconciler.model.action import Action
from reconciler.model.route import Attrs

_DOMAIN = "domain_name"


def note_reserved_domain(kind: str, attrs: Attrs) -> str | None:
    """Return a note about the domain of a resource that is deleted; None without one."""
    domain = attrs.get(_DOMAIN) if kind == TRUNK.name else None
    if not domain:
        return None
    return f"Twilio keeps {domain} reserved for up to 30 days: no trunk, here or elsewhere, can have it"


def note_recreated_domain(action: Action) -> Action:
    """Note on the creation of a trunk that existed before that Twilio may refuse its domain."""
    domain = action.set.get(_DOMAIN)
    if action.kind != TRUNK.name or action.action != "create" or not domain:
        return action
    return msgspec.structs.replace(
        action,
        note=f"Twilio may refuse {domain} for up to 30 days after the trunk that had it was deleted",
    )
