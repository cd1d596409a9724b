"""A platform's list that moves while its pages are read leaves a number out: nothing is concluded from that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from threading import Event
from typing import Any

import pytest

from reconciler.config.project import PlatformSettings
from reconciler.errors import RemoteError
from reconciler.kinds.platforms.table import PLATFORM_KINDS
from reconciler.model.desired import Desired, Options, Profile
from reconciler.model.entry import Entry
from reconciler.model.position import Position
from reconciler.remote.platforms import dasha, nixflex
from reconciler.remote.platforms.contract import Adapter, RegistrationRequest
from reconciler.remote.platforms.observe import observe_platforms
from reconciler.remote.platforms.registry import connect
from tests.support.adapter_runner import UUIDS, LiteralVault
from tests.support.scripted_server import Answer, FakeClock, Seen, Server

NUMBERS = [f"+1555010010{n}" for n in range(7)]
PAGED = {"nixflex": ("offset", "phone_numbers"), "dasha": ("skip", "items")}
PLACE = Position("reconciler.yaml", 1, 1)


class Moving:
    """A list of numbers in pages of two, of which another one is lost in each of the first readings."""

    def __init__(self, server: Server, name: str, losing: int) -> None:
        self._offset, self._key = PAGED[name]
        self._losing = losing
        self.readings = 0
        server.behaves(self._answer)

    def _answer(self, seen: Seen) -> Answer:
        start = int(seen.query.get(self._offset, "0"))
        if start == 0:
            self.readings += 1
        page = start // 2

        # By offset, a row that is removed from an earlier page moves the first row of this page onto that one.
        shift = 1 if self.readings <= self._losing and page >= self.readings else 0
        found = NUMBERS[start + shift : start + shift + 2]
        rows = [
            {"phone_number": number, "agent_id": "agent_1", "id": number, "phoneNumber": number}
            for number in found
        ]
        return Answer(body={self._key: rows})


@pytest.fixture(params=PAGED)
def name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(nixflex, "_PAGE", 2)
    monkeypatch.setattr(dasha, "_PAGE", 2)
    return str(request.param)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def adapter(server: Server, name: str) -> Any:
    settings = PlatformSettings(
        name="p",
        type=name,
        base_url=server.url,
        secrets={},
        connections={"main": UUIDS[0]},
        texts={},
        position=PLACE,
    )
    return connect(settings, LiteralVault(), stop=Event(), clock=FakeClock(), jitter=lambda: 1.0)


def read_registrations(
    declared: list[Desired], resources: Mapping[str, Entry], adapters: Mapping[str, Adapter]
) -> Mapping[str, object]:
    return observe_platforms(["p"], declared, resources, adapters, LiteralVault()).registrations


def asked(*numbers: str) -> list[RegistrationRequest]:
    return [
        RegistrationRequest(f"registration/p/{number}", number, {}, "main") for number in numbers
    ]


def test_every_platform_whose_list_has_pages_is_tried() -> None:
    by_time = {"vapi"}  # its pages cannot shift: `test_vapi_pages`
    by_cursor = {"elevenlabs", "retell"}
    assert {kind.type for kind in PLATFORM_KINDS.values() if kind.pages} == {
        *PAGED,
        *by_time,
        *by_cursor,
    }


@pytest.mark.parametrize("losing", [1, 2, 3])
def test_finds_a_number_although_pages_shift(server: Server, name: str, losing: int) -> None:
    moving = Moving(server, name, losing)
    found = [number.key for number in adapter(server, name).list(asked(*NUMBERS))]
    assert sorted(found) == NUMBERS
    assert moving.readings > 1


def test_reads_a_complete_list_once(server: Server, name: str) -> None:
    moving = Moving(server, name, losing=0)
    adapter(server, name).list(asked(*NUMBERS))
    assert moving.readings == 1


def test_a_list_of_one_page_is_read_once(
    server: Server, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nixflex, "_PAGE", 100)
    monkeypatch.setattr(dasha, "_PAGE", 100)
    moving = Moving(server, name, losing=0)
    monkeypatch.setattr("tests.remote.platforms.test_moving_list.NUMBERS", NUMBERS[:2])
    adapter(server, name).list(asked("+15550199999"))
    assert moving.readings == 1


def test_also_finds_recorded_numbers_that_are_no_longer_declared(server: Server, name: str) -> None:
    """Else it would be forgotten, and stay on the platform."""
    moving = Moving(server, name, losing=1)
    addresses = [f"registration/p/{number}" for number in NUMBERS]
    resources = {
        address: Entry("registration", "main", number, number, {}, Options())
        for address, number in zip(addresses, NUMBERS, strict=True)
    }
    adapters: Mapping[str, Adapter] = {"p": adapter(server, name)}
    declared: list[Desired] = []
    assert sorted(read_registrations(declared, resources, adapters)) == addresses
    assert moving.readings > 1
    profile = Profile("main", {"agent": "agent_1"}, Options())
    declared = [Desired("registration", addresses[0], NUMBERS[0], profile, PLACE)]
    assert sorted(read_registrations(declared, resources, adapters)) == addresses


def test_list_that_keeps_changing_is_an_error(
    server: Server, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = [f"+155501002{n:02d}" for n in range(40)]
    monkeypatch.setattr("tests.remote.platforms.test_moving_list.NUMBERS", more)
    moving = Moving(server, name, losing=0)
    answer = moving._answer

    def growing(seen: Seen) -> Answer:
        more.insert(0, f"+1555020{len(more):04d}")
        return answer(seen)

    server.behaves(growing)
    with pytest.raises(RemoteError) as caught:
        adapter(server, name).list(asked("+15550199999"))
    assert caught.value.code in ("inconsistent_listing", "endless_listing")
