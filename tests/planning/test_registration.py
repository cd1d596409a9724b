"""What is planned about platforms, from literals: every row of the decision table, and what a number owes to it."""

from __future__ import annotations

import msgspec
import pytest

from reconciler.model.desired import Desired, Options, Profile
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Attrs, Webhook
from reconciler.planning.checks import guard
from reconciler.planning.decide.registrations import Platforms
from reconciler.planning.decide.unregister import WITHDRAWN
from reconciler.planning.selection.narrow import narrow_plan
from tests.planning.registration_plans import (
    AGENT,
    BASELINE,
    E164,
    NUMBER,
    PBX,
    PLACE,
    REGISTERED,
    SID,
    THEIRS,
    TYPES,
    action,
    address,
    codes,
    declared,
    known,
    live,
    own,
    plan,
    steps,
    there,
)


def test_registers_a_missing_number_after_recording_it() -> None:
    found = plan(declared("nix", AGENT), on_twilio=live(voice_url=PBX))
    assert steps(found) == [(NUMBER, "import", "new"), (address("nix"), "register", "new")]
    register = action(found, "register")
    assert (register.depends_on, register.parent, register.number_sid) == ((NUMBER,), NUMBER, SID)
    assert [(c.field, c.before) for c in register.takeover] == [("voice_url", PBX)]
    assert register.route is not None
    assert (register.route.before, register.route.after) == (f"webhook {PBX}", "agent a on nix")
    assert ("voice_url", PBX, "(set by Nixflex)") in [
        (c.field, c.before, c.after) for c in register.changes
    ]
    assert action(found, "import").entry == msgspec.structs.replace(
        action(found, "import").entry,
        prior={"voice_url": PBX},  # type: ignore[type-var]
    )


def test_consent_is_given_for_the_registration_or_for_its_number() -> None:
    found = plan(declared("nix", AGENT), on_twilio=live(voice_url=PBX))

    class NoLimits:
        def most(self, bound: int) -> int | None:
            return None

    class Limits:
        max_updates = max_removals = NoLimits()
        max_purchases = 10
        max_spend = None

    assert [d.code for d in guard.find_refusals(found, Limits(), (), force=False)] == [
        "takeover_refused"
    ]
    for glob in ("*", NUMBER, address("nix"), "registration/*"):
        assert guard.find_refusals(found, Limits(), (glob,), force=False) == []
    allowed = plan(declared("nix", AGENT, takeover="allow"), on_twilio=live(voice_url=PBX))
    assert guard.find_refusals(allowed, Limits(), (), force=False) == []


def test_overwriting_demo_urls_and_our_own_values_needs_no_consent() -> None:
    found = plan(
        declared("nix", AGENT), on_twilio=live(voice_url="https://demo.twilio.com/welcome/voice/")
    )
    assert action(found, "register").takeover == ()
    number = Entry(
        "number",
        "main",
        SID,
        E164,
        {"voice": Webhook(PBX), "sms": None, "status": None},
        Options(agent="own"),
    )
    found = plan(declared("nix", AGENT), {NUMBER: number}, live(voice_url=PBX))
    assert steps(found) == [(address("nix"), "register", "new")]
    assert action(found, "register").takeover == ()


def test_imports_a_registration_of_the_same_agent_and_refuses_a_different_one() -> None:
    found = plan(declared("nix", AGENT), on_twilio=REGISTERED, others=there("nix", AGENT))
    assert steps(found) == [(NUMBER, "import", "new"), (address("nix"), "import", "new")]
    assert action(found, "import").takeover == ()
    found = plan(declared("nix", AGENT), on_twilio=REGISTERED, others=there("nix", {"agent": "b"}))
    assert codes(found) == ["number_already_imported"]
    assert found.diagnostics[0].line == 7


def test_imports_and_links_a_registration_without_an_agent() -> None:
    attrs: Attrs = {"agent": "a", "supports_inbound": True}
    free = there("bu", {"agent": None, "supports_inbound": True})
    found = plan(declared("bu", attrs), on_twilio=live(), others=free)
    assert [name for _, name, _ in steps(found)] == ["import", "import", "link"]
    assert action(found, "link").set == AGENT


def test_plans_nothing_when_everything_agrees() -> None:
    found = plan(declared("nix", AGENT), known("nix", AGENT), REGISTERED, there("nix", AGENT))
    assert (found.actions, dict(found.state_updates), found.diagnostics) == ((), {}, ())


@pytest.mark.parametrize(
    ("platform", "name"),
    [("nix", "reassign"), ("bu", "link"), ("da", "link"), ("fe", "link"), ("lk", "update")],
)
def test_changes_the_agent_with_the_call_of_the_platform(platform: str, name: str) -> None:
    found = plan(
        declared(platform, AGENT),
        known(platform, {"agent": "b"}),
        REGISTERED,
        there(platform, {"agent": "b"}),
    )
    assert steps(found) == [(address(platform), name, "config")]
    assert (found.actions[0].note is not None) == (name == "reassign")
    assert codes(found) == (["registration_gap"] if name == "reassign" else [])
    found = plan(
        declared(platform, AGENT),
        known(platform, AGENT),
        REGISTERED,
        there(platform, {"agent": "b"}),
    )
    assert steps(found) == [(address(platform), name, "drift")]


def test_change_without_a_call_is_one_warning_for_all_numbers() -> None:
    attrs: Attrs = {"agent": "a", "supports_inbound": False}
    was: Attrs = {"agent": "a", "supports_inbound": True}
    found = plan(declared("bu", attrs), known("bu", was), REGISTERED, there("bu", was))
    assert (steps(found), codes(found)) == ([], ["platform_update_missing"])
    assert found.diagnostics[0].severity == "warning"
    assert E164 in found.diagnostics[0].detail


def test_registers_a_vanished_number_again() -> None:
    found = plan(declared("nix", AGENT), known("nix", AGENT), live())
    assert steps(found) == [(address("nix"), "register", "drift")]
    assert action(found, "register").takeover == ()


def test_measures_drift_against_the_baseline() -> None:
    edited = live(voice_url="https://laptop.example.dev/voice")
    found = plan(declared("nix", AGENT), known("nix", AGENT), edited, there("nix", AGENT))
    assert steps(found) == [(NUMBER, "overwrite_webhooks", "drift")]
    assert found.actions[0].set == {"voice": Webhook(THEIRS)}


def test_accepts_a_registration_completed_by_a_dead_run() -> None:
    """Its number shows what the platform wrote for that run: the baseline, not drift."""
    resources = known("nix", {}, sid="", pending={"agent": "a"})
    resources[NUMBER] = msgspec.structs.replace(
        resources[NUMBER], last_applied={"voice": Webhook(PBX), "sms": None, "status": None}
    )
    found = plan(declared("nix", AGENT), resources, REGISTERED, there("nix", AGENT))
    assert steps(found) == []
    assert found.state_updates[address("nix")].sid == "id-1"
    assert found.state_updates[address("nix")].created
    assert found.state_updates[NUMBER].last_applied == BASELINE


def test_repeats_a_registration_started_by_a_dead_run() -> None:
    resources = known("nix", {}, sid="", pending={"agent": "a"})
    found = plan(declared("nix", AGENT), resources, live(voice_url=PBX))
    assert steps(found) == [(address("nix"), "register", "new")]
    assert found.actions[0].resume


def test_refuses_an_account_without_the_token_that_the_platform_needs() -> None:
    found = plan(declared("nix", AGENT), on_twilio=live(), platforms=Platforms(TYPES))
    assert "auth_token_needed" in codes(found)
    assert "register" not in [name for _, name, _ in steps(found)]
    assert codes(plan(declared("da", AGENT), on_twilio=live(), platforms=Platforms(TYPES))) == []


def test_neither_registers_nor_removes_a_missing_number() -> None:
    found = plan(declared("nix", AGENT))
    assert (steps(found), codes(found)) == ([], ["number_not_in_twilio"])
    found = plan(declared("nix", AGENT), known("nix", AGENT), others=there("nix", AGENT))
    assert (steps(found), codes(found)) == ([], ["number_missing"])
    found = plan(declared("nix", AGENT, key=SID), known("nix", AGENT), others=there("nix", AGENT))
    assert (steps(found), codes(found)) == ([], ["number_missing"])


def test_a_number_declared_by_its_sid_has_the_same_registration() -> None:
    found = plan(
        declared("nix", AGENT, key=SID), known("nix", AGENT), REGISTERED, there("nix", AGENT)
    )
    assert (steps(found), codes(found)) == ([], [])


def test_released_number_leaves_the_platform_first_and_is_fully_restored() -> None:
    found = plan([], known("nix", AGENT), REGISTERED, there("nix", AGENT))
    assert steps(found) == [
        (address("nix"), "unregister", "removed"),
        (NUMBER, "release", "removed"),
    ]
    release = action(found, "release")
    assert (release.depends_on, release.restore) == (
        (address("nix"),),
        {"voice_url": PBX, "voice_method": "POST"},
    )


def test_restores_a_number_that_a_dead_run_removed_and_the_platform_cleared() -> None:
    resources = known("nix", AGENT, pending={WITHDRAWN: True})
    found = plan([], resources, live())
    assert steps(found) == [(address("nix"), "forget", "removed"), (NUMBER, "release", "removed")]
    assert action(found, "release").restore["voice_url"] == PBX


def test_leaves_a_platform_without_removal_as_far_as_possible() -> None:
    found = plan([], known("bu", AGENT), REGISTERED, there("bu", AGENT))
    assert [name for _, name, _ in steps(found)] == ["link", "forget", "release"]
    assert found.actions[0].set == {"agent": None}
    assert codes(found) == ["platform_delete_missing"]
    found = plan([], known("ra", {}), REGISTERED, there("ra", {}))
    assert [name for _, name, _ in steps(found)] == ["forget", "release"]


def test_keep_and_protect_hold_for_registrations_as_well() -> None:
    kept = known("nix", AGENT, options=Options(on_removal="keep"))
    assert [name for _, name, _ in steps(plan([], kept, REGISTERED, there("nix", AGENT)))] == [
        "forget",
        "release",
    ]
    guarded = known("nix", AGENT, options=Options(protect=True))
    found = plan([], guarded, REGISTERED, there("nix", AGENT))
    assert codes(found) == ["protected"]
    assert "unregister" not in [name for _, name, _ in steps(found)]


def test_requires_the_platform_declaration_until_its_numbers_are_released() -> None:
    found = plan([], known("nix", AGENT), REGISTERED, platforms=Platforms())
    assert "platform_not_found" in codes(found)


def test_number_with_its_own_agent_leaves_the_platform_before_the_write() -> None:
    found = plan(own(), known("nix", AGENT), REGISTERED, there("nix", AGENT))
    assert steps(found) == [
        (address("nix"), "unregister", "config"),
        (NUMBER, "overwrite_webhooks", "config"),
    ]
    assert found.actions[1].depends_on == (address("nix"),)
    chosen = narrow_plan(found, (NUMBER,), ())
    assert [a.action for a in chosen.actions] == ["unregister", "overwrite_webhooks"]


def test_number_leaves_one_platform_before_it_joins_the_next() -> None:
    found = plan(declared("bu", AGENT), known("nix", AGENT), REGISTERED, there("nix", AGENT))
    assert steps(found) == [
        (address("nix"), "unregister", "config"),
        (address("bu"), "register", "new"),
    ]
    assert found.actions[1].depends_on == (address("nix"),)
    assert found.actions[1].takeover == ()


def test_removes_what_hides_the_webhooks_of_a_platform_last() -> None:
    routed = live(voice_application_sid="AP" + "1" * 32, voice_url=PBX)
    found = plan(declared("nix", AGENT, takeover="allow"), on_twilio=routed)
    assert [name for _, name, _ in steps(found)] == ["import", "register", "overwrite_webhooks"]
    uncovering = found.actions[2]
    assert (uncovering.unset, uncovering.set, uncovering.unhides) == (
        ("voice_application_sid",),
        {},
        True,
    )
    assert uncovering.depends_on == (address("nix"),)
    assert uncovering.route is not None
    assert uncovering.route.after == "agent a on nix"
    register = action(found, "register")
    assert register.entry is not None
    assert register.entry.prior == {"voice_application_sid": "AP" + "1" * 32, "voice_url": PBX}
    found = plan(declared("da", AGENT, takeover="allow"), on_twilio=routed)
    assert [name for _, name, _ in steps(found)] == ["import", "register"], (
        "a trunk hides an application"
    )


def test_number_outside_twilio_has_only_a_registration() -> None:
    attrs: Attrs = {"agent": "a", "password": "scrypt$x$y", "pin": None}
    want = Desired("registration", address("lk"), E164, Profile("lk", attrs, Options()), PLACE)
    found = plan([want])
    assert steps(found) == [(address("lk"), "register", "new")]
    assert [c.after for c in found.actions[0].changes if c.field == "password"] == ["(new secret)"]
    foreign = {
        address("lk"): Live(
            "id", E164, "lk", {}, {"agent": "a", "password": None, "address": "x", "pin": None}
        )
    }
    taken = plan(
        [
            msgspec.structs.replace(
                want, profile=Profile("lk", {**attrs, "username": "u"}, Options())
            )
        ],
        None,
        None,
        {address("lk"): Live("id", E164, "lk", {}, {**attrs, "username": "theirs"})},
    )
    assert [(c.field, c.before) for c in action(taken, "update").takeover] == [
        ("username", "theirs")
    ]
    assert [name for _, name, _ in steps(plan([want], None, None, foreign))] == ["import", "update"]


def test_silently_removes_a_registration_that_was_never_created() -> None:
    resources = known("bu", {}, sid="", pending={"agent": "a"})
    found = plan([], resources, live())
    assert [name for _, name, _ in steps(found)] == ["forget", "release"]
    assert codes(found) == []


def test_more_than_ten_numbers_are_counted_rather_than_named() -> None:
    from reconciler.kinds.platforms.table import BUTTER
    from reconciler.planning.decide.platform_notes import manual_step

    told = manual_step(
        BUTTER, "bu", "delete", [f"registration/bu/+155501001{n:02d}" for n in range(12)]
    )
    assert "and 2 more" in told.detail


def test_actions_about_undeclared_registrations_know_their_numbers() -> None:
    """State has the SID of a number that is not declared; a number that is declared has its own."""
    other = "+15550100102"
    resources = {
        f"registration/bu/{other}": msgspec.structs.replace(
            known("bu", AGENT)[address("bu")], key=other, parent=f"number/{other}"
        ),
        f"number/{other}": msgspec.structs.replace(
            known("bu", AGENT)[NUMBER], key=other, sid="PN2"
        ),
    }
    others = {f"registration/bu/{other}": there("bu", AGENT)[address("bu")]}
    found = plan(declared("nix", AGENT), resources, live(), others)
    sids = {(a.address, a.action): a.number_sid for a in found.actions if a.kind == "registration"}
    assert sids == {
        (address("nix"), "register"): SID,
        (f"registration/bu/{other}", "link"): "PN2",
        (f"registration/bu/{other}", "forget"): "PN2",
    }

    # What is no number has no such SID, and neither has one that nobody knows.
    for unknown in ({}, {f"number/{other}": known("bu", AGENT)[address("bu")]}):
        entries = {**resources, **unknown}
        if not unknown:
            del entries[f"number/{other}"]
        found = plan([], entries, None, others)
        assert {a.number_sid for a in found.actions if a.kind == "registration"} == {None}


def test_registration_of_a_missing_number_is_not_that_of_another_one() -> None:
    other = msgspec.structs.replace(known("nix", AGENT)[NUMBER], key="+15550100102")
    resources = {"number/+15550100102": other}
    want = declared("nix", AGENT, key="+15550100109")
    found = plan(want, resources, msgspec.structs.replace(REGISTERED, key="+15550100102"))
    assert "register" not in [name for _, name, _ in steps(found)]
    assert codes(found) == ["number_not_in_twilio"]
