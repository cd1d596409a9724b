"""A fresh server and a fresh folder for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes.independent_twilio import IndependentTwilio
from tests.support.processes.listener import Listener
from tests.support.processes.process_runner import ProcessRunner


@pytest.fixture
def twilio() -> Iterator[IndependentTwilio]:
    with IndependentTwilio() as twilio:
        yield twilio
    assert not twilio.failures, twilio.failures[0]
    touched = [
        call
        for call in twilio.calls
        if call.method == "DELETE" and "IncomingPhoneNumbers" in call.path
    ]
    assert not touched, "a number was deleted"


@pytest.fixture
def runner(twilio: IndependentTwilio, tmp_path: Path) -> ProcessRunner:
    return ProcessRunner(tmp_path / "work", twilio)


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()
