"""Fine points of the three-way comparison; its table is told by the cases."""

from __future__ import annotations

import msgspec
import pytest

from reconciler.model.desired import Options
from reconciler.model.route import TrunkRoute
from tests.support.memory.memory_runner import NOW, MemoryRunner
from tests.support.memory.resources import (
    declared,
    e164,
    hook,
    number,
    origination,
    pn,
    row,
    trunk,
    world,
)

FOREIGN = "https://old.example.net/"
ADDRESS = f"number/{e164(1)}"


def test_a_watched_number_that_gets_an_agent_is_taken_over_like_any_other() -> None:
    runner = MemoryRunner(world(row(1, voice_url=FOREIGN + "a")))
    runner.apply([number(1)])
    (action,) = runner.plan([number(1, voice=hook("a"))]).actions
    assert [change.before for change in action.takeover] == [FOREIGN + "a"]


def test_what_changed_while_it_was_only_watched_is_what_a_release_puts_back() -> None:
    runner = MemoryRunner(world(row(1, voice_url=FOREIGN + "a")))
    runner.apply([number(1)])
    runner.twilio.numbers()[pn(1)]["voice_url"] = FOREIGN + "b"
    runner.apply([number(1)])
    runner.apply([number(1, voice=hook("a"))])
    runner.apply([])
    assert runner.twilio.numbers()[pn(1)]["voice_url"] == FOREIGN + "b"


def test_what_was_ours_before_it_was_only_watched_is_no_prior_value() -> None:
    runner = MemoryRunner(world(row(1, voice_url=FOREIGN + "a")))
    for desired in (
        [number(1, voice=hook("a"))],
        [number(1)],
        [number(1)],
        [number(1, voice=hook("b"))],
        [],
    ):
        runner.apply(desired)
    assert runner.twilio.numbers()[pn(1)]["voice_url"] == FOREIGN + "a"


def test_a_part_that_left_and_came_back_keeps_its_first_prior_value() -> None:
    runner = MemoryRunner(world(row(1, voice_url=FOREIGN + "a", sms_url=FOREIGN + "s")))
    both = number(1, voice=hook("a"), sms=hook("s"))
    for desired in ([both], [number(1, voice=hook("a"))], [both], []):
        runner.apply(desired)
    found = runner.twilio.numbers()[pn(1)]
    assert (found["voice_url"], found["sms_url"]) == (FOREIGN + "a", FOREIGN + "s")


def test_a_release_puts_back_what_we_wrote_and_then_managed_no_longer() -> None:
    for last in (number(1, voice=hook("a")), number(1)):
        runner = MemoryRunner(world(row(1, voice_url=FOREIGN + "a", sms_url=FOREIGN + "s")))
        for desired in ([number(1, voice=hook("a"), sms=hook("s"))], [last], []):
            runner.apply(desired)
        found = runner.twilio.numbers()[pn(1)]
        assert (found["voice_url"], found["sms_url"]) == (FOREIGN + "a", FOREIGN + "s")


def test_what_somebody_changed_after_we_managed_it_no_longer_stays() -> None:
    runner = MemoryRunner(world(row(1, voice_url=FOREIGN + "a", sms_url=FOREIGN + "s")))
    for desired in ([number(1, voice=hook("a"), sms=hook("s"))], [number(1, voice=hook("a"))]):
        runner.apply(desired)
    runner.twilio.numbers()[pn(1)]["sms_url"] = FOREIGN + "new"
    runner.apply([])
    assert runner.twilio.numbers()[pn(1)]["sms_url"] == FOREIGN + "new"


def test_a_part_that_is_managed_again_is_put_back_to_what_stood_there_last() -> None:
    runner = MemoryRunner(world(row(1, sms_url=FOREIGN + "a")))
    runner.apply([number(1, voice=None, sms=hook("sms"))])
    runner.apply([number(1, voice=None)])
    runner.twilio.numbers()[pn(1)]["sms_url"] = FOREIGN + "b"
    runner.apply([number(1, voice=None, sms=hook("sms"))])
    runner.apply([])
    assert runner.twilio.numbers()[pn(1)]["sms_url"] == FOREIGN + "b"


def test_a_prior_value_that_is_empty_by_now_is_not_the_one_of_before() -> None:
    runner = MemoryRunner(world(row(1, sms_url=FOREIGN + "a")))
    runner.apply([number(1, voice=None, sms=hook("sms"))])
    runner.apply([number(1, voice=None)])
    runner.twilio.numbers()[pn(1)]["sms_url"] = ""
    runner.apply([number(1, voice=None, sms=hook("sms"))])
    runner.apply([])
    assert runner.twilio.numbers()[pn(1)]["sms_url"] == ""


def test_a_change_of_a_value_that_twilio_keeps_in_its_own_form_is_a_change_and_no_conflict() -> (
    None
):
    runner = MemoryRunner(world(row(1)))
    runner.twilio.forms["friendly_name"] = str.upper
    runner.apply([number(1, friendly_name="Sales")])
    assert runner.plan([number(1, friendly_name="Sales")]).actions == ()
    (action,) = runner.plan([number(1, friendly_name="Support")]).actions
    assert action.reason == "config"


def test_a_form_that_one_step_met_is_still_known_after_the_next() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.forms["voice_url"] = lambda url: url.lower()
    desired = [number(1, voice=hook("Agent"), friendly_name="Sales")]
    runner.apply(desired)
    assert runner.plan(desired).actions == ()


def test_a_form_that_was_met_behind_a_trunk_is_known_once_the_number_has_left_it() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.apply([trunk("edge"), origination("edge", "sbc1"), number(1, voice=TrunkRoute("edge"))])
    runner.twilio.forms["voice_url"] = lambda url: url.lower()
    desired = [trunk("edge"), origination("edge", "sbc1"), number(1, voice=hook("Agent"))]
    runner.apply(desired)
    assert runner.plan(desired).actions == ()


def test_a_trunk_is_updated_in_what_differs_and_not_in_what_twilio_writes_in_its_own_form() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.forms["friendly_name"] = str.upper
    runner.apply([trunk("edge")])
    (action,) = runner.plan([trunk("edge", secure=True)]).actions
    assert [change.field for change in action.changes] == ["secure"]
    assert action.set == {"secure": True}


def test_a_trunk_that_somebody_else_made_anew_is_not_ours_to_delete() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.apply([trunk("edge")])
    trunks = runner.twilio.accounts["main"].trunks
    ((_, made),) = trunks.items()
    trunks.clear()
    trunks["TK" + "2" * 32] = {**made, "sid": "TK" + "2" * 32}
    runner.apply([trunk("edge")])
    (action,) = runner.plan([]).actions
    assert action.action == "forget"


def test_a_declaration_that_only_changes_options_is_learned() -> None:
    runner = MemoryRunner(world(row(1, voice_url=hook("a").url)))
    runner.apply([number(1, voice=hook("a"))])
    protected = declared("number", e164(1), {"voice": hook("a")}, options=Options(protect=True))
    plan = runner.plan([protected])
    assert plan.actions == ()
    assert plan.state_updates[ADDRESS].options.protect
    runner.apply([protected])
    assert runner.entries[ADDRESS].options.protect
    assert runner.entries[ADDRESS].updated_at == NOW


def test_what_a_run_that_died_had_written_is_ours_in_the_next_run_that_dies() -> None:
    """Two crashes and a change between them: what the first one wrote is still known to be ours."""
    runner = MemoryRunner(world(row(1, voice_url=FOREIGN + "a")))
    runner.apply([number(1, voice=hook("a"))])
    assert runner.killed([number(1, voice=hook("b"))], 4), "after the write, before its outcome"
    assert runner.killed([number(1, voice=hook("c"))], 4), "before the write"
    assert runner.twilio.numbers()[pn(1)]["voice_url"] == hook("b").url
    assert runner.plan([number(1, voice=hook("a"))]).actions[0].reason == "config"
    runner.apply([])
    assert runner.twilio.numbers()[pn(1)]["voice_url"] == FOREIGN + "a"


def test_watched_numbers_keep_no_pending_value() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.apply([number(1)])
    assert runner.entries[ADDRESS].pending is None
    assert msgspec.structs.replace(runner.entries[ADDRESS]).options.observe_only


@pytest.mark.parametrize("first", range(2, 8))
@pytest.mark.parametrize("second", range(2, 8))
def test_a_newly_managed_part_keeps_its_prior_value_through_two_crashes(
    first: int, second: int
) -> None:
    runner = MemoryRunner(world(row(1, trunk_sid="TK1"), trunks=[{"sid": "TK1"}]))
    runner.apply([number(1, voice=TrunkRoute("TK1"))])
    desired = [number(1, voice=hook("a"), sms=hook("sms"))]
    for instant in (first, second):
        runner.killed(desired, instant)
    runner.apply(desired)
    runner.apply([])
    found = runner.twilio.numbers()[pn(1)]
    assert (found["trunk_sid"], found["sms_url"]) == ("TK1", "")
