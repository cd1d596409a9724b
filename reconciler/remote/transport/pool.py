"""Send one HTTP request over pooled connections and return one whole answer, with time-outs, proxy
and TLS trust; never retries. Also recognises this machine's addresses.

Bodies stay bytes. No retries, no authentication and nothing of Twilio. A missing or partial answer
is raised as `NoAnswer`, which states whether the request may have been carried out.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from ipaddress import ip_address
from threading import Lock
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from urllib3 import HTTPConnectionPool, PoolManager, ProxyManager, Retry, Timeout
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NewConnectionError,
    ProxyError,
    SSLError,
)
from urllib3.response import BaseHTTPResponse
from urllib3.util import make_headers

from reconciler.clock import Clock
from reconciler.remote.transport.body import ANSWER_BYTES, BodyError, BodyTooLarge, read_body
from reconciler.remote.transport.deadline import connection_class
from reconciler.remote.transport.retry import FailureKind

_ONCE = Retry(total=False, redirect=False)
_HANDSHAKE = (
    "WRONG_VERSION",
    "UNSUPPORTED_PROTOCOL",
    "PROTOCOL_VERSION",
    "HANDSHAKE_FAILURE",
    "UNRECOGNIZED_NAME",
)
"""Parts of OpenSSL's reasons that only occur before anything of the request is sent."""


class NoAnswer(Exception):
    """Error of an attempt without a whole answer; `failure` is its kind, the message is for the
    user.
    """

    def __init__(self, failure: FailureKind, message: str) -> None:
        super().__init__(message)
        self.failure = failure


class Pool:
    """Connections to any number of servers, up to `connections` kept for each.

    May be used from any thread. Time-outs are in seconds: to connect (to each address of a name),
    between two pieces of an answer, and for a whole answer. A body of more than `most_bytes`,
    decompressed, is not read to its end.
    """

    def __init__(
        self,
        *,
        connections: int,
        connect_timeout: float,
        read_timeout: float,
        answer_timeout: float,
        clock: Clock,
        most_bytes: int = ANSWER_BYTES,
    ) -> None:
        self._most_bytes = most_bytes

        self._connections = connections
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._answer_timeout = answer_timeout
        self._clock = clock

        self._pools: dict[str, HTTPConnectionPool] = {}
        self._lock = Lock()

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        within: float,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Send one request and return status, headers and the whole body.

        Connecting and each wait take at most `within` seconds. Raises NoAnswer.
        """
        origin, target = _split(url)
        timeout = Timeout(
            connect=min(self._connect_timeout, within), read=min(self._read_timeout, within)
        )

        try:
            pool = self._pools.get(origin) or self._open(origin)
            response = pool.urlopen(
                method,
                target,
                body=body,
                headers=headers,
                retries=_ONCE,
                redirect=False,
                assert_same_host=False,
                timeout=timeout,
                preload_content=False,
            )
            return response.status, response.headers, self._body(response)
        except HTTPError as error:
            raise NoAnswer(_failure_kind(error), _innermost_reason(error)) from error

    def _body(self, response: BaseHTTPResponse) -> bytes:
        """Read the body within the limit. Raises NoAnswer.

        A connection with an unread rest of a body is closed.
        """
        try:
            return read_body(response, self._most_bytes)
        except BodyError as error:
            response.close()
            failure = (
                FailureKind.OVERSIZED if isinstance(error, BodyTooLarge) else FailureKind.UNREADABLE
            )
            raise NoAnswer(failure, str(error)) from error

    def close(self) -> None:
        """Close every idle connection; a busy one is closed when its request ends."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()
            self._pools.clear()

    def _open(self, origin: str) -> HTTPConnectionPool:
        with self._lock:
            if origin in self._pools:
                return self._pools[origin]
            try:
                manager = _manager(origin, self._connections)
            except OSError as error:
                raise NoAnswer(
                    FailureKind.UNTRUSTED, f"the trusted certificates cannot be read: {error}"
                ) from error
            pool = manager.connection_from_url(origin)
            pool.ConnectionCls = connection_class(
                pool.scheme or "http", self._answer_timeout, self._clock.monotonic
            )

            # Stored only when complete: `send` looks it up without the lock.
            self._pools[origin] = pool
            return pool


def _split(url: str) -> tuple[str, str]:
    """Return ``https://host:port``, and the path with its query."""
    start = url.index("/", url.index("://") + 3)
    return url[:start], url[start:]


def _manager(origin: str, connections: int) -> PoolManager:
    parts = urlsplit(origin)
    if parts.scheme == "http":
        return PoolManager(maxsize=connections, block=False)

    context = _trust_context()
    proxy = _proxy(parts.hostname or "")
    if proxy is None:
        return PoolManager(maxsize=connections, block=False, ssl_context=context)

    # urllib3 does not send a proxy's name and password from its URL by itself.
    userinfo = urlsplit(proxy).netloc.rpartition("@")[0]
    headers = make_headers(proxy_basic_auth=unquote(userinfo)) if userinfo else None
    return ProxyManager(
        proxy, proxy_headers=headers, maxsize=connections, block=False, ssl_context=context
    )


def _proxy(host: str) -> str | None:
    """Return the https proxy of the environment, as other tools read it; none for this machine."""
    proxy = getproxies().get("https")
    if not proxy or is_loopback(host) or proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _trust_context() -> ssl.SSLContext:
    """Return the trusted certificates of the environment or of this system.

    REQUESTS_CA_BUNDLE is read as Twilio's own client does. One context serves all connections:
    loading the certificates costs as much as a request.
    """
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if bundle:
        folder = os.path.isdir(bundle)
        return ssl.create_default_context(
            cafile=None if folder else bundle, capath=bundle if folder else None
        )
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        import certifi  # a slim image without certificates of its own

        context.load_verify_locations(certifi.where())
    return context


def _failure_kind(error: HTTPError) -> FailureKind:
    if isinstance(error, SSLError):
        return FailureKind.UNTRUSTED if _is_handshake(error) else FailureKind.CUT
    if isinstance(error, LocationValueError):
        return FailureKind.UNTRUSTED
    if isinstance(error, NewConnectionError | ConnectTimeoutError | ProxyError):
        return FailureKind.UNREACHED
    return FailureKind.CUT


def _is_handshake(error: SSLError) -> bool:
    """Return whether TLS failed before anything was sent.

    A connection that breaks later raises SSLError as well.
    """
    cause = error.args[0] if error.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return True
    reason = getattr(cause, "reason", None) or ""
    return any(word in reason for word in _HANDSHAKE)


def _innermost_reason(error: HTTPError) -> str:
    """Return the innermost reason, which names neither the URL nor a header."""
    cause: BaseException = error
    while isinstance(cause, HTTPError) and (inner := _inner_error(cause)) is not None:
        cause = inner
    text = str(cause) or type(cause).__name__
    return text.split(": ", 1)[1] if isinstance(cause, HTTPError) and ": " in text else text


def _inner_error(error: HTTPError) -> BaseException | None:
    if error.__cause__ is not None:
        return error.__cause__
    return next((arg for arg in reversed(error.args) if isinstance(arg, BaseException)), None)
