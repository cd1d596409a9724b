"""Renamed resources: how each is recognised, and that its entry takes all its names along."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from reconciler.model.desired import Desired, Options
from reconciler.model.entry import Entry
from reconciler.model.position import Position
from reconciler.model.route import ApplicationRoute, TrunkRoute
from reconciler.planning.identity.moved import Move, follow_moves, rename_entries
from tests.support.memory.resources import declared, e164, hook, pn, trunk

LINE = Position("reconciler.yaml", 7, 3)


def entry(kind: str, sid: str = "X1", **fields: Any) -> Entry:
    given: dict[str, Any] = {"account": "main", "key": "", "options": Options(), **fields}
    given.setdefault("last_applied", {})
    return Entry(kind=kind, sid=sid, **given)


def recorded_trunk(domain: str | None, **fields: Any) -> Entry:
    return entry("trunk", "TK1", last_applied={"domain_name": domain}, **fields)


def network(cidr: str, label: str | None, parent: str = "list/office") -> Desired:
    attrs = {"friendly_name": label, "ip_address": cidr}
    return declared("ip_address", cidr, attrs, address=f"office/{cidr}", parent=parent)


def recorded_network(label: str | None, parent: str = "list/office", sid: str = "IP1") -> Entry:
    return entry("ip_address", sid, last_applied={"friendly_name": label}, parent=parent)


def move(source: str, target: str) -> Move:
    return Move(source, target, LINE)


TRUNK = recorded_trunk("old.pstn.twilio.com")
DECLARED_MOVES: dict[str, tuple[list[str], list[tuple[str, str]], dict[str, str], list[str]]] = {
    "one": (["trunk/a"], [("trunk/a", "trunk/b")], {"trunk/a": "trunk/b"}, []),
    "none": (["trunk/a"], [], {}, []),
    "of something unknown": (["trunk/a"], [("trunk/x", "trunk/b")], {}, []),
    "to a name that is recorded": (
        ["trunk/a", "trunk/b"],
        [("trunk/a", "trunk/b")],
        {},
        ["trunk/a"],
    ),
    "a chain from its start": (
        ["trunk/a"],
        [("trunk/a", "trunk/b"), ("trunk/b", "trunk/c")],
        {"trunk/a": "trunk/c"},
        [],
    ),
    "a chain from its middle": (
        ["trunk/b"],
        [("trunk/a", "trunk/b"), ("trunk/b", "trunk/c")],
        {"trunk/b": "trunk/c"},
        [],
    ),
    "a chain in which two are recorded: the newest takes the last name": (
        ["trunk/a", "trunk/b"],
        [("trunk/a", "trunk/b"), ("trunk/b", "trunk/c")],
        {"trunk/b": "trunk/c"},
        ["trunk/a"],
    ),
    "two to one name": (
        ["trunk/a", "trunk/b"],
        [("trunk/a", "trunk/c"), ("trunk/b", "trunk/c")],
        {"trunk/a": "trunk/c"},
        ["trunk/b"],
    ),
}


@pytest.mark.parametrize("case", DECLARED_MOVES)
def test_lines_of_moved(case: str) -> None:
    recorded, lines, renames, blocked = DECLARED_MOVES[case]
    found = follow_moves(dict.fromkeys(recorded, TRUNK), [], [move(*line) for line in lines])
    assert found.renames == renames
    assert [(d.code, d.address, d.line) for d in found.diagnostics] == [
        ("move_blocked", address, 7) for address in blocked
    ]
    assert set(found.resources) == {renames.get(address, address) for address in recorded}


def test_several_agents_may_get_one_name() -> None:
    recorded = {
        f"number/{e164(n)}": entry("number", pn(n), options=Options(agent=name))
        for n, name in enumerate(("a", "b", "other"))
    }
    moves = [move("agent/a", "agent/c"), move("agent/b", "agent/c"), move("agent/x", "agent/y")]
    found = follow_moves(recorded, [], moves)
    assert found.renames == {"agent/a": "agent/c", "agent/b": "agent/c"}
    assert found.diagnostics == []
    assert [each.options.agent for each in found.resources.values()] == ["c", "c", "other"]


NEW = trunk("new", domain_name="old.pstn.twilio.com")
BY_DOMAIN: dict[str, tuple[dict[str, Entry], list[Desired], dict[str, str]]] = {
    "the same domain under a new name": ({"trunk/old": TRUNK}, [NEW], {"trunk/old": "trunk/new"}),
    "another domain": ({"trunk/old": recorded_trunk("x.pstn.twilio.com")}, [NEW], {}),
    "another account": (
        {"trunk/old": recorded_trunk("old.pstn.twilio.com", account="b")},
        [NEW],
        {},
    ),
    "no domain": (
        {"trunk/old": recorded_trunk(None)},
        [trunk("new", domain_name=None)],
        {},
    ),
    "still declared": (
        {"trunk/old": TRUNK},
        [trunk("old", domain_name="old.pstn.twilio.com"), NEW],
        {},
    ),
    "the new name is recorded": ({"trunk/old": TRUNK, "trunk/new": TRUNK}, [NEW], {}),
    "something else with this value": (
        {"application/old": entry("application", last_applied=TRUNK.last_applied)},
        [NEW],
        {},
    ),
    "two that exchange their domains": (
        {"trunk/old": TRUNK, "trunk/new": recorded_trunk("new.pstn.twilio.com")},
        [NEW, trunk("old", domain_name="new.pstn.twilio.com")],
        {"trunk/new": "trunk/old", "trunk/old": "trunk/new"},
    ),
    "one that takes the name of another": (
        {"trunk/old": TRUNK, "trunk/new": recorded_trunk("new.pstn.twilio.com")},
        [NEW],
        {"trunk/new": "trunk/old", "trunk/old": "trunk/new"},
    ),
    "one that leaves its name to a new trunk": (
        {"trunk/old": TRUNK},
        [NEW, trunk("old", domain_name="x.pstn.twilio.com")],
        {"trunk/old": "trunk/new"},
    ),
    "two new names: the first takes it": (
        {"trunk/old": TRUNK},
        [NEW, trunk("a", domain_name="old.pstn.twilio.com")],
        {"trunk/old": "trunk/a"},
    ),
}


@pytest.mark.parametrize("case", BY_DOMAIN)
def test_a_trunk_is_recognised_by_its_domain(case: str) -> None:
    recorded, desired, renames = BY_DOMAIN[case]
    assert follow_moves(recorded, desired, []).renames == renames


def test_a_declared_move_comes_before_the_domain() -> None:
    other = recorded_trunk("new.pstn.twilio.com")
    desired = [trunk("new", domain_name="new.pstn.twilio.com")]
    found = follow_moves(
        {"trunk/a": TRUNK, "trunk/b": other}, desired, [move("trunk/a", "trunk/new")]
    )
    assert found.renames == {"trunk/a": "trunk/new"}
    found = follow_moves({"trunk/b": other}, desired, [move("trunk/b", "trunk/c")])
    assert found.renames == {"trunk/b": "trunk/c"}


OFFICE = network("198.51.100.0/27", "hq")
BEFORE = "ip_address/office/203.0.113.0/28"
BY_LABEL: dict[str, tuple[dict[str, Entry], list[Desired], bool]] = {
    "the same label with another network": ({BEFORE: recorded_network("hq")}, [OFFICE], True),
    "another label": ({BEFORE: recorded_network("lab")}, [OFFICE], False),
    "another list": ({BEFORE: recorded_network("hq", "list/lab")}, [OFFICE], False),
    "no label": ({BEFORE: recorded_network("")}, [network("198.51.100.0/27", "")], False),
    "nothing bound": ({BEFORE: recorded_network("hq", sid="")}, [OFFICE], False),
    "still declared": (
        {BEFORE: recorded_network("hq")},
        [network("203.0.113.0/28", "hq"), OFFICE],
        False,
    ),
    "recorded already": (
        {BEFORE: recorded_network("hq"), OFFICE.address: recorded_network("hq", sid="IP2")},
        [OFFICE],
        False,
    ),
    "something else with this label": (
        {BEFORE: msgspec.structs.replace(recorded_network("hq"), kind="credential")},
        [OFFICE],
        False,
    ),
}


@pytest.mark.parametrize("case", BY_LABEL)
def test_a_network_is_recognised_by_its_label(case: str) -> None:
    recorded, desired, found = BY_LABEL[case]
    expected = {BEFORE: OFFICE.address} if found else {}
    assert follow_moves(recorded, desired, []).renames == expected


def test_an_entry_of_a_deleted_child_is_not_moved() -> None:
    deleted = msgspec.structs.replace(recorded_network("hq"), deleted=1)
    found = follow_moves({BEFORE: deleted}, [OFFICE], [])
    assert (found.renames, set(found.resources)) == ({}, {BEFORE})


RENAMES = {"trunk/old": "trunk/new", "application/menu": "application/main", "agent/a": "agent/b"}


def test_children_move_with_their_trunk() -> None:
    parent = {"parent": "trunk/old"}
    found = rename_entries(
        {
            "trunk/old": TRUNK,
            "origination_url/old/sip:a.example.com": entry("origination_url", **parent),
            "recording/old": entry("recording", **parent),
            "origination_url/older/sip:a.example.com": entry("origination_url", **parent),
            "origination_url/other/x": entry("origination_url", parent="trunk/other"),
        },
        RENAMES,
    )
    assert {address: each.parent for address, each in found.items()} == {
        "trunk/new": None,
        "origination_url/new/sip:a.example.com": "trunk/new",
        "recording/new": "trunk/new",
        "origination_url/older/sip:a.example.com": "trunk/new",
        "origination_url/other/x": "trunk/other",
    }


def test_every_value_of_an_entry_gets_the_new_names() -> None:
    routes = {
        "voice": TrunkRoute("old"),
        "sms": ApplicationRoute("menu"),
        "status": hook("s"),
        "other": TrunkRoute("menu"),
    }
    renamed = {**routes, "voice": TrunkRoute("new"), "sms": ApplicationRoute("main")}
    before = entry(
        "number",
        last_applied=routes,
        previously_managed={"voice": TrunkRoute("old")},
        pending={"sms": ApplicationRoute("menu")},
        normalised={"voice": [TrunkRoute("old"), hook("x")]},
        options=Options(agent="a", protect=True),
    )
    (after,) = rename_entries({"number/1": before}, RENAMES).values()
    assert after == msgspec.structs.replace(
        before,
        last_applied=renamed,
        previously_managed={"voice": TrunkRoute("new")},
        pending={"sms": ApplicationRoute("main")},
        normalised={"voice": [TrunkRoute("new"), hook("x")]},
        options=Options(agent="b", protect=True),
    )


def test_entries_without_a_renamed_part_stay_the_same_objects() -> None:
    before = {"number/1": entry("number", last_applied={"voice": hook("a")}, pending=None)}
    after = rename_entries(before, RENAMES)
    assert after["number/1"] is before["number/1"]
    assert rename_entries(before, {}) is before


def test_numbers_that_share_their_values_go_on_sharing_them() -> None:
    shared = {"voice": TrunkRoute("old")}
    numbers = {f"number/{n}": entry("number", f"PN{n}", last_applied=shared) for n in range(3)}
    one, two, three = rename_entries(numbers, RENAMES).values()
    assert one.last_applied == {"voice": TrunkRoute("new")}
    assert one.last_applied is two.last_applied is three.last_applied
