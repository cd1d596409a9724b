"""A state in rows of a database: a row that was changed, deleted, added or moved is damage, and so is another head."""

from __future__ import annotations

from pathlib import Path

import msgspec
import psycopg
import pytest

from reconciler.errors import StateError
from reconciler.state.format.codec import Codec
from reconciler.state.format.rows_digest import Top, add_and_remove, digest_of, sum_of
from reconciler.state.records import Drop, Put

from .conftest import KEY, Place, new_schema
from .samples import address, entry, holder, state

ONE, TWO = address(0), address(1)


@pytest.fixture(params=["", KEY], ids=["in clear", "encrypted"])
def place(request: pytest.FixtureRequest, postgres: str, tmp_path: Path) -> Place:
    """A database with a version of three resources, and a journal upon it."""
    made = Place(new_schema(postgres), tmp_path, request.param)
    store = made.open()
    with store.lock(holder()):
        journal = store.begin(store.save(state(2)))
        journal.append([Put(address(2), entry(2))])
        journal.append([Put(address(3), entry(3)), Drop(address(2))])
    return made


def run(place: Place, statement: str) -> None:
    with psycopg.connect(place.location, autocommit=True) as rows:
        assert rows.execute(statement.encode()).rowcount > 0


DAMAGE = {
    "a changed value": "UPDATE reconciler_resource SET entry = overlay(entry placing 'x' from 60)",
    "a deleted row": f"DELETE FROM reconciler_resource WHERE address = '{ONE}'",
    "a deleted row of the journal": f"DELETE FROM reconciler_resource WHERE address = '{address(3)}'",
    "all rows deleted": "DELETE FROM reconciler_resource",
    "a row that was dropped": f"INSERT INTO reconciler_resource SELECT project, '{address(9)}', entry "
    f"FROM reconciler_resource WHERE address = '{ONE}'",
    "the row of another project": f"UPDATE reconciler_resource SET project = 'other' WHERE address = '{TWO}'",
    "two rows swapped": f"UPDATE reconciler_resource r SET entry = (SELECT entry FROM reconciler_resource o WHERE "
    f"o.address <> r.address AND o.address IN ('{ONE}', '{TWO}')) WHERE address IN ('{ONE}', '{TWO}')",
    "another lineage": "UPDATE reconciler_project SET lineage = 'another'",
    "another serial": "UPDATE reconciler_project SET serial = serial + 1",
    "another count of records": "UPDATE reconciler_project SET unfolded = unfolded + 1",
    "another origin": "UPDATE reconciler_project SET saved = replace(saved, 'alice', 'bob')",
    "no digest": "UPDATE reconciler_project SET digest = NULL",
    "half a digest": "UPDATE reconciler_project SET digest = left(digest, 40)",
    "another digest": "UPDATE reconciler_project SET digest = overlay(digest placing 'z' from 3)",
}


@pytest.mark.parametrize("statement", DAMAGE.values(), ids=DAMAGE.keys())
def test_changed_rows_are_damage(place: Place, statement: str) -> None:
    assert place.open().load() is not None
    run(place, statement)
    with pytest.raises(StateError) as caught:
        place.open().load()
    assert {problem.code for problem in caught.value.diagnostics} == {"state_damaged"}


def test_reappearing_old_row_is_damage(place: Place) -> None:
    """As after a partial restore of a table: the row itself is intact."""
    with psycopg.connect(place.location, autocommit=True) as rows:
        [(text,)] = rows.execute(
            f"SELECT entry FROM reconciler_resource WHERE address = '{ONE}'".encode()
        ).fetchall()
        store = place.open()
        with store.lock(holder()):
            found = store.load()
            assert found is not None
            changed = {**found.resources, ONE: entry(0, sid="PN" + "f" * 32)}
            store.save(msgspec.structs.replace(found, resources=changed))
        rows.execute("UPDATE reconciler_resource SET entry = %s WHERE address = %s", (text, ONE))
    with pytest.raises(StateError, match="state_damaged"):
        place.open().load()


def test_lock_holder_does_not_continue_a_changed_version(place: Place) -> None:
    """A batch of the journal must not give a digest to a version that somebody else has changed."""
    store = place.open()
    with store.lock(holder()):
        found = store.load()
        assert found is not None
        journal = store.begin(found)
        run(place, "UPDATE reconciler_project SET lineage = 'another'")
        with pytest.raises(StateError, match="state_damaged"):
            journal.append([Put(address(5), entry(5))])


def test_the_digest_follows_every_write(place: Place) -> None:
    store = place.open()
    with store.lock(holder()):
        for count in (4, 0, 6, 1):
            found = store.load()
            assert found is not None
            journal = store.begin(
                store.save(msgspec.structs.replace(found, resources=state(count).resources))
            )
            assert place.open().load() is not None
            journal.append([Drop(ONE), Put(address(7), entry(7)), Drop(address(8))])
            journal.append([Put(ONE, entry(0)), Drop(address(7))])
            again = place.open().load()
            assert again is not None
            assert again.resources == {**state(count).resources, ONE: entry(0)}
            journal.fold()
    assert place.open().load() is not None


def test_tables_of_the_version_before_get_their_digest_with_the_next_version(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows have no checksums, its table has no column for the digest, and reading alone adds none."""
    place = Place(new_schema(postgres), tmp_path)
    with monkeypatch.context() as before:
        before.setattr(Codec, "seal", lambda self, text: text)
        store = place.open()
        with store.lock(holder()):
            store.begin(store.save(state(2))).append([Put(address(2), entry(2))])
    run(place, "UPDATE reconciler_project SET format = 1")
    with psycopg.connect(place.location, autocommit=True) as rows:
        rows.execute("ALTER TABLE reconciler_project DROP COLUMN digest")

    store = place.open()
    found = store.load()
    assert found is not None
    assert found.resources == state(3).resources
    with store.lock(holder()):
        found = store.load()
        assert found is not None
        store.begin(found).fold()
    run(place, f"DELETE FROM reconciler_resource WHERE address = '{ONE}'")
    with pytest.raises(StateError, match="state_damaged"):
        place.open().load()


def test_the_sum_depends_on_every_row_and_on_no_order() -> None:
    rows = [(address(last), str(last) * 5) for last in range(5)]
    total = sum_of(rows)
    assert total == sum_of(reversed(rows))
    assert add_and_remove(total, [], rows[:2]) == sum_of(rows[2:])
    assert add_and_remove(sum_of(rows[2:]), rows[:2], []) == total
    assert sum_of([("ab", "c")]) != sum_of([("a", "bc")])
    top = Top(2, 7, 0, "lineage", None)
    assert digest_of("acme", top, total) != digest_of("other", top, total)
