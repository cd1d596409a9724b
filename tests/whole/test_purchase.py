"""Numbers that are bought: only with consent, within the price, exactly once, and then like any other."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.sandbox.faults import AnyFault, Drop, Refuse, ServerError

from .stage import AGENT, Stage

NEW = "+15550100177"
AGENTS: dict[str, Any] = {"support": {"webhooks": AGENT}}


def declare(stage: Stage, **purchase: Any) -> None:
    bought = {"agent": "support", "purchase": {"country": "US", **purchase}}
    stage.declare(agents=AGENTS, numbers={NEW: bought})


def bought(stage: Stage) -> list[str]:
    return [n.sid for n in stage.sandbox.world.numbers if n.phone_number == NEW]


def test_a_number_is_bought_with_consent_and_gets_its_webhooks(stage: Stage) -> None:
    declare(stage, max_price=2)
    document = stage.json("plan")
    assert [(a["action"], a["address"]) for a in document["actions"]] == [
        ("purchase", f"number/{NEW}"),
        ("overwrite_webhooks", f"number/{NEW}"),
    ]
    assert [d["code"] for d in document["diagnostics"]] == ["purchase_refused"]
    assert "1.15 USD a month" in stage.run("plan")
    assert stage.apply(code=4) == []
    assert stage.apply("--force", code=4) == []
    calls = stage.apply("--allow-purchase")
    assert [call.params.get("PhoneNumber") for call in calls] == [NEW, None]
    number = stage.sandbox.world.number(NEW)
    assert (number.voice_url, number.sms_url) == (AGENT["voice"], AGENT["sms"])
    assert stage.state[f"number/{NEW}"]["sid"] == number.sid
    assert stage.plan() == []
    assert stage.apply("--allow-purchase") == []


def test_a_number_that_costs_more_than_declared_is_an_error(stage: Stage) -> None:
    declare(stage, type="mobile", max_price=2)
    document = stage.json("plan", code=1)
    assert "price_too_high" in [d["code"] for d in document["diagnostics"]]
    assert stage.apply("--allow-purchase", code=1) == []
    assert bought(stage) == []


@pytest.mark.parametrize(
    "fault",
    [
        Drop(carried_out=True, method="POST", times=1),
        Drop(carried_out=False, method="POST", times=1),
        ServerError(carried_out=True, method="POST", times=1),
    ],
    ids=["carried out", "not carried out", "error after it was carried out"],
)
def test_no_answer_buys_exactly_one(stage: Stage, fault: AnyFault) -> None:
    declare(stage)
    stage.sandbox.faults.add(fault)
    stage.apply("--allow-purchase")
    assert len(bought(stage)) == 1
    assert stage.plan() == []


def test_a_run_that_bought_and_died_is_taken_up_again(stage: Stage) -> None:
    """The journal says that it was about to be bought; Twilio has it by now."""
    declare(stage)
    stage.sandbox.faults.add(Refuse(status=400, code=21402, method="POST", path="*/IncomingPhoneNumbers/PN*"))
    stage.apply("--allow-purchase", code=5)
    stage.sandbox.faults.clear()
    assert [action for _, action in stage.plan()] == ["overwrite_webhooks"]
    stage.apply()
    assert len(bought(stage)) == 1
    assert stage.plan() == []


def test_a_bought_number_is_never_given_back_and_never_bought_again(stage: Stage) -> None:
    declare(stage)
    stage.apply("--allow-purchase")
    stage.declare(agents=AGENTS)
    assert [action for _, action in stage.plan()] == ["release"]
    stage.apply()
    assert len(bought(stage)) == 1
    declare(stage)
    stage.apply()
    number = stage.sandbox.world.number(NEW)
    stage.sandbox.world.numbers.remove(number)
    assert [d["code"] for d in stage.json("plan", code=1)["diagnostics"]] == ["number_missing"]
    assert stage.apply("--allow-purchase", code=1) == []


def test_a_number_that_is_there_is_imported_not_bought(stage: Stage) -> None:
    there = next(n.phone_number for n in stage.sandbox.world.numbers if n.capabilities.sms)
    stage.declare(agents=AGENTS, numbers={there: {"agent": "support", "purchase": {"country": "US"}}})
    assert [action for _, action in stage.plan()] == ["import", "overwrite_webhooks"]


def test_a_bought_number_may_go_straight_to_a_new_trunk(stage: Stage) -> None:
    number = {"agent": "support", "trunk": "edge", "purchase": {"country": "US"}}
    stage.declare(agents=AGENTS, trunks={"edge": {"domain": "acme-edge.pstn.twilio.com"}}, numbers={NEW: number})
    stage.apply("--allow-purchase")
    assert stage.sandbox.world.number(NEW).trunk_sid
    assert stage.plan() == []


def test_what_a_bought_number_came_with_as_declared_is_watched_from_then_on(stage: Stage) -> None:
    declare(stage)
    stage.apply("--allow-purchase")
    stage.sandbox.edit(NEW, {"status_callback": "https://else.example.net/status"})
    (drifted,) = stage.json("drift", code=2)["drifted"]
    assert [field["field"] for field in drifted["fields"]] == ["status_callback"]
