"""A SIP domain that comes to use a list between the plan and its apply: the list is not emptied, all else is done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from reconciler.execution.outcome import Result
from reconciler.sandbox.faults.rules import ServerError
from reconciler.sandbox.twilio.accounts import SANDBOX_TOKEN
from reconciler.workflows.plan_apply import apply
from reconciler.workflows.session import Consent, Planned, RunOptions
from tests.support.command_runner import CommandRunner
from tests.support.progress import SilentProgress

from .test_lists import OFFICES, PBX, trunk
from .test_sip_domains import (
    ACCESS,
    BARE,
    CREDENTIAL,
    DOMAIN,
    ITEM,
    asked,
    made,
    on_lists,
    refuse,
    used,
)


def apply_while(runner: CommandRunner, something: Callable[[], object]) -> Result:
    """An apply that asks nobody; what happens between its plan and its first write."""

    class Between(SilentProgress):
        def show_plan(self, planned: Planned) -> None:
            asked(runner)
            something()

    setting = RunOptions(
        directory=runner.folder,
        environ={"SANDBOX_TOKEN": SANDBOX_TOKEN, **runner.environ},
        progress=Between(),
        clock=lambda: datetime(2026, 3, 1, 12, tzinfo=UTC),
    )
    return apply(setting, Consent(force=True), None).result


def failures(result: Result) -> dict[str, tuple[str, str]]:
    """Address → code and message of what was not done."""
    return {
        o.action.address: (o.error.code, o.error.message)
        for o in result.failures
        if o.error is not None
    }


@pytest.mark.parametrize("address", [ACCESS, CREDENTIAL])
def test_list_used_meanwhile_keeps_its_entries_and_the_next_run_drops_the_record(
    runner: CommandRunner, address: str
) -> None:
    made(runner)
    runner.declare(trunks=BARE)
    failed = failures(apply_while(runner, lambda: used(runner, address)))
    assert failed.keys() == {address, ITEM[address]}, "this alone"
    code, message = failed[ITEM[address]]
    assert code == "list_in_use"
    for part in (
        address,
        DOMAIN,
        "since the plan was made",
        "it was not emptied",
        "Plan again",
    ):
        assert part in message
    assert failed[address][0] == "dependency_failed"
    assert on_lists(runner) == ((1, 0) if address == ACCESS else (0, 1)), "the other list is gone"
    assert {address, ITEM[address]} <= runner.state.keys()
    assert dict(runner.plan()) == {address: "forget", ITEM[address]: "forget"}
    assert runner.apply() == []
    assert runner.plan() == []


def test_rereads_domains_once_for_all_lists_of_an_account(runner: CommandRunner) -> None:
    many = {"name": "many", "addresses": [{"cidr": f"203.0.113.{n}/32"} for n in range(20)]}
    runner.declare(
        trunks={
            "edge": trunk(
                "acme-edge", ip_access_control_lists=[OFFICES, many], credential_lists=[PBX]
            )
        }
    )
    runner.apply()
    runner.declare()
    result = apply_while(runner, lambda: None)
    assert result.failures == []
    assert [path.rpartition("/")[2] for path in asked(runner)] == ["Domains.json"]


def test_does_not_reread_domains_when_only_an_entry_is_removed(
    runner: CommandRunner,
) -> None:
    made(runner)
    runner.declare(
        trunks={"edge": trunk("acme-edge", ip_access_control_lists=[{**OFFICES, "addresses": []}])}
    )
    used(runner, ACCESS)
    assert failures(apply_while(runner, lambda: None)) == {}
    assert [path for path in asked(runner) if "IpAccessControlListMappings" in path] == [], (
        "of the other kind alone"
    )
    assert on_lists(runner) == (0, 0)


def test_a_list_is_not_emptied_when_domains_cannot_be_read_any_more(runner: CommandRunner) -> None:
    made(runner)
    runner.declare(trunks=BARE)
    failed = failures(apply_while(runner, lambda: refuse(runner, 403)))
    assert on_lists(runner) == (1, 1)
    for address in (ACCESS, CREDENTIAL):
        code, message = failed[ITEM[address]]
        assert code not in ("list_in_use", "internal_error")
        assert f"{address} may be used by a SIP domain: it was not emptied" in message
        assert failed[address][0] == "dependency_failed"
    assert {a for a in failed if a.startswith("trunk_")} == set(), (
        "the trunk lets nobody in by them any more"
    )
    runner.sandbox.faults.clear()
    runner.apply()
    assert (on_lists(runner), runner.plan()) == ((0, 0), [])


def test_retries_the_second_reading_of_domains(runner: CommandRunner) -> None:
    made(runner)
    runner.declare(trunks=BARE)
    fault = ServerError(status=503, times=2, path="*/SIP/Domains.json")
    assert failures(apply_while(runner, lambda: runner.sandbox.faults.add(fault))) == {}
    assert on_lists(runner) == (0, 0)
