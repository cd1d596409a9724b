"""Describe Retell AI: settings, hosts, possible calls, attributes of a number, the text that names
the agents of one direction; sends nothing. A number reaches it by a declared trunk, and Retell
writes nothing on Twilio.

Sources: https://docs.retellai.com/api-references/import-phone-number,
https://docs.retellai.com/deploy/custom-telephony, models of the package `retell-sdk` 6.2.13.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from reconciler.kinds.platforms.kind import (
    PlatformAgent,
    PlatformField,
    PlatformKind,
    PlatformNumber,
    Registering,
    api_key,
    base_url,
    credential,
)
from reconciler.kinds.platforms.split import Share, format_split, parse_split
from reconciler.model.route import Value

_DIGITS = 6
"""Digits of a weight that are compared: a server may return 0.1 as 0.1000000001."""


def format_agents(shares: Iterable[Share]) -> str | None:
    """Return the one text of the agents that share the calls of a direction; None for no agent.

    A single agent without a version is its id.
    """
    rounded: list[Share] = []
    for share in shares:
        weight = round(float(share.weight or 0), _DIGITS)
        rounded.append(msgspec.structs.replace(share, weight=weight))
    if not rounded:
        return None

    first = rounded[0]
    is_plain = len(rounded) == 1 and first.version is None and first.weight == 1
    if is_plain and first.id and not first.id.startswith("["):
        return first.id
    return format_split(rounded)


def parse_agents(text: Value) -> list[Share]:
    """Return the agents that a text of `format_agents` names."""
    if not isinstance(text, str):
        return []
    return parse_split(text) if text.startswith("[") else [Share(id=text, weight=1.0)]


def _attributes(number: PlatformNumber, agent: PlatformAgent) -> Registering:
    """Return the agents for both directions, and the protocol of outgoing calls.

    A trunk with `secure: true` refuses calls without TLS:
    https://www.twilio.com/docs/sip-trunking#securetrunking
    """
    share = Share(id=agent.id, version=agent.fields.get("version"), weight=1.0)
    split = agent.fields.get("split")
    calls = format_agents(parse_split(split) if split is not None else [share])

    is_secure = number.trunk is not None and number.trunk.secure
    attrs: dict[str, Value] = {
        "agent": calls if number.inbound else None,
        "outbound_agent": calls if number.outbound else None,
        "transport": agent.fields.get("transport") or ("TLS" if is_secure else "TCP"),
    }
    for name in ("inbound_countries", "outbound_countries"):
        if name in agent.fields:
            attrs[name] = agent.fields[name] or None
    return Registering(attrs, sends_label=number.has_label)


def _countries(name: str, direction: str) -> PlatformField:
    return PlatformField(
        name=name,
        form="countries",
        description=f"Countries {direction} which calls are allowed; an empty list allows all.",
        example="GB",
    )


RETELL = PlatformKind(
    type="retell",
    model_name="Retell",
    title="Retell AI",
    summary="Retell AI.",
    settings=(api_key(), credential(), base_url("https://api.retellai.com")),
    api_host="api.retellai.com",
    webhook_domains=("retellai.com",),
    sip_hosts=("sip.retellai.com",),
    agent_fields=(
        PlatformField(
            name="version",
            form="version",
            description="Version of the agent: a number, or a tag such as `latest`.",
            example="3",
        ),
        PlatformField(
            name="split",
            form="split",
            description="Agents or versions that share the calls, in place of `id`.",
            example="",
            instead_of_id=True,
        ),
        PlatformField(
            name="transport",
            form="choice",
            description="Protocol of outgoing calls; default: TLS for a secure trunk, else TCP.",
            example="TCP",
            choices=("TCP", "TLS", "UDP"),
        ),
        _countries("inbound_countries", "from"),
        _countries("outbound_countries", "to"),
    ),
    can=frozenset({"list", "create", "update", "delete", "link"}),
    serves=frozenset({"number"}),
    own_trunk="needed",
    links=("agent", "outbound_agent"),
    updates=(
        "termination_uri",
        "username",
        "password",
        "transport",
        "friendly_name",
        "inbound_countries",
        "outbound_countries",
    ),
    pages=True,
    attributes=_attributes,
)
