"""Every drift that a run puts back is recorded once, wherever the run dies, and only if it was put back."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from itertools import count

import msgspec

from reconciler.execution.executor import execute_plan
from reconciler.execution.outcome import Result
from reconciler.model.desired import Desired
from reconciler.model.heal import MOST_HEALS, Heal, add_newer, join_heals
from reconciler.planning.checks.overwrites import find_overwritten, list_heals
from reconciler.planning.plan import Plan
from reconciler.planning.planner import plan_resources
from reconciler.state.format.document import empty_state
from tests.support.memory.fake_twilio import Account
from tests.support.memory.memory_runner import MemoryRunner
from tests.support.memory.resources import (
    e164,
    hook,
    number,
    origination,
    pn,
    row,
    trunk,
    world,
)

FOREIGN = "https://pbx.example.net/in"
DESIRED = [
    trunk("edge"),
    origination("edge", "sbc1"),
    *(number(last, voice=hook("a"), sms=hook("a")) for last in (1, 2, 3)),
]
EXPECTED = {
    f"number/{e164(1)}": ["sms_url", "voice_url"],
    f"number/{e164(2)}": ["trunk"],
    f"number/{e164(3)}": [],
    "origination_url/edge/sip:sbc1.example.com": ["sid"],
    "trunk/edge": ["secure"],
}


class Healer(MemoryRunner):
    """Runs whose plans know what they put back."""

    def apply(self, desired: Sequence[Desired], plan: Plan | None = None) -> Result:
        observed = self.observe(desired)
        plan = plan or plan_resources(desired, self.entries, observed, self.ours)
        overwritten = find_overwritten(plan, self.entries, observed)
        plan = msgspec.structs.replace(plan, heals=list_heals(overwritten, plan.actions))
        state = self.store.load() or empty_state("acme")
        return execute_plan(plan, observed, state, self.store, self.twilio.gateways(), self.means)

    def twin(self) -> Healer:
        other = Healer({}, self.ours)
        other.twilio.accounts = deepcopy(self.twilio.accounts)
        other.twilio.sids = count(1000)
        other.store.version = self.store.version
        other.store.journalled = list(self.store.journalled)
        return other

    @property
    def account(self) -> Account:
        return self.twilio.accounts["main"]

    def fields(self) -> dict[str, list[str]]:
        """The fields that the state records as put back, by address."""
        return {a: sorted(h.field for h in e.healed) for a, e in sorted(self.entries.items())}


def drifted() -> Healer:
    """Two fields of a number, the trunk of another one, a setting, and a child that is gone."""
    runner = Healer(world(row(1), row(2), row(3)))
    runner.apply(DESIRED)
    assert not any(runner.fields().values())
    [(sid, edge)] = runner.account.trunks.items()
    runner.twilio.numbers()[pn(1)].update(voice_url=FOREIGN, sms_url=FOREIGN)
    runner.twilio.numbers()[pn(2)].update(trunk_sid=sid)
    edge["secure"] = True
    runner.account.origination_urls.clear()
    return runner


def test_a_run_records_what_it_has_put_back() -> None:
    runner = drifted()
    assert not runner.apply(DESIRED).failures
    assert runner.fields() == EXPECTED
    entries = runner.entries
    child = entries["origination_url/edge/sip:sbc1.example.com"]
    assert (child.healed[0].foreign, child.healed[0].ours) == (None, child.sid)
    assert {h.foreign for h in entries[f"number/{e164(1)}"].healed} == {FOREIGN}
    assert {h.ours for h in entries[f"number/{e164(1)}"].healed} == {hook("a").url}
    assert not runner.writes(lambda: runner.apply(DESIRED))


def test_every_heal_is_recorded_once_wherever_the_run_dies() -> None:
    start = drifted()
    for instant in count():
        runner = start.twin()
        if not runner.killed(DESIRED, instant):
            break

        # The next run dies as well, and the one after it finishes.
        runner.killed(DESIRED, 1)
        runner.apply(DESIRED)
        assert runner.fields() == EXPECTED, instant
        assert not any(entry.healing for entry in runner.entries.values())
        assert runner.plan(DESIRED).actions == ()
    assert instant > 10


def test_a_refused_write_is_no_heal() -> None:
    runner = drifted()
    runner.twilio.refuse(pn(1))
    for _ in range(2):
        assert len(runner.apply(DESIRED).failures) == 1
        assert runner.fields() == {**EXPECTED, f"number/{e164(1)}": []}
    runner.twilio.hooks.clear()
    runner.apply(DESIRED)
    assert runner.fields() == EXPECTED


def heal(second: int, value: str = FOREIGN) -> Heal:
    return Heal("voice_url", value, "ours", time=f"2026-03-01T12:00:{second:02d}Z")


def test_only_the_newest_heals_are_kept() -> None:
    many = tuple(heal(second) for second in range(MOST_HEALS))
    assert add_newer(many, [heal(59)]) == (*many[1:], heal(59))
    assert add_newer((heal(1),), [heal(1)]) == (heal(1), heal(1)), "two heals within one second"
    assert join_heals(many, many) == many
    assert join_heals((heal(1), heal(3)), [heal(2), heal(3)]) == (heal(1), heal(2), heal(3))
    assert len(join_heals(many, [heal(second, "x") for second in range(MOST_HEALS)])) == MOST_HEALS
