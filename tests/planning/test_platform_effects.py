"""What registrations mean for the release of their numbers: what is ours, and what comes first."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from reconciler.model.action import Action
from reconciler.model.desired import Options
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import ApplicationRoute, TrunkRoute, Value, Webhook
from reconciler.planning.decide.platform_effects import PlatformEffects, add_dependency
from tests.planning.registration_plans import E164, NUMBER, PBX, SID, THEIRS, live

NIX = f"registration/nix/{E164}"
AP, TK = "AP" + "1" * 32, "TK" + "1" * 32
APPLIED: dict[str, Value] = {"voice": Webhook(THEIRS), "sms": None, "friendly_name": "Sales"}


def entry(**prior: Any) -> Entry:
    return Entry(
        "number", "main", SID, E164, APPLIED, Options(), prior=prior, pending={"voice": None}
    )


def action(**fields: Any) -> Action:
    return Action(
        address=NUMBER, action="release", reason="removed", kind="number", account="main", **fields
    )


def test_actions_wait_until_the_number_has_left_its_platform() -> None:
    effects = PlatformEffects(leaving={NUMBER: NIX})
    first, second = action(), action(depends_on=("trunk/edge",))
    found = effects.wait_for_leaving(NUMBER, [first, second])
    assert [each.depends_on for each in found] == [(NIX,), ("trunk/edge", NIX)]

    other = [first, second]
    assert effects.wait_for_leaving("number/other", other) is other
    assert add_dependency(first, "a") == msgspec.structs.replace(first, depends_on=("a",))


def test_release_of_a_number_without_a_platform_is_not_changed() -> None:
    before = entry(trunk_sid=TK)
    for effects in (PlatformEffects(), PlatformEffects(leaving={"x": NIX}, cleared=frozenset("x"))):
        found, whole = effects.entry_to_release(NUMBER, before, live(trunk_sid=TK))
        assert found is before
        assert not whole


@pytest.mark.parametrize("leaves", [True, False])
def test_what_an_interrupted_platform_has_left_is_ours(leaves: bool) -> None:
    """The friendly name is not among what numbers share, and no platform writes it."""
    effects = PlatformEffects(cleared=frozenset({NUMBER}), leaving={NUMBER: NIX} if leaves else {})
    shown = live(voice_url=PBX, sms_url="https://sms.example.net/")
    found, whole = effects.entry_to_release(NUMBER, entry(), shown)
    assert found == msgspec.structs.replace(
        entry(),
        last_applied={
            "voice": Webhook(PBX),
            "sms": Webhook("https://sms.example.net/"),
            "friendly_name": "Sales",
        },
        pending=None,
    )
    assert whole is leaves


SWITCHED: dict[str, tuple[dict[str, str], Live, dict[str, Value]]] = {
    "the trunk of before is still there": (
        {"trunk_sid": TK},
        live(trunk_sid=TK, voice_url=THEIRS),
        {"voice": TrunkRoute(TK)},
    ),
    "the application of before is still there": (
        {"voice_application_sid": AP},
        live(voice_application_sid=AP, voice_url=THEIRS),
        {"voice": ApplicationRoute(AP)},
    ),
    "the application for messages is still there": (
        {"sms_application_sid": AP},
        live(sms_application_sid=AP),
        {"sms": ApplicationRoute(AP)},
    ),
    "another trunk": ({"trunk_sid": "TK9"}, live(trunk_sid=TK), {}),
    "a trunk where none was before": ({}, live(trunk_sid=TK), {}),
    "the trunk is off": ({"trunk_sid": TK}, live(voice_url=THEIRS), {}),
    "nothing before and nothing now": ({}, live(), {}),
}


@pytest.mark.parametrize("case", SWITCHED)
def test_a_part_that_was_not_switched_yet_is_restored(case: str) -> None:
    prior, shown, restored = SWITCHED[case]
    before = entry(**prior)
    effects = PlatformEffects(leaving={NUMBER: NIX})
    found, whole = effects.entry_to_release(NUMBER, before, shown)
    assert whole
    assert found.last_applied == {**APPLIED, **restored}
    assert (found is before) is not bool(restored)
    assert found.pending == before.pending


def test_a_part_that_is_not_managed_is_not_restored() -> None:
    before = msgspec.structs.replace(entry(trunk_sid=TK), last_applied={"friendly_name": "Sales"})
    effects = PlatformEffects(leaving={NUMBER: NIX})
    found, _ = effects.entry_to_release(NUMBER, before, live(trunk_sid=TK))
    assert found.last_applied == {"friendly_name": "Sales"}
