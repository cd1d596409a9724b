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


def test_takes_over_a_watched_number_that_gets_an_agent() -> None:
    runner = MemoryRunner(world(row(1, voice_url=FOREIGN + "a")))
    runner.apply([number(1)])
    (action,) = runner.plan([number(1, voice=hook("a"))]).actions
    assert [change.before for change in action.takeover] == [FOREIGN + "a"]


def test_release_restores_the_value_set_while_the_number_was_only_watched() -> None:
    runner = MemoryRunner(world(row(1, voice_url=FOREIGN + "a")))
    runner.apply([number(1)])
    runner.twilio.numbers()[pn(1)]["voice_url"] = FOREIGN + "b"
    runner.apply([number(1)])
    runner.apply([number(1, voice=hook("a"))])
    runner.apply([])
    assert runner.twilio.numbers()[pn(1)]["voice_url"] == FOREIGN + "b"


def test_value_we_wrote_before_watching_is_not_a_prior_value() -> None:
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


def test_removed_and_redeclared_part_keeps_its_first_prior_value() -> None:
    runner = MemoryRunner(world(row(1, voice_url=FOREIGN + "a", sms_url=FOREIGN + "s")))
    both = number(1, voice=hook("a"), sms=hook("s"))
    for desired in ([both], [number(1, voice=hook("a"))], [both], []):
        runner.apply(desired)
    found = runner.twilio.numbers()[pn(1)]
    assert (found["voice_url"], found["sms_url"]) == (FOREIGN + "a", FOREIGN + "s")


def test_release_restores_a_value_that_we_wrote_and_stopped_managing() -> None:
    for last in (number(1, voice=hook("a")), number(1)):
        runner = MemoryRunner(world(row(1, voice_url=FOREIGN + "a", sms_url=FOREIGN + "s")))
        for desired in ([number(1, voice=hook("a"), sms=hook("s"))], [last], []):
            runner.apply(desired)
        found = runner.twilio.numbers()[pn(1)]
        assert (found["voice_url"], found["sms_url"]) == (FOREIGN + "a", FOREIGN + "s")


def test_keeps_a_value_changed_after_we_stopped_managing_it() -> None:
    runner = MemoryRunner(world(row(1, voice_url=FOREIGN + "a", sms_url=FOREIGN + "s")))
    for desired in ([number(1, voice=hook("a"), sms=hook("s"))], [number(1, voice=hook("a"))]):
        runner.apply(desired)
    runner.twilio.numbers()[pn(1)]["sms_url"] = FOREIGN + "new"
    runner.apply([])
    assert runner.twilio.numbers()[pn(1)]["sms_url"] == FOREIGN + "new"


def test_part_managed_again_is_restored_to_its_latest_outside_value() -> None:
    runner = MemoryRunner(world(row(1, sms_url=FOREIGN + "a")))
    runner.apply([number(1, voice=None, sms=hook("sms"))])
    runner.apply([number(1, voice=None)])
    runner.twilio.numbers()[pn(1)]["sms_url"] = FOREIGN + "b"
    runner.apply([number(1, voice=None, sms=hook("sms"))])
    runner.apply([])
    assert runner.twilio.numbers()[pn(1)]["sms_url"] == FOREIGN + "b"


def test_emptied_value_replaces_the_earlier_prior_value() -> None:
    runner = MemoryRunner(world(row(1, sms_url=FOREIGN + "a")))
    runner.apply([number(1, voice=None, sms=hook("sms"))])
    runner.apply([number(1, voice=None)])
    runner.twilio.numbers()[pn(1)]["sms_url"] = ""
    runner.apply([number(1, voice=None, sms=hook("sms"))])
    runner.apply([])
    assert runner.twilio.numbers()[pn(1)]["sms_url"] == ""


def test_change_of_a_normalised_value_is_a_change_and_not_a_conflict() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.forms["friendly_name"] = str.upper
    runner.apply([number(1, friendly_name="Sales")])
    assert runner.plan([number(1, friendly_name="Sales")]).actions == ()
    (action,) = runner.plan([number(1, friendly_name="Support")]).actions
    assert action.reason == "config"


def test_keeps_a_normalised_form_across_steps() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.forms["voice_url"] = lambda url: url.lower()
    desired = [number(1, voice=hook("Agent"), friendly_name="Sales")]
    runner.apply(desired)
    assert runner.plan(desired).actions == ()


def test_keeps_a_form_found_behind_a_trunk_after_the_number_leaves_it() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.apply([trunk("edge"), origination("edge", "sbc1"), number(1, voice=TrunkRoute("edge"))])
    runner.twilio.forms["voice_url"] = lambda url: url.lower()
    desired = [trunk("edge"), origination("edge", "sbc1"), number(1, voice=hook("Agent"))]
    runner.apply(desired)
    assert runner.plan(desired).actions == ()


def test_updates_only_the_fields_of_a_trunk_that_really_differ() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.forms["friendly_name"] = str.upper
    runner.apply([trunk("edge")])
    (action,) = runner.plan([trunk("edge", secure=True)]).actions
    assert [change.field for change in action.changes] == ["secure"]
    assert action.set == {"secure": True}


def test_does_not_delete_a_trunk_that_someone_else_recreated() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.apply([trunk("edge")])
    trunks = runner.twilio.accounts["main"].trunks
    ((_, made),) = trunks.items()
    trunks.clear()
    trunks["TK" + "2" * 32] = {**made, "sid": "TK" + "2" * 32}
    runner.apply([trunk("edge")])
    (action,) = runner.plan([]).actions
    assert action.action == "forget"


def test_records_changed_options_without_a_write() -> None:
    runner = MemoryRunner(world(row(1, voice_url=hook("a").url)))
    runner.apply([number(1, voice=hook("a"))])
    protected = declared("number", e164(1), {"voice": hook("a")}, options=Options(protect=True))
    plan = runner.plan([protected])
    assert plan.actions == ()
    assert plan.state_updates[ADDRESS].options.protect
    runner.apply([protected])
    assert runner.entries[ADDRESS].options.protect
    assert runner.entries[ADDRESS].updated_at == NOW


def test_values_written_by_a_dead_run_stay_ours_when_the_next_run_dies() -> None:
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


def test_keeps_the_form_of_one_part_while_another_is_written() -> None:
    """Twilio stores each part in a form of its own; no later write of another part makes it drift."""
    runner = MemoryRunner(world(row(1)))
    runner.twilio.forms["sms_url"] = runner.twilio.forms["voice_url"] = lambda url: url.lower()
    first = [number(1, voice=hook("Voice"), sms=hook("Sms"))]
    runner.apply(first)
    second = [number(1, voice=hook("Other"), sms=hook("Sms"), friendly_name="Sales")]
    runner.apply(second)
    assert runner.entries[ADDRESS].normalised == {
        "voice": [hook("Other"), hook("other")],
        "sms": [hook("Sms"), hook("sms")],
    }
    assert runner.plan(second).actions == ()

    # A part that is not managed any more has no form.
    runner.apply([number(1, voice=hook("Other"))])
    assert list(runner.entries[ADDRESS].normalised) == ["voice"]


@pytest.mark.parametrize("instant", range(12))
def test_watched_values_need_consent_also_after_a_crash(instant: int) -> None:
    """What was only watched is not ours because a run died that was about to write another part."""
    runner = MemoryRunner(world(row(1, voice_url=FOREIGN + "a", sms_url=FOREIGN + "s")))
    runner.apply([number(1)])
    runner.killed([number(1, voice=hook("a"))], instant)
    both = [number(1, voice=hook("a"), sms=hook("s"))]
    taken = [change.field for action in runner.plan(both).actions for change in action.takeover]
    assert "sms_url" in taken

    # The write that had begun had its consent; before it had, the number is only watched.
    begun = runner.entries[ADDRESS].options != Options(observe_only=True)
    assert ("voice_url" in taken) is not begun
    runner.apply(both)
    runner.apply([])
    found = runner.twilio.numbers()[pn(1)]
    assert (found["voice_url"], found["sms_url"]) == (FOREIGN + "a", FOREIGN + "s")
