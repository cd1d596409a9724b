"""The tables of a queue: created once, brought up to date from every earlier version."""

from __future__ import annotations

import threading
from pathlib import Path

import psycopg
import pytest
from procrastinate.schema import SchemaManager

from reconciler.errors import ReconcilerError
from reconciler.fleet.queue import schema
from reconciler.fleet.queue.address import QueueAddress
from reconciler.fleet.queue.connection import SCHEMA, connect
from reconciler.fleet.queue.store import QueueStore
from tests.fleet.queue.runs import make_orders, make_stacks

MIGRATIONS = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
FIRST = next(i for i, path in enumerate(MIGRATIONS) if path.name.startswith("03.00.00_01"))
"""Tables of earlier versions of procrastinate were never made by this program."""


def test_processes_that_start_together_create_the_tables_once(address: QueueAddress) -> None:
    problems: list[Exception] = []

    def start() -> None:
        try:
            store = QueueStore(address)
            store.open()
            store.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            problems.append(error)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    with connect(address) as connection:
        assert schema.is_current(connection)


@pytest.mark.parametrize("known", MIGRATIONS[FIRST:-1], ids=lambda path: path.stem)
def test_tables_of_an_earlier_version_are_brought_up_to_date(
    address: QueueAddress, known: Path, tmp_path: Path
) -> None:
    with connect(address) as connection:
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        for path in MIGRATIONS[: MIGRATIONS.index(known) + 1]:
            connection.execute(path.read_bytes())
        connection.execute(
            "CREATE TABLE fleet_version (part text PRIMARY KEY, version text NOT NULL)"
        )
        connection.execute("INSERT INTO fleet_version VALUES ('jobs', %s)", (known.name,))

    store = QueueStore(address)
    store.open()
    stacks = make_stacks(tmp_path, ["acme"])
    assert store.submit("plan", make_orders(stacks), None) == 1
    store.close()


@pytest.mark.parametrize("part", ["jobs", "fleet"])
def test_tables_of_a_later_version_are_left_alone(store: QueueStore, part: str) -> None:
    with connect(store.address) as connection:
        connection.execute("UPDATE fleet_version SET version = '99' WHERE part = %s", (part,))
    later = QueueStore(store.address)
    with pytest.raises(ReconcilerError, match="queue_too_new"):
        later.open()


def test_other_tables_of_the_database_are_left_alone(address: QueueAddress) -> None:
    """Another program may use procrastinate in the same database."""
    with psycopg.connect(address.location, autocommit=True) as connection:
        connection.execute(SchemaManager.get_schema().encode())
        connection.execute("SELECT procrastinate_register_worker_v1()")
    store = QueueStore(address)
    store.open()
    assert store.count_workers() == 0
    store.close()


def test_a_role_without_rights_is_told_so(store: QueueStore) -> None:
    with psycopg.connect(store.address.location, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS stranger")
        connection.execute("CREATE ROLE stranger LOGIN")
    location = store.address.location.replace("reconciler@", "stranger@")
    stranger = QueueStore(QueueAddress(location, "postgresql://stranger@…"))
    with pytest.raises(ReconcilerError, match="permission denied"):
        stranger.open()
