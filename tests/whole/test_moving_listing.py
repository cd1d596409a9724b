"""A listing that moves while it is read leaves a row out: nothing is concluded from that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from reconciler.kinds.table import KINDS
from reconciler.sandbox.faults import rules as f
from reconciler.sandbox.store import Cursor, Page, Table
from tests.support.command_runner import AGENT, CommandRunner

AGENTS = {"support": {"webhooks": AGENT}}
EDGE = {
    "domain": "acme-edge.pstn.twilio.com",
    "origination": [
        {"sip_url": f"sip:sbc{n}.example.com", "priority": n, "weight": 10} for n in range(1, 6)
    ],
}
MENUS = {f"menu{n}": {"voice": f"https://agents.example.com/{n}"} for n in range(1, 6)}


@pytest.fixture
def moving(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Serve pages of two by offset from now on, and shift every later page by one row that is gone before it."""
    monkeypatch.setattr("reconciler.remote.twilio.gateway.PAGE_SIZE", 2)
    serve = Table.page

    def shifted(self: Table[Any], owner: str, cursor: Cursor, **filters: Any) -> Page[Any]:
        if cursor.older_than is None:
            return serve(self, owner, cursor, **filters)

        # By offset, a row that is deleted from the first page moves the first row of the next page onto it.
        found = serve(self, owner, Cursor(1, older_than=cursor.older_than), **filters)
        return (
            serve(self, owner, Cursor(cursor.size, older_than=found.oldest), **filters)
            if found.rows
            else found
        )

    def begin() -> None:
        monkeypatch.setattr(Table, "page", shifted)

    return begin


def declared(runner: CommandRunner) -> None:
    numbers = [
        number.phone_number for number in runner.sandbox.world.numbers if number.capabilities.sms
    ]
    runner.declare(
        agents=AGENTS,
        applications=MENUS,
        trunks={"edge": EDGE},
        numbers=dict.fromkeys(numbers, "support"),
    )


def test_the_listing_really_loses_rows(runner: CommandRunner, moving: Callable[[], None]) -> None:
    declared(runner)
    moving()
    whole = len(list(runner.sandbox.world.numbers))
    assert runner.json("export")["summary"]["numbers"] < whole


def test_resource_absent_from_a_listing_is_neither_missing_nor_recreated(
    runner: CommandRunner, moving: Callable[[], None]
) -> None:
    declared(runner)
    runner.apply("--allow-takeover")
    assert runner.plan() == []
    moving()
    assert runner.plan() == []
    assert runner.json("drift")["drifted"] == []
    assert runner.apply() == []


def test_releases_a_resource_that_is_absent_from_a_listing(
    runner: CommandRunner, moving: Callable[[], None]
) -> None:
    declared(runner)
    runner.apply("--allow-takeover")
    runner.declare(agents=AGENTS)
    expected = runner.plan()
    moving()
    assert runner.plan() == expected
    assert {action for address, action in expected if address.startswith("number/")} == {"release"}


def test_fetches_only_resources_absent_from_the_listing(runner: CommandRunner) -> None:
    declared(runner)
    runner.apply("--allow-takeover")
    before = len(runner.sandbox.calls)
    runner.plan()
    assert not [
        call
        for call in list(runner.sandbox.calls)[before:]
        if "/PN" in call.path or "/AP" in call.path
    ]


@pytest.mark.parametrize("fault", [f.Refuse(status=403, code=20003), f.Refuse(status=400)])
def test_number_that_cannot_be_fetched_is_not_reported_missing(
    runner: CommandRunner, moving: Callable[[], None], fault: f.Fault
) -> None:
    declared(runner)
    runner.apply("--allow-takeover")
    moving()
    runner.sandbox.faults.add(msgspec.structs.replace(fault, path="*/IncomingPhoneNumbers/PN*"))
    codes = [d["code"] for d in runner.json("plan", code=1)["diagnostics"]]
    assert "number_missing" not in codes
    assert codes


@pytest.fixture
def losing(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Serve pages of two by offset; the first so many readings of each listing lose one row, each another one."""
    monkeypatch.setattr("reconciler.remote.twilio.gateway.PAGE_SIZE", 2)
    serve = Table.page
    readings: dict[tuple[str, str], int] = {}
    pages: dict[tuple[str, str], int] = {}
    most = [0]

    def shifted(self: Table[Any], owner: str, cursor: Cursor, **filters: Any) -> Page[Any]:
        listing = (self.shelf.name, owner)
        if cursor.older_than is None:
            readings[listing] = readings.get(listing, 0) + 1
            pages[listing] = 0
            return serve(self, owner, cursor, **filters)

        # In the first reading the second page is shifted, in the second reading the third one, and so on.
        pages[listing] += 1
        reading = readings[listing]
        if reading > most[0] or pages[listing] != reading:
            return serve(self, owner, cursor, **filters)
        lost = serve(self, owner, Cursor(1, older_than=cursor.older_than), **filters)
        return (
            serve(self, owner, Cursor(cursor.size, older_than=lost.oldest), **filters)
            if lost.rows
            else lost
        )

    def begin(count: int) -> None:
        most[0] = count
        readings.clear()
        monkeypatch.setattr(Table, "page", shifted)

    return begin


LISTS = [f"list{n}" for n in range(5)]
NETWORKS = [{"cidr": f"203.0.113.{16 * n}/28", "name": f"net{n}"} for n in range(5)]
USERS = [{"username": f"user{n}", "password": {"env": "PBX_PASSWORD"}} for n in range(5)]
ACCESS_LISTS = [{"name": name, "addresses": NETWORKS if name == "list2" else []} for name in LISTS]
CREDENTIAL_LISTS = [
    {"name": name, "credentials": USERS if name == "list2" else []} for name in LISTS
]


SERVICES = {f"service{n}": {"inbound": f"https://agents.example.com/{n}"} for n in range(5)}


def declare_everything(runner: CommandRunner) -> None:
    """Five of each kind, so that each listing has three pages of two."""
    trunks: dict[str, Any] = {"edge": EDGE}
    for n in range(4):
        trunks[f"named{n}"] = {"friendly_name": f"Named {n}"}
    trunks["edge"] = {
        **EDGE,
        "ip_access_control_lists": ACCESS_LISTS,
        "credential_lists": CREDENTIAL_LISTS,
    }
    numbers = [
        str(number.phone_number)
        for number in runner.sandbox.world.numbers
        if number.capabilities.sms
    ]
    runner.declare(
        agents=AGENTS,
        applications=MENUS,
        messaging_services=SERVICES,
        trunks=trunks,
        numbers=dict.fromkeys(numbers, "support"),
    )


def kinds(plan: list[tuple[str, str]]) -> set[str]:
    return {address.partition("/")[0] for address, _ in plan}


@pytest.mark.parametrize("readings", [1, 2])
def test_imports_an_unrecorded_resource_instead_of_creating_it_again(
    runner: CommandRunner, losing: Callable[[int], None], readings: int
) -> None:
    """The state is gone, so nothing can be asked for by its SID."""
    declare_everything(runner)
    runner.apply("--allow-takeover")
    (runner.folder / "state.json").unlink()
    expected = runner.plan()
    assert len(kinds(expected)) == len(KINDS) - 2, "all but bridge numbers and recordings"
    assert {action for _, action in expected} <= {"import", "overwrite_webhooks", "update"}
    losing(readings)
    assert runner.plan() == expected


def test_a_listing_of_one_page_is_read_once(runner: CommandRunner) -> None:
    before = len(runner.sandbox.calls)
    runner.declare(agents=AGENTS, applications=MENUS, trunks={"edge": EDGE})
    runner.plan()
    read = [
        call.path
        for call in list(runner.sandbox.calls)[before:]
        if not call.path.endswith("/Events")
    ]
    assert len(read) == len(set(read)), read


def test_listing_that_keeps_changing_is_an_error(
    runner: CommandRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is made: what is missing may be there."""
    declare_everything(runner)
    runner.apply("--allow-takeover")
    (runner.folder / "state.json").unlink()
    monkeypatch.setattr("reconciler.remote.twilio.gateway.PAGE_SIZE", 2)
    serve = Table.page
    made: list[str] = []

    def growing(self: Table[Any], owner: str, cursor: Cursor, **filters: Any) -> Page[Any]:
        if self.shelf.name == "applications" and cursor.older_than is None:
            made.append(f"AP{len(made):032x}")
            self.add(
                msgspec.structs.replace(next(iter(self)), sid=made[-1], friendly_name=made[-1])
            )
        page = serve(self, owner, cursor, **filters)
        page.rows[:] = [row for row in page.rows if getattr(row, "friendly_name", "") != "menu1"]
        return page

    monkeypatch.setattr(Table, "page", growing)
    codes = [d["code"] for d in runner.json("plan", code=1)["diagnostics"]]
    assert codes == ["inconsistent_listing"]
