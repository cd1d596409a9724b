"""A server, and gateways to it that never sleep and are closed at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from reconciler.model.credentials import Credentials
from reconciler.remote.twilio.gateway import TwilioGateway, connect
from tests.support.scripted_server import SECRET, SID, FakeClock, Server

Connect = Callable[..., TwilioGateway]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def connected(clock: FakeClock) -> Iterator[Connect]:
    """Makes gateways; `base_url` and fields of the credentials may be given beside the options of `connect`."""
    gateways: list[TwilioGateway] = []

    def make(base_url: str | None = None, **options: Any) -> TwilioGateway:
        fields = {
            name: options.pop(name) for name in ("region", "edge", "password") if name in options
        }
        credentials = Credentials(
            "main", SID, "SK" + "b" * 32, **{"password": SECRET, "base_url": base_url, **fields}
        )
        gateway = connect(credentials, **{"clock": clock, "jitter": lambda: 0.5, **options})
        gateways.append(gateway)
        return gateway

    yield make
    for gateway in gateways:
        gateway.close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def gateway(server: Server, connected: Connect) -> TwilioGateway:
    return connected(server.url)
