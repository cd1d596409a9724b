"""What the decision about a registration means for its number: who writes the webhooks, and what is lost."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from reconciler.kinds.platforms.table import BUTTER, DASHA, FEATHER, LIVEKIT, NIXFLEX, RAVAN
from reconciler.model.action import Change
from reconciler.model.desired import Desired, Options, Profile
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Attrs, Value, Webhook
from reconciler.planning.decide.platform_losses import Number
from reconciler.planning.decide.registration import RegistrationDecision, decide
from tests.planning.registration_plans import E164, NUMBER, PBX, PLACE, SID, THEIRS, live

KINDS = {"nix": NIXFLEX, "bu": BUTTER, "da": DASHA, "fe": FEATHER, "ra": RAVAN, "lk": LIVEKIT}
AGENT: Attrs = {"agent": "a"}
SMS = "https://sms.example.net/"
ON_TWILIO = live(voice_url=PBX, sms_url=SMS, voice_method="GET")
ITS_NUMBER = Number(NUMBER, None, ON_TWILIO)


def want(platform: str, attrs: Attrs = AGENT) -> Desired:
    address = f"registration/{platform}/{E164}"
    return Desired(
        "registration", address, E164, Profile("main", attrs, Options()), PLACE, parent=NUMBER
    )


def recorded(attrs: Attrs = AGENT, **fields: Any) -> Entry:
    given: dict[str, Any] = {"sid": "id-1", "created": True, "parent": NUMBER, **fields}
    return Entry(
        kind="registration",
        account="main",
        key=E164,
        last_applied=dict(attrs),
        options=Options(),
        **given,
    )


def there(attrs: Attrs) -> Live:
    return Live("id-1", E164, "main", {}, attrs)


def decided(
    platform: str,
    entry: Entry | None,
    on_platform: Live | None,
    attrs: Attrs = AGENT,
    number: Number | None = ITS_NUMBER,
    our_urls: tuple[str, ...] = (),
) -> RegistrationDecision:
    return decide(want(platform, attrs), entry, on_platform, number, KINDS[platform], our_urls)


FREE, OTHER = {"agent": None}, {"agent": "b"}
BEGUN = recorded({}, sid="", pending={"agent": "a"})
CASES: dict[str, tuple[Entry | None, Live | None, bool, list[str]]] = {
    "a new registration": (None, None, True, ["register"]),
    "one that somebody has removed": (recorded(), None, True, ["register"]),
    "an import as declared": (None, there(AGENT), False, ["import"]),
    "an import that gets its agent": (None, there(FREE), True, ["import", "link"]),
    "an import that a dead run has finished": (BEGUN, there(AGENT), True, []),
    "an import that a dead run has half finished": (BEGUN, there(FREE), True, ["import", "link"]),
    "nothing to do": (recorded(), there(AGENT), False, []),
    "another agent": (recorded(OTHER), there(OTHER), True, ["link"]),
    "a change that a dead run has finished": (
        recorded(OTHER, pending=dict(AGENT)),
        there(AGENT),
        True,
        [],
    ),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("platform", ["bu", "da", "fe"])
def test_who_writes_the_webhooks_of_the_number(case: str, platform: str) -> None:
    """A platform that is reached by a trunk needs nothing taken off the number."""
    entry, on_platform, rewrites, names = CASES[case]
    found = decided(platform, entry, on_platform)
    assert [action.action for action in found.decision.actions] == names
    assert (found.rewrites, found.frees) == (rewrites, rewrites and platform != "da")

    # A saved plan is stale once what its actions change has changed.
    address = f"registration/{platform}/{E164}"
    has_live = bool(names) and on_platform is not None
    assert dict(found.decision.touched) == ({address: on_platform} if has_live else {})

    # A number outside Twilio has no webhooks.
    outside = decided(platform, entry, on_platform, number=None)
    assert (outside.rewrites, outside.frees) == (False, False)


@pytest.mark.parametrize(
    ("platform", "attrs", "lost"),
    [
        ("nix", AGENT, ["voice_url", "sms_url"]),
        ("nix", {"agent": "a", "bridge": True}, ["voice_url"]),
        ("nix", {"agent": "a", "bridge": False}, ["voice_url", "sms_url"]),
        ("da", AGENT, ["voice_url"]),
    ],
)
def test_lost_values_are_those_that_the_platform_writes(
    platform: str, attrs: Attrs, lost: list[str]
) -> None:
    (action,) = decided(platform, None, None, attrs).decision.actions
    assert [change.field for change in action.takeover] == lost
    title = KINDS[platform].title
    rewritten = [change for change in action.changes if change.after == f"(set by {title})"]
    assert [(change.field, change.before) for change in rewritten] == [
        (field, {"voice_url": PBX, "sms_url": SMS}[field]) for field in lost
    ]


def test_values_of_ours_are_not_lost() -> None:
    applied: dict[str, Value] = {"voice": Webhook(PBX, "GET")}
    ours = Entry("number", "main", SID, E164, applied, Options())
    (action,) = decided("nix", None, None, number=Number(NUMBER, ours, ON_TWILIO)).decision.actions
    assert [change.field for change in action.takeover] == ["sms_url"]
    watched = msgspec.structs.replace(ours, options=Options(observe_only=True))
    (action,) = decided(
        "nix", None, None, number=Number(NUMBER, watched, ON_TWILIO), our_urls=(SMS,)
    ).decision.actions
    assert [change.field for change in action.takeover] == ["voice_url"]


@pytest.mark.parametrize(
    ("platform", "shown", "wanted", "lost"),
    [
        # Values of somebody else on the platform; the agent is refused or set, and never a loss.
        ("bu", {"agent": None, "label": "theirs"}, {"agent": "a", "label": "ours"}, []),
        ("nix", {"agent": "a", "label": "theirs"}, {"agent": "a", "label": "ours"}, []),
    ],
)
def test_an_attribute_without_a_call_is_left_to_a_person(
    platform: str, shown: Attrs, wanted: Attrs, lost: list[str]
) -> None:
    found = decided(platform, None, there(shown), wanted)
    assert found.manual_steps == frozenset({"update"})
    for action in found.decision.actions:
        assert [change.field for change in action.takeover] == lost
        assert "label" not in action.set


@pytest.mark.parametrize(("platform", "missing"), [("ra", {"link"}), ("nix", set()), ("bu", set())])
def test_an_import_without_an_agent_leaves_the_link_to_a_person(
    platform: str, missing: set[str]
) -> None:
    assert decided(platform, None, None).manual_steps == missing


def test_actions_have_the_place_the_number_and_the_route() -> None:
    (action,) = decided("nix", None, None).decision.actions
    assert (action.file, action.line, action.column) == tuple(PLACE)
    assert (action.number_sid, action.depends_on, action.parent) == (SID, (NUMBER,), NUMBER)
    assert action.route is not None
    assert (action.route.before, action.route.after) == (f"webhook {PBX}", "agent a on nix")
    assert action.entry is not None
    assert action.entry.prior == {"voice_url": PBX, "sms_url": SMS, "voice_method": "GET"}

    (without_agent,) = decided("ra", None, None, {}).decision.actions
    assert without_agent.route is not None
    assert without_agent.route.after == "platform ra"

    (outside,) = decided("nix", None, None, number=None).decision.actions
    assert (outside.number_sid, outside.depends_on, outside.route) == (None, (), None)
    assert (outside.takeover, outside.entry and outside.entry.prior) == ((), {})


def test_a_change_on_the_platform_notes_the_fields_of_the_number() -> None:
    (action,) = decided("bu", recorded(OTHER), there(OTHER)).decision.actions
    assert action.changes == (Change("agent", "b", "a"),)
    assert action.entry is not None
    assert action.entry.prior == {"voice_url": PBX, "sms_url": SMS, "voice_method": "GET"}
    assert (action.reason, action.takeover, action.resume) == ("config", (), False)
    noted = recorded(OTHER, pending=dict(AGENT), prior={"voice_url": THEIRS})
    (again,) = decided("bu", noted, there(OTHER)).decision.actions
    assert again.entry is not None
    assert (again.entry.prior, again.resume) == ({"voice_url": THEIRS}, True)


@pytest.mark.parametrize(
    ("entry", "learned"),
    [
        (recorded(), None),
        # Somebody has made the change that is declared.
        (recorded(OTHER), recorded()),
        (recorded(parent="bridge_number/x"), recorded()),
        (msgspec.structs.replace(recorded(), options=Options(protect=True)), recorded()),
        # A dead run has finished; what the number showed before it is of no use any more.
        (recorded(OTHER, pending=dict(AGENT), prior={"voice_url": PBX}), recorded()),
    ],
)
def test_what_is_learned_without_a_call_is_recorded(entry: Entry, learned: Entry | None) -> None:
    found = decided("bu", entry, there(AGENT)).decision
    assert found.actions == ()
    address = f"registration/bu/{E164}"
    assert dict(found.updates) == ({address: learned} if learned is not None else {})


def test_an_import_records_what_the_platform_shows() -> None:
    first, link = decided("bu", None, there(FREE)).decision.actions
    assert first.entry is not None
    assert first.entry.last_applied == FREE
    assert link.entry is not None
    assert link.entry.last_applied == AGENT


def test_an_interrupted_import_has_written_also_where_no_call_is_left() -> None:
    shown, wanted = {"agent": "a", "label": "theirs"}, {"agent": "a", "label": "ours"}
    found = decided("bu", BEGUN, there(shown), wanted)
    assert [action.action for action in found.decision.actions] == ["import"]
    assert (found.rewrites, found.manual_steps) == (True, frozenset({"update"}))
    assert not decided("bu", None, there(shown), wanted).rewrites


@pytest.mark.parametrize(("entry", "lost"), [(None, ["username"]), (BEGUN, [])])
def test_values_of_an_import_that_was_begun_are_ours(entry: Entry | None, lost: list[str]) -> None:
    shown, wanted = {"agent": "a", "username": "theirs"}, {"agent": "a", "username": "ours"}
    _, update = decided("lk", entry, there(shown), wanted).decision.actions
    assert [change.field for change in update.takeover] == lost


def test_nothing_is_recorded_before_a_call_unless_a_dead_run_is_resolved() -> None:
    assert dict(decided("bu", recorded(OTHER), there(OTHER)).decision.updates) == {}
    begun = recorded({"agent": "c"}, pending=dict(OTHER))
    found = decided("bu", begun, there(OTHER)).decision
    assert [entry.last_applied for entry in found.updates.values()] == [OTHER]
