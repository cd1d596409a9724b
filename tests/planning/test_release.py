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


def test_release_shows_the_route_restored_behind_the_trunk() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.numbers()[pn(1)]["voice_url"] = OLD
    runner.apply([trunk("edge"), origination("edge", "sbc1"), number(1, voice=TrunkRoute("edge"))])
    runner.twilio.numbers()[pn(1)]["voice_url"] = None
    first, second = released(runner)
    assert (first.action, first.route) == ("restore_webhooks", None)
    assert second.action == "release"
    assert second.route is not None
    assert (second.route.before, second.route.after) == ("trunk edge", f"webhook {OLD}")


def test_unchanged_hidden_url_is_sent_but_is_not_a_change() -> None:
    runner = MemoryRunner(world(row(1, voice_url=OLD)))
    runner.apply([trunk("edge"), number(1, voice=TrunkRoute("edge"))])
    (action,) = released(runner)
    assert action.restore == {"voice_url": OLD, "voice_method": "POST", "trunk_sid": ""}
    assert [change.field for change in action.changes] == ["trunk"]


@pytest.mark.parametrize("on_removal", ["clear", "keep"])
def test_clear_empties_and_keep_preserves_all_values(on_removal: str) -> None:
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


def test_clear_detaches_a_number_from_its_trunk() -> None:
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
def test_release_replaces_every_form_of_voice_by_every_other(
    before: dict[str, str], ours: object
) -> None:
    account = world(row(1, **before), trunks=[{"sid": TK}], applications=[AP])
    runner = MemoryRunner(account)
    there = dict(runner.twilio.numbers()[pn(1)])
    runner.apply([trunk("edge"), number(1, voice=ours)])  # type: ignore[arg-type]
    runner.apply([])
    assert runner.twilio.numbers()[pn(1)] == there


def test_keeps_all_parts_of_a_value_that_someone_changed_since() -> None:
    runner = MemoryRunner(world(row(1, voice_url=OLD, sms_url=OLD)))
    runner.apply([number(1, voice=hook("a"), sms=hook("b"))])
    runner.twilio.numbers()[pn(1)]["voice_fallback_url"] = OLD + "f"
    runner.apply([])
    found = runner.twilio.numbers()[pn(1)]
    assert (found["voice_url"], found["sms_url"]) == (hook("a").url, OLD)


def test_method_added_with_a_url_is_removed_with_it() -> None:
    runner = MemoryRunner(world(row(1)))
    there = dict(runner.twilio.numbers()[pn(1)])
    runner.apply([number(1, voice=hook("a", "GET"), sms=hook("b", "GET"), status=hook("c", "GET"))])
    assert runner.twilio.numbers()[pn(1)]["sms_method"] == "GET"
    runner.apply([])
    assert runner.twilio.numbers()[pn(1)] == there


def test_normalised_value_is_still_ours() -> None:
    runner = MemoryRunner(world(row(1, voice_url=OLD)))
    runner.twilio.forms["voice_url"] = lambda url: url.lower()
    runner.apply([number(1, voice=hook("Agent"))])
    runner.apply([])
    assert runner.twilio.numbers()[pn(1)]["voice_url"] == OLD


def test_names_the_previous_unmanaged_trunk_by_its_sid() -> None:
    runner = MemoryRunner(world(row(1, trunk_sid=TK), trunks=[{"sid": TK}]))
    runner.apply([number(1, voice=hook("a"))])
    (action,) = released(runner)
    assert action.route is not None
    assert action.route.after == f"trunk {TK}"


def test_leaves_and_reports_a_value_that_someone_else_changed() -> None:
    theirs = "https://colleague.example.net/new"
    runner = MemoryRunner(world(row(1, voice_url=OLD, sms_url=OLD)))
    runner.apply([number(1, voice=hook("a"), sms=hook("b"), friendly_name="Ours")])
    runner.twilio.numbers()[pn(1)] |= {"voice_url": theirs, "friendly_name": "Theirs"}
    (action,) = released(runner)
    assert action.restore == {"sms_url": OLD}
    assert action.note is not None
    assert action.note.endswith(
        f"; not changed, because somebody else has set it since: voice (webhook {theirs}), friendly name (Theirs)"
    )
    runner.apply([])
    found = runner.twilio.numbers()[pn(1)]
    assert (found["voice_url"], found["sms_url"], found["friendly_name"]) == (theirs, OLD, "Theirs")


@pytest.mark.parametrize(("on_removal", "parts"), [("clear", ["voice"]), ("keep", [])])
def test_reports_only_left_values_that_a_release_would_have_changed(
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
    said = action.note.partition("not changed, because somebody else has set it since: ")[2]
    assert said == ", ".join(f"{part} (webhook {OLD})" for part in parts)


def test_does_not_report_a_value_that_is_already_restored() -> None:
    runner = MemoryRunner(world(row(1, voice_url=OLD)))
    runner.apply([number(1, voice=hook("a"))])
    runner.twilio.numbers()[pn(1)]["voice_url"] = OLD
    (action,) = released(runner)
    assert action.note == "nothing to put back"
