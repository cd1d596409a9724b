"""A fresh server and a fresh folder for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .foreign import Foreign
from .relay import Listener
from .stage import Stage


@pytest.fixture
def twilio() -> Iterator[Foreign]:
    with Foreign() as twilio:
        yield twilio
    assert not twilio.failures, twilio.failures[0]
    touched = [
        call
        for call in twilio.calls
        if call.method == "DELETE" and "IncomingPhoneNumbers" in call.path
    ]
    assert not touched, "a number was deleted"


@pytest.fixture
def stage(twilio: Foreign, tmp_path: Path) -> Stage:
    return Stage(tmp_path / "work", twilio)


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()
