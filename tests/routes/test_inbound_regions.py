"""Numbers that are answered in another region than the one that is managed."""

from __future__ import annotations

from threading import Event
from unittest import mock

import pytest

from reconciler.errors import ReconcilerError
from reconciler.planning.checks.inbound_regions import SAMPLE
from reconciler.remote.facts.inbound_regions import read_account_regions
from reconciler.sandbox.faults.rules import Refuse
from tests.support.workflow_runner import AGENT, ONE, THREE, TWO, WorkflowRunner, world

from .conftest import Make

ALL = (ONE, TWO, THREE)
IE1 = {"region": "ie1"}
CHANGED = {"voice": "https://agents.example.com/changed"}


def in_regions(runner_of: Make, regions: dict[str, str]) -> WorkflowRunner:
    rows = [{"phone_number": number, "voice_region": region} for number, region in regions.items()]
    return runner_of(world(*({"phone_number": number} for number in ALL), inbound_regions=rows))


def asked(runner: WorkflowRunner) -> list[str]:
    return sorted(
        call.path.rpartition("/")[2].replace("%2B", "+")
        for call in runner.calls("/v2/PhoneNumbers/")
    )


def test_asks_the_region_of_changing_numbers_when_none_is_declared(runner_of: Make) -> None:
    runner = in_regions(runner_of, {ONE: "us1", TWO: "us1", THREE: "ie1"})
    runner.declare(dict.fromkeys((ONE, TWO), "support"))
    assert not runner.apply().result.failures
    assert asked(runner) == sorted((ONE, TWO))
    runner.forget()
    assert runner.plan().plan.diagnostics == ()
    assert asked(runner) == [], "nothing is about to change, and both are known"
    runner.declare(dict.fromkeys(ALL, "support"))
    (problem,) = runner.plan().plan.diagnostics
    assert (problem.code, problem.address) == ("wrong_region", f"number/{THREE}")


def test_samples_many_numbers_without_a_declared_region(
    runner_of: Make,
) -> None:
    many = [f"+155501{index:05d}" for index in range(SAMPLE + 5)]
    runner = runner_of(world(*({"phone_number": number} for number in many)))
    runner.declare(dict.fromkeys(many, "support"))
    assert not runner.apply().result.failures
    assert len(asked(runner)) == SAMPLE


def test_reports_nothing_without_the_api_and_a_declared_region(runner_of: Make) -> None:
    runner = in_regions(runner_of, {})
    runner.sandbox.faults.add(Refuse(status=404, code=20404, path="/v2/PhoneNumbers/*"))
    runner.declare(dict.fromkeys(ALL, "support"))
    applied = runner.apply()
    assert not applied.result.failures
    assert "region_unknown" not in [note.code for note in applied.planned.notes]


def test_asks_each_number_once_and_again_before_a_change(
    runner_of: Make,
) -> None:
    runner = in_regions(runner_of, dict.fromkeys(ALL, "ie1"))
    runner.declare(dict.fromkeys(ALL, "support"), account=IE1)
    assert not runner.apply().result.failures
    assert asked(runner) == sorted(ALL)
    assert {entry["region"] for entry in runner.entries.values()} == {"ie1"}
    runner.forget()
    assert (runner.plan().plan.actions, runner.plan().plan.state_updates) == ((), {})
    runner.drift()
    assert asked(runner) == []
    runner.declare({**dict.fromkeys(ALL, "support"), TWO: {"webhooks": CHANGED}}, account=IE1)
    runner.plan()
    assert asked(runner) == [TWO]


def test_number_in_a_different_region_is_an_error_before_any_write(runner_of: Make) -> None:
    runner = in_regions(runner_of, {ONE: "ie1", TWO: "us1", THREE: "ie1"})
    runner.declare(dict.fromkeys(ALL, "support"), account=IE1)
    with pytest.raises(ReconcilerError) as caught:
        runner.apply()
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.address) == ("wrong_region", f"number/{TWO}")
    assert problem.line is not None
    assert (
        TWO in (runner.folder / "reconciler.yaml").read_text("utf-8").splitlines()[problem.line - 1]
    )
    assert not [call for call in runner.sandbox.calls if call.is_write]
    runner.forget()
    assert not runner.apply(excludes=(f"number/{TWO}",)).result.failures
    assert asked(runner) == sorted((ONE, THREE))
    assert runner.sandbox.world.number(ONE).voice_url == AGENT["voice"]


def test_accepts_us1_as_an_explicit_region(runner_of: Make) -> None:
    runner = in_regions(runner_of, {ONE: "us1", TWO: "ie1", THREE: "us1"})
    runner.declare(dict.fromkeys(ALL, "support"), account={"region": "us1"})
    assert [d.address for d in runner.plan().plan.diagnostics] == [f"number/{TWO}"]


@pytest.mark.parametrize(("status", "code"), [(403, 20403), (404, 20404), (401, 20003)])
def test_unreadable_account_is_one_warning_and_one_call(
    runner_of: Make, status: int, code: int
) -> None:
    runner = in_regions(runner_of, {})
    runner.sandbox.faults.add(Refuse(path="/v2/*", status=status, code=code, message="No"))
    runner.declare(dict.fromkeys(ALL, "support"), account=IE1)
    planned = runner.plan()
    assert [(d.severity, d.code) for d in planned.notes] == [("warning", "region_unknown")]
    assert len(set(asked(runner))) == 1
    assert not runner.apply().result.failures
    assert "region" not in runner.entries[f"number/{ONE}"]


def test_sends_no_more_calls_after_a_stop(runner_of: Make) -> None:
    runner = in_regions(runner_of, dict.fromkeys(ALL, "us1"))
    runner.declare(dict.fromkeys(ALL, "support"), account=IE1)
    stop = Event()
    stop.set()
    assert runner.plan(stop=stop).plan.diagnostics == ()
    assert asked(runner) == []


def test_keeps_regions_read_before_the_first_refusal(runner_of: Make) -> None:
    runner = in_regions(runner_of, {ONE: "us1"})
    runner.sandbox.faults.add(Refuse(path="/v2/*", status=403, code=20403, message="No", skip=1))
    runner.declare(dict.fromkeys(ALL, "support"), account=IE1)
    planned = runner.plan()
    assert [d.code for d in planned.notes] == ["region_unknown"]
    assert [d.address for d in planned.plan.diagnostics] == [f"number/{ONE}"]


def both_asked(runner: WorkflowRunner) -> list[str]:
    return sorted(
        call.path.rpartition("/")[2].replace("%2B", "+")
        for call in runner.calls("/v3/PhoneNumbers/")
    )


TEXTS = {"webhooks": {"sms": "https://agents.example.com/sms"}}


def test_one_call_reads_both_regions_of_a_number_with_messages(runner_of: Make) -> None:
    rows = [{"phone_number": ONE, "messaging_region": "ie1"}, {"phone_number": TWO}]
    runner = runner_of(world(*({"phone_number": number} for number in ALL), inbound_regions=rows))
    voice = {"agent": "support", "manage": ["voice"]}
    runner.declare({ONE: TEXTS, TWO: TEXTS, THREE: voice}, account={"region": "us1"})
    (problem,) = runner.plan().plan.diagnostics
    assert (problem.code, problem.address) == ("wrong_region", f"number/{ONE}")
    assert "messages" in problem.summary
    assert both_asked(runner) == sorted((ONE, TWO))
    assert asked(runner) == [THREE]

    # A number whose messages are not managed is no concern.
    runner.declare({ONE: voice, TWO: TEXTS, THREE: voice}, account={"region": "us1"})
    assert not runner.apply().result.failures
    runner.forget()
    assert runner.plan().plan.diagnostics == ()
    assert both_asked(runner) == []


def test_the_region_of_messages_is_read_at_home_only(runner_of: Make) -> None:
    runner = in_regions(runner_of, dict.fromkeys(ALL, "ie1"))
    runner.declare(dict.fromkeys(ALL, "support"), account=IE1)
    assert runner.plan().plan.diagnostics == ()
    assert both_asked(runner) == []


def test_a_refusal_of_version_3_leaves_the_regions_of_calls(runner_of: Make) -> None:
    runner = in_regions(runner_of, {ONE: "ie1", TWO: "us1", THREE: "us1"})
    runner.sandbox.faults.add(Refuse(path="/v3/*", status=403, code=20403, message="No"))
    runner.declare(dict.fromkeys(ALL, "support"), account={"region": "us1"})
    planned = runner.plan()
    assert [d.address for d in planned.plan.diagnostics] == [f"number/{ONE}"]
    assert [d.code for d in planned.notes] == ["region_unknown"]
    assert len(both_asked(runner)) == 1
    assert asked(runner) == sorted(ALL)


def test_a_number_that_twilio_has_assigned_to_no_region_is_handled_at_home(runner_of: Make) -> None:
    runner = in_regions(runner_of, {})
    for path in ("/v2/*", "/v3/*"):
        runner.sandbox.faults.add(Refuse(path=path, status=404, code=20404, message="No"))
    runner.declare(dict.fromkeys(ALL, "support"), account={"region": "us1"})
    applied = runner.apply()
    assert not applied.result.failures
    assert [note.code for note in applied.planned.notes] == []
    assert {entry["region"] for entry in runner.entries.values()} == {"us1"}


def test_both_spellings_of_the_answer_are_read() -> None:
    """Twilio's page shows other names than its OpenAPI document."""
    for answer in (
        {"voice_region": "ie1", "messaging_region": "us1"},
        {"voiceRegion": "ie1", "messagingRegion": "us1"},
    ):
        gateway = mock.Mock(account="main")
        gateway.call.return_value = answer
        found = read_account_regions(gateway, {ONE}, with_messages={ONE})
        assert (found.regions, found.messages) == ({ONE: "ie1"}, {ONE: "us1"})
        assert gateway.call.call_count == 1


def test_a_server_without_version_3_is_asked_once(runner_of: Make) -> None:
    runner = in_regions(runner_of, dict.fromkeys(ALL, "us1"))
    runner.sandbox.faults.add(Refuse(path="/v3/*", status=404, code=20404, message="No"))
    runner.declare(dict.fromkeys(ALL, "support"), account={"region": "us1"})
    planned = runner.plan()
    assert (planned.plan.diagnostics, planned.notes) == ((), ())
    assert len(both_asked(runner)) == 1
    assert asked(runner) == sorted(ALL)
