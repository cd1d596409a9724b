"""Refuse control calls (``/_sandbox``) that a page in a browser could make.

A page of somebody else can send requests to a port of this machine, and with a host name that
changes its address (DNS rebinding) even read the answers. The endpoints under ``/_sandbox`` need
no credentials, so they check where a request comes from.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from reconciler.sandbox.http.messages import Reply, Request, json_reply

_JSON = "application/json"


def refuse_browser(request: Request) -> Reply | None:
    """Return the refusal of a control call, None when it may be answered."""
    host = request.headers.get("host", "")
    if host and not _is_local_name(_host_name(f"//{host}")):
        return _error(
            403, "The Host header must be an IP address, localhost, or a name without a dot."
        )

    # Programs send no Origin; a page sends its own with every request that may write.
    origin = request.headers.get("origin")
    if origin is not None and origin.lower() != f"http://{host.lower()}":
        return _error(
            403,
            "The Origin header names another site: its pages may not control the sandbox.",
        )

    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if (request.body or kind) and kind != _JSON:
        return _error(
            415, "Send the body as JSON, with the header `Content-Type: application/json`."
        )
    return None


def _host_name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return "."


def _is_local_name(name: str) -> bool:
    """Return true for an IP address and for a name that cannot exist on the internet.

    Names on the internet have a dot.
    """
    try:
        ip_address(name)
    except ValueError:
        return name.endswith(".localhost") or (bool(name) and "." not in name)
    return True


def _error(status: int, message: str) -> Reply:
    return json_reply(status, {"status": status, "message": message})
