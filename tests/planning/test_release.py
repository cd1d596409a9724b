from __future__ import annotations

import pytest

from reconciler.model.action import Action
from reconciler.model.desired import Options
from reconciler.model.route import ApplicationRoute, TrunkRoute
from tests.support.memory.memory_runner import MemoryRunner
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

OLD = "https://old.example.net/"
AP = "AP" + "1" * 32
TK = "TK" + "1" * 32


def released(runner: MemoryRunner) -> list[Action]:
    return [action for action in runner.plan([]).actions if action.kind == "number"]


def test_the_route_after_a_release_is_the_one_that_was_put_back_behind_the_trunk() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.numbers()[pn(1)]["voice_url"] = OLD
    runner.apply([trunk("edge"), origination("edge", "sbc1"), number(1, voice=TrunkRoute("edge"))])
    runner.twilio.numbers()[pn(1)]["voice_url"] = None
    first, second = released(runner)
    assert (first.action, first.route) == ("restore_webhooks", None)
    assert second.action == "release"
    assert second.route is not None
    assert (second.route.before, second.route.after) == ("trunk edge", f"webhook {OLD}")


def test_a_hidden_url_that_is_as_before_is_sent_along_and_no_change() -> None:
    runner = MemoryRunner(world(row(1, voice_url=OLD)))
    runner.apply([trunk("edge"), number(1, voice=TrunkRoute("edge"))])
    (action,) = released(runner)
    assert action.restore == {"voice_url": OLD, "voice_method": "POST", "trunk_sid": ""}
    assert [change.field for change in action.changes] == ["trunk"]


@pytest.mark.parametrize("on_removal", ["clear", "keep"])
def test_clear_leaves_nothing_and_keep_leaves_all(on_removal: str) -> None:
    options = Options(on_removal=on_removal)  # type: ignore[arg-type]
    runner = MemoryRunner(world(row(1, voice_url=OLD)))
    runner.apply(
        [declared("number", e164(1), {"voice": hook("a"), "friendly_name": "A"}, options=options)]
    )
    runner.apply([])
    found = runner.twilio.numbers()[pn(1)]
    assert (found["voice_url"], found["friendly_name"]) == (
        (None if on_removal == "clear" else hook("a").url),
        "A",
    )


def test_clear_takes_a_number_off_its_trunk() -> None:
    options = Options(on_removal="clear")
    runner = MemoryRunner(world(row(1, voice_url=OLD)))
    runner.apply(
        [trunk("edge"), declared("number", e164(1), {"voice": TrunkRoute("edge")}, options=options)]
    )
    assert [action.action for action in released(runner)] == ["restore_webhooks", "release"]
    runner.apply([])
    assert not runner.twilio.numbers()[pn(1)]["trunk_sid"]
    assert not runner.twilio.accounts["main"].trunks


@pytest.mark.parametrize(
    "before",
    [{"trunk_sid": TK, "voice_url": OLD}, {"voice_application_sid": AP}, {"voice_url": OLD}, {}],
)
@pytest.mark.parametrize("ours", [TrunkRoute("edge"), ApplicationRoute(AP), hook("a"), None])
def test_every_form_of_voice_gives_way_to_every_other(before: dict[str, str], ours: object) -> None:
    account = world(row(1, **before), trunks=[{"sid": TK}], applications=[AP])
    runner = MemoryRunner(account)
    there = dict(runner.twilio.numbers()[pn(1)])
    runner.apply([trunk("edge"), number(1, voice=ours)])  # type: ignore[arg-type]
    runner.apply([])
    assert runner.twilio.numbers()[pn(1)] == there


def test_what_somebody_changed_since_stays_with_the_parts_that_it_is_made_of() -> None:
    runner = MemoryRunner(world(row(1, voice_url=OLD, sms_url=OLD)))
    runner.apply([number(1, voice=hook("a"), sms=hook("b"))])
    runner.twilio.numbers()[pn(1)]["voice_fallback_url"] = OLD + "f"
    runner.apply([])
    found = runner.twilio.numbers()[pn(1)]
    assert (found["voice_url"], found["sms_url"]) == (hook("a").url, OLD)


def test_a_method_that_came_with_a_url_goes_with_it() -> None:
    runner = MemoryRunner(world(row(1)))
    there = dict(runner.twilio.numbers()[pn(1)])
    runner.apply([number(1, voice=hook("a", "GET"), sms=hook("b", "GET"), status=hook("c", "GET"))])
    assert runner.twilio.numbers()[pn(1)]["sms_method"] == "GET"
    runner.apply([])
    assert runner.twilio.numbers()[pn(1)] == there


def test_what_twilio_keeps_in_its_own_form_is_still_ours() -> None:
    runner = MemoryRunner(world(row(1, voice_url=OLD)))
    runner.twilio.forms["voice_url"] = lambda url: url.lower()
    runner.apply([number(1, voice=hook("Agent"))])
    runner.apply([])
    assert runner.twilio.numbers()[pn(1)]["voice_url"] == OLD


def test_a_number_on_a_trunk_of_its_own_before_is_called_by_its_sid() -> None:
    runner = MemoryRunner(world(row(1, trunk_sid=TK), trunks=[{"sid": TK}]))
    runner.apply([number(1, voice=hook("a"))])
    (action,) = released(runner)
    assert action.route is not None
    assert action.route.after == f"trunk {TK}"


def test_what_somebody_else_has_changed_is_left_and_named_with_its_value() -> None:
    theirs = "https://colleague.example.net/new"
    runner = MemoryRunner(world(row(1, voice_url=OLD, sms_url=OLD)))
    runner.apply([number(1, voice=hook("a"), sms=hook("b"), friendly_name="Ours")])
    runner.twilio.numbers()[pn(1)] |= {"voice_url": theirs, "friendly_name": "Theirs"}
    (action,) = released(runner)
    assert action.restore == {"sms_url": OLD}
    assert action.note is not None
    assert action.note.endswith(
        f"; left as somebody else has set it since: voice (webhook {theirs}), friendly name (Theirs)"
    )
    runner.apply([])
    found = runner.twilio.numbers()[pn(1)]
    assert (found["voice_url"], found["sms_url"], found["friendly_name"]) == (theirs, OLD, "Theirs")


@pytest.mark.parametrize(("on_removal", "parts"), [("clear", ["voice"]), ("keep", [])])
def test_only_what_would_have_been_changed_is_said_to_be_left(
    on_removal: str, parts: list[str]
) -> None:
    options = Options(on_removal=on_removal)  # type: ignore[arg-type]
    runner = MemoryRunner(world(row(1)))
    attrs = {"voice": hook("a"), "sms": hook("b"), "friendly_name": "Ours"}
    runner.apply([declared("number", e164(1), attrs, options=options)])
    found = runner.twilio.numbers()[pn(1)]
    found |= {"voice_url": OLD, "sms_url": None, "friendly_name": "Theirs"}
    (action,) = released(runner)
    assert action.note is not None
    said = action.note.partition("left as somebody else has set it since: ")[2]
    assert said == ", ".join(f"{part} (webhook {OLD})" for part in parts)


def test_what_somebody_else_has_put_back_already_is_not_mentioned() -> None:
    runner = MemoryRunner(world(row(1, voice_url=OLD)))
    runner.apply([number(1, voice=hook("a"))])
    runner.twilio.numbers()[pn(1)]["voice_url"] = OLD
    (action,) = released(runner)
    assert action.note == "nothing to put back"
