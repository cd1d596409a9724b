"""Names and addresses of live resources: children, lists in use, secrets, and what a plan would make."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.desired import Desired, Options
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import ApplicationRoute, TrunkRoute, Value
from reconciler.planning.identity.match import (
    find_names,
    find_same_key,
    has_unmatched,
    index_children,
    names_by_sid,
    names_to_sids,
    sids_to_names,
)
from reconciler.planning.identity.observed import Observed
from tests.support.memory.resources import declared, hook, number, pn, trunk

USE, OU = "trunk_credential_list", "origination_url"
LIST, EDGE = "CL" + "1" * 32, "TK" + "1" * 32


def entry(kind: str, sid: str, applied: dict[str, Value] | None = None, **fields: Any) -> Entry:
    return Entry(kind, "main", sid, "", applied or {}, Options(), **fields)


def url(sid: str, host: str, parent: str = "trunk/edge") -> Live:
    attrs: dict[str, Value] = {"sip_url": host}
    return Live(sid, host, "main", {}, attrs, parent=parent)


def use(sid: str = LIST, key: str = "", label: str = "office") -> Live:
    return Live(sid, key or sid, "main", {}, {"list": key or sid}, label, parent="trunk/edge")


URLS: dict[str, tuple[list[Live], dict[str, Entry], dict[str, str]]] = {
    "by its key": ([url("OU1", "sip:a")], {}, {f"{OU}/edge/sip:a": "OU1"}),
    "by the address that state has for its SID": (
        [url("OU1", "sip:edited")],
        {f"{OU}/edge/sip:a": entry(OU, "OU1")},
        {f"{OU}/edge/sip:a": "OU1"},
    ),
    "the recorded one first, another of the same key by its SID": (
        [url("OU1", "sip:a"), url("OU2", "sip:b")],
        {f"{OU}/edge/sip:a": entry(OU, "OU2")},
        {f"{OU}/edge/sip:a": "OU2", f"{OU}/edge/OU1": "OU1"},
    ),
    "two of one key in the order of their SIDs": (
        [url("OU2", "sip:a"), url("OU1", "sip:a")],
        {},
        {f"{OU}/edge/sip:a": "OU1", f"{OU}/edge/OU2": "OU2"},
    ),
    "below two parents": (
        [url("OU1", "sip:a"), url("OU2", "sip:a", "trunk/other")],
        {},
        {f"{OU}/edge/sip:a": "OU1", f"{OU}/other/sip:a": "OU2"},
    ),
    "a bound entry before that of a deleted child": (
        [url("OU1", "sip:x")],
        {
            f"{OU}/edge/sip:bound": entry(OU, "OU1"),
            f"{OU}/edge/sip:deleted": entry(OU, "OU1", deleted=1),
        },
        {f"{OU}/edge/sip:bound": "OU1"},
    ),
    "an entry of another kind or without a SID names nothing": (
        [url("OU1", "sip:a")],
        {"trunk/edge": entry("trunk", "OU1"), f"{OU}/edge/sip:b": entry(OU, "")},
        {f"{OU}/edge/sip:a": "OU1"},
    ),
    "a key that cannot be shown": (
        [url("OU1", "sip:\x1b"), url("OU2", " sip:a"), url("OU3", ""), url("OU4", "x" * 256)],
        {},
        {f"{OU}/edge/{sid}": sid for sid in ("OU1", "OU2", "OU3", "OU4")},
    ),
    "the longest key": ([url("OU1", "x" * 255)], {}, {f"{OU}/edge/{'x' * 255}": "OU1"}),
}


@pytest.mark.parametrize("case", URLS)
def test_address_of_an_origination_url(case: str) -> None:
    rows, recorded, expected = URLS[case]
    found = index_children(OU, rows, recorded)
    assert {address: live.sid for address, live in found.items()} == expected


BY_SID = f"{USE}/edge/{LIST}"
USES: dict[str, tuple[Live, dict[str, Entry], tuple[str, ...], tuple[str, ...], str]] = {
    "a list with a name here": (use(key="office"), {}, (), (), f"{USE}/edge/office"),
    "another list by its label": (use(), {}, (), (), f"{USE}/edge/office"),
    "a label that is the name of another list": (use(), {}, ("office",), (), BY_SID),
    "a label with a slash": (use(label="a/b"), {}, (), (), BY_SID),
    "no label": (use(label=""), {}, (), (), BY_SID),
    "a label that cannot be shown": (use(label="a\x1b"), {}, (), (), BY_SID),
    "declared by its SID": (use(), {}, (), (BY_SID,), BY_SID),
    "recorded by its SID": (use(), {BY_SID: entry(USE, LIST)}, (), (), BY_SID),
    "a name here is not hidden by its SID": (
        use(key="office"),
        {BY_SID: entry(USE, LIST)},
        (),
        (BY_SID,),
        f"{USE}/edge/office",
    ),
    "the SID of a list is no name for one of its uses": (
        use(),
        {f"{USE}/other/recorded": entry(USE, LIST)},
        (),
        (),
        f"{USE}/edge/office",
    ),
}


@pytest.mark.parametrize("case", USES)
def test_address_of_the_use_of_a_list(case: str) -> None:
    row, recorded, taken, wanted, expected = USES[case]
    known = dict.fromkeys(wanted, declared(USE, row.key, {}))
    assert list(index_children(USE, [row], recorded, taken, known)) == [expected]


def test_a_setting_has_the_address_of_its_parent() -> None:
    row = Live("", "record", "main", {}, {"mode": "x"}, parent="trunk/edge")
    assert list(index_children("recording", [row], {})) == ["recording/edge"]


@pytest.mark.parametrize(
    ("sid", "applied", "shown"),
    [
        ("CR1", {"username": "me", "password": "fingerprint"}, "fingerprint"),
        ("CR2", {"username": "me", "password": "fingerprint"}, None),
        ("CR1", {"username": "me"}, None),
    ],
    ids=["recorded", "of another user", "never written"],
)
def test_a_secret_is_as_it_was_last_written(
    sid: str, applied: dict[str, Value], shown: str | None
) -> None:
    row = Live("CR1", "me", "main", {}, {"username": "me"}, parent="credential_list/office")
    address = "credential/office/me"
    found = index_children("credential", [row], {address: entry("credential", sid, applied)})
    assert found[address].attrs.get("password") == shown
    assert found[address].attrs["username"] == "me"


def test_only_resources_with_a_name_here_are_named() -> None:
    others = {
        "trunk/edge": Live(EDGE, "edge", "main", {}, {}),
        f"application/AP{'1' * 32}": Live(f"AP{'1' * 32}", "x", "main", {}, {}),
        f"{OU}/edge/sip:a": url("OU1", "sip:a"),
    }
    assert names_by_sid(others) == {EDGE: "edge"}


def test_declarations_by_sid_get_the_names_that_are_here() -> None:
    menu = "AP" + "1" * 32
    others = {
        "trunk/edge": Live(EDGE, "edge", "main", {}, {}),
        "application/menu": Live(menu, "menu", "main", {}, {}),
        "credential_list/office": Live(LIST, "office", "main", {}, {}),
    }
    routes = number(1, voice=TrunkRoute(EDGE), sms=ApplicationRoute(menu), status=hook("s"))
    uses = declared(USE, LIST, {"list": LIST}, address=f"edge/{LIST}", parent="trunk/edge")
    other = number(2, voice=TrunkRoute("TK" + "2" * 32))
    found = sids_to_names([routes, uses, other], Observed({}, others))
    assert found[0].profile.attrs == {
        "voice": TrunkRoute("edge"),
        "sms": ApplicationRoute("menu"),
        "status": hook("s"),
    }
    assert (found[1].address, found[1].key) == (f"{USE}/edge/office", "office")
    assert found[1].profile.attrs == {"list": "office"}
    assert found[2] is other

    # Numbers that are declared alike go on sharing one profile.
    again = number(3)
    alike = [routes, Desired("number", "number/3", "3", routes.profile, again.position)]
    one, two = sids_to_names(alike, Observed({}, others))
    assert one.profile is two.profile
    assert sids_to_names(alike, Observed({}, {})) is alike


def test_lost_names_become_sids_in_every_part_of_an_entry() -> None:
    before = entry(
        "number",
        pn(1),
        {"voice": TrunkRoute("edge"), "sms": ApplicationRoute("menu")},
        previously_managed={"voice": TrunkRoute("edge")},
    )
    after = names_to_sids(before, {"trunk/edge": f"trunk/{EDGE}"})
    assert after.last_applied == {"voice": TrunkRoute(EDGE), "sms": ApplicationRoute("menu")}
    assert after.previously_managed == {"voice": TrunkRoute(EDGE)}


def application(sid: str, name: str) -> Live:
    return Live(sid, name, "main", {}, {"friendly_name": name})


def named(
    rows: list[Live], recorded: dict[str, Entry] | None = None, *desired: Desired
) -> dict[str, str]:
    return find_names("credential_list", "main", desired, recorded or {}, rows)


def test_a_list_that_a_trunk_uses_by_name_is_known_by_that_name() -> None:
    rows = [application(LIST, "office"), application("CL2", "other")]
    uses = declared(USE, "office", {"list": "office"}, address="edge/office")
    assert named(rows, None, uses) == {LIST: "office"}
    assert named(rows, None, number(1), trunk("office")) == {}


def test_a_resource_that_a_dead_run_was_about_to_make_is_known_by_its_name() -> None:
    rows = [application(LIST, "office")]
    for pending, found in (
        ({"friendly_name": "office"}, {LIST: "mine"}),
        ({"username": "x"}, {}),
        (None, {}),
    ):
        begun = entry("credential_list", "", pending=pending)  # type: ignore[arg-type]
        assert named(rows, {"credential_list/mine": begun}) == found
    begun = entry("credential_list", "", pending={"x": 1})
    assert named(rows, {"credential_list/office": begun}) == {LIST: "office"}
    other = entry("ip_access_control_list", "", pending={"x": 1})
    assert named(rows, {"ip_access_control_list/office": other}) == {}


def test_values_for_a_new_resource_count_for_its_identity() -> None:
    want = declared("application", "menu", {}, address="menu")
    made = Desired(
        want.kind,
        want.address,
        "menu",
        want.profile,
        want.position,
        on_create={"friendly_name": "A"},
    )
    rows = [application("AP1", "A")]
    assert find_names("application", "main", [made], {}, rows) == {"AP1": "menu"}
    assert find_names("application", "main", [want], {}, rows) == {}
    assert find_names("application", "other", [made], {}, rows) == {}


def test_an_entry_names_a_resource_only_in_its_account_and_while_it_exists() -> None:
    recorded = {"credential_list/office": entry("credential_list", LIST)}
    assert named([application(LIST, "x")], recorded) == {LIST: "office"}
    assert named([application("CL2", "x")], recorded) == {}
    assert find_names("credential_list", "other", [], recorded, [application(LIST, "x")]) == {}
    assert find_names("application", "main", [], recorded, [application(LIST, "x")]) == {}


@pytest.mark.parametrize(
    ("desired", "recorded", "names", "expected"),
    [
        ([trunk("edge")], {}, {}, True),
        ([trunk("edge")], {}, {EDGE: "edge"}, False),
        ([], {"trunk/edge": entry("trunk", "", pending={"x": 1})}, {}, True),
        ([], {"trunk/edge": entry("trunk", EDGE)}, {}, False),
        ([number(1)], {}, {}, False),
    ],
)
def test_a_plan_would_make_what_nothing_matches(
    desired: list[Desired], recorded: dict[str, Entry], names: dict[str, str], expected: bool
) -> None:
    assert has_unmatched("trunk", "main", desired, recorded, names) is expected


def test_only_unnamed_resources_of_the_account_may_be_taken_for_a_declared_one() -> None:
    want = declared("application", "menu", {"friendly_name": "menu"})
    mine = application("AP1", "menu")
    others = {
        "application/menu": mine,
        "application/AP2": application("AP2", "menu"),
        "application/named": application("AP3", "menu"),
        "application/AP4": application("AP4", "other"),
        "application/AP5": Live("AP5", "menu", "other", {}, {"friendly_name": "menu"}),
        "trunk/AP6": application("AP6", "menu"),
    }
    found = find_same_key(want, mine, Observed({}, others))
    assert [live.sid for live in found] == ["AP2"]
    child = declared(OU, "sip:a", {"sip_url": "sip:a"}, parent="trunk/edge")
    assert list(find_same_key(child, mine, Observed({}, others))) == []
