"""Single actions: the calls they make, and what becomes of a call that does not do what it should."""

from __future__ import annotations

import pytest

from reconciler.execution.actions import ActionRunner, sids_of
from reconciler.execution.outcome import Outcome, Result
from reconciler.model.action import Action
from reconciler.model.desired import Options
from reconciler.model.entry import Entry
from reconciler.model.route import Value
from reconciler.planning.checks.unexpected_forms import find_unexpected
from reconciler.report.documents.build import apply_document
from tests.support.memory.fake_twilio import error
from tests.support.memory.fake_twilio_with_lists import FakeTwilioWithLists
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


def test_write_dropped_twice_fails_and_the_next_run_retries_it() -> None:
    runner = MemoryRunner(world(row(1, voice_url=OLD)))
    runner.twilio.drops[pn(1), "voice_url"] = 2
    (failed,) = runner.apply([number(1, voice=hook("a"))]).failures
    assert failed.error is not None
    assert (failed.status, failed.error.code) == ("dropped", "write_dropped")
    assert "voice_url" in failed.error.message
    assert not runner.apply([number(1, voice=hook("a"))]).failures


def test_reports_a_value_that_twilio_normalises() -> None:
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


def test_verifies_a_trunk_and_its_children_by_the_same_rules() -> None:
    for field, other in (
        ("domain_name", "other.pstn.twilio.com"),
        ("sip_url", "sip:sbc9.example.com"),
    ):
        runner = MemoryRunner(world(row(1)))
        runner.twilio.forms[field] = lambda value, other=other: other
        result = runner.apply([trunk("edge"), origination("edge", "sbc1")])
        assert {o.status for o in result.failures} & {"dropped"}, field


def test_warns_about_an_unexplained_form_in_every_run() -> None:
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


def test_forgets_a_normalised_form_once_twilio_drops_it() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.forms["voice_url"] = lambda url: url.lower()
    runner.apply([number(1, voice=hook("Agent"))])
    runner.twilio.forms.clear()
    runner.apply([number(1, voice=hook("b"))])
    assert runner.plan([number(1, voice=hook("b"))]).actions == ()


@pytest.mark.parametrize("carried_out", [True, False])
def test_create_without_an_answer_makes_exactly_one_resource(carried_out: bool) -> None:
    runner = MemoryRunner(world(row(1), trunks=[{"sid": "TK" + "1" * 32, "friendly_name": "edge"}]))
    runner.twilio.answers_lost = [carried_out]
    assert not runner.apply(EDGE).failures
    assert len(trunks(runner)) == 2
    assert runner.plan(EDGE).actions == ()


def test_gives_up_a_create_that_never_gets_an_answer() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.answers_lost = [False] * 9
    result = runner.apply([trunk("edge")])
    assert [o.error.code for o in result.failures if o.error] == ["network_error"]
    assert len(runner.twilio.calls) == 8


def test_next_run_finds_a_create_whose_answers_were_all_lost() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.answers_lost = [True]
    runner.twilio.after.append(lambda call: None)
    runner.apply([trunk("edge", domain_name=None)])
    assert [runner.entries["trunk/edge"].sid] == list(trunks(runner))


def test_trunk_of_another_name_is_not_taken_for_a_create_without_an_answer() -> None:
    """Without a domain a trunk is known by its name."""
    other = {"sid": "TK" + "1" * 32, "friendly_name": "other"}
    runner = MemoryRunner(world(row(1), trunks=[other]))
    runner.twilio.answers_lost = [False, True]
    assert not runner.apply([trunk("edge", domain_name=None)]).failures
    assert len(trunks(runner)) == 2
    assert runner.entries["trunk/edge"].sid != other["sid"]


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_refusal_after_a_lost_answer_does_not_prove_that_nothing_was_made(lost: int) -> None:
    """What was sent before may still come to be: the state goes on knowing it as ours."""
    runner = MemoryRunner(world(row(1)))
    runner.twilio.answers_lost = [False] * lost

    def refuse(call: object) -> None:
        if not runner.twilio.answers_lost:
            raise error(400, 21245, "no")

    runner.twilio.hooks.append(refuse)
    (outcome,) = runner.apply([trunk("edge")]).failures
    assert outcome.unmade is (lost == 0)
    assert ("trunk/edge" in runner.entries) is (lost > 0)


def test_no_form_is_recorded_of_a_route_that_is_not_in_effect_yet() -> None:
    """Behind a trunk the voice webhook is cleared; that the trunk is still there is no form of it."""
    tk = "TK" + "1" * 32
    runner = MemoryRunner(world(row(1, trunk_sid=tk, voice_url=OLD), trunks=[{"sid": tk}]))
    runner.twilio.forms["sms_url"] = lambda url: url.lower()
    desired = [number(1, voice=None, sms=hook("Sms"))]
    assert not runner.apply(desired).failures
    (entry,) = runner.entries.values()
    assert entry.normalised == {"sms": [hook("Sms"), hook("sms")]}

    # Put back on that trunk by somebody else, the number has drifted.
    runner.twilio.numbers()[pn(1)]["trunk_sid"] = tk
    assert [action.reason for action in runner.plan(desired).actions] == ["drift"]


def test_finds_an_origination_url_by_its_url_after_a_lost_answer() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.answers_lost = [None, True]
    assert not runner.apply(EDGE).failures
    assert len(runner.twilio.accounts["main"].origination_urls) == 1


def test_does_not_retry_a_refused_create() -> None:
    taken = {"sid": "TK" + "1" * 32, "domain_name": "edge.pstn.twilio.com"}
    runner = MemoryRunner({"main": {"numbers": [row(1)]}, "other": {"trunks": [taken]}})
    result = runner.apply([trunk("edge")])
    assert [o.error.code for o in result.failures if o.error] == ["twilio_refused"]
    assert len(runner.twilio.calls) == 1


def test_repairs_a_create_that_dropped_a_field_by_an_update() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.drops["TK" + "f" * 24 + "00000001", "secure"] = 1
    assert statuses(runner.apply([trunk("edge", secure=True)])) == [("create", "applied")]
    assert [call.path.count("TK") for call in runner.twilio.calls] == [0, 1]


def test_does_not_repeat_a_create_that_drops_its_identifying_field() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.drops["TK" + "f" * 24 + "00000001", "domain_name"] = 3
    assert statuses(runner.apply([trunk("edge")])) == [("create", "dropped")]
    assert statuses(runner.apply([trunk("edge")])) == [("update", "applied")]
    assert len(trunks(runner)) == 1
    runner.apply([])
    assert not trunks(runner), "it is ours to delete"


def test_recognises_a_create_in_the_form_that_twilio_stores() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.forms["friendly_name"] = str.upper
    assert statuses(runner.apply([trunk("edge")])) == [("create", "normalised")]
    assert runner.plan([trunk("edge")]).actions == ()


def test_treats_an_absent_resource_as_deleted() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.apply([trunk("edge")])
    plan = runner.plan([])
    runner.twilio.accounts["main"].trunks.clear()
    assert statuses(runner.apply([], plan)) == [("delete", "applied")]
    assert not runner.entries


def test_refused_delete_fails() -> None:
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
def test_keeps_the_code_of_an_error_unrelated_to_the_trunk(code: str) -> None:
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


def test_resource_pending_creation_has_no_sid() -> None:
    runner = MemoryRunner(world(row(1)))
    assert runner.killed([trunk("edge")], 4)
    assert sids_of(runner.entries) == {}


def test_number_with_the_normalised_value_needs_one_run_only() -> None:
    runner = MemoryRunner(world(row(1, voice_url="https://agents.example.com/~a")))
    runner.twilio.forms["voice_url"] = lambda url: url.replace("%7e", "~")
    desired = [number(1, voice=hook("%7ea"))]
    result = runner.apply(desired)
    assert statuses(result)[1:] == [("overwrite_webhooks", "normalised")]
    assert runner.plan(desired).actions == ()
    assert [statuses(runner.apply(again)) for again in (desired, desired)] == [[], []]


def test_unchanged_value_counts_as_dropped_unless_a_rule_explains_it() -> None:
    runner = MemoryRunner(world(row(1, voice_url=hook("agent").url)))
    runner.twilio.forms["voice_url"] = lambda url: url.lower()
    (failed,) = runner.apply([number(1, voice=hook("Agent"))]).failures
    assert failed.status == "dropped"


def test_fragment_that_twilio_discards_counts_as_dropped() -> None:
    runner = MemoryRunner(world(row(1)))
    runner.twilio.forms["voice_url"] = lambda url: url.partition("#")[0]
    (failed,) = runner.apply([number(1, voice=hook("a#rc=3"))]).failures
    assert failed.status == "dropped"


class Registrar:
    """Knows which platforms have written no webhook on a number."""

    def __init__(self, unwritten: dict[str, str]) -> None:
        self.platform_without_webhook = unwritten.get

    def batch_of(self, action: Action) -> str:
        """All registrations go together."""
        return "nix"


@pytest.mark.parametrize(
    ("unhides", "unwritten", "code"),
    [
        (True, {"number/1": "Nixflex"}, "webhook_not_written"),
        (True, {"number/2": "Nixflex"}, None),
        (False, {"number/1": "Nixflex"}, None),
    ],
)
def test_a_route_stays_on_a_number_without_a_webhook_of_its_platform(
    unhides: bool, unwritten: dict[str, str], code: str | None
) -> None:
    """Taken off, the number would ring nobody."""
    runner = MemoryRunner(world(row(1, voice_application_sid="AP1", voice_url=OLD)))
    last = Action(
        address="number/1", action="overwrite_webhooks", reason="new", kind="number", account="main", sid=pn(1),
        unset=("voice_application_sid",), unhides=unhides,
    )  # fmt: skip
    registrar = Registrar(unwritten)
    gateways = runner.twilio.gateways()
    outcome = ActionRunner(gateways, {}, {}, None, registrar).perform(last)  # type: ignore[arg-type]
    assert (outcome.error.code if outcome.error else None) == code
    assert bool(runner.twilio.calls) is (code is None)
    if outcome.error is not None:
        assert "Nixflex has registered number/1" in outcome.error.message
    assert ActionRunner(gateways, {}, {}).perform(last).succeeded


CR = "CR" + "1" * 32


@pytest.mark.parametrize("name", ["create", "update"])
def test_only_the_call_has_the_secret_itself(name: str) -> None:
    """Plan, state and outcome hold its fingerprint."""
    twilio = FakeTwilioWithLists(world())
    twilio.shelves["CredentialLists"]["CL1"] = {"sid": "CL1", "above": None, "friendly_name": "pbx"}
    user = {"sid": CR, "above": "CL1", "username": "me"}
    if name == "update":
        twilio.shelves["Credentials"][CR] = dict(user)
    wanted: dict[str, Value] = {"username": "me", "password": "fingerprint"}
    action = Action(
        address="credential/pbx/me",
        action=name,  # type: ignore[arg-type]
        reason="new",
        kind="credential",
        account="main",
        sid=CR if name == "update" else None,
        set=wanted if name == "create" else {"password": "fingerprint"},
        entry=Entry("credential", "main", "", "me", wanted, Options()),
        parent="credential_list/pbx",
    )
    sids = {"credential_list/pbx": "CL1"}
    secrets = {"fingerprint": "Correct-Horse-1"}
    outcome = ActionRunner(twilio.gateways(), sids, {}, secrets).perform(action)
    assert outcome.succeeded
    (call,) = twilio.calls
    assert call.params["Password"] == "Correct-Horse-1"
    assert call.params.get("Username") == ("me" if name == "create" else None)
    assert outcome.entry is not None
    assert outcome.entry.last_applied["password"] == "fingerprint"
    assert "Correct-Horse-1" not in repr(outcome)


def test_only_registrations_are_executed_in_batches() -> None:
    twilio = MemoryRunner(world()).twilio.gateways()
    register = Action(
        address="registration/nix/1", action="register", reason="new", kind="registration", account="main"
    )  # fmt: skip
    runner = ActionRunner(twilio, {}, {}, None, Registrar({}))  # type: ignore[arg-type]
    assert runner.batch_of(register) == "nix"
    assert ActionRunner(twilio, {}, {}).batch_of(register) is None
    other = Action(
        address="trunk/edge", action="create", reason="new", kind="trunk", account="main"
    )
    assert runner.batch_of(other) is None
