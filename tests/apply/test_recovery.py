"""A run that dies right before or right after a call: what the next plan does, for each kind of action on Twilio."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from reconciler.model.desired import Desired
from reconciler.model.route import ApplicationRoute, TrunkRoute
from tests.support.memory.fake_twilio import Call
from tests.support.memory.memory_runner import MemoryRunner
from tests.support.memory.memory_store import Fuse, PowerCut
from tests.support.memory.resources import e164, hook, number, pn, row, trunk, world

OLD = "https://old.example.net/"
ONE = f"number/{e164(1)}"
TK, AP = "TK" + "1" * 32, "AP" + "1" * 32


class Case(NamedTuple):
    """What is applied first, what the run that dies is to apply, and whether its action is marked as resumed."""

    before: list[Desired]
    desired: list[Desired]
    address: str = ONE
    fields: Mapping[str, Any] = MappingProxyType({})
    resumes: bool = True


CASES: dict[str, Case] = {
    "overwrite_webhooks": Case([], [number(1, voice=hook("a"))]),
    "attach_trunk": Case([trunk("edge")], [trunk("edge"), number(1, voice=TrunkRoute("edge"))]),
    "detach_trunk": Case(
        [number(1, voice=TrunkRoute(TK))],
        [number(1, voice=hook("a"))],
        fields={"trunk_sid": TK, "voice_url": hook("a").url},
    ),
    "set_application": Case([], [number(1, voice=ApplicationRoute(AP))]),
    "rename": Case([number(1, friendly_name="A")], [number(1, friendly_name="B")]),
    "create": Case([], [trunk("edge")], "trunk/edge", resumes=False),
    "update": Case([trunk("edge")], [trunk("edge", secure=True)], "trunk/edge"),
    "delete": Case([trunk("edge")], [], "trunk/edge", resumes=False),
    "release": Case([number(1, voice=hook("a"))], [], resumes=False),
}


def cut(runner: MemoryRunner, desired: list[Desired], *, carried_out: bool) -> None:
    """Apply, with a power cut right before or right after the first call that changes something."""
    fuse = Fuse()

    def stop(call: Call) -> None:
        fuse.blown = True
        raise PowerCut

    where = runner.twilio.after if carried_out else runner.twilio.hooks
    where.append(stop)
    runner.store.fuse = fuse
    with suppress(PowerCut):
        runner.apply(desired)
    assert fuse.blown
    runner.store.fuse = Fuse()
    where.remove(stop)


def begun(name: str, *, carried_out: bool) -> tuple[MemoryRunner, Case]:
    case = CASES[name]
    fields = {"voice_url": OLD, **case.fields}
    runner = MemoryRunner(world(row(1, **fields), trunks=[{"sid": TK}], applications=[AP]))
    runner.apply(case.before)
    cut(runner, case.desired, carried_out=carried_out)
    return runner, case


def finished(name: str) -> MemoryRunner:
    case = CASES[name]
    fields = {"voice_url": OLD, **case.fields}
    runner = MemoryRunner(world(row(1, **fields), trunks=[{"sid": TK}], applications=[AP]))
    runner.apply(case.before)
    runner.apply(case.desired)
    return runner


@pytest.mark.parametrize("name", CASES)
def test_call_that_was_not_made_is_repeated(name: str) -> None:
    runner, case = begun(name, carried_out=False)
    (action,) = runner.plan(case.desired).actions
    assert (action.address, action.action) == (case.address, name)
    assert (action.resume, action.takeover) == (case.resumes, ())
    assert not runner.apply(case.desired).failures
    assert runner.entries == finished(name).entries
    assert runner.twilio.numbers() == finished(name).twilio.numbers()


@pytest.mark.parametrize("name", CASES)
def test_call_that_was_made_is_not_made_again(name: str) -> None:
    runner, case = begun(name, carried_out=True)
    names = [action.action for action in runner.plan(case.desired).actions]

    # What was removed has its entry until the end: it is forgotten, or released without a write.
    assert names == {"delete": ["forget"], "release": ["release"]}.get(name, [])
    assert not runner.writes(lambda: runner.apply(case.desired))
    assert runner.entries == finished(name).entries
    assert runner.twilio.numbers() == finished(name).twilio.numbers()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("carried_out", [False, True])
def test_abandoned_run_leaves_the_numbers_as_they_were(name: str, carried_out: bool) -> None:
    """The user gives up and declares nothing: all is as before the first apply."""
    runner, case = begun(name, carried_out=carried_out)
    runner.apply([])
    fresh = MemoryRunner(
        world(row(1, **{"voice_url": OLD, **case.fields}), trunks=[{"sid": TK}], applications=[AP])
    )
    was = fresh.twilio.numbers()[pn(1)]
    now = runner.twilio.numbers()[pn(1)]
    assert {k: v for k, v in now.items() if v != was[k] and (v or was[k])} == {}
    assert list(runner.twilio.accounts["main"].trunks) == [TK]
    assert runner.entries == {}
