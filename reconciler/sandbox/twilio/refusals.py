"""Build Twilio's errors, as replies and as exceptions: code, message and status in the body that
its clients expect.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Refused

MORE_INFO = "https://www.twilio.com/docs/errors/"


def error_reply(
    code: int, message: str, *, status: int = 400, headers: Sequence[tuple[str, str]] = ()
) -> Reply:
    """Return an error in the form of the 2010 API."""
    body = {"code": code, "message": message, "more_info": f"{MORE_INFO}{code}", "status": status}
    return json_reply(status, body, headers)


def problem_reply(code: int, title: str, *, status: int) -> Reply:
    """Return an error in the form of Twilio's newer products (RFC 9457)."""
    body = {
        "type": f"{MORE_INFO}{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": "Try again later",
    }
    return json_reply(status, body, (("Content-Type", "application/problem+json"),))


def html_reply(status: int) -> Reply:
    """Return an HTML page, as a proxy in front of Twilio sends it."""
    page = (
        b"<!DOCTYPE html><html><head><title>Gateway</title></head>"
        b"<body><h1>Something went wrong</h1></body></html>"
    )
    return Reply(status, page, (("Content-Type", "text/html; charset=utf-8"),))


def refusal(code: int, message: str, *, status: int = 400) -> Refused:
    """Return the exception that ends a call with this error."""
    return Refused(error_reply(code, message, status=status))


def not_found(path: str) -> Refused:
    """Return the exception for a resource that does not exist in this account."""
    return refusal(20404, f"The requested resource {path} was not found", status=404)


def auth_error(message: str = "Authenticate") -> Refused:
    """Return the exception for wrong credentials, or for missing permission."""
    challenge = (("WWW-Authenticate", 'Basic realm="Twilio API"'),)
    return Refused(error_reply(20003, message, status=401, headers=challenge))
