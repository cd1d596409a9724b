"""Decisions add up to a plan, and each decider returns one."""

from __future__ import annotations

from reconciler.diagnostics import Diagnostic
from reconciler.model.action import Action
from reconciler.model.desired import Options
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.planning.decide.platform_effects import PlatformEffects
from reconciler.planning.decision import Decision, join_decisions
from reconciler.planning.identity.observed import Observed

NUMBER = "number/+15550100101"
TRUNK = "trunk/main"


def action(address: str, name: str = "update") -> Action:
    kind = address.partition("/")[0]
    return Action(address=address, action=name, reason="config", kind=kind, account="main")  # type: ignore[arg-type]


def entry(address: str, sid: str, **more: object) -> Entry:
    kind, _, key = address.partition("/")
    return Entry(kind, "main", sid, key, {}, Options(), **more)  # type: ignore[arg-type]


def live(sid: str, key: str) -> Live:
    return Live(sid, key, "main", {}, {"voice": None, "sms": None, "status": None})


def test_joined_decisions_keep_their_order() -> None:
    problem = Diagnostic(code="protected", summary="Protected")
    first = Decision.about(
        TRUNK, [action(TRUNK), action(TRUNK, "rename")], live=live("TK1", "main")
    )
    second = Decision.about(NUMBER, [], update=entry(NUMBER, "PN1"), diagnostics=[problem])
    joined = join_decisions([first, second, Decision.refuse(problem)])
    assert [a.action for a in joined.actions] == ["update", "rename"]
    assert joined.updates == {NUMBER: entry(NUMBER, "PN1")}
    assert joined.diagnostics == (problem, problem)
    assert joined.touched == {TRUNK: live("TK1", "main")}


def test_decision_without_actions_changes_nothing() -> None:
    """What a plan touches makes it stale once it changes; an update of the state alone does not."""
    assert not Decision.about(NUMBER, [], live=live("PN1", "+15550100101")).touched


def test_finds_the_live_resource_of_an_entry_by_its_sid() -> None:
    """The E.164 of a number can change, and another number can have it by now."""
    moved, other = live("PN1", "+15550100102"), live("PN2", "+15550100101")
    observed = Observed(
        {"main": {moved.key: moved, other.key: other}}, {TRUNK: live("TK1", "main")}
    )
    assert observed.live(NUMBER, entry(NUMBER, "PN1")) == moved
    assert observed.live(NUMBER, entry(NUMBER, "PN3")) is None
    assert observed.live(NUMBER, entry(NUMBER, "")) == other, "a run died after the purchase"
    assert observed.live(TRUNK, entry(TRUNK, "TK9")) == live("TK1", "main")


def test_only_a_number_that_leaves_its_platform_is_delayed() -> None:
    effects = PlatformEffects(leaving={NUMBER: "registration/nix/+15550100101"})
    (waiting,) = effects.wait_for_leaving(NUMBER, [action(NUMBER)])
    (free,) = effects.wait_for_leaving("number/+15550100102", [action("number/+15550100102")])
    assert waiting.depends_on == ("registration/nix/+15550100101",)
    assert free.depends_on == ()
