"""Describe Ravan AI: settings, possible calls, manual steps; sends nothing. It takes Twilio numbers
by a trunk; its documents describe no list, link, change or removal.
"""

from __future__ import annotations

from reconciler.kinds.platforms.kind import (
    ALL_PARTS,
    PlatformAgent,
    PlatformKind,
    PlatformNumber,
    Registering,
    api_key,
    base_url,
)
from reconciler.model.route import Value


def _attributes(number: PlatformNumber, agent: PlatformAgent) -> Registering:
    """Return no attribute that is managed: price and label are sent with the import only."""
    on_create: dict[str, Value] = {}
    if number.price is not None:
        on_create["price"] = str(number.price)
    return Registering({}, on_create, sends_label=number.has_label)


RAVAN = PlatformKind(
    type="ravan",
    model_name="Ravan",
    title="Ravan AI",
    summary="Ravan AI (Agni).",
    settings=(api_key(), base_url("https://api.ravan.ai")),
    api_host="api.ravan.ai",
    webhook_domains=("ravan.ai",),
    can=frozenset({"create", "verify"}),
    serves=frozenset({"number"}),
    overwrites=ALL_PARTS,
    both_ways=True,
    by_trunk=True,
    manual={
        "link": "Ravan AI documents no call that links a number to an agent: add a dispatch rule "
        "for it in its dashboard (Inbound Calls).",
        "update": "Ravan AI documents no call that changes a number: change it in its dashboard.",
        "delete": "Ravan AI documents no call that removes a number: remove it in its dashboard.",
    },
    attributes=_attributes,
)
