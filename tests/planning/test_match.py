from __future__ import annotations

from reconciler.kinds.origination_url import ORIGINATION_URL
from reconciler.kinds.trunk import TRUNK
from reconciler.model.desired import Desired, Options
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import TrunkRoute
from reconciler.planning.identity.match import find_names, index_by_address, index_children
from tests.support.memory.memory_runner import MemoryRunner
from tests.support.memory.resources import number, origination, row, trunk, world

TK1, TK2 = "TK" + "1" * 32, "TK" + "2" * 32


def live(sid: str, name: str | None, domain: str | None) -> Live:
    return TRUNK.observe({"sid": sid, "friendly_name": name, "domain_name": domain}, "main", {})


def entry(sid: str, **more: object) -> Entry:
    fields: dict[str, object] = {"last_applied": {}, "options": Options(), **more}
    return Entry(kind="trunk", account="main", sid=sid, key="", **fields)  # type: ignore[arg-type]


def names(
    rows: list[Live], entries: dict[str, Entry] | None = None, *desired: Desired
) -> dict[str, str]:
    return find_names("trunk", "main", desired, entries or {}, rows)


def test_matches_a_recorded_trunk_by_sid_even_if_its_domain_changed() -> None:
    found = names(
        [live(TK1, "x", "elsewhere.pstn.twilio.com")], {"trunk/edge": entry(TK1)}, trunk("edge")
    )
    assert found == {TK1: "edge"}


def test_matches_an_unrecorded_trunk_by_its_domain() -> None:
    rows = [live(TK2, "edge", "other.pstn.twilio.com"), live(TK1, "x", "edge.pstn.twilio.com")]
    assert names(rows, None, trunk("edge")) == {TK1: "edge"}


def test_matches_a_trunk_without_a_domain_by_name_among_its_like() -> None:
    rows = [live(TK1, "edge", "theirs.pstn.twilio.com"), live(TK2, "edge", None)]
    assert names(rows, None, trunk("edge", domain_name=None)) == {TK2: "edge"}
    assert names(rows[:1], None, trunk("edge", domain_name=None)) == {}


def test_matches_a_pending_trunk_by_its_intended_domain() -> None:
    begun = {"trunk/edge": entry("", pending={"domain_name": "edge.pstn.twilio.com"})}
    assert names([live(TK1, "edge", "edge.pstn.twilio.com")], begun) == {TK1: "edge"}


def test_trunk_of_a_different_account_gets_no_name() -> None:
    rows = [live(TK1, "edge", "edge.pstn.twilio.com")]
    assert find_names("trunk", "other", [trunk("edge")], {"trunk/edge": entry(TK1)}, rows) == {}


def test_uses_each_name_once() -> None:
    rows = [live(TK1, "edge", "old.pstn.twilio.com"), live(TK2, "edge", "edge.pstn.twilio.com")]
    assert names(rows, {"trunk/edge": entry(TK1)}, trunk("edge")) == {TK1: "edge"}


def test_unnamed_trunk_is_named_by_its_sid() -> None:
    rows = [live(TK1, "a", None), live(TK2, "b", None)]
    assert set(index_by_address("trunk", rows, {TK1: "edge"})) == {"trunk/edge", f"trunk/{TK2}"}


def test_matches_an_origination_url_by_state_before_its_url() -> None:
    def url(sid: str, host: str) -> Live:
        fields = {"sid": sid, "parent_sid": TK1, "sip_url": f"sip:{host}.example.com"}
        return ORIGINATION_URL.observe(fields, "main", {TK1: "edge"})

    address = "origination_url/edge/sip:a.example.com"
    bound = Entry(
        kind="origination_url",
        account="main",
        sid="OU2",
        key="",
        last_applied={},
        options=Options(),
    )
    rows = [url("OU1", "a"), url("OU2", "moved"), url("OU3", "a")]
    assert index_children("origination_url", rows, {address: bound})[address].sid == "OU2"
    assert index_children("origination_url", rows, {})[address].sid == "OU1"


def test_sid_and_name_refer_to_the_same_trunk() -> None:
    """Else the plan would never be empty: Twilio's answer is always told by name."""
    account = world(row(1), trunks=[{"sid": TK1, "domain_name": "edge.pstn.twilio.com"}])
    runner = MemoryRunner(account)
    desired = [trunk("edge"), origination("edge", "sbc1"), number(1, voice=TrunkRoute(TK1))]
    runner.apply(desired)
    assert runner.plan(desired).actions == ()
    assert runner.twilio.numbers()[row(1)["sid"]]["trunk_sid"] == TK1
