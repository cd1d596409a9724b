"""What a store cannot give back is never written to Twilio: encodings, and stores that change documents."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from reconciler.state.stores.postgres_sql import TABLES
from tests.state import servers
from tests.state.conftest import new_schema
from tests.support.compressed_texts import COMPRESSED, change_texts
from tests.support.processes.changing_proxy import Change, changing_proxy
from tests.support.processes.process_runner import ProcessRunner, watched

ONE, TWO = "+15550100101", "+15550100102"
NAMES = {ONE: "Zürich – Büro ☎", TWO: "東京 😀 Ωμέγα"}
BEFORE = {ONE: "Empfang Köln", TWO: "Приёмная"}
FOREIGN = "https://pbx.example.net/in?ort=köln"


def declare(runner: ProcessRunner, state: str) -> None:
    """Two numbers in use by others, to be taken over under names that are not ASCII."""
    numbers = {
        each: {"agent": "support", "takeover": "allow", "friendly_name": NAMES[each]}
        for each in NAMES
    }
    runner.declare(numbers, state=state)


@pytest.fixture
def in_use(runner: ProcessRunner) -> ProcessRunner:
    for number, name in BEFORE.items():
        runner.number(number, voice_url=FOREIGN, friendly_name=name)
    return runner


@pytest.fixture(scope="module", params=["SQL_ASCII", "UTF8"])
def keeping_all(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server whose databases have an encoding that keeps every text."""
    with (
        TemporaryDirectory() as folder,
        servers.postgres_server(Path(folder), request.param) as url,
    ):
        yield url


@pytest.fixture(scope="module", params=["LATIN1", "WIN1251"])
def losing_some(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server whose databases have an encoding that lacks most characters."""
    with (
        TemporaryDirectory() as folder,
        servers.postgres_server(Path(folder), request.param) as url,
    ):
        yield url


@pytest.mark.parametrize("client", ["", "LATIN1", "SQL_ASCII"])
def test_every_text_survives_the_store_and_is_restored_on_twilio(
    in_use: ProcessRunner, keeping_all: str, client: str
) -> None:
    """Whatever encoding the environment asks for; PGCLIENTENCODING is libpq's own variable."""
    if client:
        in_use.environ["PGCLIENTENCODING"] = client
    declare(in_use, new_schema(keeping_all))
    in_use.json("plan")
    in_use.apply()
    in_use.settled()
    for number, name in NAMES.items():
        entry = in_use.json("state", "show", f"number/{number}")["resource"]
        assert entry["applied"]["friendly_name"] == name
        assert entry["prior"]["friendly_name"] == BEFORE[number]
        assert name in in_use.run("show", number).out
        assert in_use.twilio.number(number)["friendly_name"] == name

    in_use.json("release", f"number/{ONE}", f"number/{TWO}", "--auto-approve")
    for number, name in BEFORE.items():
        assert in_use.twilio.number(number)["friendly_name"] == name
        assert in_use.twilio.number(number)["voice_url"] == FOREIGN


@pytest.mark.parametrize(
    "command", [("plan",), ("apply", "--auto-approve"), ("drift",), ("state", "list")]
)
def test_refuses_an_encoding_without_all_characters(
    in_use: ProcessRunner, losing_some: str, command: tuple[str, ...]
) -> None:
    declare(in_use, new_schema(losing_some))
    with watched(in_use.twilio) as calls:
        done = in_use.run(*command, "--json", code=1)
    assert done.codes == ["state_encoding"]
    assert "createdb --encoding UTF8" in done.json["diagnostics"][0]["detail"]
    assert not [call for call in calls if call.writes]


def change_prior(method: str, path: str, body: bytes) -> bytes:
    if method not in ("PUT", "POST"):
        return body
    return change_texts(body, lambda text: text.replace(b"pbx.example.net", b"pbx.example.com"))


def lose_letters(method: str, path: str, body: bytes) -> bytes:
    """What is not ASCII becomes a question mark, byte for byte."""
    if method not in ("PUT", "POST"):
        return body
    return change_texts(body, lambda text: bytes(b if b < 128 else ord("?") for b in text))


def keep_nothing(method: str, path: str, body: bytes) -> bytes | None:
    """Every document with a resource in it is acknowledged and thrown away."""
    has_resource = b"number/" in body or COMPRESSED.search(body) is not None
    return None if method in ("PUT", "POST") and has_resource else body


@pytest.mark.parametrize("change", [change_prior, lose_letters, keep_nothing])
@pytest.mark.parametrize("kind", ["s3", "http", "gitlab"])
def test_store_that_changes_documents_stops_apply_before_the_first_write(
    request: pytest.FixtureRequest, in_use: ProcessRunner, kind: str, change: Change
) -> None:
    name = uuid.uuid4().hex
    with ExitStack() as stack:
        if kind == "s3":
            proxy = stack.enter_context(changing_proxy(request.getfixturevalue("s3"), change))
            in_use.environ |= {**servers.S3, "AWS_ENDPOINT_URL": proxy}
            state = f"s3://states/{name}/state.json"
        else:
            proxy = stack.enter_context(
                changing_proxy(request.getfixturevalue("terraform"), change)
            )
            in_use.environ |= servers.HTTP
            state = f"{proxy}{'/states' if kind == 'http' else '/api/v4/projects/1/terraform/state'}/{name}"
        expect_no_write(in_use, state)


TRIGGERS = {
    "another value": "NEW.entry := replace(NEW.entry, 'pbx.example.net', 'pbx.example.com'); RETURN NEW;",
    "another value with its checksum": """
        NEW.entry := regexp_replace(NEW.entry, '^{"crc":"[0-9a-f]{8}","value":(.*)}$', '\\1');
        NEW.entry := replace(NEW.entry, 'pbx.example.net', 'pbx.example.com'); RETURN NEW;""",
    "no letters but ASCII": "NEW.entry := regexp_replace(NEW.entry, '[^ -~]', '?', 'g'); RETURN NEW;",
    "no row": "RETURN NULL;",
}


@pytest.mark.parametrize("change", TRIGGERS.values(), ids=TRIGGERS.keys())
def test_database_that_changes_rows_stops_apply_before_the_first_write(
    request: pytest.FixtureRequest, in_use: ProcessRunner, change: str
) -> None:
    import psycopg

    state = new_schema(request.getfixturevalue("postgres"))
    with psycopg.connect(state, autocommit=True) as rows:
        rows.execute(TABLES.encode())
        rows.execute(
            f"CREATE FUNCTION alter_row() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {change} END$$".encode()
        )
        trigger = "BEFORE INSERT OR UPDATE ON reconciler_resource FOR EACH ROW EXECUTE FUNCTION alter_row()"
        rows.execute(f"CREATE TRIGGER alter_row {trigger}".encode())
    expect_no_write(in_use, state)


def expect_no_write(runner: ProcessRunner, state: str) -> None:
    """Apply ends with a reason, and nothing on Twilio has changed."""
    declare(runner, state)
    with watched(runner.twilio) as calls:
        done = runner.run("apply", "--auto-approve", "--json", code=1)
    assert not [call for call in calls if call.writes]
    assert done.json["success_count"] == 0
    assert set(done.codes) <= {"state_not_returned", "state_damaged", "state_unwritable"}, (
        done.codes
    )
