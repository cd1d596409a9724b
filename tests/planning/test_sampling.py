"""The numbers whose region is asked about before anything is read from Twilio."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from reconciler.model.desired import Desired, Purchase
from reconciler.model.entry import Entry
from reconciler.planning.checks.inbound_regions import SAMPLE, prefetch_questions
from tests.support.memory.memory_runner import MemoryRunner
from tests.support.memory.resources import declared, e164, hook, number, pn, row, world

BOTH = [number(1, voice=hook("a")), number(2, voice=hook("a"))]
NEW = [("main", e164(1)), ("main", e164(2))]


def questions(
    desired: list[Desired],
    recorded: Mapping[str, Entry],
    regions: Mapping[str, str | None],
    selects: Callable[[str], bool] = lambda address: True,
) -> list[tuple[str, str]]:
    """Return the numbers asked about, as (account, E.164)."""
    return [q.routed_id for q in prefetch_questions(desired, recorded, regions, selects)]


MAIN: dict[str, str | None] = {"main": None}


def with_profile(want: Desired, **changes: object) -> Desired:
    return msgspec.structs.replace(want, profile=msgspec.structs.replace(want.profile, **changes))


def test_does_not_ask_the_region_of_recorded_numbers() -> None:
    runner = MemoryRunner(world(row(1), row(2)))
    assert questions(BOTH, {}, MAIN) == NEW
    runner.apply([BOTH[0]])
    assert questions(BOTH, runner.entries, MAIN) == NEW[1:]


def test_number_recorded_as_a_different_kind_is_not_new() -> None:
    runner = MemoryRunner(world(row(1), row(2)))
    runner.apply(BOTH)
    bridges = [
        msgspec.structs.replace(w, kind="bridge_number", address=f"bridge_number/{w.key}")
        for w in BOTH
    ]
    assert questions(bridges, {}, MAIN) == NEW
    assert questions(bridges, runner.entries, MAIN) == []


def test_does_not_sample_numbers_without_managed_voice_or_to_buy() -> None:
    """Watched, without a voice of ours, declared by its SID, or to be bought."""
    bought = with_profile(BOTH[1], purchase=Purchase("GB"))
    by_sid = declared("number", pn(3), {"voice": hook("a")}, sid=pn(3))
    assert questions([number(1), number(2, sms=hook("s")), bought, by_sid], {}, MAIN) == []


def test_samples_only_selected_numbers_of_accounts_without_a_region() -> None:
    assert questions(BOTH, {}, {"other": None}) == []
    assert questions(BOTH, {}, {"main": "ie1"}) == []
    assert questions(BOTH, {}, MAIN, lambda address: address.endswith(e164(2))) == NEW[1:]


def test_each_account_has_a_limited_sample() -> None:
    numbers = [number(index, voice=hook("a")) for index in range(SAMPLE + 5)]
    other = [with_profile(want, account="other") for want in numbers]
    chosen = questions([*numbers, *other], {}, {"main": None, "other": None})
    assert [sum(account == name for account, _ in chosen) for name in ("main", "other")] == [
        SAMPLE,
        SAMPLE,
    ]
