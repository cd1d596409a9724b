"""Proxies, trust and TLS."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import certifi
import pytest
from urllib3 import PoolManager, ProxyManager
from urllib3.exceptions import (
    ConnectTimeoutError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from reconciler.errors import RemoteError
from reconciler.kinds.number import FETCH
from reconciler.remote.transport import pool
from reconciler.remote.transport.retry import FailureKind
from tests.support.scripted_server import Answer, FakeClock, Server

from .conftest import Connect


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_https_goes_through_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:pw@proxy.example.com:3128")
    manager = pool._manager("https://api.twilio.com", 4)
    assert isinstance(manager, ProxyManager)
    assert manager.proxy.host == "proxy.example.com"  # type: ignore[union-attr]
    assert "proxy-authorization" in manager.proxy_headers


def test_a_proxy_may_be_written_without_its_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example.com:3128")
    assert isinstance(pool._manager("https://api.twilio.com", 4), ProxyManager)


@pytest.mark.parametrize(
    "origin", ["https://127.0.0.1:8443", "https://localhost", "https://[::1]:1", "http://host"]
)
def test_this_machine_and_plain_http_need_no_proxy(
    monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    assert type(pool._manager(origin, 4)) is PoolManager


def test_hosts_can_be_exempted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("NO_PROXY", ".twilio.com")
    assert type(pool._manager("https://api.twilio.com", 4)) is PoolManager


def test_missing_certificate_bundle_is_an_error_with_a_fix(
    connected: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    with pytest.raises(RemoteError) as caught:
        connected("https://127.0.0.1:1").call(FETCH, sid="PN1")
    assert caught.value.code == "network_error"
    assert "REQUESTS_CA_BUNDLE" in str(caught.value)


def test_system_without_certificates_uses_the_bundled_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(
        ssl, "create_default_context", lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    )
    assert pool._trust_context().cert_store_stats()["x509_ca"] > 50


def test_reports_a_server_without_tls_at_once(connected: Connect, server: Server) -> None:
    with pytest.raises(RemoteError) as caught:
        connected(server.url.replace("http:", "https:")).call(FETCH, sid="PN1")
    assert caught.value.code == "network_error"
    assert "base_url" in caught.value.diagnostics[0].detail
    assert server.seen == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh certificate for 127.0.0.1 that nobody else trusts, with its key in the same file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    command = [
        openssl,
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "1",
    ]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*command, "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    whole = folder / "both.pem"
    whole.write_bytes((folder / "cert.pem").read_bytes() + (folder / "key.pem").read_bytes())
    return whole


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Server(context)
    yield server
    server.close()


def test_uses_one_connection_to_a_trusted_server(
    connected: Connect, tls_server: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    tls_server.answers(Answer(body={"long": "x" * 300_000}))
    gateway = connected(tls_server.url)
    for _ in range(3):
        assert len(str(gateway.call(FETCH, sid="PN1")["long"])) == 300_000
    assert len(tls_server.connections) == 1


def test_untrusted_server_gets_no_request(
    connected: Connect, tls_server: Server, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    with pytest.raises(RemoteError) as caught:
        connected(tls_server.url).call(FETCH, sid="PN1")
    assert (caught.value.code, caught.value.ambiguous, clock.pauses) == ("network_error", False, [])
    assert "certificate verify failed" in str(caught.value)
    assert "REQUESTS_CA_BUNDLE" in str(caught.value)
    assert tls_server.seen == []


def with_cause(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


ANY: Any = None


@pytest.mark.parametrize(
    ("error", "failure", "words"),
    [
        (NewConnectionError(ANY, "refused"), FailureKind.UNREACHED, "refused"),
        (ConnectTimeoutError(ANY, "slow"), FailureKind.UNREACHED, "slow"),
        (
            ProxyError("Unable to connect to proxy", OSError("Tunnel failed: 407")),
            FailureKind.UNREACHED,
            "Tunnel failed: 407",
        ),
        (
            SSLError(ssl.SSLCertVerificationError("self-signed certificate")),
            FailureKind.UNTRUSTED,
            "self-signed certificate",
        ),
        (
            SSLError("EOF occurred in violation of protocol"),
            FailureKind.CUT,
            "EOF occurred in violation of protocol",
        ),
        (
            ProtocolError("Connection aborted.", ConnectionResetError(104, "reset")),
            FailureKind.CUT,
            "reset",
        ),
        (
            with_cause(ReadTimeoutError(ANY, ANY, "Read timed out."), TimeoutError("timed out")),
            FailureKind.CUT,
            "timed out",
        ),
    ],
)
def test_distinguishes_all_connection_failures(
    error: Any, failure: FailureKind, words: str
) -> None:
    assert pool._failure_kind(error) is failure
    assert words in pool._innermost_reason(error)


def test_sends_head_and_body_in_one_packet() -> None:
    """Two pieces are two system calls, and two packets, for each of ten thousand writes."""
    pieces: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            peer, _ = listening.accept()
            with peer:
                for _ in range(2):
                    pieces.append(peer.recv(65536))
                    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        thread = threading.Thread(target=answer)
        thread.start()
        connections = pool.Pool(
            connections=1, connect_timeout=5, read_timeout=5, answer_timeout=5, clock=FakeClock()
        )
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/x"
        assert connections.send("POST", url, headers={}, body=b"VoiceUrl=", within=5)[2] == b"{}"
        assert connections.send("GET", url, headers={}, body=None, within=5)[2] == b"{}"
        thread.join()
        connections.close()
    assert pieces[0].endswith(b"\r\n\r\nVoiceUrl=")
    assert pieces[1].startswith(b"GET /x ")
    assert pieces[1].endswith(b"\r\n\r\n")
