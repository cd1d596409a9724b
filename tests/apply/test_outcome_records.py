"""The records of outcomes: what the state holds after each step, and after a failure or an undo."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from reconciler.execution.outcome import Failure, Outcome
from reconciler.execution.outcome_records import OutcomeRecords
from reconciler.model.action import Action
from reconciler.model.desired import Options
from reconciler.model.entry import Entry
from reconciler.model.route import Value
from reconciler.state.records import Drop, Put, Record
from tests.support.memory.memory_runner import NOW
from tests.support.memory.resources import e164, hook, pn

NUMBER = f"number/{e164(1)}"
REGISTRATION = f"registration/nix/{e164(1)}"
EARLIER = "2026-02-01T00:00:00Z"
NO = Failure("twilio_refused", "no")

ENTRY = Entry(
    kind="number",
    account="main",
    sid=pn(1),
    key=e164(1),
    last_applied={"voice": hook("a")},
    options=Options(platform_written=("voice",)),
    prior_at=EARLIER,
    imported_at=EARLIER,
    updated_at=NOW,
)
REGISTERED = msgspec.structs.replace(
    ENTRY, kind="registration", sid="id-1", last_applied={"agent": "a"}, options=Options()
)


def action(name: str = "overwrite_webhooks", address: str = NUMBER, **fields: Any) -> Action:
    return Action(
        address=address,
        action=name,  # type: ignore[arg-type]
        reason="config",
        kind=address.partition("/")[0],
        account="main",
        **fields,
    )


def done(of: Action, entry: Entry | None, **fields: Any) -> Outcome:
    return Outcome(action=of, status="applied", entry=entry, **fields)


def failed(of: Action, **fields: Any) -> Outcome:
    return Outcome(action=of, status="failed", error=NO, **fields)


def records(
    base: dict[str, Entry] | None = None, intents: dict[str, Entry] | None = None
) -> tuple[OutcomeRecords, dict[str, str]]:
    sids: dict[str, str] = {}
    return OutcomeRecords(base or {}, intents or {}, sids), sids


def test_success_records_the_entry_with_what_the_next_steps_write() -> None:
    of, _ = records()
    first = action()
    last = action("rename", set={"friendly_name": "Sales"}, entry=_named("Sales"))
    assert of.after_success(first, done(first, ENTRY), [last], NOW) == [
        Put(NUMBER, msgspec.structs.replace(ENTRY, pending={"friendly_name": "Sales"}))
    ]
    assert of.after_success(last, done(last, _named("Sales")), [], NOW) == [
        Put(NUMBER, _named("Sales"))
    ]


def _named(name: str) -> Entry:
    return msgspec.structs.replace(
        ENTRY, last_applied={**ENTRY.last_applied, "friendly_name": name}
    )


def test_success_without_an_entry_drops_the_address() -> None:
    of, _ = records()
    gone = action("release")
    assert of.after_success(gone, done(gone, None), [], NOW) == [Drop(NUMBER)]


def test_import_is_recorded_with_its_intent_already() -> None:
    of, _ = records()
    first = action("import", entry=ENTRY)
    assert of.after_success(first, done(first, ENTRY), [], NOW) == []


@pytest.mark.parametrize(
    ("name", "sid", "known"),
    [
        ("create", "TK1", True),
        ("purchase", "PN1", True),
        ("update", "TK1", False),
        ("create", None, False),
    ],
)
def test_later_actions_know_the_sid_of_what_was_made(
    name: str, sid: str | None, known: bool
) -> None:
    of, sids = records()
    made = action(name)
    of.after_success(made, done(made, ENTRY, sid=sid), [], NOW)
    assert sids == ({NUMBER: sid} if known else {})


PAIR: list[Value] = [hook("A"), hook("a")]
OTHER: list[Value] = [hook("S"), hook("s")]


def _with_forms(**pairs: list[Value]) -> Entry:
    return msgspec.structs.replace(ENTRY, normalised=pairs)


@pytest.mark.parametrize(
    ("first", "second", "sets", "expected"),
    [
        # The plan cannot know the form that the first step has met.
        ({"voice": PAIR}, {}, "sms", {"voice": PAIR}),
        ({"voice": PAIR}, {"sms": OTHER}, "sms", {"voice": PAIR, "sms": OTHER}),
        # The second step has written the part again: only its own form counts.
        ({"voice": PAIR}, {}, "voice", {}),
        ({"voice": PAIR}, {"voice": OTHER}, "voice", {"voice": OTHER}),
        # What the plan has of a part that the step does not write is older than the first step.
        ({}, {"voice": PAIR}, "sms", {}),
        ({}, {}, "sms", {}),
    ],
)
def test_forms_of_earlier_steps_stay_with_their_parts(
    first: dict[str, list[Value]],
    second: dict[str, list[Value]],
    sets: str,
    expected: dict[str, list[Value]],
) -> None:
    of, _ = records()
    one, two = action(set={"voice": hook("A")}), action("rename", set={sets: hook("S")})
    of.after_success(one, done(one, _with_forms(**first)), [two], NOW)
    (record,) = of.after_success(two, done(two, _with_forms(**second)), [], NOW)
    assert isinstance(record, Put)
    assert record.entry.normalised == expected


def test_forms_of_an_earlier_run_stay_with_parts_that_are_not_written() -> None:
    of, _ = records()
    one = action("rename", set={"friendly_name": "Sales"})
    (record,) = of.after_success(one, done(one, _with_forms(voice=PAIR)), [], NOW)
    assert isinstance(record, Put)
    assert record.entry.normalised == {"voice": PAIR}


def test_uncovering_step_records_what_the_platform_has_written() -> None:
    """Its planned entry knows nothing of that: the entry that the platform's write has left counts."""
    base = msgspec.structs.replace(ENTRY, last_applied={"voice": hook("planned")})
    of, _ = records({NUMBER: base}, {NUMBER: base})
    register = action("register", REGISTRATION, parent=NUMBER)
    learned = of.after_success(
        register, done(register, REGISTERED, learned={"voice": hook("theirs")}), [], NOW
    )
    theirs = msgspec.structs.replace(ENTRY, last_applied={"voice": hook("theirs")})
    assert learned == [Put(REGISTRATION, REGISTERED), Put(NUMBER, theirs)]

    last = action(unset=("trunk_sid",), unhides=True)
    assert of.after_success(last, done(last, base), [], NOW) == [Put(NUMBER, theirs)]


@pytest.mark.parametrize("recorded", ["base", "intents", "nowhere"])
def test_platform_writes_are_recorded_for_a_known_number(recorded: str) -> None:
    known = {NUMBER: ENTRY}
    of, _ = records(known if recorded == "base" else {}, known if recorded == "intents" else {})
    link = action("link", REGISTRATION, parent=NUMBER)
    found = of.after_success(
        link, done(link, REGISTERED, learned={"voice": hook("theirs")}), [], NOW
    )
    assert len(found) == (1 if recorded == "nowhere" else 2)

    # A failure may have written as well; without a learned value nothing is recorded.
    failure = of.after_failure(link, failed(link, learned={"voice": hook("theirs")}), NOW)
    assert len(failure) == (0 if recorded == "nowhere" else 1)
    assert of.after_failure(link, failed(link), NOW) == []


def test_failure_leaves_the_entry_as_it_is() -> None:
    of, _ = records({NUMBER: ENTRY})
    assert of.after_failure(action(), failed(action()), NOW) == []
    assert of.after_failure(action(), failed(action(), unmade=True), NOW) == []


def test_failure_after_a_creation_records_what_was_made_and_is_still_to_write() -> None:
    of, _ = records()
    made = action("create", set={"voice": hook("a")}, entry=ENTRY)
    assert of.after_failure(made, failed(made, entry=ENTRY), NOW) == [
        Put(NUMBER, msgspec.structs.replace(ENTRY, pending={"voice": hook("a")}))
    ]


BEGUN = msgspec.structs.replace(REGISTERED, pending={"agent": "b"}, prior={"voice_url": "x"})
UNDONE: dict[str, tuple[dict[str, Entry], dict[str, Entry], str | None, Record]] = {
    "a change, undone": (
        {REGISTRATION: REGISTERED},
        {REGISTRATION: BEGUN},
        None,
        Put(REGISTRATION, REGISTERED),
    ),
    "a change, undone by another import": (
        {REGISTRATION: REGISTERED},
        {REGISTRATION: BEGUN},
        "id-2",
        Put(REGISTRATION, msgspec.structs.replace(REGISTERED, sid="id-2")),
    ),
    "nothing recorded by this run": (
        {REGISTRATION: BEGUN},
        {},
        None,
        Put(REGISTRATION, REGISTERED),
    ),
    "an import that was not made": (
        {},
        {REGISTRATION: msgspec.structs.replace(BEGUN, sid="")},
        None,
        Drop(REGISTRATION),
    ),
    "nothing recorded at all": ({}, {}, None, Drop(REGISTRATION)),
}


@pytest.mark.parametrize("case", UNDONE)
def test_undone_registration_is_recorded_as_before(case: str) -> None:
    base, intents, sid, expected = UNDONE[case]
    of, _ = records(base, intents)
    undone = action("link", REGISTRATION)
    assert of.after_failure(undone, failed(undone, unmade=True, sid=sid), NOW) == [expected]
