"""Single actions: the calls they make, and what becomes of a call that does not do what it should."""

from __future__ import annotations

import pytest

from reconciler.execution.actions import ActionRunner, sids_of
from reconciler.execution.outcome import Outcome, Result
from reconciler.model.action import Action
from reconciler.planning.checks.unexpected_forms import find_unexpected
from reconciler.report.documents.build import apply_document
from tests.support.memory.fake_twilio import error
from tests.support.memory.memory_runner import MemoryRunner
from tests.support.memory.resources import hook, number, origination, pn, row, trunk, world

OLD = "https://old.example.net/"
EDGE = [trunk("edge"), origination("edge", "sbc1")]


def statuses(result: Result) -> list[tuple[str, str]]:
    return [(o.action.action, o.status) for o in result.outcomes]


def trunks(runner: MemoryRunner) -> dict[str, object]:
    return dict(runner.twilio.accounts["main"].trunks)


def test_a_dropped_write_is_repaired_once() -> None:
    runner = MemoryRunner(world(row(1, voice_url=OLD)))
    runner.twilio.drops[pn(1), "voice_url"] = 1
    assert statuses(runner.apply([number(1, voice=hook("a"))]))[-1] == (
        "overwrite_webhooks",
        "applied",
    )
    assert len(runner.twilio.calls) == 2
    assert runner.twilio.numbers()[pn(1)]["voice_url"] == hook("a").url


def test_a_write_that_is_dropped_twice_has_failed_and_is_tried_again_by_the_next_run() -> None:
    runner = MemoryRunner(world(row(1, voice_url=OLD)))
    runner.twilio.drops[pn(1), "voice_url"] = 2
    (failed,) = runner.apply([number(1, voice=hook("a"))]).failures
    assert failed.error is not None
    assert (failed.status, failed.error.code) == ("dropped", "write_dropped")
    assert "voice_url" in failed.error.message
    assert not runner.apply([number(1, voice=hook("a"))]).failures


def test_a_form_of_twilios_own_is_normalised_and_told() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.forms["voice_url"] = lambda url: url.lower()
    *_, last = runner.apply([number(1, voice=hook("Agent"))]).outcomes
    assert last.status == "normalised"
    assert last.note == f"voice_url: sent {hook('Agent').url}, stored {hook('agent').url}"
    assert last.entry is not None
    assert last.entry.normalised == {"voice": [hook("Agent"), hook("agent")]}


ELSEWHERE = "https://something-else.example.net/"


def test_a_completely_different_stored_value_is_a_failure() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.forms["voice_url"] = lambda url: ELSEWHERE if url else url
    (failed,) = runner.apply([number(1, voice=hook("a"))]).failures
    assert (failed.status, failed.error and failed.error.code) == ("dropped", "write_dropped")
    assert runner.plan([number(1, voice=hook("a"))]).actions, "it is not forgotten"


def test_a_trunk_and_what_hangs_below_it_are_held_to_the_same_rules() -> None:
    for field, other in (
        ("domain_name", "other.pstn.twilio.com"),
        ("sip_url", "sip:sbc9.example.com"),
    ):
        runner = MemoryRunner(world(row(1)))
        runner.twilio.forms[field] = lambda value, other=other: other
        result = runner.apply([trunk("edge"), origination("edge", "sbc1")])
        assert {o.status for o in result.failures} & {"dropped"}, field


def test_a_form_that_no_rule_explains_is_a_warning_as_long_as_it_lasts() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.forms["voice_url"] = lambda url: url.lower()
    desired = [number(1, voice=hook("Agent"))]
    document = apply_document(runner.apply(desired), ())
    assert [d.code for d in document.diagnostics] == ["unexpected_form"]
    assert hook("Agent").url in document.diagnostics[0].detail
    assert hook("agent").url in document.diagnostics[0].detail

    assert runner.plan(desired).actions == ()
    assert [d.code for d in find_unexpected(runner.entries, runner.observe(desired))] == [
        "unexpected_form"
    ]
    runner.twilio.numbers()[pn(1)]["voice_url"] = hook("Agent").url
    assert find_unexpected(runner.entries, runner.observe(desired)) == []


def test_a_form_by_a_rule_is_no_warning() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.forms["voice_url"] = lambda url: url.replace("https://agents", "https://AGENTS")
    desired = [number(1, voice=hook("a"))]
    result = runner.apply(desired)
    assert apply_document(result, ()).diagnostics == []
    assert find_unexpected(runner.entries, runner.observe(desired)) == []


def test_a_form_that_is_no_longer_twilios_is_no_longer_known() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.forms["voice_url"] = lambda url: url.lower()
    runner.apply([number(1, voice=hook("Agent"))])
    runner.twilio.forms.clear()
    runner.apply([number(1, voice=hook("b"))])
    assert runner.plan([number(1, voice=hook("b"))]).actions == ()


@pytest.mark.parametrize("carried_out", [True, False])
def test_a_create_without_an_answer_makes_one_and_not_two(carried_out: bool) -> None:
    runner = MemoryRunner(world(row(1), trunks=[{"sid": "TK" + "1" * 32, "friendly_name": "edge"}]))
    runner.twilio.answers_lost = [carried_out]
    assert not runner.apply(EDGE).failures
    assert len(trunks(runner)) == 2
    assert runner.plan(EDGE).actions == ()


def test_a_create_that_never_gets_an_answer_is_given_up() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.answers_lost = [False] * 9
    result = runner.apply([trunk("edge")])
    assert [o.error.code for o in result.failures if o.error] == ["network_error"]
    assert len(runner.twilio.calls) == 8


def test_a_create_whose_every_answer_is_lost_is_found_again_by_the_next_run() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.answers_lost = [True]
    runner.twilio.after.append(lambda call: None)
    runner.apply([trunk("edge", domain_name=None)])
    assert runner.entries["trunk/edge"].sid in trunks(runner)


def test_an_origination_url_without_an_answer_is_found_by_its_url() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.answers_lost = [None, True]
    assert not runner.apply(EDGE).failures
    assert len(runner.twilio.accounts["main"].origination_urls) == 1


def test_a_create_that_is_refused_is_not_tried_again() -> None:
    taken = {"sid": "TK" + "1" * 32, "domain_name": "edge.pstn.twilio.com"}
    runner = MemoryRunner({"main": {"numbers": [row(1)]}, "other": {"trunks": [taken]}})
    result = runner.apply([trunk("edge")])
    assert [o.error.code for o in result.failures if o.error] == ["twilio_refused"]
    assert len(runner.twilio.calls) == 1


def test_a_create_that_drops_a_field_is_mended_by_an_update() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.drops["TK" + "f" * 24 + "00000001", "secure"] = 1
    assert statuses(runner.apply([trunk("edge", secure=True)])) == [("create", "applied")]
    assert [call.path.count("TK") for call in runner.twilio.calls] == [0, 1]


def test_a_create_that_keeps_dropping_what_it_is_known_by_is_not_made_twice() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.drops["TK" + "f" * 24 + "00000001", "domain_name"] = 3
    assert statuses(runner.apply([trunk("edge")])) == [("create", "dropped")]
    assert statuses(runner.apply([trunk("edge")])) == [("update", "applied")]
    assert len(trunks(runner)) == 1
    runner.apply([])
    assert not trunks(runner), "it is ours to delete"


def test_a_create_in_a_form_of_twilios_own_is_known_in_that_form() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.forms["friendly_name"] = str.upper
    assert statuses(runner.apply([trunk("edge")])) == [("create", "normalised")]
    assert runner.plan([trunk("edge")]).actions == ()


def test_what_is_gone_already_is_deleted() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.apply([trunk("edge")])
    plan = runner.plan([])
    runner.twilio.accounts["main"].trunks.clear()
    assert statuses(runner.apply([], plan)) == [("delete", "applied")]
    assert not runner.entries


def test_a_delete_that_is_refused_has_failed() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.apply([trunk("edge")])
    plan = runner.plan([])
    (sid,) = trunks(runner)
    runner.twilio.numbers()[pn(1)]["trunk_sid"] = sid
    (failed,) = runner.apply([], plan).failures
    assert failed.error is not None
    assert "21247" in failed.error.message
    assert "trunk/edge" in runner.entries


@pytest.mark.parametrize("code", ["twilio_auth_failed", "interrupted"])
def test_a_reason_that_is_not_about_the_trunk_keeps_its_own_code(code: str) -> None:
    runner = MemoryRunner(world(row(1)))
    refusal = error(401, 20003, "no")
    refusal.code = code

    def refuse(call: object) -> None:
        raise refusal

    runner.twilio.hooks.append(refuse)
    attach = Action(
        address="number/1", action="attach_trunk", reason="new", kind="number", account="main", sid=pn(1),
        restore={"trunk_sid": "TK1"},
    )  # fmt: skip
    outcome: Outcome = ActionRunner(runner.twilio.gateways(), {}, {}).perform(attach)
    assert outcome.error is not None
    assert outcome.error.code == code


def test_what_was_only_about_to_be_made_has_no_sid() -> None:
    runner = MemoryRunner(world(row(1)))
    assert runner.killed([trunk("edge")], 4)
    assert sids_of(runner.entries) == {}


def test_a_number_that_holds_the_value_in_twilios_own_form_already_is_settled_after_one_run() -> (
    None
):
    runner = MemoryRunner(world(row(1, voice_url="https://agents.example.com/~a")))
    runner.twilio.forms["voice_url"] = lambda url: url.replace("%7e", "~")
    desired = [number(1, voice=hook("%7ea"))]
    result = runner.apply(desired)
    assert statuses(result)[1:] == [("overwrite_webhooks", "normalised")]
    assert runner.plan(desired).actions == ()
    assert [statuses(runner.apply(again)) for again in (desired, desired)] == [[], []]


def test_a_value_that_stays_as_before_is_dropped_unless_a_listed_rule_explains_it() -> None:
    runner = MemoryRunner(world(row(1, voice_url=hook("agent").url)))
    runner.twilio.forms["voice_url"] = lambda url: url.lower()
    (failed,) = runner.apply([number(1, voice=hook("Agent"))]).failures
    assert failed.status == "dropped"


def test_a_fragment_that_twilio_does_not_keep_is_dropped() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.forms["voice_url"] = lambda url: url.partition("#")[0]
    (failed,) = runner.apply([number(1, voice=hook("a#rc=3"))]).failures
    assert failed.status == "dropped"
