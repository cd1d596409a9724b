"""How many calls a run over many numbers makes: the pages, and a few more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.planning.checks.inbound_regions import MOST_REGION_CALLS, SAMPLE
from reconciler.sandbox.http.call_log import LoggedCall
from reconciler.sandbox.service.app import Sandbox
from tests.support.workflow_runner import AGENT, WorkflowRunner, world

NUMBERS = [f"+1555{index:07d}" for index in range(10_000)]
FEW = [f"+1555{index:07d}" for index in range(40)]
PAGES, OTHER_CALLS, MOST_REGIONS = 10, 30, 30
REGIONS = pytest.mark.parametrize("account", [{}, {"region": "us1"}], ids=["no region", "region"])
FORMER = {"webhooks": {"voice": "https://agents.example.com/former"}}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkflowRunner]:
    """10,000 numbers that are applied, and none of their regions is known."""
    rows = [
        {"phone_number": number, "voice_url": AGENT["voice"], "sms_url": AGENT["sms"]}
        for number in NUMBERS
    ]
    with Sandbox(world(*rows)) as sandbox:
        runner = WorkflowRunner(tmp_path_factory.mktemp("many"), sandbox)
        declare(runner, {})
        assert not runner.apply().result.failures
        yield runner


@pytest.fixture
def few(tmp_path: Any) -> Iterator[WorkflowRunner]:
    """40 numbers, none of them applied."""
    with Sandbox(world(*({"phone_number": number} for number in FEW))) as sandbox:
        yield WorkflowRunner(tmp_path, sandbox)


def declare(runner: WorkflowRunner, account: dict[str, str], agent: object = "support") -> None:
    numbers = [str(number.phone_number) for number in runner.sandbox.world.numbers]
    runner.declare(dict.fromkeys(numbers, agent), account=account)


def region_calls(runner: WorkflowRunner) -> list[LoggedCall]:
    """The calls about the regions of numbers; version 3 answers for calls and messages together."""
    return [*runner.calls("/v2/PhoneNumbers/"), *runner.calls("/v3/PhoneNumbers/")]


def count(runner: WorkflowRunner) -> tuple[int, int]:
    """Return the number of all calls and of those to the Routes API, and forget them."""
    found = len(list(runner.sandbox.calls)), len(region_calls(runner))
    runner.forget()
    return found


@REGIONS
def test_a_run_over_many_numbers_makes_few_calls(
    many: WorkflowRunner, account: dict[str, str]
) -> None:
    for agent in ("support", FORMER):
        declare(many, account, agent)
        many.forget()
        for run in (many.plan, many.doctor, many.drift):
            run()
            total, _ = count(many)
            assert total <= PAGES + OTHER_CALLS, run


def test_drift_of_many_numbers_makes_few_calls(many: WorkflowRunner) -> None:
    declare(many, {})
    for number in NUMBERS[:3_000]:
        many.sandbox.edit(number, {"voice_url": "https://elsewhere.example.net/voice"})
    many.forget()
    assert len(many.drift()) == 3_000
    assert count(many)[0] <= PAGES + OTHER_CALLS

    # The plan names who changed them, at the same price.
    planned = many.plan()
    assert count(many)[0] <= PAGES + OTHER_CALLS
    heals = [heal for heals in planned.plan.heals.values() for heal in heals]
    assert len(heals) == 3_000
    assert all(heal.actor is not None for heal in heals)


@REGIONS
def test_doctor_asks_about_few_regions_unless_told_to_ask_about_all(
    few: WorkflowRunner, account: dict[str, str]
) -> None:
    declare(few, account)
    (check,) = [c for c in few.doctor() if c.check == "inbound regions"]
    _, regions = count(few)
    assert 0 < regions <= MOST_REGIONS
    assert check.status == "ok"
    assert f"{MOST_REGION_CALLS} of 40" in check.detail
    assert "reconciler doctor --all" in check.detail
    (check,) = [c for c in few.doctor(max_region_calls=None) if c.check == "inbound regions"]
    assert count(few)[1] == len(FEW) + 1, "and once for the permission"
    assert "--all" not in check.detail


def test_plan_asks_about_few_regions_and_apply_about_all(few: WorkflowRunner) -> None:
    declare(few, {"region": "us1"})
    (note,) = [n for n in few.plan().notes if n.code == "regions_not_read"]
    _, regions = count(few)
    assert 0 < regions <= MOST_REGIONS
    assert note.severity == "info"
    assert f"{len(FEW) - regions} numbers" in note.detail

    applied = few.apply()
    assert not applied.result.failures
    assert "regions_not_read" not in [n.code for n in applied.planned.notes]
    assert count(few)[1] == len(FEW)
    few.plan()
    assert count(few)[1] == 0


def test_many_accounts_share_the_limit(tmp_path: Any) -> None:
    names = [f"a{index}" for index in range(4)]
    with Sandbox(world(*({"phone_number": number} for number in FEW))) as sandbox:
        runner = WorkflowRunner(tmp_path, sandbox)
        declare(runner, {})
        main = {
            "sid": "AC" + "1" * 32,
            "auth_token": {"env": "TOKEN"},
            "base_url": sandbox.base_url,
            "region": "us1",
        }
        numbers = {n: {"agent": "support", "account": names[i % 4]} for i, n in enumerate(FEW)}
        runner.declare(numbers, accounts=dict.fromkeys(names, main))
        runner.doctor()
        asked = {call.path for call in region_calls(runner)}
        assert 4 <= len(asked) <= MOST_REGIONS
        runner.forget()
        runner.plan()
        assert 4 <= count(runner)[1] <= MOST_REGIONS


def test_regions_of_trunks_share_the_limit(tmp_path: Any) -> None:
    """40 numbers and 20 trunks, none of which has a known region."""
    names = [f"t{index}" for index in range(20)]
    with Sandbox(world(*({"phone_number": number} for number in FEW))) as sandbox:
        runner = WorkflowRunner(tmp_path, sandbox)
        trunks = {name: {"domain": f"{name}-acme.pstn.twilio.com"} for name in names}
        runner.declare(dict.fromkeys(FEW, "support"), trunks=trunks)
        assert not runner.apply().result.failures
        runner.declare(dict.fromkeys(FEW, "support"), account={"region": "us1"}, trunks=trunks)
        runner.forget()

        def count_asked() -> tuple[int, int]:
            found = len(region_calls(runner)), len(runner.calls("/v2/Trunks/"))
            runner.forget()
            return found

        notes = runner.plan().notes
        assert count_asked() == (0, MOST_REGION_CALLS)
        (note,) = [note for note in notes if note.code == "regions_not_read"]
        assert f"{len(FEW) - SAMPLE} numbers and 5 trunks" in note.detail
        checks = [check for check in runner.doctor() if check.check == "inbound regions"]
        assert sum(count_asked()) <= MOST_REGIONS
        assert "numbers and trunks were asked about" in checks[0].detail

        runner.apply()
        assert count_asked() == (len(FEW) - SAMPLE, len(names))
        runner.plan()
        assert count_asked() == (0, 0)
