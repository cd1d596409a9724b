"""A state of the version before, in every store: read, brought up to date with the next write, then left alone."""

from __future__ import annotations

import urllib.request
import uuid
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from reconciler.state.format.codec import Codec
from reconciler.state.format.document import encode
from reconciler.state.stores.open import open_store
from tests.state import servers
from tests.state.conftest import new_schema
from tests.state.samples import holder
from tests.state.servers import AUTHORIZATION
from tests.state.test_state_document import without_digest
from tests.support.compressed_texts import compressed_texts
from tests.support.processes.process_runner import ProcessRunner, watched

ONE = "+15550100101"
FOREIGN = "https://pbx.example.net/in"
SECOND = "https://agents.example.com/second"


@pytest.fixture(params=["file", "s3", "postgres", "http"])
def place(
    request: pytest.FixtureRequest, runner: ProcessRunner, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Where the state is; this process reaches it, too."""
    name = uuid.uuid4().hex
    location = "./state.json"
    if request.param == "postgres":
        location = new_schema(request.getfixturevalue("postgres"))
    if request.param == "s3":
        runner.environ |= {**servers.S3, "AWS_ENDPOINT_URL": request.getfixturevalue("s3")}
        location = f"s3://states/{name}/state.json"
    if request.param == "http":
        runner.environ |= servers.HTTP
        location = f"{request.getfixturevalue('terraform')}/states/{name}"
    for variable, value in runner.environ.items():
        if variable.startswith(("AWS_", "TF_HTTP_")):
            monkeypatch.setenv(variable, value)
    return location


def write_as_before(place: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write what is there in the form of the version before: no digest, no checksums, no column for them."""
    with monkeypatch.context() as before:
        before.setattr(Codec, "seal", lambda self, text: text)
        before.setattr(
            Codec, "blocks", lambda self, document: iter([without_digest(encode(document))])
        )
        before.setattr(
            "reconciler.state.stores.http.with_digest",
            lambda body: msgspec.structs.replace(body, reconciler=1),
        )
        store: Any = open_store(place, folder, "acceptance")
        with store.lock(holder()):
            found = store.load()
            store._known = None  # so that every row is written
            store.save(found)
    if place.startswith("postgresql:"):
        with psycopg.connect(place, autocommit=True) as rows:
            rows.execute("UPDATE reconciler_project SET format = 1")
            rows.execute("ALTER TABLE reconciler_project DROP COLUMN digest")


def content(place: str, folder: Path) -> object:
    """All that is stored but the lock, byte for byte."""
    if place.startswith("postgresql:"):
        tables = {
            "reconciler_project": "to_jsonb(t) - 'token' - 'lease_until'",
            **dict.fromkeys(
                ("reconciler_resource", "reconciler_version", "reconciler_number"), "to_jsonb(t)"
            ),
        }
        with psycopg.connect(place) as rows:
            return {
                name: rows.execute(
                    f"SELECT ({what})::text FROM {name} t ORDER BY 1".encode()
                ).fetchall()
                for name, what in tables.items()
            }
    if place.startswith("s3:"):
        backing = open_store(place, folder, "acceptance")._backing  # type: ignore[attr-defined]
        prefix = place.removeprefix("s3://states/").removesuffix("/state.json")
        names = [name for name in backing._bucket.list(prefix) if not name.endswith(".lock")]
        return {name: backing._bucket.get(name).data for name in names}
    if place.startswith("http"):
        request = urllib.request.Request(place, headers={"Authorization": AUTHORIZATION})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()
    paths = [
        path
        for path in folder.rglob("state.json*")
        if path.is_file() and not path.name.endswith(".lock")
    ]
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


def has_digest(stored: object) -> bool:
    """Whether the present version has a digest, also where it is compressed."""
    if isinstance(stored, dict) and "reconciler_project" in stored:
        return '"digest": null' not in str(stored["reconciler_project"]) and "digest" in str(stored)
    if isinstance(stored, dict):
        present = next(data for name, data in stored.items() if name.endswith("state.json"))
        whole = present if isinstance(present, bytes) else present[0]
        return any(b'"digest":"sha256:' in text for text in [whole, *compressed_texts(whole)])
    assert isinstance(stored, bytes)
    return any(b'"digest":"sha256:' in text for text in [stored, *compressed_texts(stored)])


def declare(runner: ProcessRunner, place: str, url: str) -> None:
    number = {"webhooks": {"voice": url}, "takeover": "allow"}
    runner.declare({ONE: number}, state=place)


def test_a_state_of_the_version_before_is_brought_up_to_date_once(
    runner: ProcessRunner, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.number(ONE, voice_url=FOREIGN)
    declare(runner, place, "https://agents.example.com/voice")
    runner.apply()
    write_as_before(place, runner.folder, monkeypatch)
    assert not has_digest(before := content(place, runner.folder))
    for command in (("plan",), ("drift",), ("state", "list"), ("state", "pull")):
        runner.run(*command)
    assert content(place, runner.folder) == before, "reading writes nothing"

    for _ in range(2):
        runner.apply()
    twice = content(place, runner.folder)
    with watched(runner.twilio) as calls:
        runner.apply()
    assert content(place, runner.folder) == twice, "the third apply in a row writes no byte"
    assert not [call for call in calls if call.writes]

    declare(runner, place, SECOND)
    runner.apply()
    changed = content(place, runner.folder)
    assert has_digest(changed)
    for _ in range(2):
        runner.apply()
    assert content(place, runner.folder) == changed
    entry = runner.json("state", "show", f"number/{ONE}")["resource"]
    assert entry["prior"]["voice_url"] == FOREIGN
    runner.json("release", f"number/{ONE}", "--auto-approve")
    assert runner.twilio.number(ONE)["voice_url"] == FOREIGN
