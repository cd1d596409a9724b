"""Decisions about trunks and what belongs to them, on literals: create, import, update, restore, delete, refuse."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from reconciler.model.action import Change
from reconciler.model.desired import Desired, Options
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Value
from reconciler.planning.decide.resource import decide_resource, remove, restore
from reconciler.planning.decision import Decision
from reconciler.planning.identity.observed import Observed
from tests.support.memory.resources import declared, origination, trunk

EDGE, TK = "trunk/edge", "TK" + "1" * 32
DOMAIN = "edge.pstn.twilio.com"
ATTRS: dict[str, Value] = {"friendly_name": "edge", "domain_name": DOMAIN, "secure": False}


def live(sid: str = TK, account: str = "main", **attrs: Value) -> Live:
    whole = {**ATTRS, **attrs}
    return Live(sid, "edge", account, dict(whole), whole)  # type: ignore[arg-type]


def entry(sid: str = TK, **fields: Any) -> Entry:
    given: dict[str, Any] = {
        "account": "main",
        "last_applied": ATTRS,
        "options": Options(),
        **fields,
    }
    return Entry(kind="trunk", sid=sid, key=DOMAIN, **given)


def decide(
    want: Desired,
    recorded: Entry | None = None,
    there: dict[str, Live] | None = None,
    decided: tuple[str, ...] = (),
) -> Decision:
    entries = {want.address: recorded} if recorded is not None else {}
    return decide_resource(want, entries, Observed({}, there or {}), decided)


def steps(found: Decision) -> list[tuple[str, str]]:
    return [(action.action, action.reason) for action in found.actions]


def codes(found: Decision) -> list[str]:
    return [problem.code for problem in found.diagnostics]


def test_a_new_resource_gets_the_values_for_a_new_one_too() -> None:
    want = msgspec.structs.replace(trunk("edge"), on_create={"cnam_lookup_enabled": True})
    (made,) = decide(want).actions
    assert (made.action, made.reason, made.sid, made.resume) == ("create", "new", None, False)
    assert made.set == {"cnam_lookup_enabled": True, **ATTRS}
    assert made.entry == Entry(
        kind="trunk",
        account="main",
        sid="",
        key="edge",
        last_applied=ATTRS,
        options=Options(),
        created=True,
    )


def test_a_child_is_made_after_its_parent_and_what_it_needs() -> None:
    want = msgspec.structs.replace(origination("edge", "sbc1"), needs=("credential_list/a",))
    (made,) = decide(want).actions
    assert made.depends_on == ("trunk/edge", "credential_list/a")
    assert made.parent == "trunk/edge"
    (made,) = decide(msgspec.structs.replace(trunk("edge"), needs=("a",))).actions
    assert made.depends_on == ("a",)


@pytest.mark.parametrize(("sid", "reason"), [(TK, "drift"), ("", "new")])
def test_a_resource_that_is_gone_is_made_again(sid: str, reason: str) -> None:
    (made,) = decide(trunk("edge"), entry(sid, created=True)).actions
    assert (made.action, made.reason) == ("create", reason)
    assert ("may refuse" in (made.note or "")) is bool(sid)


@pytest.mark.parametrize("differs", [False, True])
def test_a_resource_that_is_there_is_imported_first(differs: bool) -> None:
    there = live(secure=True, weight=None) if differs else live()
    found = decide(trunk("edge"), None, {EDGE: there})
    assert steps(found) == [("import", "new")] + ([("update", "new")] if differs else [])
    first = found.actions[0]
    assert first.entry is not None
    assert (first.entry.sid, first.entry.created) == (TK, False)
    assert first.entry.last_applied["secure"] is differs
    assert first.entry.prior == {"friendly_name": "edge", "domain_name": DOMAIN, "secure": differs}
    if differs:
        second = found.actions[1]
        assert second.set == {"secure": False}
        assert second.changes == (Change("secure", True, False),)
        assert second.entry is not None
        assert second.entry.last_applied["secure"] is False


def test_two_live_resources_that_match_are_an_error() -> None:
    there = {EDGE: live(), "trunk/TK2": live("TK2")}
    found = decide(trunk("edge"), None, there)
    assert (codes(found), steps(found)) == (["ambiguous_match"], [])
    assert TK in found.diagnostics[0].detail
    assert "TK2" in found.diagnostics[0].detail
    assert codes(decide(trunk("edge"), entry(""), there)) == ["ambiguous_match"]
    assert codes(decide(trunk("edge"), entry(), there)) == []


def test_the_use_of_an_unknown_list_is_an_error() -> None:
    want = declared(
        "trunk_credential_list", "pbx", {"list": "pbx"}, address="edge/pbx", parent=EDGE
    )
    assert codes(decide(want)) == ["list_not_found"]
    assert steps(decide(want, decided=("credential_list/pbx",))) == [("create", "new")]
    there = {"credential_list/pbx": Live("CL1", "pbx", "main", {}, {})}
    assert steps(decide(want, None, there)) == [("create", "new")]
    in_use = {want.address: Live("CL1", "pbx", "main", {}, {"list": "pbx"}, parent=EDGE)}
    assert codes(decide(want, None, in_use)) == []


def test_a_run_that_died_after_a_create_has_made_it() -> None:
    begun = entry("", created=True, pending=ATTRS, last_applied={})
    found = decide(trunk("edge"), begun, {EDGE: live()})
    assert steps(found) == []
    assert found.updates[EDGE] == msgspec.structs.replace(
        begun, sid=TK, last_applied=ATTRS, pending=None, key="edge"
    )
    assert found.updates[EDGE].created

    # What it has not written yet is an update of what is ours.
    found = decide(trunk("edge", secure=True), begun, {EDGE: live()})
    assert steps(found) == [("update", "config")]
    assert found.actions[0].entry is not None
    assert (found.actions[0].entry.created, found.actions[0].entry.sid) == (True, TK)


OTHER = entry(account="other")


def test_a_resource_recorded_in_another_account_is_not_moved() -> None:
    assert codes(decide(trunk("edge"), OTHER)) == ["account_mismatch"]
    assert codes(decide(trunk("edge"), OTHER, {EDGE: live("TK2")})) == ["account_mismatch"]
    assert codes(decide(trunk("edge"), OTHER, {EDGE: live(account="third")})) == [
        "account_mismatch"
    ]

    # Only the name of the account has changed: the declared account has this very resource.
    found = decide(trunk("edge"), OTHER, {EDGE: live()})
    assert (codes(found), steps(found)) == ([], [])
    assert found.updates[EDGE].account == "main"

    # It was about to be made there, and nothing is there.
    unmade = msgspec.structs.replace(OTHER, sid="", pending=ATTRS)
    assert steps(decide(trunk("edge"), unmade)) == [("create", "new")]
    assert steps(decide(trunk("edge"), unmade, {EDGE: live()})) == [("import", "new")]


def test_one_error_about_another_account_is_enough() -> None:
    child = msgspec.structs.replace(OTHER, kind="origination_url", parent=EDGE)
    found = decide(origination("edge", "sbc1"), child)
    assert (codes(found), steps(found), dict(found.updates)) == ([], [], {})


UNDECLARED = {**ATTRS, "transfer_mode": "sip-only", "cnam_lookup_enabled": True}


@pytest.mark.parametrize(
    ("prior", "there", "restored"),
    [
        ({"transfer_mode": "enable-all"}, "sip-only", "enable-all"),
        ({}, "sip-only", "disable-all"),
        ({"transfer_mode": ""}, "sip-only", "disable-all"),
        ({"transfer_mode": "enable-all"}, "enable-all", None),
        ({}, "disable-all", None),
    ],
)
def test_a_field_that_is_not_declared_any_more_returns_to_its_value_of_before(
    prior: dict[str, Any], there: str, restored: str | None
) -> None:
    recorded = entry(last_applied=UNDECLARED, prior=prior)
    want = trunk("edge", cnam_lookup_enabled=True)
    found = decide(want, recorded, {EDGE: live(transfer_mode=there, cnam_lookup_enabled=True)})
    if restored is None:
        assert steps(found) == []
        assert "transfer_mode" not in found.updates[EDGE].last_applied
        return

    (action,) = found.actions
    assert (action.action, action.reason, action.resume) == ("update", "config", False)
    assert action.set == {"transfer_mode": restored}
    assert action.entry is not None
    assert "transfer_mode" not in action.entry.last_applied


def test_a_restored_field_beside_a_resumed_write_is_no_resumed_action() -> None:
    recorded = entry(last_applied=UNDECLARED, pending={"secure": True})
    there = live(transfer_mode="sip-only", cnam_lookup_enabled=True)
    (action,) = decide(
        trunk("edge", secure=True, cnam_lookup_enabled=True), recorded, {EDGE: there}
    ).actions
    assert (action.set, action.resume) == ({"secure": True, "transfer_mode": "disable-all"}, False)
    (action,) = decide(
        trunk("edge", secure=True, transfer_mode="sip-only", cnam_lookup_enabled=True),
        recorded,
        {EDGE: there},
    ).actions
    assert (action.set, action.resume) == ({"secure": True}, True)


def test_an_update_of_the_key_changes_the_recorded_key() -> None:
    want = trunk("edge", domain_name="new.pstn.twilio.com")
    (action,) = decide(want, entry(), {EDGE: live()}).actions
    assert action.entry is not None
    assert action.entry.key == "new.pstn.twilio.com"


MODE, TRIM = "record-from-answer", "trim-silence"
SETTING = Entry("recording", "main", TK, MODE, {"mode": MODE, "trim": TRIM}, Options(), parent=EDGE)


@pytest.mark.parametrize(
    ("prior", "there", "writes", "note"),
    [
        ({}, (MODE, TRIM), {"mode": "do-not-record", "trim": "do-not-trim"}, None),
        (
            {"mode": "record-from-ringing"},
            (MODE, TRIM),
            {"mode": "record-from-ringing", "trim": "do-not-trim"},
            None,
        ),
        ({"mode": MODE}, (MODE, TRIM), {"trim": "do-not-trim"}, None),
        ({}, ("other", TRIM), {"trim": "do-not-trim"}, "mode (other)"),
        ({}, ("other", "else"), {}, "mode (other), trim (else)"),
        ({}, ("do-not-record", TRIM), {"trim": "do-not-trim"}, None),
    ],
)
def test_a_setting_is_restored_where_it_is_as_we_left_it(
    prior: dict[str, Any], there: tuple[str, str], writes: dict[str, Any], note: str | None
) -> None:
    attrs: dict[str, Value] = dict(zip(("mode", "trim"), there, strict=True))
    shown = Live(TK, there[0], "main", {}, attrs, parent=EDGE)
    found = restore("recording/edge", msgspec.structs.replace(SETTING, prior=prior), shown)
    assert (found.action, found.reason, found.sid, found.parent) == (
        "release",
        "removed",
        TK,
        EDGE,
    )
    assert found.set == writes
    assert [(c.field, c.before, c.after) for c in found.changes] == [
        (name, attrs[name], value) for name, value in writes.items()
    ]
    expected = f"not changed, because somebody else has set it since: {note}" if note else None
    assert found.note == expected


def test_a_field_of_a_setting_that_we_never_wrote_is_left() -> None:
    partly = msgspec.structs.replace(SETTING, last_applied={"mode": MODE})
    shown = Live(TK, MODE, "main", {}, {"mode": MODE, "trim": "else"}, parent=EDGE)
    found = restore("recording/edge", partly, shown)
    assert (found.set, found.note) == ({"mode": "do-not-record"}, None)


def test_a_deletion_shows_what_is_lost() -> None:
    shown = live(transfer_mode="disable-all", cnam_lookup_enabled=True, disaster_recovery_url=None)
    found = remove(EDGE, entry(), shown)
    assert (found.action, found.reason, found.sid, found.set) == ("delete", "removed", TK, {})
    assert [(c.field, c.before, c.after) for c in found.changes] == [
        ("friendly_name", "edge", None),
        ("domain_name", DOMAIN, None),
        ("secure", False, None),
        ("cnam_lookup_enabled", True, None),
    ]
    secret: dict[str, Value] = {"username": "me", "password": "fingerprint"}
    user = Entry("credential", "main", "CR1", "me", secret, Options(), parent="credential_list/a")
    lost = remove("credential/a/me", user, Live("CR1", "me", "main", {}, secret))
    assert [(c.field, c.before) for c in lost.changes] == [("username", "me")]
    assert lost.parent == "credential_list/a"


def test_a_saved_plan_depends_on_what_its_actions_change() -> None:
    there = live()
    for recorded in (None, entry()):
        found = decide(trunk("edge", secure=True), recorded, {EDGE: there})
        assert dict(found.touched) == {EDGE: there}
    for recorded in (None, entry()):
        assert dict(decide(trunk("edge"), recorded).touched) == {}
    assert dict(decide(trunk("edge"), entry(), {EDGE: there}).touched) == {}
