"""What is particular to PostgreSQL: rows, many projects in one database, numbers that only one of them can have."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from msgspec.structs import replace

from reconciler.errors import StateError
from reconciler.state.format.document import empty_state
from reconciler.state.records import Drop, Put
from reconciler.state.stores.open import open_store
from reconciler.state.stores.store import Store

from .conftest import Place, new_schema
from .samples import address, entry, holder, state

Open = Callable[[str], Store]


@pytest.fixture
def location(postgres: str) -> str:
    return new_schema(postgres)


@pytest.fixture
def opened(location: str, tmp_path: object) -> Open:
    return Place(location, tmp_path).open  # type: ignore[arg-type]


def rows(location: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(location) as connection:
        return connection.execute(statement).fetchall()  # type: ignore[call-overload,no-any-return]


def test_a_change_of_one_resource_writes_one_row(location: str, opened: Open) -> None:
    store = opened("acme")
    with store.lock(holder()):
        now = store.save(state(50))
        before = dict(rows(location, "SELECT address, xmin::text FROM reconciler_resource"))  # type: ignore[arg-type]
        now.resources[address(3)] = entry(3, sid="PN-other")
        store.save(now)
        after = dict(rows(location, "SELECT address, xmin::text FROM reconciler_resource"))  # type: ignore[arg-type]
    assert {each for each in after if after[each] != before[each]} == {address(3)}
    assert rows(location, "SELECT address FROM reconciler_former WHERE serial = 1") == [
        (address(3),)
    ]


def test_projects_in_one_database_are_isolated(opened: Open) -> None:
    one, two = opened("acme"), opened("other")
    with one.lock(holder()), two.lock(holder()):
        first = one.save(state(2))
        journal = two.begin(empty_state("other"))
        journal.append([Put(address(7), entry(7))])
        second = journal.fold()
    assert opened("acme").load() == first
    assert opened("other").load() == second


def test_refuses_a_number_of_a_different_project(opened: Open) -> None:
    one, two = opened("acme"), opened("other")
    with one.lock(holder()):
        journal = one.begin(empty_state("acme"))
        journal.append([Put(address(7), entry(7))])
    with two.lock(holder()):
        journal = two.begin(empty_state("other"))
        with pytest.raises(StateError, match="belongs to project 'acme'") as caught:
            journal.append([Put(address(1), entry(1)), Put(address(7), entry(7))])
    problem = caught.value.diagnostics[0]
    assert (problem.code, problem.address) == ("number_already_imported", address(7))
    found = opened("other").load()
    assert found is not None
    assert found.resources == {}


def test_released_number_is_free_for_a_different_project(opened: Open) -> None:
    one, two = opened("acme"), opened("other")
    with one.lock(holder()):
        journal = one.begin(empty_state("acme"))
        journal.append([Put(address(7), entry(7))])
        journal.append([Drop(address(7))])
        journal.fold()
    with two.lock(holder()):
        journal = two.begin(empty_state("other"))
        journal.append([Put("bridge_number/+15550000007", entry(7, kind="bridge_number"))])
        assert set(journal.fold().resources) == {"bridge_number/+15550000007"}


def test_a_number_may_change_its_address_within_its_project(opened: Open) -> None:
    store = opened("acme")
    with store.lock(holder()):
        journal = store.begin(empty_state("acme"))
        journal.append([Put(address(7), entry(7))])
        journal.append(
            [Drop(address(7)), Put("bridge_number/+15550000007", entry(7, kind="bridge_number"))]
        )
        journal.fold()


def test_reports_an_unreachable_server_without_the_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    store = Place("postgresql://reconciler@127.0.0.1:9/voice", tmp_path).open()  # type: ignore[arg-type]
    with pytest.raises(StateError, match="state_unreadable") as caught:
        store.load()
    assert "hunter2" not in str(caught.value)
    with pytest.raises(StateError, match="state_unwritable"), store.lock(holder()):
        pytest.fail("there is no lock")


def test_write_with_a_read_only_role_is_an_error(
    location: str, opened: Open, tmp_path: object
) -> None:
    with opened("acme").lock(holder()):
        pass
    name = location.rpartition("%3D")[2]
    with psycopg.connect(location, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE reader_{name} LOGIN")  # type: ignore[call-overload]
        admin.execute(f"GRANT USAGE ON SCHEMA {name} TO reader_{name}")  # type: ignore[call-overload]
        admin.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {name} TO reader_{name}")  # type: ignore[call-overload]
    reader = open_store(location.replace("reconciler@", f"reader_{name}@"), tmp_path, "acme")  # type: ignore[arg-type]
    assert reader.load() is None
    with pytest.raises(StateError, match="permission denied"), reader.lock(holder()):
        pytest.fail("there is no lock")


def test_concurrent_first_runs_succeed(postgres: str, tmp_path: Path) -> None:
    """Whoever comes second finds the tables being made, and must not stand in the way of the first one's writes."""
    for _ in range(15):
        location = new_schema(postgres)

        def first(project: str, location: str = location) -> int:
            store = open_store(location, tmp_path, project)
            with store.lock(holder(), timeout=60):
                return store.save(
                    replace(store.load() or empty_state(project), resources={address(1): entry(1)})
                ).serial

        with ThreadPoolExecutor(8) as pool:
            serials = list(pool.map(first, ["acme"] * 8))
        assert sorted(serials) == list(range(1, 9))
