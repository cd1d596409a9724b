"""Numbers that are declared alike, whatever state holds of each: every one ends as if it were alone.

What is worked out for one number is used for all that are like it. Equal declarations, entries and live values are the
same objects here, as they are when a configuration, a state file and a listing are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.model.desired import Desired, Options, Profile
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import TrunkRoute, Value
from reconciler.planning.identity.observed import Observed
from reconciler.planning.plan import Plan
from reconciler.planning.planner import plan_resources
from tests.support.memory.fake_twilio import Row
from tests.support.memory.memory_runner import MemoryRunner
from tests.support.memory.resources import FILE, e164, hook, pn, row, world

from .test_laws import QUICK

T = TypeVar("T")
NUMBERS = (1, 2, 3)
OLD_TRUNK, MENU = "TK" + "1" * 32, "AP" + "1" * 32
VOICE, OTHER = hook("voice"), hook("other", method="GET")
OURS = frozenset((VOICE.url, OTHER.url))
THEIRS = "https://pbx.example.net/in"

PRIORS: tuple[Row, ...] = (
    {},
    {"voice_method": "GET"},
    {"voice_url": THEIRS, "sms_url": THEIRS},
    {"voice_url": THEIRS, "voice_method": "GET", "status_callback": THEIRS},
    {"voice_url": VOICE.url},
    {"trunk_sid": OLD_TRUNK, "voice_url": THEIRS},
    {"trunk_sid": OLD_TRUNK},
    {"voice_application_sid": MENU},
)
"""How a number may be before anything is managed."""

VALUES: tuple[dict[str, Value], ...] = (
    {"voice": VOICE, "friendly_name": "Sales"},
    {"voice": VOICE, "sms": OTHER, "status": None},
    {"voice": None, "friendly_name": "Sales"},
    {"voice": TrunkRoute(OLD_TRUNK)},
    {},
)
"""What numbers may be declared with; nothing: only watched."""

CHANGES: tuple[Row | int, ...] = (
    1,
    2,
    {"friendly_name": "Theirs"},
    {"voice_url": THEIRS, "trunk_sid": None, "voice_application_sid": None},
)
"""What somebody may do to some of the numbers; a number: give them all that this one has."""


class Declared(NamedTuple):
    """A declaration that numbers share."""

    kind: str
    attrs: dict[str, Value]
    options: Options


@st.composite
def declarations(draw: st.DrawFn) -> Declared:
    """A number or a bridge number."""
    if draw(st.integers(0, 3)) == 0:
        attrs: dict[str, Value] = {"voice": draw(st.sampled_from((VOICE, OTHER)))}
        return Declared("bridge_number", attrs, Options())
    attrs = draw(st.sampled_from(VALUES))
    on_removal = draw(st.sampled_from(("restore", "keep")))
    options = Options(on_removal=on_removal, observe_only=not attrs)  # type: ignore[arg-type]
    return Declared("number", attrs, options)


class Pool:
    """Gives one object for all that are equal."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    def one(self, value: T) -> T:
        """The first that was equal to this one. Text and truth in it tell apart what == may not."""
        return self._known.setdefault(repr(value), value)  # type: ignore[no-any-return]

    def entry(self, entry: Entry) -> Entry:
        """The entry with the values and options that equal entries share."""
        return msgspec.structs.replace(
            entry,
            last_applied=self.one(entry.last_applied),
            options=self.one(entry.options),
            prior=self.one(entry.prior),
        )

    def live(self, live: Live) -> Live:
        """The live number with the values that equal numbers share."""
        return msgspec.structs.replace(live, attrs=self.one(live.attrs), wire=self.one(live.wire))


class SharingRunner(MemoryRunner):
    """An account and a state in which equal values are the same objects."""

    def __init__(self, rows: Mapping[int, Row]) -> None:
        trunk = {"sid": OLD_TRUNK, "friendly_name": "old", "domain_name": "old.pstn.twilio.com"}
        numbers = [row(last, **fields) for last, fields in rows.items()]
        super().__init__(world(*numbers, trunks=[trunk], applications=[MENU]), OURS)
        self.pool = Pool()

    @property
    def entries(self) -> dict[str, Entry]:
        """The entries in the state."""
        return {address: self.pool.entry(entry) for address, entry in self.store.resources.items()}

    def observe(self, desired: Sequence[Desired]) -> Observed:
        """Read the account."""
        observed = super().observe(desired)
        numbers = observed.numbers.get("main", {})
        shared = {key: self.pool.live(live) for key, live in numbers.items()}
        return Observed({"main": shared}, observed.resources)

    def fields(self, last: int) -> Row:
        """All that this number has on Twilio, save what tells it from others."""
        there = self.twilio.numbers()[pn(last)]
        return {name: there[name] for name in there if name not in ("sid", "phone_number")}

    def number(self, last: int) -> tuple[Row, dict[str, Entry]]:
        """A number on Twilio and in the state."""
        there = dict(self.twilio.numbers()[pn(last)])
        mine = {a: entry for a, entry in self.entries.items() if entry.sid == pn(last)}
        return there, mine


def declare(by_number: Mapping[int, Declared]) -> list[Desired]:
    """The declarations, with one profile for all that are equal."""
    pool = Pool()
    desired: list[Desired] = []
    for last, (kind, attrs, options) in by_number.items():
        profile = pool.one(Profile("main", attrs, options))
        desired.append(Desired(kind, f"{kind}/{e164(last)}", e164(last), profile, FILE))
    return desired


def part_of(plan: Plan, last: int) -> tuple[object, ...]:
    """What a plan says of one number."""
    addresses = (f"number/{e164(last)}", f"bridge_number/{e164(last)}")
    return (
        [action for action in plan.actions if action.address in addresses],
        {a: entry for a, entry in plan.state_updates.items() if a in addresses},
        {a: fields for a, fields in plan.fingerprints.items() if a in addresses},
        [each for each in plan.diagnostics if each.address in addresses],
    )


def check_plan(runner: SharingRunner, desired: Sequence[Desired]) -> None:
    """The plan for all numbers is the plans for each one."""
    observed, entries = runner.observe(desired), runner.entries
    whole = plan_resources(desired, entries, observed, OURS)
    for last in NUMBERS:
        mine = [each for each in desired if each.key == e164(last)]
        own = {a: entry for a, entry in entries.items() if entry.sid == pn(last)}
        alone = plan_resources(mine, own, observed, OURS)
        assert part_of(whole, last) == part_of(alone, last)


def check_world(runner: SharingRunner, by_number: Mapping[int, Declared]) -> None:
    """Every number has what is declared of it."""
    numbers = runner.observe(declare(by_number)).numbers["main"] if by_number else {}
    for last, each in by_number.items():
        live = numbers[e164(last)]
        found = {**live.attrs, "friendly_name": live.name}
        assert {name: found[name] for name in each.attrs} == each.attrs


@st.composite
def steps(draw: st.DrawFn) -> list[dict[int, Declared]]:
    """How each number is declared in each of four runs: as it likes, all alike, as it likes, and not at all.

    Few declarations are drawn, so that many are equal to one before.
    """
    few = [draw(declarations()), draw(declarations())]
    former = {last: draw(st.sampled_from([None, *few])) for last in NUMBERS}
    later = {last: draw(st.sampled_from(few)) for last in NUMBERS}
    first = {last: was for last, was in former.items() if was is not None}
    return [first, dict.fromkeys(NUMBERS, few[0]), later, {}]


ROWS = st.fixed_dictionaries(dict.fromkeys(NUMBERS, st.sampled_from(PRIORS)))
MANY = settings(QUICK, max_examples=3 * QUICK.max_examples)
"""One that no cache may mix up with another is rare."""
A = Declared("number", {"voice": VOICE, "sms": OTHER, "status": None}, Options())
B = Declared("number", {"voice": OTHER, "sms": VOICE, "status": None}, Options())
CHANGED = st.tuples(st.sampled_from(CHANGES), st.sets(st.sampled_from(NUMBERS)))


@MANY
@given(ROWS, steps(), st.tuples(CHANGED, CHANGED))
@example(
    # A number has by hand what is declared next, and state holds other values of it.
    {1: {}, 2: {}, 3: {}},
    [{1: A, 2: B}, dict.fromkeys(NUMBERS, A), dict.fromkeys(NUMBERS, A), {}],
    ((1, {2}), (1, set())),
)
def test_alike_numbers_with_different_entries_end_as_each_one_alone(
    rows: dict[int, Row],
    declared: list[dict[int, Declared]],
    changes: tuple[tuple[Row | int, set[int]], ...],
) -> None:
    together = SharingRunner(rows)
    alone = {last: SharingRunner({last: fields}) for last, fields in rows.items()}
    for by_number, (change, touched) in zip(declared, [*changes, ({}, ()), ({}, ())], strict=True):
        desired = declare(by_number)
        check_plan(together, desired)
        assert not together.apply(desired).failures
        for last, runner in alone.items():
            mine = [each for each in desired if each.key == e164(last)]
            assert not runner.apply(mine).failures
            assert together.number(last) == runner.number(last)
        assert together.plan(desired).actions == ()
        check_world(together, by_number)

        for last in touched:
            given = together.fields(change) if isinstance(change, int) else change
            for runner in (together, alone[last]):
                runner.twilio.numbers()[pn(last)].update(given)
