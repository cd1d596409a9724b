"""Lists of ours that are declared no longer: deleted after the trunks that use them, or left where something still does."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.desired import Desired, Options
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Value
from reconciler.planning.identity.observed import Domains, Observed
from reconciler.planning.plan import Plan
from reconciler.planning.planner import plan_resources
from tests.support.memory.resources import declared, trunk

TRUNK, LIST, USE = "trunk/edge", "credential_list/pbx", "trunk_credential_list/edge/pbx"
USER, OTHER_USE = "credential/pbx/me", "trunk_credential_list/other/pbx"
CL, TK = "CL" + "1" * 32, "TK" + "1" * 32
VALUES: dict[str, tuple[str, dict[str, Value], str | None]] = {
    TRUNK: (
        TK,
        {"friendly_name": "edge", "domain_name": "edge.pstn.twilio.com", "secure": False},
        None,
    ),
    LIST: (CL, {"friendly_name": "pbx"}, None),
    USE: (CL, {"list": "pbx"}, TRUNK),
    USER: ("CR1", {"username": "me"}, LIST),
}


def entries(**fields: Any) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for address, (sid, applied, parent) in VALUES.items():
        given: dict[str, Any] = {"created": True, "options": Options(), "parent": parent, **fields}
        kind = address.partition("/")[0]
        found[address] = Entry(kind, "main", sid, address.rpartition("/")[2], applied, **given)
    return found


def live(*more: tuple[str, Live]) -> dict[str, Live]:
    found: dict[str, Live] = {}
    for address, (sid, attrs, parent) in VALUES.items():
        found[address] = Live(sid, address.rpartition("/")[2], "main", {}, attrs, parent=parent)
    return {**found, **dict(more)}


def plan(
    *desired: Desired,
    recorded: dict[str, Entry] | None = None,
    there: dict[str, Live] | None = None,
    domains: Domains | None = None,
) -> Plan:
    observed = Observed({}, there or live(), domains=domains or Domains())
    return plan_resources(desired, recorded or entries(), observed, frozenset())


def steps(found: Plan) -> dict[str, str]:
    return {action.address: action.action for action in found.actions}


def note(found: Plan, address: str) -> str | None:
    return next(action.note for action in found.actions if action.address == address)


def test_everything_goes_with_its_last_user() -> None:
    found = plan()
    assert steps(found) == dict.fromkeys((USE, TRUNK, USER, LIST), "delete")
    needs = {action.address: set(action.depends_on) for action in found.actions}
    assert needs[LIST] >= {USE, USER}
    assert USE in needs[TRUNK]


def test_a_list_stays_with_its_users_where_another_trunk_uses_it() -> None:
    other = Live(CL, "pbx", "main", {}, {"list": "pbx"}, parent="trunk/other")
    found = plan(there=live((OTHER_USE, other)))
    assert steps(found) == {USE: "delete", TRUNK: "delete", USER: "forget", LIST: "forget"}
    assert note(found, LIST) == "still in use on Twilio, by other"
    assert note(found, USER) == f"{LIST} stays on Twilio, and so does this"


def test_a_list_stays_where_a_sip_domain_uses_it() -> None:
    domains = Domains(using={CL: ("a.sip.twilio.com", "b", "c", "d", "e")})
    found = plan(domains=domains)
    assert steps(found)[LIST] == "forget"
    assert note(found, LIST) == "still in use on Twilio, by a.sip.twilio.com, b, c, 2 more"


def test_users_go_with_their_list_where_domains_could_not_be_read() -> None:
    """Emptied first, a list that Twilio refuses to delete would let no phone in any more."""
    found = plan(domains=Domains(unread=frozenset({"main"})))
    assert (steps(found)[LIST], steps(found)[USER]) == ("delete", "forget")
    assert note(found, USER) == f"it goes with {LIST}"
    (user,) = [action for action in found.actions if action.address == USER]
    assert user.depends_on == (LIST,)

    other = plan(domains=Domains(unread=frozenset({"other"})))
    assert steps(other)[USER] == "delete"


def test_a_user_leaves_a_list_that_stays_declared_also_where_domains_could_not_be_read() -> None:
    office = declared("credential_list", "pbx", {"friendly_name": "pbx"})
    found = plan(office, domains=Domains(unread=frozenset({"main"})))
    assert steps(found) == {USE: "delete", TRUNK: "delete", USER: "delete"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"created": False}, "it was there before it was imported, so it stays on Twilio"),
        # A list follows the trunk that uses it: what state has of its options does not count.
        ({"options": Options(on_removal="keep")}, None),
    ],
)
def test_a_list_that_was_imported_stays(fields: dict[str, Any], expected: str | None) -> None:
    recorded = {**entries(), LIST: entries(**fields)[LIST]}
    found = plan(recorded=recorded)
    assert note(found, LIST) == expected
    assert steps(found)[LIST] == ("forget" if expected else "delete")


def test_members_of_a_protected_trunk_are_left_alone() -> None:
    recorded = {**entries(), TRUNK: entries(options=Options(protect=True))[TRUNK]}
    found = plan(recorded=recorded)
    assert (steps(found), [d.code for d in found.diagnostics]) == ({}, ["protected"])
    kept = {**entries(), TRUNK: entries(options=Options(on_removal="keep"))[TRUNK]}
    assert set(steps(plan(recorded=kept)).values()) == {"forget"}


def test_what_is_gone_is_forgotten() -> None:
    found = plan(there={LIST: live()[LIST]})
    assert steps(found) == {USE: "forget", TRUNK: "forget", USER: "forget", LIST: "delete"}
    assert note(found, TRUNK) == "no longer on Twilio"


def test_a_setting_shares_the_fate_of_its_trunk() -> None:
    setting, address = {"mode": "record-from-answer", "trim": "trim-silence"}, "recording/edge"
    values: dict[str, Value] = dict(setting)
    recorded = {
        **entries(),
        address: Entry("recording", "main", TK, "", values, Options(), parent=TRUNK, created=True),
    }
    there = live((address, Live(TK, "", "main", {}, values, parent=TRUNK)))
    found = plan(recorded=recorded, there=there)
    assert (steps(found)[address], note(found, address)) == ("forget", f"it goes with {TRUNK}")

    imported = {**recorded, TRUNK: entries(created=False)[TRUNK]}
    found = plan(recorded=imported, there=there)
    assert (steps(found)[address], note(found, address)) == ("forget", f"it stays with {TRUNK}")

    found = plan(trunk("edge"), recorded=recorded, there=there)
    assert steps(found)[address] == "release"
