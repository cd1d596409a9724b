"""Define `Request`, and judge the answer to one attempt: a value, a refusal, or no usable answer.
Also reads Twilio's request id.

Pure: no network and no waiting. Retries are decided in `reconciler.remote.transport.retry`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from reconciler.kinds.kind import Product
from reconciler.remote.transport.body import decode_json
from reconciler.remote.transport.caller import CallState
from reconciler.remote.transport.pool import NoAnswer
from reconciler.remote.transport.retry import AttemptOutcome, FailureKind, Method
from reconciler.remote.twilio.http import Reply

T = TypeVar("T")
_REQUEST_ID = re.compile(r"RQ[0-9A-Za-z]{1,64}")


class Request(msgspec.Struct, frozen=True):
    """A request.

    `target` is path and query; `params` go to the query of a GET or the body of a POST.
    """

    method: Method
    product: Product
    target: str
    params: dict[str, str] = {}
    idempotent: bool = True
    optional: bool = False

    def __repr__(self) -> str:
        """Describe it without the parameters: there may be a password among them."""
        return f"Request({self.method} {self.path})"

    @property
    def path(self) -> str:
        """Return the target without its query."""
        return self.target.partition("?")[0]


class CallHistory(CallState):
    """One call so far; `failure` is that of the latest attempt without a usable answer."""

    request: Request
    failure: NoAnswer | None = None


class AttemptResult(msgspec.Struct, Generic[T], frozen=True):
    """The result of one attempt: a value, a refusal, or no usable answer."""

    attempt: AttemptOutcome
    value: T | None = None
    done: bool = False
    reply: Reply | None = None
    failure: NoAnswer | None = None


def judge_response(
    history: CallHistory, outcome: Reply | NoAnswer, read: Callable[[bytes], T]
) -> AttemptResult[T]:
    """Return how the attempt ended.

    `read` raises msgspec.DecodeError or ValueError for a body that it cannot use. A DELETE that was
    sent before and is now answered 404 counts as done: the earlier attempt was carried out.
    """
    if isinstance(outcome, NoAnswer):
        return AttemptResult(_to_outcome(history, failure=outcome.failure), failure=outcome)

    reply = outcome
    if 200 <= reply.status_code < 300:
        try:
            return AttemptResult(
                _to_outcome(history, reply=reply), value=decode_json(reply.body, read), done=True
            )
        except (msgspec.DecodeError, ValueError) as error:
            return _unreadable(
                history,
                reply,
                f"{_describe_content_type(reply)} in place of Twilio's JSON ({error})",
            )

    # A missing optional endpoint is an answer: it is not worth another attempt.
    if reply.status_code == 404 and history.request.optional:
        return AttemptResult(
            msgspec.structs.replace(_to_outcome(history, reply=reply), missing_before=True),
            reply=reply,
        )

    if _is_foreign(reply):
        return _unreadable(
            history,
            reply,
            f"status {reply.status_code} with {_describe_content_type(reply)} in place of Twilio's "
            "JSON",
        )

    if reply.status_code == 404 and history.request.method == "DELETE" and history.number > 1:
        return AttemptResult(_to_outcome(history, reply=reply), value=read(b""), done=True)
    return AttemptResult(_to_outcome(history, reply=reply), reply=reply)


def request_id(reply: Reply | None) -> str | None:
    """Return Twilio's id of the request, which its support asks for; None without a valid one."""
    named = reply.headers.get("Twilio-Request-Id", "") if reply else ""
    return named if _REQUEST_ID.fullmatch(named) else None


def _to_outcome(
    history: CallHistory, *, reply: Reply | None = None, failure: FailureKind | None = None
) -> AttemptOutcome:
    return AttemptOutcome(
        method=history.request.method,
        idempotent=history.request.idempotent,
        number=history.number,
        status=reply.status_code if reply else 0,
        failure=failure,
        retry_after=reply.headers.get("Retry-After") if reply else None,
        missing_before=history.missing,
        unreadable_before=history.unreadable,
    )


def _unreadable(history: CallHistory, reply: Reply, message: str) -> AttemptResult[T]:
    failure = NoAnswer(FailureKind.UNREADABLE, message)
    return AttemptResult(
        _to_outcome(history, reply=reply, failure=failure.failure), reply=reply, failure=failure
    )


def _is_foreign(reply: Reply) -> bool:
    """Return whether an error answer is a page for people, so that it is not Twilio's.

    It comes from a proxy or from another server.
    """
    return (
        400 <= reply.status_code < 500
        and reply.status_code != 429
        and reply.body.lstrip()[:1] == b"<"
    )


def _describe_content_type(reply: Reply) -> str:
    return (
        reply.headers.get("Content-Type", "").partition(";")[0] or "an answer of no declared type"
    )
