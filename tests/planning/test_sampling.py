"""Who is asked about before Twilio has said anything."""

from __future__ import annotations

import msgspec

from reconciler.model.desired import Desired, Purchase
from reconciler.planning.checks.region_sample import SAMPLE, sample_newcomers
from tests.apply.stage import Stage, declared, e164, hook, number, pn, row, world

BOTH = [number(1, voice=hook("a")), number(2, voice=hook("a"))]
NEW = [("main", e164(1)), ("main", e164(2))]


def with_profile(want: Desired, **changes: object) -> Desired:
    return msgspec.structs.replace(want, profile=msgspec.structs.replace(want.profile, **changes))


def test_what_is_in_state_is_not_asked_about() -> None:
    stage = Stage(world(row(1), row(2)))
    assert sample_newcomers(BOTH, {}, {"main"}) == NEW
    stage.apply([BOTH[0]])
    assert sample_newcomers(BOTH, stage.entries, {"main"}) == NEW[1:]


def test_a_number_of_another_kind_in_state_is_none_that_is_new() -> None:
    stage = Stage(world(row(1), row(2)))
    stage.apply(BOTH)
    bridges = [
        msgspec.structs.replace(w, kind="bridge_number", address=f"bridge_number/{w.key}")
        for w in BOTH
    ]
    assert sample_newcomers(bridges, {}, {"main"}) == NEW
    assert sample_newcomers(bridges, stage.entries, {"main"}) == []


def test_what_takes_no_calls_from_us_or_is_not_there_yet_is_not_asked_about() -> None:
    """Watched, without a voice of ours, declared by its SID, or to be bought."""
    bought = with_profile(BOTH[1], purchase=Purchase("GB"))
    by_sid = declared("number", pn(3), {"voice": hook("a")}, sid=pn(3))
    assert (
        sample_newcomers([number(1), number(2, sms=hook("s")), bought, by_sid], {}, {"main"}) == []
    )


def test_only_accounts_that_declare_no_region_and_chosen_addresses_are_asked_about() -> None:
    assert sample_newcomers(BOTH, {}, {"other"}) == []
    assert (
        sample_newcomers(BOTH, {}, {"main"}, lambda address: address.endswith(e164(2))) == NEW[1:]
    )


def test_of_each_account_only_some_are_asked_about() -> None:
    numbers = [number(index, voice=hook("a")) for index in range(SAMPLE + 5)]
    other = [with_profile(want, account="other") for want in numbers]
    chosen = sample_newcomers([*numbers, *other], {}, {"main", "other"})
    assert [sum(account == name for account, _ in chosen) for name in ("main", "other")] == [
        SAMPLE,
        SAMPLE,
    ]
