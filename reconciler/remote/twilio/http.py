"""Implement the `HttpClient` of Twilio's package on our own pool: form bodies, basic
authentication, another base URL, and the check of links to next pages.

Makes one attempt; retries are decided elsewhere. Raises
`reconciler.remote.transport.pool.NoAnswer`.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from twilio.http import HttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]

from reconciler.remote.transport.pool import Pool, is_loopback

_log = logging.getLogger(__name__)


class Reply(Response):  # type: ignore[misc]
    """One whole answer: `body` as it came, `headers` without regard to case."""

    status_code: int

    def __init__(self, status_code: int, body: bytes, headers: Mapping[str, str]) -> None:
        super().__init__(status_code, "", headers)
        self.body = body
        self.headers: Mapping[str, str] = headers

    @property
    def text(self) -> str:
        """Return the body as text, for Twilio's own code."""
        return self.body.decode("utf-8", "replace")


class BaseUrl:
    """The target of requests for ``https://PRODUCT.twilio.com``: Twilio, or one stand-in server.

    `prefix` is the path before Twilio's own, without a slash at its end. Raises ValueError for an
    invalid `base_url`: otherwise requests meant for a stand-in would go to Twilio.
    """

    def __init__(self, base_url: str | None) -> None:
        parts = urlsplit(base_url or "")
        host = parts.netloc.rpartition("@")[2]  # a name and password in it would end up in messages
        if base_url and not (host and parts.scheme in ("http", "https")):
            raise ValueError("base_url is not an http(s) URL")
        self.prefix = parts.path.rstrip("/")
        self._host = (parts.hostname or "").lower()
        self._start = f"{parts.scheme}://{host}{self.prefix}" if host else ""

    def rewrite(self, url: str) -> str:
        """Return the URL with scheme, host and port replaced and the prefix put before the path."""
        return self._start + url[url.index("/", 8) :] if self._start else url

    def target(self, link: str, listing: str) -> str:
        """Return path and query of a link to the next page of `listing` (a path), as Twilio writes
        them.

        Requests always go to the base URL, so credentials follow no link to another server. Raises
        ValueError for an invalid link, and for one to another server or another path: what comes
        from there is not the listing.
        """
        parts = urlsplit(link)
        path = parts.path
        if self.prefix and path.startswith(self.prefix + "/"):
            path = path[len(self.prefix) :]
        if not path.startswith("/"):
            raise ValueError("the link to the next page has no path")

        if parts.netloc and not self._is_ours(parts.hostname or ""):
            raise ValueError(
                f"the link to the next page leads to another host: {parts.hostname or 'none'}"
            )
        if _comparable_path(path) != _comparable_path(listing):
            raise ValueError(f"the link to the next page leads to another path: {path}")
        return f"{path}?{parts.query}" if parts.query else path

    def _is_ours(self, host: str) -> bool:
        """Return whether a link may name this host.

        Twilio's own, which a stand-in may repeat, and that of the base URL.
        """
        name = host.lower()
        if name == "twilio.com" or name.endswith(".twilio.com"):
            return True
        return name == self._host or (is_loopback(name) and is_loopback(self._host))


def _comparable_path(path: str) -> str:
    """Return a path in a comparable form: Twilio accepts SIDs in either case."""
    return unquote(path).rstrip("/").lower()


class Transport(HttpClient):  # type: ignore[misc]
    """The HTTP client that Twilio's package sends its requests through."""

    def __init__(self, pool: Pool, base: BaseUrl) -> None:
        super().__init__(_log, is_async=False)
        self._pool = pool
        self._base = base

    def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Reply:
        """Make one attempt of at most `timeout` seconds in all. Raises NoAnswer.

        Redirects are never followed.
        """
        url = self._base.rewrite(uri)
        if params:
            url = f"{url}{'&' if '?' in url else '?'}{urlencode(params)}"

        sent = {**(headers or {}), "Accept-Encoding": "gzip, deflate"}
        if auth is not None:
            sent["Authorization"] = basic_auth(*auth)
        body = urlencode(data or {}).encode() if method == "POST" else None

        status, received, whole = self._pool.send(
            method, url, headers=sent, body=body, within=30.0 if timeout is None else timeout
        )
        return Reply(status, whole, received)

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


def basic_auth(username: str, password: str) -> str:
    """Return the value of the Authorization header."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
