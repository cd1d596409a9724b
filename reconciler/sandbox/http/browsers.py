"""Control calls that a page in a browser could make are refused: a request in, the reason or nothing out.

A page of somebody else can send requests to a port of this machine, and with a host name that changes its address (DNS
rebinding) even read the answers. The endpoints under ``/_sandbox`` need no credentials, so they look at who asks.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from reconciler.sandbox.http.messages import Reply, Request, json_reply

_JSON = "application/json"


def refuse_browser(request: Request) -> Reply | None:
    """Why a control call is refused; None when it may be answered."""
    host = request.headers.get("host", "")
    if host and not _is_near(_name_of(f"//{host}")):
        return _error(
            403, "The Host header must be an IP address, localhost, or a name without a dot."
        )

    # Programs send no Origin; a page sends its own with every request that may change something.
    origin = request.headers.get("origin")
    if origin is not None and origin.lower() != f"http://{host.lower()}":
        return _error(
            403,
            "The Origin header names another place: pages of others may not control the sandbox.",
        )

    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if (request.body or kind) and kind != _JSON:
        return _error(
            415, "Send the body as JSON, with the header `Content-Type: application/json`."
        )
    return None


def _name_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return "."


def _is_near(name: str) -> bool:
    """Whether a name cannot be somebody's on the internet: those have a dot."""
    try:
        ip_address(name)
    except ValueError:
        return name.endswith(".localhost") or (bool(name) and "." not in name)
    return True


def _error(status: int, message: str) -> Reply:
    return json_reply(status, {"status": status, "message": message})
