"""An application of ours that is declared no longer: deleted once nothing uses it, and left where something still does."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.kinds.number import WIRE_FIELDS, canonical_routes
from reconciler.model.desired import Desired, Options
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import ApplicationRoute, Value
from reconciler.planning.decide.registrations import NO_PLATFORMS
from reconciler.planning.identity.observed import Observed
from reconciler.planning.plan import Plan
from reconciler.planning.planner import plan_resources
from tests.support.memory.resources import e164, hook, number, pn

AP = "AP" + "1" * 32
APP, ONE = "application/menu", f"number/{e164(1)}"
MENU = ApplicationRoute("menu")
OURS = hook("a").url


def live(**fields: str) -> Live:
    wire = {**dict.fromkeys(WIRE_FIELDS, ""), **fields}
    return Live(pn(1), e164(1), "main", wire, canonical_routes(wire, {AP: "menu"}))


def recorded(applied: dict[str, Value], prior: dict[str, Any] | None = None) -> Entry:
    """The entry of the number."""
    return Entry("number", "main", pn(1), e164(1), applied, Options(), prior=prior or {})


def plan(on_twilio: Live, entry: Entry | None, *desired: Desired) -> Plan:
    """The plan once the application is taken out of the configuration."""
    attrs: dict[str, Value] = {"friendly_name": "menu"}
    entries = {APP: Entry("application", "main", AP, "menu", attrs, Options(), created=True)}
    if entry is not None:
        entries[ONE] = entry
    application = Live(AP, "menu", "main", {"friendly_name": "menu"}, attrs)
    observed = Observed({"main": {e164(1): on_twilio}}, {APP: application})
    return plan_resources(desired, entries, observed, frozenset(), NO_PLATFORMS)


def step(found: Plan) -> tuple[str, tuple[str, ...], str]:
    (action,) = [each for each in found.actions if each.address == APP]
    return action.action, action.depends_on, action.note or ""


FIELDS = {"voice": "voice_application_sid", "sms": "sms_application_sid"}


@pytest.mark.parametrize("part", FIELDS)
def test_deleted_after_the_number_that_leaves_it(part: str) -> None:
    """For calls and for messages alike."""
    found = plan(live(**{FIELDS[part]: AP}), recorded({part: MENU}))
    assert step(found)[:2] == ("delete", (ONE,))


@pytest.mark.parametrize("part", FIELDS)
def test_deleted_after_the_number_that_gets_a_webhook(part: str) -> None:
    want = number(1, **{part: hook("b")})
    found = plan(live(**{FIELDS[part]: AP}), recorded({part: MENU}), want)
    assert step(found)[:2] == ("delete", (ONE,))


@pytest.mark.parametrize("part", FIELDS)
def test_stays_where_a_number_that_is_not_declared_uses_it(part: str) -> None:
    found = plan(live(**{FIELDS[part]: AP}), None)
    assert step(found) == ("forget", (), f"still in use on Twilio, by {e164(1)}")


@pytest.mark.parametrize("part", FIELDS)
def test_stays_where_the_release_of_a_number_puts_it_back(part: str) -> None:
    """A number that had this application before us gets it back: deleted, it would answer nobody."""
    entry = recorded({part: hook("a")}, {FIELDS[part]: AP})
    found = plan(live(**{f"{part}_url": OURS}), entry)
    (release,) = [each for each in found.actions if each.address == ONE]
    assert release.restore[FIELDS[part]] == AP
    assert step(found) == ("forget", (), f"still in use on Twilio, by {e164(1)}")


def test_deleted_where_nothing_uses_it() -> None:
    assert step(plan(live(voice_url=OURS), None))[0] == "delete"
    assert step(plan(live(voice_url=OURS), recorded({"voice": hook("a")})))[0] == "delete"
