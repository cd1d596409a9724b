"""A server that redirects gets no secret sent to another server: two real listeners, and the second one stays alone.

Twilio, every platform with every call that its adapter has, the state on a web server, and buckets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.project import PlatformSettings, Secret
from reconciler.errors import ReconcilerError, RemoteError
from reconciler.kinds.number import FETCH, UPDATE
from reconciler.model.position import Position
from reconciler.remote.platforms.contract import Adapter, RegisteredNumber, RegistrationRequest
from reconciler.remote.platforms.registry import connect
from reconciler.state.stores.object_client import open_bucket
from reconciler.state.stores.open import open_store
from tests.support.adapter_runner import KINDS, ONE, LiteralVault
from tests.support.processes.listener import Listener
from tests.support.scripted_server import FakeClock

from .conftest import Connect

STATUSES = (301, 302, 303, 307, 308)
PLACE = Position("reconciler.yaml", 1, 1)
THERE = RegisteredNumber("id-1", ONE, {})
CALLS: dict[str, Callable[[Adapter, RegistrationRequest], Any]] = {
    "list": lambda adapter, asked: adapter.list([asked]),
    "preflight": lambda adapter, asked: adapter.preflight([asked]),
    "create": lambda adapter, asked: adapter.create([asked]),
    "link": lambda adapter, asked: adapter.link(THERE, asked),
    "update": lambda adapter, asked: adapter.update(THERE, asked),
    "delete": lambda adapter, asked: adapter.delete(THERE),
    "verify": lambda adapter, asked: adapter.verify(),
}
"""Every method of an adapter that asks the platform something."""


@pytest.fixture
def other() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


@pytest.fixture(params=STATUSES)
def first(request: pytest.FixtureRequest, other: Listener) -> Iterator[Listener]:
    """Redirects everything to the other server, under another name of this machine."""
    head = f"HTTP/1.1 {request.param} Moved\r\nLocation: http://localhost:{other.port}/x\r\n"
    made = Listener(f"{head}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
    yield made
    made.close()


@pytest.mark.parametrize("name", sorted(KINDS))
def test_no_platform_passes_a_key_on(name: str, first: Listener, other: Listener) -> None:
    kind = KINDS[name]
    settings = PlatformSettings(
        name="p",
        type=name,
        base_url=f"http://127.0.0.1:{first.port}",
        secrets={
            "api_key": Secret("KEY", None, PLACE),
            "api_secret": Secret("SECRET", None, PLACE),
        },
        connections={"main": kind.connection} if kind.connection else {},
        texts={"organization_id": "org_1"},
        position=PLACE,
    )
    adapter = connect(settings, LiteralVault(), clock=FakeClock(), jitter=lambda: 1.0)
    asked = RegistrationRequest(
        f"registration/p/{ONE}",
        ONE,
        {**kind.attrs, "status": "active"},
        "main" if kind.twilio else "",
        "PN" + "1" * 32,
    )
    asked_of = 0
    for call in CALLS.values():
        before = first.connections
        try:
            answer = call(adapter, asked)
        except (RemoteError, AssertionError):
            answer = None
        # A redirect never counts as done: where something was asked, nothing came of it.
        if first.connections > before:
            asked_of += 1
            found = answer.values() if isinstance(answer, dict) else answer or ()
            assert all(isinstance(each, RemoteError) for each in found), answer
    adapter.close()
    assert asked_of > 0
    assert first.received
    assert other.connections == 0


@pytest.mark.parametrize("form", ["plain", "gitlab"])
def test_no_web_server_of_the_state_passes_a_password_on(
    tmp_path: Path, first: Listener, other: Listener, form: str
) -> None:
    below = "api/v4/projects/1/terraform/state/voice" if form == "gitlab" else "voice"
    url = f"http://127.0.0.1:{first.port}"
    environ = {
        "TF_HTTP_PASSWORD": "pl4nted",
        "CI_API_V4_URL": f"{url}/api/v4",
        "CI_JOB_TOKEN": "pl4nted",
    }
    store = open_store(f"{url}/{below}", tmp_path, "acme", environ=environ)
    with pytest.raises(ReconcilerError):
        store.load()
    assert b"Authorization: Basic" in first.received
    assert other.connections == 0


def test_twilio_passes_no_token_on(first: Listener, other: Listener, connected: Connect) -> None:
    gateway = connected(f"http://127.0.0.1:{first.port}")
    voice = {"VoiceUrl": "https://agents.example.com/voice"}
    for ask in (
        lambda: gateway.call(FETCH, sid="PN" + "1" * 32),
        lambda: gateway.call(UPDATE, voice, sid="PN" + "1" * 32),
    ):
        with pytest.raises(RemoteError):
            ask()
    assert b"Authorization: Basic" in first.received
    assert other.connections == 0


def test_a_bucket_passes_no_signature_on(
    first: Listener, other: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """obstore follows redirects, and takes the signature off before it does. The secret key itself is never sent."""
    environ = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{first.port}",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "pl4nted-id",
        "AWS_SECRET_ACCESS_KEY": "pl4nted-key",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    bucket, key = open_bucket("s3://voice/key", environ)
    assert bucket.get(key) is None
    assert b"pl4nted-id" in first.received
    assert b"pl4nted" not in other.received
