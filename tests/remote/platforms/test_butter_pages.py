"""A Butter list of several pages is completed with the documented filters, as far as these reach."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.remote.platforms.contract import PartialList, missing_pages
from reconciler.sandbox.platforms import butter
from reconciler.sandbox.service.app import Sandbox
from tests.support.adapter_runner import KINDS, ONE, TWO, AdapterRunner, world


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Iterator[AdapterRunner]:
    monkeypatch.setattr(butter, "PAGE_SIZE", 1)
    with Sandbox(world()) as sandbox:
        runner = AdapterRunner(sandbox, KINDS["butter"])
        yield runner
        runner.adapter.close()


def test_one_page_is_read_with_one_call(runner: AdapterRunner) -> None:
    runner.adapter.create([runner.asked(ONE)])
    runner.sandbox.calls.reset()
    assert missing_pages(runner.adapter.list([])) is None
    assert len(runner.sandbox.calls) == 1


def test_filters_by_status_complete_the_list(runner: AdapterRunner) -> None:
    for key in (ONE, TWO):
        runner.adapter.create([runner.asked(key)])
    [free, *_] = runner.adapter.list([])
    runner.adapter.link(free, runner.asked(free.key))

    found = runner.adapter.list([])
    assert {number.key: number.attrs["agent"] for number in found} == {ONE: "agent_1", TWO: None}
    assert missing_pages(found) is None


def test_list_without_the_rest_reports_that_it_is_partial(runner: AdapterRunner) -> None:
    for key in (ONE, TWO):
        runner.adapter.create([runner.asked(key)])
    found = runner.adapter.list([])
    assert isinstance(found, PartialList)
    assert [number.key for number in found] == [ONE]
    assert found.problem.code == "unexpected_answer"
