from __future__ import annotations

from collections.abc import Iterator

import pytest
from twilio.rest import Client

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.twilio.numbers import Number
from reconciler.sandbox.world.world import World
from tests.support.sandbox_client import client_of


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.generate(numbers=12)) as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    with client_of(sandbox) as client:
        yield client


@pytest.fixture
def number(sandbox: Sandbox) -> Number:
    """A number without webhooks, trunk and application that can do everything."""
    number = sandbox.world.number("+15552000000")
    for field in ("voice_url", "voice_fallback_url", "sms_url", "status_callback"):
        setattr(number, field, "")
    number.voice_method = "POST"
    return number
