"""Trunks whose calls are answered in another region than the one that is managed."""

from __future__ import annotations

import pytest

from reconciler.errors import ReconcilerError
from reconciler.sandbox.faults.rules import Refuse
from tests.support.workflow_runner import ONE, WorkflowRunner, world

from .conftest import Make

IE1 = {"region": "ie1"}
EDGE, SPARE = "acme-edge.pstn.twilio.com", "acme-spare.pstn.twilio.com"
TRUNKS: dict[str, dict[str, object]] = {"edge": {"domain": EDGE}, "spare": {"domain": SPARE}}


@pytest.fixture
def runner(runner_of: Make) -> WorkflowRunner:
    """Two trunks that are applied, and one number."""
    made = runner_of(world({"phone_number": ONE}))
    made.declare({}, trunks=TRUNKS)
    assert not made.apply().result.failures
    made.forget()
    return made


def route(runner: WorkflowRunner, **regions: str) -> None:
    """Route trunks to regions."""
    account = runner.sandbox.world.account.sid
    rows = []
    for name, region in regions.items():
        domain = TRUNKS[name]["domain"]
        rows.append({"account_sid": account, "sip_trunk_domain": domain, "voice_region": region})
    runner.sandbox.world.extend({"format": 1, "trunk_regions": rows})


def asked(runner: WorkflowRunner) -> list[str]:
    return sorted(call.path.rpartition("/")[2] for call in runner.calls("/v2/Trunks/"))


def test_no_trunk_is_asked_about_without_a_declared_region(runner: WorkflowRunner) -> None:
    route(runner, edge="ie1")
    changed = {**TRUNKS, "edge": {"domain": EDGE, "secure": True}}
    runner.declare({}, trunks=changed)
    assert runner.plan().plan.diagnostics == ()
    assert not runner.apply().result.failures
    runner.doctor()
    assert asked(runner) == []


def test_a_trunk_in_another_region_is_an_error_before_any_write(runner: WorkflowRunner) -> None:
    route(runner, edge="ie1", spare="us1")
    changed = {name: {**fields, "secure": True} for name, fields in TRUNKS.items()}
    runner.declare({}, account=IE1, trunks=changed)
    with pytest.raises(ReconcilerError) as caught:
        runner.apply()
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.address) == ("wrong_region", "trunk/spare")
    assert SPARE in problem.detail
    assert "answered in `us1`" in problem.detail
    lines = (runner.folder / "reconciler.yaml").read_text("utf-8").splitlines()
    assert '"spare"' in lines[(problem.line or 0) - 1]
    assert not [call for call in runner.sandbox.calls if call.is_write]
    assert asked(runner) == [EDGE, SPARE]


def test_each_trunk_is_asked_about_once_and_again_before_a_change(runner: WorkflowRunner) -> None:
    route(runner, edge="ie1", spare="ie1")
    runner.declare({}, account=IE1, trunks=TRUNKS)
    runner.apply()
    assert asked(runner) == [EDGE, SPARE]
    assert {entry["region"] for entry in runner.entries.values()} == {"ie1"}
    runner.forget()
    assert (runner.plan().plan.actions, runner.plan().plan.state_updates) == ((), {})
    runner.drift()
    assert asked(runner) == []

    runner.declare({}, account=IE1, trunks={**TRUNKS, "edge": {"domain": EDGE, "secure": True}})
    runner.apply()
    assert asked(runner) == [EDGE]


def test_a_trunk_is_asked_about_once_it_exists(runner_of: Make) -> None:
    runner = runner_of(world({"phone_number": ONE}))
    runner.declare({}, account={"region": "us1"}, trunks={"edge": {"domain": EDGE}})
    assert not runner.apply().result.failures
    assert asked(runner) == []
    assert runner.plan().plan.actions == ()
    assert asked(runner) == [EDGE]


def test_a_trunk_without_a_region_does_not_stop_the_others(runner: WorkflowRunner) -> None:
    route(runner, edge="us1", spare="us1")
    runner.sandbox.faults.add(Refuse(path=f"/v2/Trunks/{EDGE}", status=404, code=20404))
    runner.declare({}, account=IE1, trunks=TRUNKS)
    planned = runner.plan()
    assert [d.code for d in planned.notes] == ["region_unknown"]
    assert [d.address for d in planned.plan.diagnostics] == ["trunk/spare"]


def test_a_refusal_is_one_warning_and_ends_the_questions(runner: WorkflowRunner) -> None:
    runner.sandbox.faults.add(Refuse(path="/v2/*", status=403, code=20403, message="No"))
    runner.declare({}, account=IE1, trunks=TRUNKS)
    planned = runner.plan()
    assert [(d.severity, d.code) for d in planned.notes] == [("warning", "region_unknown")]
    assert "inbound regions of SIP trunks" in planned.notes[0].detail
    assert len(set(asked(runner))) == 1
    assert not runner.apply().result.failures


def test_doctor_names_the_trunk(runner: WorkflowRunner) -> None:
    route(runner, edge="ie1", spare="us1")
    runner.declare({}, account=IE1, trunks=TRUNKS)
    (check,) = [c for c in runner.doctor() if c.check == "inbound regions"]
    assert check.status == "failed"
    assert f"{SPARE} in us1" in check.detail
