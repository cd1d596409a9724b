"""The split of an agent on ElevenLabs from the first apply to its removal, with edits and refusals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import ReconcilerError
from reconciler.sandbox.faults import rules as f
from reconciler.sandbox.platforms.elevenlabs_agents import DEPLOYMENTS, ElevenLabsDeployment
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from reconciler.workflows.log import log
from reconciler.workflows.session import Applied, Planned
from tests.laws.platform_worlds import AC, PLATFORMS, TOKEN, LawRunner
from tests.support.processes.killed_child import FINISHED, run_until_killed

ADDRESS = "registration/p/agent/agent_1"
MAIN, NEW, GUARDED = "agtbrch_main", "agtbrch_new", "agtbrch_guarded"
NUMBERS = tuple(f"+155501{n:05d}" for n in range(1, 41))


def seeded(before: dict[str, float]) -> World:
    branches = [{"id": id, "agent_id": "agent_1"} for id in (MAIN, NEW)]
    branches.append(
        {"id": GUARDED, "agent_id": "agent_1", "protection_status": "admin_perms_required"}
    )
    return World.from_seed(
        {
            "format": 1,
            "accounts": [{"sid": AC, "auth_token": TOKEN}],
            "numbers": [{"account_sid": AC, "phone_number": e164} for e164 in NUMBERS],
            "elevenlabs_agents": [{"agent_id": "agent_1"}],
            "elevenlabs_branches": branches,
            "elevenlabs_deployments": [
                {"agent_id": "agent_1", "traffic_percentage_branch_id_map": before}
            ],
        }
    )


class SplitRunner(LawRunner):
    """One agent with a split, and numbers of it."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        super().__init__(folder, sandbox, PLATFORMS["elevenlabs"])

    def divide(self, shares: dict[str, float] | None, numbers: int = 0, **more: Any) -> None:
        """Declare the agent with these shares of its branches; None: without a split."""
        agent: dict[str, Any] = {"platform": "p", "id": "agent_1"}
        if shares is not None:
            agent["split"] = [{"branch": b, "percentage": p} for b, p in shares.items()]
        self.write(
            platforms={"p": self.platform(self.played)},
            agents={"sales": agent, **more},
            numbers=dict.fromkeys(NUMBERS[:numbers], "sales"),
        )

    @property
    def active(self) -> dict[str, float]:
        """The present split of the agent."""
        return [*self.world.table(DEPLOYMENTS)][-1].traffic

    def deploy(self, **traffic: float) -> None:
        """Somebody divides the calls in the dashboard."""
        named = {f"agtbrch_{name}": share for name, share in traffic.items()}
        DEPLOYMENTS.add(self.world, ElevenLabsDeployment(agent_id="agent_1", traffic=named))

    @property
    def posts(self) -> int:
        return sum(
            call.method == "POST" and call.path.endswith("/deployments")
            for call in self.sandbox.calls
        )


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[SplitRunner]:
    with Sandbox(seeded({MAIN: 100})) as sandbox:
        yield SplitRunner(tmp_path, sandbox)


def steps(planned: Planned) -> list[tuple[str, str, str]]:
    return [(a.address, a.action, a.reason) for a in planned.plan.actions if "/agent/" in a.address]


def codes(done: Applied) -> list[str]:
    return [o.error.code for o in done.result.outcomes if o.error is not None]


def test_forty_numbers_share_one_deployment(runner: SplitRunner) -> None:
    runner.divide({MAIN: 90, NEW: 10}, numbers=40)
    assert codes(runner.apply()) == []
    assert (runner.active, runner.posts) == ({MAIN: 90.0, NEW: 10.0}, 1)
    assert runner.plan().plan.actions == ()
    runner.apply()
    assert runner.posts == 1


def test_edit_on_either_side_is_healed(runner: SplitRunner) -> None:
    runner.divide({MAIN: 90, NEW: 10})
    runner.apply()
    runner.deploy(main=50, new=50)
    assert steps(runner.plan()) == [(ADDRESS, "update", "drift")]
    runner.apply()
    assert runner.active == {MAIN: 90.0, NEW: 10.0}
    runner.divide({MAIN: 70, NEW: 30})
    assert steps(runner.plan()) == [(ADDRESS, "update", "config")]
    runner.apply()
    assert runner.active == {MAIN: 70.0, NEW: 30.0}
    assert runner.plan().plan.actions == ()


def test_removal_puts_back_the_split_of_before(runner: SplitRunner) -> None:
    runner.divide({MAIN: 90, NEW: 10}, numbers=1)
    runner.apply()
    runner.divide({MAIN: 60, NEW: 40}, numbers=1)
    runner.apply()
    runner.divide(None, numbers=1)
    assert steps(runner.plan()) == [(ADDRESS, "update", "removed"), (ADDRESS, "forget", "removed")]
    assert codes(runner.apply()) == []
    assert runner.active == {MAIN: 100.0}
    assert runner.plan().plan.actions == ()


def test_removal_leaves_the_split_of_somebody_else(runner: SplitRunner) -> None:
    runner.divide({MAIN: 90, NEW: 10})
    runner.apply()
    runner.deploy(main=50, new=50)
    runner.divide(None)
    assert steps(runner.plan()) == [(ADDRESS, "forget", "removed")]
    runner.apply()
    assert runner.active == {MAIN: 50.0, NEW: 50.0}


def test_foreign_split_needs_consent(tmp_path: Path) -> None:
    with Sandbox(seeded({MAIN: 80, NEW: 20})) as sandbox:
        runner = SplitRunner(tmp_path, sandbox)
        runner.divide({MAIN: 90, NEW: 10})
        planned = runner.plan()
        assert [refusal.code for refusal in planned.refusals] == ["takeover_refused"]


@pytest.mark.parametrize("carried_out", [True, False])
def test_lost_answer_is_read_before_anything_is_sent_again(
    runner: SplitRunner, carried_out: bool
) -> None:
    runner.divide({MAIN: 90, NEW: 10})
    runner.sandbox.faults.add(f.Drop(path="*/deployments", method="POST", carried_out=carried_out))
    done = runner.apply()
    runner.sandbox.faults.clear()
    assert runner.posts == 1
    assert bool(codes(done)) == (not carried_out)
    runner.apply()
    assert runner.active == {MAIN: 90.0, NEW: 10.0}
    assert runner.posts == (1 if carried_out else 2)


def test_protected_branch_has_its_code_and_the_old_split_stays(runner: SplitRunner) -> None:
    runner.divide({MAIN: 90, GUARDED: 10})
    assert codes(runner.apply()) == ["branch_protected"]
    assert runner.active == {MAIN: 100.0}


def test_split_that_the_service_drops_is_reported(
    runner: SplitRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.divide({MAIN: 90, NEW: 10})
    monkeypatch.setattr(DEPLOYMENTS.__class__, "add", lambda self, store, row: row)
    assert codes(runner.apply()) == ["write_dropped"]


def test_agent_that_does_not_exist_is_an_error_of_the_plan(runner: SplitRunner) -> None:
    runner.divide(
        {MAIN: 100},
        other={"platform": "p", "id": "nobody", "split": [{"branch": "b", "percentage": 100}]},
    )
    found = [(d.code, d.address) for d in runner.plan().plan.diagnostics if d.severity == "error"]
    assert found == [("agent_not_found", "registration/p/agent/nobody")]


@pytest.mark.parametrize(("share", "code"), [(20, "conflicting_fields"), (10, None)])
def test_two_agents_of_one_id_have_one_split(
    runner: SplitRunner, share: float, code: str | None
) -> None:
    split = [{"branch": MAIN, "percentage": 100 - share}, {"branch": NEW, "percentage": share}]
    other = {"platform": "p", "id": "agent_1", "split": split}
    runner.divide({MAIN: 90, NEW: 10, GUARDED: 0}, other=other)
    if code is None:
        assert len(steps(runner.plan())) == 2
        return
    with pytest.raises(ReconcilerError) as caught:
        runner.plan()
    assert [d.code for d in caught.value.diagnostics] == [code]


def test_sum_of_the_shares_is_checked_without_network(runner: SplitRunner) -> None:
    runner.divide({MAIN: 90, NEW: 5})
    with pytest.raises(ReconcilerError) as caught:
        runner.plan()
    assert caught.value.exit_code == 3
    assert len(runner.sandbox.calls) == 0


@pytest.mark.parametrize("carried_out", [True, False])
@pytest.mark.parametrize("then", ["again", "removed"])
def test_killed_at_any_call_the_next_run_ends_right(
    tmp_path: Path, carried_out: bool, then: str
) -> None:
    for at in range(1, 9):
        folder = tmp_path / str(at)
        folder.mkdir()
        with Sandbox(seeded({MAIN: 100})) as sandbox:
            runner = SplitRunner(folder, sandbox)
            runner.divide({MAIN: 90, NEW: 10}, numbers=1)
            if run_until_killed(runner.apply, at, carried_out=carried_out) == FINISHED:
                assert at > 2
                return

            if then == "again":
                assert codes(runner.apply()) == []
                assert runner.active == {MAIN: 90.0, NEW: 10.0}
                assert runner.posts == 1
                assert runner.plan().plan.actions == ()
            runner.divide(None)
            assert codes(runner.apply()) == []
            assert runner.active == {MAIN: 100.0}, f"killed at call {at}"
            assert runner.plan().plan.actions == ()
    pytest.fail("more calls than expected")


def test_log_names_what_was_adopted_changed_and_forgotten(runner: SplitRunner) -> None:
    runner.divide({MAIN: 90, NEW: 10})
    runner.apply()
    runner.divide(None)
    runner.apply()
    entries = log(runner.setting(), None, 10**9).entries
    assert [each.action for each in entries if each.address == ADDRESS] == [
        "import",
        "update",
        "forget",
    ]
