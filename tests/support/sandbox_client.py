"""Call a sandbox with Twilio's own client, or with plain HTTP."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.twilio.accounts import SANDBOX_TOKEN


class ToSandbox(TwilioHttpClient):
    """Send the requests of Twilio's client to the sandbox."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base = base_url

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        parts = urlsplit(url)
        query = f"?{parts.query}" if parts.query else ""
        return super().request(method, f"{self._base}{parts.path}{query}", *args, **kwargs)

    def close(self) -> None:
        if self.session is not None:
            self.session.close()


@contextmanager
def client_of(
    sandbox: Sandbox, user: str = "", password: str = SANDBOX_TOKEN, account: str = ""
) -> Iterator[Client]:
    """Yield a client with the credentials of the first account, or with those given."""
    http = ToSandbox(sandbox.base_url)
    try:
        yield Client(user or sandbox.world.account.sid, password, account or None, http_client=http)
    finally:
        http.close()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    sandbox: Sandbox,
    method: str,
    path: str,
    *,
    form: Mapping[str, str] | None = None,
    body: object = None,
    user: str = "",
    password: str = SANDBOX_TOKEN,
) -> Answer:
    """Send one plain request to a path of the sandbox or to a full URL."""
    url = path if path.startswith("http") else sandbox.base_url + path
    data = (
        urlencode(form).encode()
        if form is not None
        else json.dumps(body).encode()
        if body is not None
        else None
    )
    request = urllib.request.Request(url, data=data, method=method)
    user = user or sandbox.world.account.sid
    request.add_header(
        "Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    )
    if body is not None:
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


def numbers_path(sandbox: Sandbox, sid: str = "") -> str:
    """Return the path of the first account's numbers, or of one of them."""
    base = f"/2010-04-01/Accounts/{sandbox.world.account.sid}/IncomingPhoneNumbers"
    return f"{base}/{sid}.json" if sid else f"{base}.json"
