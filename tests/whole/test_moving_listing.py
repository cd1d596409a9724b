"""A listing that moves while it is read leaves a row out: nothing is concluded from that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from reconciler.sandbox import faults as f
from reconciler.sandbox.store import Cursor, Page, Table
from tests.whole.stage import AGENT, Stage

AGENTS = {"support": {"webhooks": AGENT}}
EDGE = {
    "domain": "acme-edge.pstn.twilio.com",
    "origination": [{"sip_url": f"sip:sbc{n}.example.com", "priority": n, "weight": 10} for n in range(1, 6)],
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
        return serve(self, owner, Cursor(cursor.size, older_than=found.oldest), **filters) if found.rows else found

    def begin() -> None:
        monkeypatch.setattr(Table, "page", shifted)

    return begin


def declared(stage: Stage) -> None:
    numbers = [number.phone_number for number in stage.sandbox.world.numbers if number.capabilities.sms]
    stage.declare(agents=AGENTS, applications=MENUS, trunks={"edge": EDGE}, numbers=dict.fromkeys(numbers, "support"))


def test_the_listing_really_loses_rows(stage: Stage, moving: Callable[[], None]) -> None:
    declared(stage)
    moving()
    whole = len(list(stage.sandbox.world.numbers))
    assert stage.json("export")["summary"]["numbers"] < whole


def test_what_the_listing_lacks_is_neither_missing_nor_made_again(stage: Stage, moving: Callable[[], None]) -> None:
    declared(stage)
    stage.apply("--allow-takeover")
    assert stage.plan() == []
    moving()
    assert stage.plan() == []
    assert stage.json("drift")["drifted"] == []
    assert stage.apply() == []


def test_what_the_listing_lacks_is_released_and_not_forgotten(stage: Stage, moving: Callable[[], None]) -> None:
    declared(stage)
    stage.apply("--allow-takeover")
    stage.declare(agents=AGENTS)
    expected = stage.plan()
    moving()
    assert stage.plan() == expected
    assert {action for address, action in expected if address.startswith("number/")} == {"release"}


def test_only_what_is_absent_is_fetched(stage: Stage) -> None:
    declared(stage)
    stage.apply("--allow-takeover")
    before = len(stage.sandbox.calls)
    stage.plan()
    assert not [call for call in list(stage.sandbox.calls)[before:] if "/PN" in call.path or "/AP" in call.path]


@pytest.mark.parametrize("fault", [f.Refuse(status=403, code=20003), f.Refuse(status=400)])
def test_a_number_that_cannot_be_fetched_is_not_called_missing(
    stage: Stage, moving: Callable[[], None], fault: f.Fault
) -> None:
    declared(stage)
    stage.apply("--allow-takeover")
    moving()
    stage.sandbox.faults.add(msgspec.structs.replace(fault, path="*/IncomingPhoneNumbers/PN*"))
    codes = [d["code"] for d in stage.json("plan", code=1)["diagnostics"]]
    assert "number_missing" not in codes
    assert codes
