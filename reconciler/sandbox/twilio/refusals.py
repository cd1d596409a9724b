"""Twilio's errors: a code, a sentence and a status become the body that its clients expect."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Refused

MORE_INFO = "https://www.twilio.com/docs/errors/"


def error_reply(
    code: int, message: str, *, status: int = 400, headers: Sequence[tuple[str, str]] = ()
) -> Reply:
    """An error as Twilio words it."""
    body = {"code": code, "message": message, "more_info": f"{MORE_INFO}{code}", "status": status}
    return json_reply(status, body, headers)


def problem_reply(code: int, title: str, *, status: int) -> Reply:
    """An error as Twilio's newer products word it (RFC 9457)."""
    body = {
        "type": f"{MORE_INFO}{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": "Try again later",
    }
    return json_reply(status, body, (("Content-Type", "application/problem+json"),))


def html_reply(status: int) -> Reply:
    """The page of a proxy that stands before Twilio."""
    page = b"<!DOCTYPE html><html><head><title>Gateway</title></head><body><h1>Something went wrong</h1></body></html>"
    return Reply(status, page, (("Content-Type", "text/html; charset=utf-8"),))


def refusal(code: int, message: str, *, status: int = 400) -> Refused:
    """An exception that ends a call with this error."""
    return Refused(error_reply(code, message, status=status))


def not_found(path: str) -> Refused:
    """What is asked for is not there, or not there for this account."""
    return refusal(20404, f"The requested resource {path} was not found", status=404)


def auth_error(message: str = "Authenticate") -> Refused:
    """Wrong credentials, or credentials without permission."""
    challenge = (("WWW-Authenticate", 'Basic realm="Twilio API"'),)
    return Refused(error_reply(20003, message, status=401, headers=challenge))
