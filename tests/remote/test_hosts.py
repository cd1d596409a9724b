"""Where requests go, and who they say they are."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from reconciler import __version__
from reconciler.errors import RemoteError
from reconciler.kinds.kind import Endpoint
from reconciler.kinds.number import FETCH
from reconciler.remote.twilio.gateway import TwilioGateway
from reconciler.remote.twilio.http import BaseUrl, Reply
from tests.support.scripted_server import SECRET, Answer, Server

from .conftest import Connect

TRUNKS = Endpoint("GET", "trunking", "/v1/Trunks", items="trunks")


class Recorder:
    """A transport that remembers where it was asked to go."""

    def __init__(self, body: bytes = b"{}") -> None:
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.body = body

    def request(self, method: str, uri: str, **rest: Any) -> Reply:
        self.calls.append((method, uri, rest))
        return Reply(200, self.body, {})


@pytest.mark.parametrize(
    ("place", "host"),
    [
        ({}, "api.twilio.com"),
        ({"region": "ie1", "edge": "dublin"}, "api.dublin.ie1.twilio.com"),
        ({"region": "au1", "edge": "sydney"}, "api.sydney.au1.twilio.com"),
        ({"edge": "frankfurt"}, "api.frankfurt.us1.twilio.com"),
        ({"region": "ie1"}, "api.dublin.ie1.twilio.com"),
        ({"region": "au1"}, "api.sydney.au1.twilio.com"),
        ({"region": "us1"}, "api.us1.twilio.com"),
    ],
)
def test_region_and_edge_choose_the_host(
    connected: Connect, place: dict[str, str], host: str
) -> None:
    recorder = Recorder()
    connected(http_client=recorder, **place).call(FETCH, sid="PN1")
    assert recorder.calls[0][1].startswith(f"https://{host}/2010-04-01/Accounts/AC")


def test_each_product_has_a_separate_host(connected: Connect) -> None:
    recorder = Recorder(b'{"trunks": [], "events": []}')
    gateway = connected(http_client=recorder)
    gateway.rows(TRUNKS)
    gateway.events()
    assert [uri.partition("?")[0] for _, uri, _ in recorder.calls] == [
        "https://trunking.twilio.com/v1/Trunks",
        "https://monitor.twilio.com/v1/Events",
    ]


def test_never_follows_a_link_to_a_different_host(connected: Connect) -> None:
    recorder = Recorder(
        b'{"trunks": [], "meta": {"next_page_url": "https://evil.example.com/v1/Trunks?Page=1"}}'
    )
    with pytest.raises(RemoteError, match=r"another host: evil\.example\.com"):
        connected(http_client=recorder).rows(TRUNKS)
    assert {uri.partition("/v1")[0] for _, uri, _ in recorder.calls} == {
        "https://trunking.twilio.com"
    }


def test_requests_carry_credentials_and_a_user_agent(
    gateway: TwilioGateway, server: Server
) -> None:
    server.answers(Answer(body={}))
    gateway.call(FETCH, sid="PN1")
    headers = server.seen[0].headers
    assert headers["Authorization"].startswith("Basic ")
    assert headers["User-Agent"].startswith("twilio-python/")
    assert headers["User-Agent"].endswith(f" reconciler/{__version__}")
    assert headers["Accept-Encoding"] == "gzip, deflate"


def test_the_environment_changes_nothing(
    connected: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ACCOUNT_SID", "AUTH_TOKEN", "REGION", "EDGE"):
        monkeypatch.setenv(f"TWILIO_{name}", "from-the-environment")
    recorder = Recorder()
    connected(http_client=recorder, password="").call(FETCH, sid="PN1")
    [(_, uri, rest)] = recorder.calls
    assert uri.startswith("https://api.twilio.com/")
    assert "from-the-environment" not in repr(rest)


@pytest.mark.parametrize(
    "wrong", ["localhost:8010", "127.0.0.1", "ftp://host/", "http://", "/path"]
)
def test_invalid_base_url_never_leads_to_twilio(connected: Connect, wrong: str) -> None:
    with pytest.raises(RemoteError, match="base_url"):
        connected(wrong)


def test_a_base_url_keeps_no_password() -> None:
    base = BaseUrl("http://user:pw@127.0.0.1:8010/x/")
    assert (
        base.rewrite("https://api.twilio.com/2010-04-01/A.json")
        == "http://127.0.0.1:8010/x/2010-04-01/A.json"
    )


def test_region_and_base_url_together_go_to_the_base_url(
    connected: Connect, server: Server
) -> None:
    server.answers(Answer(body={"fine": True}))
    assert connected(server.url, region="ie1", edge="dublin").call(FETCH, sid="PN1") == {
        "fine": True
    }


def test_the_promise_can_be_imported_without_twilio() -> None:
    code = "import sys, reconciler.remote.gateway, reconciler.remote.transport.pool; sys.exit('twilio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_objects_with_a_secret_do_not_show_it(gateway: TwilioGateway) -> None:
    holders = (
        gateway,
        gateway._caller,
        gateway._caller._client,
        gateway._caller._client.http_client,
    )
    assert not any(SECRET in repr(holder) for holder in holders)
