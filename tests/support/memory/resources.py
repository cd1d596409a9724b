"""Short constructors for declared resources and for rows of Twilio."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.model.desired import Desired, Options, Profile
from reconciler.model.position import Position
from reconciler.model.route import Value, Webhook

FILE = Position("reconciler.yaml", 1, 1)


def e164(last: int) -> str:
    """A reserved phone number."""
    return f"+1555010{last:04d}"


def pn(last: int) -> str:
    """Its SID."""
    return f"PN{last:032x}"


def number(last: int, **attrs: Value) -> Desired:
    """A declared number."""
    return declared("number", e164(last), attrs)


def bridge(last: int, voice: Value) -> Desired:
    """A declared bridge number."""
    return declared("bridge_number", e164(last), {"voice": voice})


def trunk(name: str, **attrs: Value) -> Desired:
    """A declared trunk, by default with a domain after its name."""
    whole = {
        "friendly_name": name,
        "domain_name": f"{name}.pstn.twilio.com",
        "secure": False,
        **attrs,
    }
    return declared("trunk", name, whole)


def origination(trunk: str, host: str, **attrs: Value) -> Desired:
    """A declared origination URL of a trunk."""
    url = f"sip:{host}.example.com"
    whole = {
        "sip_url": url,
        "priority": 10,
        "weight": 10,
        "enabled": True,
        "friendly_name": host,
        **attrs,
    }
    return declared(
        "origination_url", url, whole, address=f"{trunk}/{url}", parent=f"trunk/{trunk}"
    )


def declared(
    kind: str,
    key: str,
    attrs: Mapping[str, Value],
    *,
    options: Options | None = None,
    account: str = "main",
    address: str = "",
    parent: str | None = None,
    sid: str | None = None,
) -> Desired:
    """A declared resource."""
    options = options or Options(observe_only=kind == "number" and not attrs)
    profile = Profile(account, dict(attrs), options)
    return Desired(kind, f"{kind}/{address or key}", key, profile, FILE, sid=sid, parent=parent)


def hook(name: str, method: str = "POST", fallback_url: str = "") -> Webhook:
    """A webhook in its canonical form."""
    return Webhook(
        f"https://agents.example.com/{name}", method, fallback_url, "POST" if fallback_url else ""
    )


def row(last: int, **fields: Any) -> dict[str, Any]:
    """A number as Twilio has it."""
    return {"sid": pn(last), "phone_number": e164(last), "friendly_name": f"Line {last}", **fields}


def world(*rows: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """One account, `main`, with these numbers."""
    return {"main": {"numbers": list(rows), **more}}
