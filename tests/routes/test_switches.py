"""The twelve switches between trunk, application, webhooks and nothing, and what a caller meets after every call."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from reconciler.sandbox.http.call_log import LoggedCall
from tests.support.workflow_runner import EDGE, MENU, ONE, WorkflowRunner, world

from .conftest import Make
from .rules import NOBODY, Route, Row, route, row_of, updated

FORMS = ("webhooks", "application", "trunk", "nothing")
SWITCHES = list(permutations(FORMS, 2))
STALE = "https://stale.example.net/voice"
PLAIN = {"voice": "https://agents.example.com/voice"}
FALLBACKS = {
    "voice": {
        "url": "https://agents.example.com/voice#rc=3&rp=5xx",
        "method": "GET",
        "fallback_url": "https://agents.example.com/down",
        "fallback_method": "GET",
    }
}
WORDS = {
    "webhooks": "webhook https://agents.example.com/voice",
    "application": f"application {MENU}",
    "trunk": "trunk edge",
    "nothing": "nothing",
}


def declare(
    runner: WorkflowRunner,
    form: str,
    webhooks: dict[str, Any],
    beside: dict[str, Any],
    application: str = MENU,
) -> None:
    """The number with this form of voice; `beside` is what its agent's webhooks say of SMS and status."""
    agents = {
        "hooks": {"webhooks": {**webhooks, **beside}},
        "silent": {"webhooks": {"status": "https://agents.example.com/silent", **beside}},
        "menu": {"application": application},
    }
    numbers: dict[str, dict[str, Any]] = {
        "webhooks": {"agent": "hooks"},
        "application": {"agent": "menu", "manage": ["voice"]},
        "trunk": {"agent": "silent", "trunk": "edge"},
        "nothing": {"agent": "silent"},
    }
    trunks = {"edge": {"domain": "edge.pstn.twilio.com", "friendly_name": "edge"}}
    applications = {"menu": {"friendly_name": "menu", "voice": "https://agents.example.com/menu"}}
    managed = {"applications": applications} if application == "menu" else {}
    runner.declare({ONE: numbers[form]}, agents=agents, trunks=trunks, **managed)


def number_of(runner: WorkflowRunner) -> Row:
    return row_of(runner.sandbox.world.number(ONE))


def meaning(row: Row) -> Row:
    """The row without the methods of URLs that are not set: they mean nothing, and cannot be cleared."""
    return {
        name: value
        for name, value in row.items()
        if not name.endswith("_method")
        or row.get(name.replace("_method", "_url"))
        or row.get(name.removesuffix("_method"))
    }


def replay(before: Row, calls: list[LoggedCall]) -> list[Route]:
    """Who answers after each of these calls."""
    routes: list[Route] = []
    for call in calls:
        before = updated(before, call.params)
        routes.append(route(before))
    return routes


def switch(runner: WorkflowRunner, old: Route) -> tuple[list[LoggedCall], Route]:
    """Apply what is declared; the writes it took and who answers in the end. Nobody but the two is met on the way."""
    before = number_of(runner)
    assert route(before) == old
    runner.forget()
    assert not runner.apply().result.failures
    calls = [call for call in runner.calls("/IncomingPhoneNumbers/") if call.is_write]
    new = route(number_of(runner))
    met = replay(before, calls)
    assert set(met) <= {old, new}, "somebody who is meant by neither answers, or nobody does"
    assert not met or met[-1] == new, "the rules here and those of the sandbox differ"
    assert (runner.plan().plan.actions, runner.plan().plan.state_updates) == ((), {})
    return calls, new


@pytest.mark.parametrize("stale", ["", STALE], ids=["clean", "over-a-stale-url"])
@pytest.mark.parametrize("webhooks", [PLAIN, FALLBACKS], ids=["plain", "with-fallbacks"])
@pytest.mark.parametrize(("before", "after"), SWITCHES)
def test_switch_never_leaves_a_number_without_a_known_route(
    runner_of: Make, before: str, after: str, webhooks: dict[str, Any], stale: str
) -> None:
    runner = runner_of(
        world({"phone_number": ONE, "voice_url": "https://before.example.net/voice"})
    )
    declare(runner, before, webhooks, {})
    runner.apply()
    if stale and before in ("trunk", "application"):
        runner.sandbox.edit(ONE, {"voice_url": stale, "voice_fallback_url": STALE + "/down"})
    old = route(number_of(runner))
    declare(runner, after, webhooks, {})
    planned = runner.plan().plan
    moves = [action.route for action in planned.actions if action.route is not None]
    calls, new = switch(runner, old)
    assert moves, "the plan says in words who answers"
    assert moves[0].before.startswith(WORDS[before])
    assert moves[-1].after.startswith(WORDS[after])
    assert (new == NOBODY) == (after == "nothing")
    if STALE in number_of(runner)["voice_url"]:
        assert any(STALE in words for words in moves[-1].hidden), "what stays hidden is told"
    writing = [action for action in planned.actions if action.set or action.unset]
    uncovers = before == "application" and after in ("webhooks", "nothing")
    assert len(calls) == len(writing) + uncovers, (
        "one write for each action; two where one action uncovers a route"
    )


@pytest.mark.parametrize(("before", "after"), SWITCHES)
def test_switch_keeps_a_route_while_messages_and_status_also_change(
    runner_of: Make, before: str, after: str
) -> None:
    runner = runner_of(world({"phone_number": ONE, "sms_application_sid": MENU}))
    first = {"sms": "https://agents.example.com/sms", "status": "https://agents.example.com/status"}
    then = {
        "sms": {
            "url": "https://agents.example.com/sms2",
            "fallback_url": "https://agents.example.com/sms3",
        },
        "status": {"url": "https://agents.example.com/status2", "method": "GET"},
    }
    declare(runner, before, PLAIN, first)
    runner.apply()
    old = route(number_of(runner))
    declare(runner, after, FALLBACKS, then)
    switch(runner, old)
    found = number_of(runner)
    if after != "application":
        assert found["sms_url"] == "https://agents.example.com/sms2"
        assert found["status_callback"] == "https://agents.example.com/status2"


@pytest.mark.parametrize(("before", "after"), SWITCHES)
def test_release_keeps_a_known_route_at_every_step(
    runner_of: Make, before: str, after: str
) -> None:
    """`before` is what somebody had there, `after` what we made of it."""
    theirs = {
        "webhooks": {"voice_url": STALE, "voice_fallback_url": STALE + "/down"},
        "application": {"voice_application_sid": MENU, "voice_url": STALE},
        "trunk": {"trunk_sid": EDGE, "voice_url": STALE},
        "nothing": {},
    }
    runner = runner_of(world({"phone_number": ONE, **theirs[before]}))
    seed = number_of(runner)
    declare(runner, after, FALLBACKS, {})
    switch(runner, route(seed))
    trunks = {"edge": {"domain": "edge.pstn.twilio.com", "friendly_name": "edge"}}
    runner.declare({}, trunks=trunks)
    ours = route(number_of(runner))
    switch(runner, ours)
    assert meaning(number_of(runner)) == meaning(seed)


@pytest.mark.parametrize(("before", "after"), [pair for pair in SWITCHES if "application" in pair])
def test_switch_works_for_a_managed_application(runner_of: Make, before: str, after: str) -> None:
    runner = runner_of(
        world({"phone_number": ONE, "voice_url": "https://before.example.net/voice"})
    )
    declare(runner, before, PLAIN, {}, "menu")
    assert not runner.apply().result.failures
    old = route(number_of(runner))
    declare(runner, after, PLAIN, {}, "menu")
    moves = [action.route for action in runner.plan().plan.actions if action.route is not None]
    words = {**WORDS, "application": "application menu"}
    assert (moves[0].before, moves[-1].after) == (words[before], words[after])
    switch(runner, old)


def test_covers_twelve_switches() -> None:
    assert len(SWITCHES) == 12
