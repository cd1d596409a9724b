"""A state that is gone while its former versions are kept: told from a first run, and continued in its numbering."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from reconciler.config.project import Project, Safety
from reconciler.errors import Refused, StateError
from reconciler.state.format.document import State
from reconciler.state.records import StoredVersion
from reconciler.state.recovery.missing_state import (
    load_for_reading,
    load_for_writing,
    load_or_recover,
)
from reconciler.state.stores.store import Store

from .conftest import Place, new_place
from .samples import address, holder, state


@pytest.fixture(params=["file", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A place that keeps former versions apart from the present one."""
    return new_place(request.param, request, tmp_path, monkeypatch)


def project(place: Place) -> Project:
    files = ("reconciler.yaml",)
    return Project(
        "acme",
        place.location,
        place.base,
        {},
        {},
        {},
        [],
        Safety(),
        frozenset(),
        [],
        "digest",
        files,
    )


def saved(place: Place, versions: int) -> State:
    """The last of so many versions."""
    store, last = place.open(), state(2)
    with store.lock(holder()):
        for _ in range(versions):
            last = store.save(last)
    return last


def lose(place: Place) -> None:
    if not place.leased:
        (place.base / place.location).unlink()
        return
    from reconciler.state.stores.object_client import open_bucket

    bucket, key = open_bucket(place.location, os.environ)
    bucket.delete([key])


def test_first_run_reports_no_missing_state(place: Place) -> None:
    found = load_or_recover(place.open(), project(place))
    assert (found.state.serial, found.state.resources, found.missing, found.first) == (
        0,
        {},
        None,
        True,
    )


def test_existing_state_is_not_missing(place: Place) -> None:
    last = saved(place, 3)
    assert load_or_recover(place.open(), project(place)) == (last, None, False)
    assert (
        load_for_writing(place.open(), project(place))
        == load_for_reading(place.open(), project(place))
        == last
    )


def test_reports_a_missing_state_with_location_last_version_and_recovery(
    place: Place,
) -> None:
    saved(place, 3)
    lose(place)
    found = load_or_recover(place.open(), project(place))
    assert found.state.resources == {}
    assert found.missing is not None
    assert found.missing.refusal.code == "state_gone"
    back = "state pull --serial 2 > FILE" if place.leased else "state repair --dry-run"
    for word in (place.location, "serial 2, written ", "by alice with `reconciler apply`", back):
        assert word in found.missing.refusal.detail
    with pytest.raises(Refused, match="state_gone"):
        load_for_writing(place.open(), project(place))
    with pytest.raises(StateError, match="state_gone"):
        load_for_reading(place.open(), project(place))


def test_replacement_of_a_missing_state_has_an_unused_serial(place: Place) -> None:
    lost = saved(place, 12)
    lose(place)
    store = place.open()
    former = store.version(lost.serial - 1)
    assert former is not None
    with store.lock(holder()):
        assert store.load() is None
        back = store.save(msgspec.structs.replace(former, serial=0, saved=None))
    assert back.serial == lost.serial + 1
    assert back.lineage == lost.lineage
    assert back.resources.keys() == {address(0), address(1)}
    with store.lock(holder()):
        following = store.save(back)
    kept = [each.serial for each in place.open().history()]
    assert kept[:3] == [following.serial, back.serial, lost.serial - 1]
    assert len(kept) == 11


def test_new_start_continues_the_serials_and_keeps_all_versions(
    place: Place,
) -> None:
    lost = saved(place, 12)
    lose(place)
    before = [each.serial for each in place.open().history()]
    store = place.open()
    with store.lock(holder()):
        begun = load_or_recover(store, project(place)).state
        following = store.begin(begun).fold()
    assert following.serial > lost.serial
    assert [each.serial for each in place.open().history()] == [following.serial, *before]


class Written:
    """A store whose state another run writes between two questions."""

    def __init__(self, after: State) -> None:
        self._states = iter([None, after])

    def load(self) -> State | None:
        return next(self._states)

    def history(self) -> list[StoredVersion]:
        return [StoredVersion(1, None), StoredVersion(0, None)]


def test_state_first_written_during_the_check_is_not_missing(tmp_path: Path) -> None:
    after = state(1)
    store: Store = Written(after)  # type: ignore[assignment]
    assert load_or_recover(store, project(Place("state.json", tmp_path))) == (after, None, False)
