"""Return the fields of one resource for `show` and `state show`: a number, a bridge number with its
status on Twilio, a declared agent with its numbers, or any other resource.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid5

import msgspec

from reconciler.config.project import Agent
from reconciler.kinds.number import describe_route
from reconciler.kinds.platforms.table import is_agent_address
from reconciler.kinds.table import NUMBER_KINDS, REGISTRATION
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.planning.decide.drift import find_drift
from reconciler.planning.decide.fields import flatten
from reconciler.planning.identity.observed import Observed

_NAMESPACE = UUID("6d1c3c7e-51a2-5d6b-9d0f-3f1f6a0c9b52")
"""Namespace of ids that are made from SIDs, the same on every machine and in every run."""


def number_row(entry: Entry) -> dict[str, Any]:
    """Return the row of a number: agent, account, last applied and prior values."""
    return {
        "kind": entry.kind,
        "phone_number": entry.key,
        "phone_number_sid": entry.sid,
        "agent": entry.options.agent,
        "credentials": entry.account,
        "account": entry.account,
        "on_removal": entry.options.on_removal,
        "protect": entry.options.protect,
        "imported_at": entry.imported_at,
        "updated_at": entry.updated_at,
        "prior_at": entry.prior_at,
        "applied": flatten(entry.kind, entry.last_applied),
        "prior": entry.prior,
    }


def bridge_view(address: str, entry: Entry, account_sid: str, live: Live | None) -> dict[str, Any]:
    """Return the row of a bridge number; `status` is active, drifted or missing on Twilio now.
    Never any credentials.
    """
    return {
        "kind": entry.kind,
        "id": str(uuid5(_NAMESPACE, f"{account_sid}/{entry.sid}")),
        "phone_e164": entry.key,
        "twilio_sid": entry.sid,
        "integration_connection_id": str(uuid5(_NAMESPACE, account_sid)),
        "status": _status(address, entry, live),
        "created_at": entry.imported_at,
        "account": entry.account,
        "applied": flatten(entry.kind, entry.last_applied),
        "prior": entry.prior,
    }


def plain_row(entry: Entry) -> dict[str, Any]:
    """Return the row of any other resource: its recorded entry."""
    fields: dict[str, Any] = msgspec.to_builtins(entry)
    for name in ("healed", "healing"):
        fields.pop(name, None)

    # The state holds labels as sorted pairs, which can be shared and compared; users write them as
    # a mapping.
    if entry.options.labels:
        fields["options"]["labels"] = dict(entry.options.labels)
    return {**fields, "applied": flatten(entry.kind, entry.last_applied)}


def agent_row(agent: Agent, desired: Iterable[Desired]) -> dict[str, Any]:
    """Return the row of a declared agent: its routes, and the numbers that declare it.

    An agent on a platform takes the calls there, in the words of `plan`; what the platform writes
    for messages and status is not known here, and null.
    """
    numbers: list[str] = []
    for each in desired:
        is_number = each.kind in NUMBER_KINDS
        is_platform_only = each.kind == REGISTRATION and each.parent is None
        if is_agent_address(each.address):
            continue
        if (is_number or is_platform_only) and each.profile.options.agent == agent.name:
            numbers.append(each.address)

    routes: dict[str, str | None] = {}
    for part in ("voice", "sms", "status"):
        known = agent.kind != "platform"
        routes[part] = describe_route(agent.parts.get(part)) if known else None
    if agent.kind == "platform":
        named = agent.id or agent.in_place_of_id
        routes["voice"] = f"agent {named} on {agent.platform}"
    elif agent.recipe_url is not None and agent.parts.get("voice") is None:
        routes["voice"] = f"trunk to {agent.recipe_url}"
    return {
        "kind": "agent",
        "name": agent.name,
        "form": agent.kind,
        "platform": agent.platform,
        "id": agent.id,
        "application": agent.application,
        "labels": agent.labels,
        "routes": routes,
        "numbers": sorted(numbers),
    }


def _status(address: str, entry: Entry, live: Live | None) -> str:
    if live is None:
        return "missing"
    drifted = find_drift({address: entry}, Observed({entry.account: {live.key: live}}, {}))
    return "drifted" if drifted else "active"
