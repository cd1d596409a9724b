"""What is particular to Terraform's HTTP protocol: addresses, credentials, answers that get lost, other documents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.utils import formatdate

import pytest

from reconciler.errors import StateError
from reconciler.remote.transport.pool import NoAnswer
from reconciler.remote.transport.retry import FailureKind
from reconciler.state.format.codec import Codec
from reconciler.state.records import Put
from reconciler.state.stores.http import HttpBacking
from reconciler.state.stores.http_client import Answer
from reconciler.state.stores.http_endpoints import HttpEndpoints, read_endpoints
from reconciler.state.stores.leased import LeasedStore

from .conftest import Place
from .samples import StoppedClock, address, entry, holder, state
from .terraform_server import Documents

NOW = 1_800_000_000.0
GITLAB = "https://gitlab.example.com/api/v4/projects/7/terraform/state/voice"
URL = "http://server/states/voice"


@pytest.mark.parametrize(
    ("location", "environ", "expected"),
    [
        (URL, {}, HttpEndpoints(URL, URL, URL)),
        (GITLAB, {}, HttpEndpoints(GITLAB, f"{GITLAB}/lock", f"{GITLAB}/lock", "POST", "DELETE")),
        (
            URL,
            {
                "TF_HTTP_LOCK_ADDRESS": f"{URL}/l",
                "TF_HTTP_UNLOCK_ADDRESS": f"{URL}/u",
                "TF_HTTP_LOCK_METHOD": "PUT",
                "TF_HTTP_UNLOCK_METHOD": "DELETE",
                "TF_HTTP_UPDATE_METHOD": "PUT",
            },
            HttpEndpoints(URL, f"{URL}/l", f"{URL}/u", "PUT", "DELETE", "PUT"),
        ),
        (
            URL,
            {"TF_HTTP_USERNAME": "me", "TF_HTTP_PASSWORD": "secret"},
            HttpEndpoints(URL, URL, URL, authorization="Basic bWU6c2VjcmV0"),
        ),
        (
            GITLAB,
            {"CI_API_V4_URL": "https://gitlab.example.com/api/v4", "CI_JOB_TOKEN": "job"},
            HttpEndpoints(
                GITLAB,
                f"{GITLAB}/lock",
                f"{GITLAB}/lock",
                "POST",
                "DELETE",
                "POST",
                "Basic Z2l0bGFiLWNpLXRva2VuOmpvYg==",
            ),
        ),
        (
            URL,
            {"CI_API_V4_URL": "https://gitlab.example.com/api/v4", "CI_JOB_TOKEN": "job"},
            HttpEndpoints(URL, URL, URL),
        ),
    ],
)
def test_reads_addresses_and_credentials_from_the_terraform_variables(
    location: str, environ: dict[str, str], expected: HttpEndpoints
) -> None:
    assert read_endpoints(location, environ) == expected


class Weather:
    """A server of which one answer gets lost: the request of this number, carried out or not."""

    def __init__(self, lost: int = 0, *, carried_out: bool = True, status: int = 0) -> None:
        self.documents = Documents()
        self.requests = 0
        self.lost, self.carried_out, self.status = lost, carried_out, status

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        within: float,
    ) -> Answer:
        self.requests += 1
        lost = self.requests == self.lost
        path, _, lock_id = url.removeprefix("http://server").partition("?ID=")
        if not lost or self.carried_out:
            status, answer = self.documents.answer(method, path, lock_id, body or b"")
        if lost and self.status:
            return self.status, {}, b""
        if lost:
            raise NoAnswer(FailureKind.CUT, "connection reset")
        return status, {}, answer

    def close(self) -> None:
        pass


def store_of(server: Weather, clock: StoppedClock | None = None) -> LeasedStore:
    where, time = HttpEndpoints(URL, URL, URL), clock or StoppedClock()
    backing = HttpBacking(where, Codec("acme"), server, origin=URL, lease=30, clock=time)
    return LeasedStore(backing, lease=30, clock=time)


def work(store: LeasedStore) -> None:
    with store.lock(holder()):
        journal = store.begin(store.load() or state(2))
        journal.append([Put(address(5), entry(5))])
        journal.append([Put(address(6), entry(6))])
        journal.fold()


@pytest.mark.parametrize("carried_out", [True, False])
def test_repeats_a_request_after_a_lost_answer_and_counts_it_once(carried_out: bool) -> None:
    calm = Weather()
    work(store_of(calm))
    for lost in range(1, calm.requests + 1):
        server = Weather(lost, carried_out=carried_out)
        work(store_of(server))
        found = store_of(server).load()
        assert found is not None
        assert (found.serial, set(found.resources)) == (
            1,
            {address(0), address(1), address(5), address(6)},
        )
        assert store_of(server).lock_info() is None


def test_unreachable_server_is_an_error_and_keeps_the_state(
    place_with_state: Weather,
) -> None:
    server = place_with_state
    before = dict(server.documents.bodies)

    class Away(Weather):
        def send(self, method: str, url: str, **more: object) -> Answer:  # type: ignore[override]
            raise NoAnswer(FailureKind.UNREACHED, "connection refused")

    away = store_of(Away())
    with pytest.raises(StateError, match="connection refused"):
        away.load()
    with pytest.raises(StateError, match="connection refused"), away.lock(holder()):
        pytest.fail("there is no lock")
    assert server.documents.bodies == before


def test_gives_up_a_silent_server_within_half_a_minute(
    place_with_state: Weather,
) -> None:
    clock = StoppedClock(0)

    class Silent(Weather):
        def send(self, method: str, url: str, *, within: float, **more: object) -> Answer:
            clock.now += within
            raise NoAnswer(FailureKind.CUT, "timed out")

    with pytest.raises(StateError, match="timed out"):
        store_of(Silent(), clock).load()
    assert clock.now <= 30


@pytest.fixture
def place_with_state() -> Weather:
    server = Weather()
    work(store_of(server))
    return server


def test_refused_write_reports_the_reason(place_with_state: Weather) -> None:
    server = place_with_state
    store = store_of(server)
    with store.lock(holder()):
        loaded = store.load()
        assert loaded is not None
        server.lost, server.carried_out, server.status = server.requests + 1, False, 413
        with pytest.raises(StateError, match="the server answered 413"):
            store.save(loaded)
    assert store_of(server).load() == loaded


def test_refused_credentials_name_their_variables(
    terraform: str, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("TF_HTTP_USERNAME", "test")
    monkeypatch.setenv("TF_HTTP_PASSWORD", "hunter2")
    store = Place(f"{terraform}/states/x", tmp_path).open()  # type: ignore[arg-type]
    for refused in (store.load, store.lock_info):
        with pytest.raises(StateError, match="TF_HTTP_PASSWORD") as caught:
            refused()
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not json", "state_damaged"),
        (
            json.dumps({"version": 4, "serial": 3, "resources": []}).encode(),
            "not a state of the reconciler",
        ),
        (json.dumps({"reconciler": 99, "serial": 3}).encode(), "Install the version that wrote it"),
        (
            json.dumps({"reconciler": 1, "serial": 3, "project": "other"}).encode(),
            "belongs to project 'other'",
        ),
    ],
)
def test_reports_a_foreign_document_and_leaves_it_unchanged(content: bytes, message: str) -> None:
    server = Weather()
    server.documents.bodies["/states/voice"] = content
    with pytest.raises(StateError, match=message):
        store_of(server).load()
    with pytest.raises(StateError, match=message), store_of(server).lock(holder()):
        pytest.fail("nothing may be written over it")
    assert server.documents.bodies["/states/voice"] == content


class Dated:
    """A server with a clock of its own, which is told in whole seconds; an answer takes a tenth of a second."""

    def __init__(self, clock: StoppedClock, ahead: float) -> None:
        self.documents = Documents()
        self._clock = clock
        self._ahead = ahead

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        within: float,
    ) -> Answer:
        status, answer = self.documents.answer(
            method, "/states/voice", url.partition("?ID=")[2], body or b""
        )
        date = formatdate(int(self._clock.now + self._ahead), usegmt=True)
        self._clock.now += 0.1
        return status, {"Date": date}, answer

    def close(self) -> None:
        pass


@pytest.mark.parametrize(("ahead", "over"), [(0.0, 31.85), (3600.0, 33.0), (-3600.0, 33.0)])
def test_expiry_of_a_lease_does_not_depend_on_clocks_or_fractions(
    ahead: float, over: float
) -> None:
    """Where clocks differ, that is known to a second."""
    clock = StoppedClock(NOW)
    server = Dated(clock, ahead)
    backing = HttpBacking(
        HttpEndpoints(URL, URL, URL), Codec("acme"), server, origin=URL, lease=30, clock=clock
    )
    backing.acquire(holder())
    for second, expired in ((29.0, False), (over, True)):
        clock.now = NOW + second
        info = backing.lock_info()
        assert info is not None
        assert info.expired is expired
