"""A number keeps its old or its new route when Twilio does not store a field, or refuses a write, during a switch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from reconciler.sandbox.faults.rules import DropFields, Fault, Refuse
from tests.support.workflow_runner import EDGE, MENU, ONE, WorkflowRunner, world

from .conftest import Make
from .rules import Route
from .rules import route as whole_route
from .test_switches import FALLBACKS, PLAIN, STALE, SWITCHES, declare, number_of

NUMBERS = "*/IncomingPhoneNumbers/*"
FIELDS = ("VoiceUrl", "TrunkSid", "VoiceApplicationSid")
THEIRS: dict[str, dict[str, str]] = {
    "webhooks": {"voice_url": STALE},
    "application": {"voice_application_sid": MENU, "voice_url": STALE},
    "trunk": {"trunk_sid": EDGE, "voice_url": STALE},
    "nothing": {},
}
TRUNKS = {"edge": {"domain": "edge.pstn.twilio.com", "friendly_name": "edge"}}


def route(row: Mapping[str, str]) -> Route:
    """Return who answers a call first; methods and fallbacks come with the URL."""
    return whole_route(row)[:2]


def faults() -> dict[str, Callable[[], Fault]]:
    """Each way in which a write of a switch can fail, by a name for it."""
    made: dict[str, Callable[[], Fault]] = {}
    for name in FIELDS:
        for echo in (True, False):
            for times in (1, None):
                label = f"{name}-{'echoed' if echo else 'dropped'}-{'once' if times else 'always'}"
                made[label] = lambda name=name, echo=echo, times=times: DropFields(  # type: ignore[misc]
                    fields=(name,), echo=echo, times=times, method="POST", path=NUMBERS
                )
    for skip in range(3):
        made[f"refused-after-{skip}"] = lambda skip=skip: Refuse(  # type: ignore[misc]
            status=400, code=21220, skip=skip, method="POST", path=NUMBERS
        )
    return made


FAULTS = faults()
CASES = [
    (*pair, fault)
    for pair in SWITCHES
    for fault in FAULTS
    if not (fault.startswith("Trunk") and "trunk" not in pair)
    if not (fault.startswith("VoiceApplication") and "application" not in pair)
]


def met_while(runner: WorkflowRunner, fault: Fault, monkeypatch: pytest.MonkeyPatch) -> set[Route]:
    """Apply under a fault, then once more without it; return who answered after each call of the first apply."""
    met: set[Route] = set()
    log = runner.sandbox.calls
    record = log.record

    def watching(*args: Any, **kwargs: Any) -> None:
        record(*args, **kwargs)
        met.add(route(number_of(runner)))

    runner.sandbox.faults.add(fault)
    with monkeypatch.context() as patched:
        patched.setattr(log, "record", watching)
        runner.apply()
    met.add(route(number_of(runner)))
    runner.sandbox.faults.clear()
    runner.apply()
    return met


@pytest.mark.parametrize(("before", "after", "fault"), CASES)
def test_failed_switch_keeps_the_old_or_the_new_route(
    runner_of: Make, before: str, after: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = runner_of(world({"phone_number": ONE}))
    declare(runner, before, FALLBACKS, {})
    runner.apply()
    old = route(number_of(runner))

    declare(runner, after, PLAIN, {})
    met = met_while(runner, FAULTS[fault](), monkeypatch)

    new = route(number_of(runner))
    assert new[0] == {"webhooks": "webhook", "nothing": "nobody"}.get(after, after)
    assert met <= {old, new}


@pytest.mark.parametrize(("theirs", "ours", "fault"), CASES)
def test_failed_release_keeps_the_old_or_the_new_route(
    runner_of: Make, theirs: str, ours: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = runner_of(world({"phone_number": ONE, **THEIRS[theirs]}))
    prior = route(number_of(runner))
    declare(runner, ours, FALLBACKS, {})
    runner.apply()
    old = route(number_of(runner))

    runner.declare({}, trunks=TRUNKS)
    met = met_while(runner, FAULTS[fault](), monkeypatch)

    assert met <= {old, prior}
    assert route(number_of(runner)) in (old, prior)
