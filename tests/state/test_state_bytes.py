"""How many bytes a remote state costs: those that an apply sends, and those that are stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread

import pytest

from reconciler.errors import StateError
from reconciler.sandbox.service.app import Sandbox
from reconciler.state.format.codec import Codec
from reconciler.state.format.document import State
from reconciler.state.stores.open import open_store
from tests.support.workflow_runner import AGENT, WorkflowRunner, world

from . import terraform_server
from .samples import address, entry, state

MOST_SENT = 6
"""The most that an apply may send, in sizes of the state as JSON."""
NUMBERS = [f"+1555{index:07d}" for index in range(3_000)]
SAFETY = {"takeover": "allow", "max_updates": "100%"}
FORMER = {"webhooks": {"voice": "https://agents.example.com/former"}}


class CountingHandler(terraform_server.Handler):
    """Counts the bytes of the documents that are sent."""

    documents = terraform_server.Documents()
    sent = 0
    _mutex = Lock()

    def _handle(self) -> None:
        with self._mutex:
            CountingHandler.sent += int(self.headers.get("Content-Length") or 0)
        super()._handle()

    do_GET = do_POST = do_LOCK = do_UNLOCK = do_DELETE = _handle


@contextmanager
def counting_server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), CountingHandler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/states/voice"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def sent_meanwhile() -> int:
    sent, CountingHandler.sent = CountingHandler.sent, 0
    return sent


def size_of(found: State | None) -> int:
    """The size of a state as JSON."""
    assert found is not None
    return len(Codec(found.project).document(found))


def test_an_apply_sends_a_few_sizes_of_the_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terraform_server, "USER", None)
    rows = [
        {"phone_number": number, "voice_url": AGENT["voice"], "sms_url": AGENT["sms"]}
        for number in NUMBERS
    ]
    with Sandbox(world(*rows)) as sandbox, counting_server() as url:
        runner = WorkflowRunner(tmp_path, sandbox)
        for agent in ("support", FORMER):
            runner.declare(dict.fromkeys(NUMBERS, agent), state=url, safety=SAFETY)
            sent_meanwhile()
            assert not runner.apply().result.failures
            found = open_store(url, tmp_path, "routes").load()
            sent = sent_meanwhile()
            assert sent <= MOST_SENT * size_of(found)
        assert not [row for row in sandbox.world.numbers if row.voice_url == AGENT["voice"]]


def test_a_compressed_state_is_small_and_an_uncompressed_one_is_still_read() -> None:
    resources = {address(index): entry(index) for index in range(1_000)}
    large = State(project="acme", lineage="L", serial=1, resources=resources)
    stored = {}
    for compress in (False, True):
        codec = Codec("acme", compress=compress)
        stored[compress] = codec.document(large)
        for reader in (Codec("acme"), Codec("acme", compress=True)):
            assert reader.state(stored[compress], "here") == large
            top = reader.head(stored[compress][:65536])
            assert top is not None
            assert (top.project, top.serial) == ("acme", 1)
    assert len(stored[True]) < len(stored[False]) / 5


def test_short_values_are_not_compressed_and_long_ones_are_read_by_every_codec() -> None:
    plain, compressing = Codec("acme"), Codec("acme", compress=True)
    assert compressing.seal(b'{"a":1}') == plain.seal(b'{"a":1}')
    long = b'{"a":"' + b"x" * 2_000 + b'"}'
    stored = compressing.seal(long)
    assert len(stored) < 200
    assert plain.unseal(stored, "here") == long


@pytest.mark.parametrize("place", [0.3, 0.5, 0.9])
def test_changed_compressed_state_is_damaged(place: float) -> None:
    stored = bytearray(Codec("acme", compress=True).document(state(3)))
    index = int(len(stored) * place)
    stored[index] = ord("A") if stored[index] != ord("A") else ord("B")
    with pytest.raises(StateError):
        Codec("acme").state(bytes(stored), "here")


def test_head_of_a_compressed_state_must_match_its_content() -> None:
    stored = Codec("acme", compress=True).document(state(3))
    with pytest.raises(StateError):
        Codec("acme").state(stored.replace(b'"serial":0', b'"serial":4'), "here")
