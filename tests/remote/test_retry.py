from __future__ import annotations

from email.utils import formatdate

import pytest

from reconciler.remote.transport.retry import (
    AttemptOutcome,
    FailureKind,
    RetryPolicy,
    decide_retry,
    may_have_happened,
    read_retry_after,
)

NOW = 1_700_000_000.0


def wait(
    *, retry_policy: RetryPolicy | None = None, jitter: float = 1.0, **attempt: object
) -> float | None:
    facts = {"method": "GET", "idempotent": True, "number": 1, **attempt}
    return decide_retry(
        AttemptOutcome(**facts), retry_policy or RetryPolicy(), now=NOW, jitter=jitter
    )  # type: ignore[arg-type]


READ = {"method": "GET"}
DELETE = {"method": "DELETE"}
UPDATE = {"method": "POST", "idempotent": True}
CREATE = {"method": "POST", "idempotent": False}


@pytest.mark.parametrize("call", [READ, DELETE, UPDATE, CREATE])
@pytest.mark.parametrize("end", [{"status": 429}, {"failure": FailureKind.UNREACHED}])
def test_retries_every_call_that_was_certainly_not_executed(call: dict, end: dict) -> None:
    assert wait(**call, **end) is not None
    assert not may_have_happened(AttemptOutcome(**{"idempotent": True, **call}, number=1, **end))


MAYBE = [
    {"status": 500},
    {"status": 503},
    {"status": 408},
    {"failure": FailureKind.CUT},
    {"failure": FailureKind.UNREADABLE, "status": 200},
]


@pytest.mark.parametrize("call", [READ, DELETE, UPDATE])
@pytest.mark.parametrize("end", MAYBE)
def test_retries_possibly_executed_calls_only_if_idempotent(call: dict, end: dict) -> None:
    assert wait(**call, **end) is not None


@pytest.mark.parametrize("end", MAYBE)
def test_never_resends_a_possibly_executed_create(end: dict) -> None:
    assert wait(**CREATE, **end) is None
    assert may_have_happened(AttemptOutcome(**CREATE, number=1, **end))


@pytest.mark.parametrize("end", MAYBE)
def test_a_read_never_leaves_doubt(end: dict) -> None:
    assert not may_have_happened(AttemptOutcome("GET", True, 1, **end))


@pytest.mark.parametrize("status", [301, 400, 401, 403, 405, 409])
def test_a_refusal_is_final(status: int) -> None:
    assert wait(status=status) is None


def test_does_not_retry_an_untrusted_server() -> None:
    assert wait(failure=FailureKind.UNTRUSTED) is None


def test_requests_an_unreadable_response_twice_at_most() -> None:
    assert wait(failure=FailureKind.UNREADABLE, number=5) is not None, (
        "after other trouble the first one is still the first"
    )
    assert wait(failure=FailureKind.UNREADABLE, number=2, unreadable_before=True) is None


def test_does_not_request_an_oversized_response_again() -> None:
    assert wait(failure=FailureKind.OVERSIZED) is None
    assert may_have_happened(AttemptOutcome(**CREATE, number=1, failure=FailureKind.OVERSIZED))


def test_a_404_is_confirmed_once() -> None:
    assert wait(status=404) is not None
    assert wait(status=404, number=2, missing_before=True) is None
    assert wait(status=404, number=3) is not None, (
        "after other trouble the first 404 is still the first"
    )


@pytest.mark.parametrize("call", [DELETE, CREATE])
def test_a_404_to_a_delete_or_a_create_needs_no_confirmation(call: dict) -> None:
    assert wait(**call, status=404) is None


def test_waits_double_from_a_tenth_of_a_second_to_five() -> None:
    waits = [
        wait(status=503, number=number, retry_policy=RetryPolicy(attempts=99))
        for number in range(1, 9)
    ]
    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])


def test_jitter_shortens_a_wait_down_to_zero() -> None:
    assert wait(status=503, number=4, jitter=0.25) == pytest.approx(0.2)
    assert wait(status=503, jitter=0.0) == 0.0


def test_attempts_are_counted() -> None:
    assert wait(status=429, number=11) is not None
    assert wait(status=429, number=12) is None


def test_the_server_may_ask_for_a_wait_in_seconds() -> None:
    assert wait(status=429, retry_after="3") == 3.0
    assert wait(status=503, retry_after="1.5") == 1.5


def test_the_server_may_ask_for_a_wait_until_a_date() -> None:
    assert wait(status=429, retry_after=formatdate(NOW + 4, usegmt=True)) == 4.0
    assert read_retry_after(formatdate(NOW + 4, usegmt=False), NOW) == 4.0


def test_the_server_may_not_ask_for_more_than_twenty_seconds() -> None:
    assert wait(status=429, retry_after="3600") == 20.0


def test_uses_the_default_wait_without_retry_after() -> None:
    assert wait(status=429, retry_after="0") == pytest.approx(0.1)


@pytest.mark.parametrize(
    "nonsense", ["", "soon", "-5", "nan", "inf", "Thu, 99 Foo 2026", formatdate(NOW - 60)]
)
def test_ignores_invalid_and_past_retry_after(nonsense: str) -> None:
    assert read_retry_after(nonsense, NOW) == 0.0
