"""Which stacks are tried again: failures that may pass, never refusals."""

from __future__ import annotations

import pytest

from reconciler.fleet.queue.retries import find_pause, may_pass
from reconciler.report.documents.fleet import FleetStack, outcome_of


def entry(exit_code: int | None, *codes: str) -> FleetStack:
    return FleetStack(
        name="acme",
        directory=".",
        outcome=outcome_of(exit_code),
        exit_code=exit_code,
        summary={},
        seconds=1.0,
        diagnostics=[],
        items=[],
        left_out=0,
        codes=dict.fromkeys(codes, 1),
    )


@pytest.mark.parametrize(
    ("exit_code", "codes", "expected"),
    [
        (0, [], False),
        (2, [], False),
        (6, ["state_locked"], True),
        (1, ["network_error"], True),
        (1, ["twilio_unavailable", "rate_limited"], True),
        (5, ["network_error", "interrupted", "dependency_failed"], True),
        (5, ["network_error", "twilio_refused"], False),
        (1, ["twilio_auth_failed"], False),
        (1, [], False),
        (3, ["network_error"], False),
        (4, ["stale_plan"], False),
        (4, [], False),
        (64, ["target_no_match"], False),
        (None, ["stack_crashed"], False),
    ],
)
def test_only_what_may_pass_is_tried_again(
    exit_code: int | None, codes: list[str], expected: bool
) -> None:
    assert may_pass(entry(exit_code, *codes)) is expected


def test_each_pause_is_longer_and_there_is_a_last_one() -> None:
    assert [find_pause(number, 5.0) for number in range(1, 7)] == [5, 10, 20, 40, None, None]
