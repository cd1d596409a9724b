"""What the answer to one attempt is worth: a value, a refusal, or nothing that could be read.

Pure: no network, no waiting. What follows from it is decided in
`reconciler.remote.transport.retry`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from reconciler.kinds.kind import Product
from reconciler.remote.transport.body import decode_json
from reconciler.remote.transport.pool import NoAnswer
from reconciler.remote.transport.retry import AttemptOutcome, FailureKind, Method
from reconciler.remote.twilio.http import Reply

T = TypeVar("T")
_REQUEST_ID = re.compile(r"RQ[0-9A-Za-z]{1,64}")


class Request(msgspec.Struct, frozen=True):
    """What to ask: `target` is path and query, `params` go into the query of a GET and the body of
    a POST.
    """

    method: Method
    product: Product
    target: str
    params: dict[str, str] = {}
    idempotent: bool = True
    optional: bool = False

    def __repr__(self) -> str:
        """Without the parameters: there may be a password among them."""
        return f"Request({self.method} {self.path})"

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


class CallHistory(msgspec.Struct):
    """One call so far.

    `number` attempts were made; `ambiguous`: one of them may have been carried out; `missing`: one
    was answered 404; `unreadable`: one brought an answer that could not be read; `failure` is why
    the latest that brought no usable answer did not; `spent`: the run has no attempts left;
    `waited` is how many seconds were waited between attempts; `waits_exceeded`: it may wait no
    longer.
    """

    request: Request
    number: int = 0
    ambiguous: bool = False
    missing: bool = False
    unreadable: bool = False
    failure: NoAnswer | None = None
    spent: bool = False
    waited: float = 0.0
    waits_exceeded: bool = False


class AttemptResult(msgspec.Struct, Generic[T], frozen=True):
    """How one attempt ended: with the value of a successful call, with a refusal, or without a
    usable answer.
    """

    attempt: AttemptOutcome
    value: T | None = None
    done: bool = False
    reply: Reply | None = None
    failure: NoAnswer | None = None


def judge_response(
    history: CallHistory, outcome: Reply | NoAnswer, read: Callable[[bytes], T]
) -> AttemptResult[T]:
    """How the attempt ended.

    `read` raises msgspec.DecodeError or ValueError for a body that it cannot make sense of.

    DELETE answered 404 when it was sent before means that it was done before.
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
    """Twilio's own name for the request, which its support asks for; None for anything that is not
    such a name.
    """
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
    """A page made for people where Twilio would have said why: a proxy's or another server's, not
    Twilio's refusal.
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
