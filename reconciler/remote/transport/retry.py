"""Decide from the end of an attempt whether and when to try again, and whether the call may have
been carried out; also read `Retry-After`.

Pure: no clock, chance, network or threads, and nothing of Twilio except that status 429 means
"not carried out".

| the attempt ended with | GET, DELETE, idempotent POST | other POST |
|---|---|---|
| no connection, 429 | retry | retry: it certainly was not carried out |
| cut off, timed out, 408, 5xx | retry | give up: it may have been carried out |
| unreadable | retry once: it will not get better | give up: it may have been carried out |
| too large | give up | give up: it may have been carried out |
| 404, the first of this call | retry, but not DELETE | give up |
| an untrusted server, any other status | give up | give up |
"""

from __future__ import annotations

import math
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Literal, assert_never

import msgspec

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


class FailureKind(Enum):
    """Why an attempt brought no usable answer."""

    UNREACHED = "no connection"
    """Certainly not carried out."""
    UNTRUSTED = "no trust"
    """TLS failed, or the address is invalid: certainly not carried out, and a retry does not help.
    """
    CUT = "cut off"
    """Dropped, timed out or truncated: it may have been carried out."""
    UNREADABLE = "unreadable"
    """A whole answer, but not in the form it should have: it may have been carried out."""
    OVERSIZED = "too large"
    """An answer that was not read to its end: it may have been carried out."""


class AttemptOutcome(msgspec.Struct, frozen=True):
    """The end of one attempt of a call.

    `number` counts from 1. `status` is 0 without an answer, `failure` is None with a usable one.
    `retry_after` is the header as it came. `missing_before`: an earlier attempt of the same call
    was answered 404. `unreadable_before`: an earlier attempt brought an unreadable answer.
    """

    method: Method
    idempotent: bool
    number: int
    status: int = 0
    failure: FailureKind | None = None
    retry_after: str | None = None
    missing_before: bool = False
    unreadable_before: bool = False

    @property
    def is_repeatable(self) -> bool:
        """Return whether carrying the call out twice does no harm."""
        return self.idempotent or self.method != "POST"


class RetryPolicy(msgspec.Struct, frozen=True):
    """The number of attempts and their waits, in seconds.

    Waits double from `first` up to `longest`, each multiplied by a random factor. A server may ask
    for up to `longest_asked`.
    """

    attempts: int = 12
    first: float = 0.1
    longest: float = 5.0
    longest_asked: float = 20.0


def decide_retry(
    attempt: AttemptOutcome, retry_policy: RetryPolicy, *, now: float, jitter: float
) -> float | None:
    """Return the seconds to wait before the next attempt, None to give up.

    `now` is the time in seconds since 1970, needed where a server names a date. `jitter` lies
    between 0 and 1.
    """
    if attempt.number >= retry_policy.attempts or not _is_worth_retrying(attempt):
        return None

    backoff: float = (
        min(retry_policy.longest, retry_policy.first * 2 ** (attempt.number - 1)) * jitter
    )
    asked = min(retry_policy.longest_asked, read_retry_after(attempt.retry_after, now))
    return max(backoff, asked)


def may_have_happened(attempt: AttemptOutcome) -> bool:
    """Return whether a write that ended so may have been carried out; never for a read."""
    if attempt.method == "GET":
        return False
    return attempt.failure in (
        FailureKind.CUT,
        FailureKind.UNREADABLE,
        FailureKind.OVERSIZED,
    ) or _is_server_trouble(attempt.status)


def read_retry_after(retry_after: str | None, now: float) -> float:
    """Return the seconds of a ``Retry-After`` header; 0 for none or an invalid one.

    The header holds seconds or an HTTP date.
    """
    if not retry_after:
        return 0.0

    try:
        seconds = float(retry_after)
    except ValueError:
        seconds = _seconds_until(retry_after, now)
    return max(0.0, seconds) if math.isfinite(seconds) else 0.0


def _seconds_until(date: str, now: float) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now


def _is_worth_retrying(attempt: AttemptOutcome) -> bool:
    match attempt.failure:
        case FailureKind.UNREACHED:
            return True
        case FailureKind.UNTRUSTED | FailureKind.OVERSIZED:
            return False

        # From here on the server may have carried the call out.
        case FailureKind.CUT:
            return attempt.is_repeatable
        case FailureKind.UNREADABLE:
            return attempt.is_repeatable and not attempt.unreadable_before
        case None:
            return _is_status_worth_retrying(attempt)
        case _:
            assert_never(attempt.failure)


def _is_status_worth_retrying(attempt: AttemptOutcome) -> bool:
    """Return whether an answer with this status is worth another attempt.

    404 is retried once: a resource may not yet be visible on every server of the API.
    """
    if attempt.status == 429:
        return True
    if attempt.status == 404:
        return attempt.is_repeatable and attempt.method != "DELETE" and not attempt.missing_before
    return attempt.is_repeatable and _is_server_trouble(attempt.status)


def _is_server_trouble(status: int) -> bool:
    return status == 408 or status >= 500
