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


def test_a_first_run_finds_nothing_and_nothing_gone(place: Place) -> None:
    found = load_or_recover(place.open(), project(place))
    assert (found.state.serial, found.state.resources, found.missing, found.first) == (
        0,
        {},
        None,
        True,
    )


def test_a_state_that_is_there_is_not_gone(place: Place) -> None:
    last = saved(place, 3)
    assert load_or_recover(place.open(), project(place)) == (last, None, False)
    assert (
        load_for_writing(place.open(), project(place))
        == load_for_reading(place.open(), project(place))
        == last
    )


def test_a_state_that_is_gone_is_told_with_its_place_its_last_version_and_the_way_back(
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


def test_what_is_put_in_its_place_has_a_serial_that_never_was(place: Place) -> None:
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


def test_a_run_that_begins_anew_goes_on_in_the_numbering_and_loses_no_former_version(
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


def test_a_state_that_is_written_first_while_it_is_asked_for_is_not_gone(tmp_path: Path) -> None:
    after = state(1)
    store: Store = Written(after)  # type: ignore[assignment]
    assert load_or_recover(store, project(Place("state.json", tmp_path))) == (after, None, False)
