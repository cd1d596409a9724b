"""The raw fields that a release sends, on literals: what is ours goes back, and never a field that Twilio refuses."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from reconciler.kinds.number import WIRE_FIELDS, canonical_routes
from reconciler.model.action import Action
from reconciler.model.desired import Options
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import ApplicationRoute, TrunkRoute, Value, Webhook
from reconciler.planning.decide.release import forget, is_ours, release
from tests.support.memory.resources import e164, hook, pn

ADDRESS = f"number/{e164(1)}"
OLD, OURS, THEIRS = "https://old.example.net/", hook("a").url, "https://colleague.example.net/"
AP, TK = "AP" + "1" * 32, "TK" + "1" * 32
POST = {field: "POST" for field in WIRE_FIELDS if field.endswith("_method")}


def live(name: str = "Line 1", can_text: bool = True, **fields: str) -> Live:
    wire = {**dict.fromkeys(WIRE_FIELDS, ""), **POST, **fields}
    routes = canonical_routes(wire, {TK: "edge", AP: "menu"})
    return Live(pn(1), e164(1), "main", wire, routes, name, can_text=can_text)


def entry(applied: dict[str, Value], prior: dict[str, Any] | None = None, **fields: Any) -> Entry:
    given: dict[str, Any] = {"options": Options(), "prior": prior or {}, **fields}
    return Entry("number", "main", pn(1), e164(1), applied, **given)


def sent(found: list[Action]) -> list[tuple[str, dict[str, Any]]]:
    return [(each.action, each.restore) for each in found]


VOICE: dict[str, Value] = {"voice": hook("a")}
Case = tuple[Entry, Live, list[tuple[str, dict[str, Any]]]]
CASES: dict[str, Case] = {
    "the URL of before": (
        entry(VOICE, {"voice_url": OLD}),
        live(voice_url=OURS),
        [("release", {"voice_url": OLD})],
    ),
    "nothing was before": (entry(VOICE), live(voice_url=OURS), [("release", {"voice_url": ""})]),
    "a method that came with our URL": (
        entry({"voice": hook("a", "GET")}),
        live(voice_url=OURS, voice_method="GET"),
        [("release", {"voice_url": "", "voice_method": "POST"})],
    ),
    "the method of before": (
        entry(VOICE, {"voice_url": OLD, "voice_method": "GET"}),
        live(voice_url=OURS),
        [("release", {"voice_url": OLD, "voice_method": "GET"})],
    ),
    "a fallback of ours": (
        entry({"voice": hook("a", fallback_url=OLD)}),
        live(voice_url=OURS, voice_fallback_url=OLD),
        [("release", {"voice_url": "", "voice_fallback_url": ""})],
    ),
    "what somebody else has set": (
        entry(VOICE, {"voice_url": OLD}),
        live(voice_url=THEIRS),
        [("release", {})],
    ),
    "what is back already": (
        entry(VOICE, {"voice_url": OLD}),
        live(voice_url=OLD),
        [("release", {})],
    ),
    "a value in Twilio's own form": (
        entry(VOICE, {"voice_url": OLD}, normalised={"voice": [hook("a"), hook("A")]}),
        live(voice_url=hook("A").url),
        [("release", {"voice_url": OLD})],
    ),
    "a value that a run was about to write and has written": (
        entry({"voice": hook("b")}, {"voice_url": OLD}, pending=VOICE),
        live(voice_url=OURS),
        [("release", {"voice_url": OLD})],
    ),
    "the name of before": (
        entry({"friendly_name": "Sales"}, {"friendly_name": "Line"}),
        live("Sales"),
        [("release", {"friendly_name": "Line"})],
    ),
    "no name before: Twilio refuses an empty one": (
        entry({"friendly_name": "Sales"}),
        live("Sales"),
        [("release", {})],
    ),
    "the trunk of before": (
        entry(VOICE, {"trunk_sid": TK}),
        live(voice_url=OURS),
        [("release", {"voice_url": "", "trunk_sid": TK})],
    ),
    "the application of before in place of our trunk": (
        entry({"voice": TrunkRoute("edge")}, {"voice_application_sid": AP}),
        live(trunk_sid=TK),
        [("release", {"voice_application_sid": AP})],
    ),
    "the trunk of before in place of our application": (
        entry({"voice": ApplicationRoute("menu")}, {"trunk_sid": TK}),
        live(voice_application_sid=AP),
        [("release", {"trunk_sid": TK})],
    ),
    "an application of ours, with the URL behind it": (
        entry({"voice": ApplicationRoute("menu")}, {"voice_url": OLD}),
        live(voice_application_sid=AP, voice_url=OLD),
        [
            (
                "release",
                {"voice_url": OLD, "voice_method": "POST", "voice_application_sid": ""},
            )
        ],
    ),
    "our trunk comes off after the webhook is back": (
        entry({"voice": TrunkRoute("edge")}, {"voice_url": OLD}),
        live(trunk_sid=TK, voice_url=THEIRS),
        [
            ("restore_webhooks", {"voice_url": OLD}),
            ("release", {"voice_url": OLD, "voice_method": "POST", "trunk_sid": ""}),
        ],
    ),
    "our trunk, with the URL of before behind it": (
        entry({"voice": TrunkRoute("edge")}, {"voice_url": OLD}),
        live(trunk_sid=TK, voice_url=OLD),
        [("release", {"voice_url": OLD, "voice_method": "POST", "trunk_sid": ""})],
    ),
    "our trunk, with nothing behind it": (
        entry({"voice": TrunkRoute("edge")}),
        live(trunk_sid=TK),
        [("release", {"trunk_sid": ""})],
    ),
    "a release that was stopped once the trunk of before was back": (
        entry(VOICE, {"trunk_sid": TK}),
        live(trunk_sid=TK, voice_url=OURS),
        [("release", {"voice_url": ""})],
    ),
    "another trunk than that of before": (
        entry(VOICE, {"trunk_sid": "TK9"}),
        live(trunk_sid=TK, voice_url=OURS),
        [("release", {})],
    ),
    "the trunk of before with another URL behind it": (
        entry(VOICE, {"trunk_sid": TK, "voice_url": OLD}),
        live(trunk_sid=TK, voice_url=THEIRS),
        [("release", {})],
    ),
    "messages of a number that takes none": (
        entry({"sms": hook("a")}, {"sms_url": OLD, "sms_method": "GET"}),
        live(can_text=False, sms_url=OURS),
        [("release", {})],
    ),
    "messages cleared on a number that takes none": (
        entry({"sms": hook("a")}),
        live(can_text=False, sms_url=OURS),
        [("release", {"sms_url": ""})],
    ),
    "a part that we stopped to manage": (
        entry(VOICE, {"sms_url": OLD}, previously_managed={"sms": hook("s")}),
        live(voice_url=OURS, sms_url=hook("s").url),
        [("release", {"voice_url": "", "sms_url": OLD})],
    ),
    "a part that we stopped to manage and somebody else has set": (
        entry({}, {"sms_url": OLD}, previously_managed={"sms": hook("s")}),
        live(sms_url=THEIRS),
        [("release", {})],
    ),
    "a number that was only watched": (
        entry(VOICE, {"voice_url": OLD}, options=Options(observe_only=True)),
        live(voice_url=OURS),
        [("release", {})],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_fields_of_a_release(case: str) -> None:
    recorded, on_twilio, expected = CASES[case]
    assert sent(release(ADDRESS, recorded, on_twilio)) == expected


@pytest.mark.parametrize(
    ("applied", "fields", "expected"),
    [
        (VOICE, {"voice_url": OURS}, {"voice_url": ""}),
        ({"friendly_name": "Line 1"}, {}, {}),
        ({"voice": TrunkRoute("edge")}, {"trunk_sid": TK}, {"trunk_sid": ""}),
        (VOICE, {"voice_url": THEIRS}, {}),
    ],
)
def test_clear_empties_what_is_ours(
    applied: dict[str, Value], fields: dict[str, str], expected: dict[str, str]
) -> None:
    recorded = entry(applied, {"voice_url": OLD}, options=Options(on_removal="clear"))
    (found,) = release(ADDRESS, recorded, live(**fields))
    assert found.restore == expected
    assert found.note is not None
    assert found.note.startswith("cleared" if expected else "nothing to put back")


def test_keep_writes_nothing_and_reports_nobody_else() -> None:
    recorded = entry(VOICE, {"voice_url": OLD}, options=Options(on_removal="keep"))
    for url in (OURS, THEIRS):
        (found,) = release(ADDRESS, recorded, live(voice_url=url))
        assert (found.restore, found.changes, found.route) == ({}, (), None)
        assert found.note == "its webhooks stay as they are (on_removal: keep)"


def test_values_that_a_platform_may_clear_are_written_all_the_same() -> None:
    recorded = entry(VOICE, {"voice_url": OLD, "sms_url": OLD})
    (found,) = release(ADDRESS, recorded, live(voice_url=OURS), whole=True)
    assert found.restore == {"voice_url": OLD, "voice_method": "POST"}
    (found,) = release(
        ADDRESS, entry({"voice": Webhook(OLD)}, {"voice_url": OLD}), live(voice_url=OLD), whole=True
    )
    assert found.restore == {"voice_url": OLD, "voice_method": "POST"}
    (found,) = release(ADDRESS, entry({"voice": None}), live(), whole=True)
    assert found.restore == {}


def test_release_shows_changes_and_route_by_name() -> None:
    recorded = entry(
        {"voice": TrunkRoute("edge")}, {"voice_url": OLD, "sms_url": ""}, prior_at="2026-01-01"
    )
    first, second = release(ADDRESS, recorded, live(trunk_sid=TK, voice_url=THEIRS))
    assert [(c.field, c.before, c.after) for c in first.changes] == [("voice_url", THEIRS, OLD)]
    assert (first.route, first.entry) == (None, recorded)
    assert [(c.field, c.before, c.after) for c in second.changes] == [("trunk", "edge", None)]
    assert second.route is not None
    assert (second.route.before, second.route.after) == ("trunk edge", f"webhook {OLD}")
    assert second.entry is None
    assert second.note == "values from before the import, read 2026-01-01"


def test_release_of_messages_alone_keeps_the_route_of_calls() -> None:
    recorded = entry({"sms": hook("s")}, {"sms_url": OLD})
    (found,) = release(ADDRESS, recorded, live(sms_url=hook("s").url, trunk_sid=TK))
    assert (found.route, found.restore) == (None, {"sms_url": OLD})


def test_release_to_a_trunk_reports_what_it_hides() -> None:
    recorded = entry({"voice": None}, {"trunk_sid": TK, "voice_url": OLD})
    (found,) = release(ADDRESS, recorded, live())
    assert found.restore == {"voice_url": OLD, "trunk_sid": TK}
    assert found.route is not None
    assert found.route.hidden == (f"webhook {OLD}",)


@pytest.mark.parametrize(
    ("recorded", "on_twilio", "ours"),
    [
        (entry(VOICE), live(voice_url=OURS), True),
        (entry(VOICE), live(voice_url=THEIRS), False),
        (entry({}), live(voice_url=OURS), False),
        (entry({}, previously_managed=VOICE), live(voice_url=OURS), True),
        (entry(VOICE, options=Options(observe_only=True)), live(voice_url=OURS), False),
        (
            entry(VOICE, normalised={"voice": [hook("a"), hook("A")]}),
            live(voice_url=hook("A").url),
            True,
        ),
        (
            entry(VOICE, normalised={"sms": [hook("a"), hook("A")]}),
            live(voice_url=hook("A").url),
            False,
        ),
        (entry({"voice": None}), live(), True),
    ],
)
def test_a_part_is_ours_while_it_shows_what_we_left(
    recorded: Entry, on_twilio: Live, ours: bool
) -> None:
    assert is_ours(recorded, on_twilio, "voice") is ours


def test_forgetting_keeps_what_identifies_the_resource() -> None:
    child = msgspec.structs.replace(entry({}), kind="origination_url", sid="", parent="trunk/edge")
    found = forget("origination_url/edge/a", child, "why")
    assert (found.action, found.reason, found.sid) == ("forget", "removed", None)
    assert (found.kind, found.account, found.parent, found.note) == (
        "origination_url",
        "main",
        "trunk/edge",
        "why",
    )
    assert forget(ADDRESS, entry({}), "why").sid == pn(1)
