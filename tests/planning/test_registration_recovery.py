"""What the next plan does about a registration whose run has died: with each kind of action, before and after its call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from reconciler.execution.intents import build_intents, group_by_address
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Attrs, Webhook
from reconciler.planning.plan import Plan
from tests.planning.registration_plans import (
    AGENT,
    NUMBER,
    PBX,
    REGISTERED,
    SID,
    THEIRS,
    action,
    address,
    codes,
    declared,
    known,
    live,
    plan,
    steps,
    there,
)
from tests.support.memory.memory_runner import NOW

OTHER: Attrs = {"agent": "b"}
BEFORE = live(voice_url=PBX)

Case = tuple[list[Desired], Mapping[str, Entry], Live, Mapping[str, Live], Live, Mapping[str, Live]]
"""Declared and recorded; the number and the platform before the call, and after it."""

CASES: dict[str, tuple[str, Case]] = {
    "register": (
        "nix",
        (declared("nix", AGENT), {}, BEFORE, {}, REGISTERED, there("nix", AGENT)),
    ),
    "link": (
        "bu",
        (
            declared("bu", AGENT),
            known("bu", OTHER),
            REGISTERED,
            there("bu", OTHER),
            REGISTERED,
            there("bu", AGENT),
        ),
    ),
    "update": (
        "lk",
        (
            declared("lk", AGENT),
            known("lk", OTHER),
            REGISTERED,
            there("lk", OTHER),
            REGISTERED,
            there("lk", AGENT),
        ),
    ),
    "reassign": (
        "nix",
        (
            declared("nix", AGENT),
            known("nix", OTHER),
            REGISTERED,
            there("nix", OTHER),
            REGISTERED,
            there("nix", AGENT, "id-2"),
        ),
    ),
}


def after_intents(first: Plan, recorded: Mapping[str, Entry]) -> dict[str, Entry]:
    """The state once the intents of a plan are recorded."""
    return {**recorded, **build_intents(group_by_address(first.actions), recorded, NOW)}


@pytest.mark.parametrize("name", CASES)
def test_call_that_was_not_made_is_repeated_without_a_question(name: str) -> None:
    platform, (desired, recorded, number, platforms, _, _) = CASES[name]
    first = plan(desired, recorded, number, platforms)
    begun = after_intents(first, recorded)

    again = plan(desired, begun, number, platforms)
    repeated = action(again, name)
    assert (repeated.address, repeated.resume) == (address(platform), True)
    assert repeated.set == action(first, name).set
    assert [a.action for a in again.actions] == [name]
    assert codes(again) == codes(first)

    # What the number showed before the first attempt is what an undo puts back.
    assert repeated.entry is not None
    noted = begun[address(platform)].prior
    assert repeated.entry.prior == noted == {k: v for k, v in number.wire.items() if v}


@pytest.mark.parametrize("name", CASES)
def test_call_that_was_made_is_learned_without_a_write(name: str) -> None:
    platform, (desired, recorded, number, platforms, number_then, platforms_then) = CASES[name]
    begun = after_intents(plan(desired, recorded, number, platforms), recorded)

    again = plan(desired, begun, number_then, platforms_then)
    assert (steps(again), codes(again)) == ([], [])
    learned = again.state_updates[address(platform)]
    assert learned.sid == platforms_then[address(platform)].sid
    assert (learned.last_applied, learned.pending, learned.prior) == (AGENT, None, {})
    assert learned.created or name == "reassign"


def test_withdrawal_that_was_not_made_is_repeated() -> None:
    recorded = known("nix", AGENT)
    first = plan([], recorded, REGISTERED, there("nix", AGENT))
    begun = after_intents(first, recorded)
    again = plan([], begun, REGISTERED, there("nix", AGENT))
    assert steps(again) == steps(first)
    assert action(again, "release").restore == action(first, "release").restore


@pytest.mark.parametrize("shown", [THEIRS, "", "https://cleared.example.net/by-the-platform"])
def test_withdrawal_that_was_made_still_restores_the_number(shown: str) -> None:
    """Whatever the platform has left on the number is its doing, and not a change of somebody else."""
    recorded = known("nix", AGENT)
    begun = after_intents(plan([], recorded, REGISTERED, there("nix", AGENT)), recorded)
    again = plan([], begun, live(voice_url=shown))
    assert [name for _, name, _ in steps(again)] == ["forget", "release"]
    assert action(again, "release").restore["voice_url"] == PBX


@pytest.mark.parametrize(
    ("platform", "name"), [("nix", "reassign"), ("bu", "link"), ("lk", "update")]
)
@pytest.mark.parametrize("noted", [{"voice_url": PBX}, {}])
def test_registration_begun_for_another_agent_gets_the_declared_one(
    platform: str, name: str, noted: dict[str, Any]
) -> None:
    """A dead run has begun it for agent b, so the number is ours and not another agent's."""
    resources = known(platform, {}, sid="", pending={"agent": "b"}, prior=noted)
    found = plan(declared(platform, AGENT), resources, REGISTERED, there(platform, OTHER))
    assert codes(found) == (["registration_gap"] if name == "reassign" else [])
    assert steps(found) == [
        (address(platform), "import", "new"),
        (address(platform), name, "new"),
    ]
    first, second = found.actions
    assert first.resume
    assert (second.set, second.takeover) == (AGENT, ())
    for each in found.actions:
        assert each.entry is not None
        assert (each.entry.created, each.entry.sid) == (True, "id-1")
        assert each.entry.prior == (noted or {"voice_url": THEIRS, **_methods(REGISTERED)})

    # The platform has written the webhooks of the number for the dead run: they are no drift.
    assert NUMBER not in {a.address for a in found.actions}


def _methods(number: Live) -> dict[str, Any]:
    return {k: v for k, v in number.wire.items() if v and k.endswith("_method")}


def test_import_of_another_agent_that_nobody_has_begun_is_refused() -> None:
    recorded = known("nix", {})
    del recorded[address("nix")]
    for entries in (recorded, {}):
        found = plan(declared("nix", AGENT), entries, REGISTERED, there("nix", OTHER))
        assert codes(found) == ["number_already_imported"]


@pytest.mark.parametrize("begun", [False, True], ids=["settled", "import was begun"])
def test_managed_name_stays_beside_the_webhooks_of_a_platform(begun: bool) -> None:
    """The platform writes the webhooks; the friendly name is declared here, and its edits are drift."""
    number, registration = declared("nix", AGENT)
    profile = msgspec.structs.replace(number.profile, attrs={"friendly_name": "Sales"})
    desired = [msgspec.structs.replace(number, profile=profile), registration]

    more: dict[str, object] = {"sid": "", "pending": {"agent": "a"}} if begun else {}
    recorded = known("nix", AGENT, **more)
    was = recorded[NUMBER].last_applied if not begun else {"voice": Webhook(PBX)}
    recorded[NUMBER] = msgspec.structs.replace(
        recorded[NUMBER], last_applied={**was, "friendly_name": "Sales"}
    )

    named = msgspec.structs.replace(REGISTERED, name="Sales")
    found = plan(desired, recorded, named, there("nix", AGENT))
    assert steps(found) == []
    if begun:
        assert found.state_updates[NUMBER].last_applied == {
            "voice": Webhook(THEIRS),
            "sms": None,
            "status": None,
            "friendly_name": "Sales",
        }

    edited = msgspec.structs.replace(REGISTERED, name="Edited")
    found = plan(desired, recorded, edited, there("nix", AGENT))
    assert steps(found) == [(NUMBER, "rename", "drift")]
    assert found.actions[0].entry is not None
    assert found.actions[0].entry.last_applied["voice"] == Webhook(THEIRS)
    assert found.actions[0].sid == SID
