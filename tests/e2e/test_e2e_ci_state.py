"""The first apply in a CI job with its state in a file, at a server that is no sandbox: TLS under a name of its own.

Nothing of the program is replaced: a TLS relay with a certificate of the test stands before the server, each process
is started with a resolver that knows its name, and consent to the host comes from outside the files.
"""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.processes.process_runner import AC, ProcessRunner, watched

ONE = "+15550100101"
NAME = "twilio.example.net"
RESOLVER = f"""\
import socket
ask = socket.getaddrinfo

def answer(host, *rest, **more):
    return ask("127.0.0.1" if host == {NAME!r} else host, *rest, **more)

socket.getaddrinfo = answer
"""
DENIALS = ("", " ", "0", "false", "False", "FALSE")
CLAIMS = ("true", "1", "no", "yes", "TRUE", "woodpecker")


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for the name, signed by itself, and its key, in one file; the certificate alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    both, alone = folder / "server.pem", folder / "trusted.pem"
    both.write_bytes(private + public)
    alone.write_bytes(public)
    return both, alone


class TlsRelay:
    """A TLS server that passes everything on to a port of this machine."""

    def __init__(self, certificate: Path, port: int) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._target = port
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(connection,), daemon=True).start()

    def _relay(self, connection: socket.socket) -> None:
        with (
            suppress(OSError),
            self._context.wrap_socket(connection, server_side=True) as client,
            socket.create_connection(("127.0.0.1", self._target)) as server,
        ):
            back = threading.Thread(target=self._pass_on, args=(server, client), daemon=True)
            back.start()
            self._pass_on(client, server)
            back.join(60)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)


@pytest.fixture
def real(runner: ProcessRunner, tmp_path: Path) -> Iterator[ProcessRunner]:
    """A number, and the server under its own name behind TLS."""
    both, alone = certificate(tmp_path)
    relay = TlsRelay(both, int(runner.twilio.url.rpartition(":")[2].split("/")[0]))
    start = tmp_path / "start"
    start.mkdir()
    (start / "sitecustomize.py").write_text(RESOLVER, encoding="utf-8")
    runner.environ |= {
        "PYTHONPATH": f"{start}:{runner.environ.get('PYTHONPATH', '')}",
        "REQUESTS_CA_BUNDLE": str(alone),
        "RECONCILER_ALLOW_HOSTS": f"{NAME}:{relay.port}",
    }
    runner.number(ONE)
    declare(runner, f"https://{NAME}:{relay.port}")
    yield runner
    relay.close()


def declare(runner: ProcessRunner, url: str, **sections: object) -> None:
    account = {"sid": AC, "auth_token": {"env": "MAIN_TOKEN"}, "base_url": url}
    runner.declare({ONE: "support"}, accounts={"main": account}, **sections)


@pytest.mark.parametrize("value", CLAIMS)
def test_a_new_local_state_in_ci_is_announced_and_refused(real: ProcessRunner, value: str) -> None:
    with watched(real.twilio) as calls:
        plan = real.json("plan", CI=value)
        assert plan["summary"]["would_refuse"] == ["local_state_in_ci"]
        assert real.run("plan", "--fail-on-refusal", "--json", code=4, CI=value).json["summary"][
            "would_refuse"
        ]
        done = real.run("apply", "--auto-approve", "--json", code=4, CI=value)
    assert done.codes == ["local_state_in_ci"]
    assert "state: s3://BUCKET/acceptance.json" in done.json["diagnostics"][0]["detail"]
    assert "--local-state" in done.json["diagnostics"][0]["detail"]
    assert calls, "the server was read"
    assert not [call for call in calls if call.writes]
    assert not (real.folder / "state.json").exists()


@pytest.mark.parametrize("value", DENIALS)
def test_ci_may_be_denied(real: ProcessRunner, value: str) -> None:
    assert real.json("plan", "--fail-on-refusal", CI=value)["summary"]["would_refuse"] == []
    real.json("apply", "--auto-approve", CI=value)
    assert (real.folder / "state.json").exists()


def test_local_state_accepts_the_file_and_is_needed_once(real: ProcessRunner) -> None:
    assert real.json("plan", "--local-state", CI="true")["summary"]["would_refuse"] == []
    real.run("plan", "--out", "plan.bin", CI="true")
    assert real.run("apply", "plan.bin", "--json", code=4, CI="true").codes == ["local_state_in_ci"]
    real.json("apply", "plan.bin", "--local-state", CI="true")
    assert real.json("plan", CI="true")["summary"]["would_refuse"] == []
    real.json("apply", "--auto-approve", CI="true")


@pytest.mark.parametrize("place", ["loopback", "plain http that is allowed"])
def test_a_sandbox_is_exempt(real: ProcessRunner, place: str) -> None:
    port = real.twilio.url.rpartition(":")[2]
    declare(real, f"http://127.0.0.1:{port}" if place == "loopback" else f"http://{NAME}:{port}")
    real.environ["RECONCILER_ALLOW_HOSTS"] = f"http://{NAME}:{port}"
    assert real.json("plan", CI="true")["summary"]["would_refuse"] == []
    real.json("apply", "--auto-approve", CI="true")


def test_single_real_account_requires_shared_state(real: ProcessRunner) -> None:
    """The sandbox beside it does not lift the refusal; an account that no number uses does not count."""
    tls = real.environ["RECONCILER_ALLOW_HOSTS"]
    accounts = {
        name: {"sid": AC, "auth_token": {"env": "MAIN_TOKEN"}, "base_url": url}
        for name, url in (("main", real.twilio.url), ("other", f"https://{tls}"))
    }
    real.declare({ONE: {"agent": "support", "account": "main"}}, accounts=accounts)
    assert real.json("plan", CI="true")["summary"]["would_refuse"] == []
    real.declare({ONE: {"agent": "support", "account": "other"}}, accounts=accounts)
    assert real.json("plan", CI="true")["summary"]["would_refuse"] == ["local_state_in_ci"]
