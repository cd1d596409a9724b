"""What somebody else writes on a platform between plan and write is neither overwritten nor undone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.platforms.retell import NUMBERS, RetellNumber
from reconciler.sandbox.service.app import Sandbox

from .platform_worlds import NUMBER, PLATFORMS, LawRunner, seeded

THEIRS = [{"agent_id": "agent_2", "weight": 1}]


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[LawRunner]:
    """A number that is on Retell."""
    with Sandbox(seeded("webhook")) as sandbox:
        runner = LawRunner(tmp_path, sandbox, PLATFORMS["retell"])
        runner.declare("agent_1")
        runner.apply()
        yield runner


def row_of(runner: LawRunner) -> RetellNumber:
    row = runner.world.table(NUMBERS).get(NUMBER)
    assert row is not None
    return row


def edit(runner: LawRunner) -> None:
    """Somebody gives the number another agent, webhook and label."""
    row = row_of(runner)
    row.outbound_agents, row.inbound_webhook_url = THEIRS, "https://theirs.example.com"
    row.changed_at += 1


@pytest.mark.parametrize("agent", ["agent_2", None])
def test_a_write_over_an_edit_is_refused(runner: LawRunner, agent: str | None) -> None:
    runner.declare(agent)
    result = runner.apply(lambda: edit(runner)).result
    failed = [o for o in result.outcomes if not o.succeeded]
    assert [o.error and o.error.code for o in failed] == ["changed_meanwhile"]
    row = row_of(runner)
    assert row.outbound_agents == THEIRS
    assert row.inbound_webhook_url == "https://theirs.example.com"
    assert row.inbound_agents == [{"agent_id": "agent_1", "weight": 1.0}]

    # The next plan has seen it.
    assert [o.error for o in runner.apply().result.outcomes if not o.succeeded] == []
    assert runner.plan().plan.actions == ()


def test_our_own_writes_of_one_run_are_no_edits(runner: LawRunner) -> None:
    """An update and a link follow each other: the second must not take the first for somebody else's."""
    runner.declare("agent_2")
    row_of(runner).transport = "UDP"
    done = runner.apply().result
    assert [(o.action.action, o.succeeded) for o in done.outcomes] == [
        ("update", True),
        ("link", True),
    ]
    assert (row_of(runner).transport, row_of(runner).inbound_agents[0]["agent_id"]) == (
        "TCP",
        "agent_2",
    )
    assert runner.plan().plan.actions == ()


def test_a_number_that_was_sold_meanwhile_is_not_given_back(runner: LawRunner) -> None:
    """Deleting a number that Retell itself has sold would release it."""

    def sell() -> None:
        row_of(runner).phone_number_type = "retell-twilio"

    runner.declare(None)
    assert [o.error for o in runner.apply(sell).result.outcomes if not o.succeeded] == []
    assert row_of(runner).phone_number_type == "retell-twilio"
