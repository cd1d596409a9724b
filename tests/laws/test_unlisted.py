"""Whatever somebody else does below a managed trunk: apply ends with what is declared, undo with what was there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.desired import Desired, Unlisted
from tests.laws.test_laws import QUICK
from tests.support.memory.fake_twilio import FakeTwilio
from tests.support.memory.memory_runner import MemoryRunner
from tests.support.memory.resources import origination, trunk

HOSTS = ("sbc1", "sbc2", "theirs")
STRANGERS = st.lists(st.tuples(st.sampled_from(HOSTS), st.integers(0, 2)), max_size=3)
POLICIES = st.sampled_from(("delete", "keep", "watch"))


def declared(hosts: Sequence[str], policy: Unlisted) -> list[Desired]:
    """The trunk `edge` with these origination URLs."""
    fields = {field: getattr(trunk("edge"), field) for field in Desired.__struct_fields__}
    top = Desired(**{**fields, "unlisted": {"origination_url": policy}})
    return [top, *(origination("edge", host) for host in hosts)]


def urls(twilio: FakeTwilio) -> list[tuple[Any, ...]]:
    """What is there, without SIDs."""
    rows = twilio.accounts["main"].origination_urls.values()
    return sorted(
        (row["sip_url"], row["priority"], row["weight"], row["friendly_name"]) for row in rows
    )


def intrude(runner: MemoryRunner, added: Sequence[tuple[str, int]]) -> None:
    """Somebody else adds origination URLs."""
    main = runner.twilio.accounts["main"]
    (sid,) = main.trunks
    for host, priority in added:
        new = runner.twilio.new_sid("OU")
        row = {
            "sip_url": f"sip:{host}.example.com",
            "priority": priority,
            "weight": 7,
            "enabled": True,
        }
        main.origination_urls[new] = {
            "sid": new,
            "trunk_sid": sid,
            "friendly_name": "theirs",
            **row,
        }


@QUICK
@given(st.lists(st.sampled_from(("sbc1", "sbc2")), unique=True), STRANGERS, POLICIES)
def test_apply_converges_and_undo_restores(
    hosts: list[str], added: list[tuple[str, int]], policy: Unlisted
) -> None:
    runner = MemoryRunner({"main": {}})
    desired = declared(hosts, policy)
    runner.apply(desired)
    ours = urls(runner.twilio)
    intrude(runner, added)
    then, before = dict(runner.entries), urls(runner.twilio)

    assert not runner.apply(desired).failures
    assert urls(runner.twilio) == (ours if policy == "delete" else before)
    again = runner.plan(desired)
    assert (again.actions, again.state_updates) == ((), {})

    assert not runner.back(then).failures
    assert urls(runner.twilio) == before
    assert runner.way_back(then).actions == ()
    assert not runner.apply(desired).failures
    assert urls(runner.twilio) == (ours if policy == "delete" else before)


@QUICK
@given(st.lists(st.sampled_from(("sbc1", "sbc2")), unique=True), STRANGERS, st.integers(0, 30))
def test_run_killed_anywhere_converges_and_can_be_undone(
    hosts: list[str], added: list[tuple[str, int]], at: int
) -> None:
    runner = MemoryRunner({"main": {}})
    desired = declared(hosts, "delete")
    runner.apply(desired)
    ours = urls(runner.twilio)
    intrude(runner, added)
    then, before = dict(runner.entries), urls(runner.twilio)

    runner.killed(desired, at)
    assert not [action for action in runner.plan(desired).actions if action.takeover]
    assert not runner.apply(desired).failures
    assert urls(runner.twilio) == ours
    runner.back(then)
    assert urls(runner.twilio) == before
