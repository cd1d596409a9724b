"""A lock of another program has no lease: it is respected until its holder releases it, or a person takes it."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from pathlib import Path

import msgspec
import pytest

from reconciler.errors import Exit, StateError, StateLocked

from .conftest import Place, new_place
from .samples import holder, state
from .servers import AUTHORIZATION

TERRAFORM = {
    "ID": "0f1e2d3c-0000-1111-2222-333344445555",
    "Operation": "OperationTypeApply",
    "Info": "",
    "Who": "bob@laptop",
    "Version": "1.9.0",
    "Created": "2020-01-01T00:00:00Z",
    "Path": "",
}


def ask(location: str, method: str, body: dict[str, str]) -> tuple[int, bytes]:
    request = urllib.request.Request(
        location, json.dumps(body).encode(), {"Authorization": AUTHORIZATION}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@pytest.fixture(params=["http", "gitlab"])
def behind_http(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Place:
    """A state behind Terraform's protocol."""
    return new_place(request.param, request, tmp_path, monkeypatch)


def lock_words(place: Place) -> tuple[str, str, str]:
    """Where and how a lock is asked for and given back."""
    if "/api/v4/" in place.location:
        return f"{place.location}/lock", "POST", "DELETE"
    return place.location, "LOCK", "UNLOCK"


LOCKS = {
    "Terraform's": {},
    "with an odd text": {"Info": "deploying, do not touch"},
    "that looks like ours and names another run": {
        "Info": json.dumps(msgspec.to_builtins(holder()))
    },
    "without a time": {"Created": ""},
    "without a name": {"Who": "", "Created": "yesterday"},
}


@pytest.mark.parametrize("odd", LOCKS.values(), ids=LOCKS.keys())
def test_never_breaks_a_lock_of_a_different_program(
    behind_http: Place, odd: dict[str, str]
) -> None:
    """However old it is; a lease of ours would have run out twice over."""
    store = behind_http.open(lease=0.2)
    with store.lock(holder()):
        store.load()
        store.save(state(1))
    where, lock, unlock = lock_words(behind_http)
    theirs = {**TERRAFORM, **odd}
    assert ask(where, lock, theirs)[0] == 200
    time.sleep(1.5)
    with pytest.raises(StateLocked, match="never expires") as caught, store.lock(holder()):
        pass
    assert caught.value.exit == Exit.LOCKED
    assert "unlock --force" in caught.value.diagnostics[0].detail
    with pytest.raises(StateLocked):
        store.unlock(holder(), force=False)
    assert ask(where, lock, theirs)[0] == 423, "it is still there"

    assert ask(where, unlock, theirs)[0] == 200
    with store.lock(holder()):
        assert store.load() is not None


def test_person_can_free_a_lock_of_a_different_program(behind_http: Place) -> None:
    where, lock, _ = lock_words(behind_http)
    assert ask(where, lock, TERRAFORM)[0] == 200
    store = behind_http.open()
    found = store.unlock(holder(), force=True)
    assert found is not None
    assert found.foreign
    with store.lock(holder()):
        pass


@pytest.mark.parametrize(
    "content", [b"", b"locked by bob", b'{"ID": "0f1e"}', b'{"token": 3}', b'{"token": 3, "by": 1}']
)
def test_never_takes_an_unreadable_lock_in_a_bucket(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    store = new_place("s3", request, tmp_path, monkeypatch).open(lease=0.2)
    backing = store._backing  # type: ignore[attr-defined]
    with store.lock(holder()):
        pass
    key = f"{backing._key}.lock"
    assert backing._bucket.put(key, content, backing._bucket.get(key).tag) is not None
    time.sleep(1.5)
    for _ in range(2):
        with pytest.raises(StateError, match="lock"), store.lock(holder()):
            pass
    assert backing._bucket.get(key).data == content


def test_never_takes_an_unreadable_lock_in_a_database(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    place = new_place("postgres", request, tmp_path, monkeypatch)
    store = place.open(lease=0.2)
    with store.lock(holder()):
        pass
    with psycopg.connect(place.location, autocommit=True) as rows:
        rows.execute(
            "UPDATE reconciler_project SET run = 'x', holder = 'bob', lease_until = now() - interval '1 day'"
        )
    with pytest.raises(StateLocked, match="never expires"), store.lock(holder()):
        pass
    found = store.unlock(holder(), force=True)
    assert found is not None
    assert found.foreign
    with store.lock(holder()):
        pass
