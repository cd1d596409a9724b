from __future__ import annotations

import msgspec
import pytest

from reconciler.config.project import Safety
from reconciler.model.action import Action, Change
from reconciler.model.desired import Options
from reconciler.model.entry import Entry
from reconciler.planning.checks.guard import announce_refusal, find_refusals
from reconciler.planning.checks.limits import Limit
from reconciler.planning.decide.problems import resource_protected
from reconciler.planning.plan import Plan

NOWHERE = Plan((), {}, (), {}, 0, {})
LOST = (Change("voice_url", "https://old.example.net/", None),)


def action(last: int, name: str, **more: object) -> Action:
    fields: dict[str, object] = {
        "address": f"number/{last}",
        "action": name,
        "reason": "config",
        **more,
    }
    return Action(kind="number", account="main", **fields)  # type: ignore[arg-type]


def plan(*actions: Action, bound: int = 10) -> Plan:
    return msgspec.structs.replace(NOWHERE, actions=actions, bound={"number": bound})


def codes(
    plan: Plan, *consent: str, force: bool = False, safety: Safety | None = None
) -> list[str]:
    return [d.code for d in find_refusals(plan, safety or Safety(), consent, force=force)]


def test_limits_begin_at_ten_bound_resources() -> None:
    many = [action(last, "overwrite_webhooks") for last in range(4)]
    assert codes(plan(*many, bound=10)) == ["threshold_exceeded"]
    assert codes(plan(*many[:3], bound=10)) == []
    assert codes(plan(*many, bound=9)) == []


def test_number_with_several_steps_counts_once() -> None:
    steps = [
        action(last, name)
        for last in range(3)
        for name in ("overwrite_webhooks", "detach_trunk", "rename")
    ]
    assert codes(plan(*steps)) == []


@pytest.mark.parametrize("name", ["import", "create"])
def test_resources_without_an_entry_do_not_count_towards_limits(name: str) -> None:
    steps = [action(last, step) for last in range(9) for step in (name, "overwrite_webhooks")]
    assert codes(plan(*steps)) == []


def test_actions_that_finish_an_earlier_run_do_not_count_towards_limits() -> None:
    assert (
        codes(plan(*(action(last, "overwrite_webhooks", resume=True) for last in range(9)))) == []
    )


def test_removals_have_a_separate_limit() -> None:
    safety = Safety("refuse", Limit(100, percent=True), Limit(2, percent=False))
    gone = [
        action(last, name) for last, name in enumerate(("release", "forget", "restore_webhooks"))
    ]
    assert codes(plan(*gone), safety=safety) == ["threshold_exceeded"]
    assert codes(plan(*gone[:2]), safety=safety) == []


def test_force_lifts_only_the_limits() -> None:
    many = [action(last, "overwrite_webhooks") for last in range(9)]
    shielded = resource_protected(
        "number/9", Entry("number", "main", "PN9", "+15550100109", {}, Options(protect=True))
    )
    whole = msgspec.structs.replace(
        plan(*many, action(9, "rename", takeover=LOST)), diagnostics=(shielded,)
    )
    assert codes(whole, force=True) == ["protected", "takeover_refused"]
    assert codes(whole) == ["protected", "takeover_refused", "threshold_exceeded"]


def test_consent_is_given_in_the_file_or_by_a_glob() -> None:
    taking = action(1, "overwrite_webhooks", takeover=LOST)
    agreed = Entry("number", "main", "PN1", "+15550100101", {}, Options(takeover="allow"))
    assert codes(plan(taking)) == ["takeover_refused"]
    assert codes(plan(taking), "number/2") == ["takeover_refused"]
    assert codes(plan(taking), "number/*") == []
    assert codes(plan(msgspec.structs.replace(taking, entry=agreed))) == []


def test_the_refusal_names_the_knob() -> None:
    (refusal,) = find_refusals(
        plan(*(action(last, "rename") for last in range(9))), Safety(), (), force=False
    )
    assert "safety.max_updates" in refusal.detail
    assert "--force" in refusal.detail
    assert announce_refusal(refusal).severity == "warning"
