"""Numbers that are bought: only with consent, within the price, exactly once, and then like any other."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.kinds.purchase import BUY
from reconciler.remote.twilio.gateway import TwilioGateway
from reconciler.sandbox.faults.rules import AnyFault, Drop, Refuse, ServerError

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


OTHER = {"sid": "PN" + "7" * 32, "phone_number": "+15550100188"}
ANSWERS: dict[str, dict[str, Any]] = {
    "another number": OTHER,
    "this number without a SID": {"sid": None},
    "a SID without a number": {"phone_number": None},
    "nothing": {"sid": None, "phone_number": None},
}


def answer_purchase(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], *, carried_out: bool
) -> list[int]:
    """Have a purchase answered with other fields; without carrying it out, if so wanted. Counts the purchases."""
    call = TwilioGateway.call
    bought: list[int] = []

    def changed(
        self: TwilioGateway, endpoint: Any, params: Any = None, **path: str
    ) -> dict[str, Any]:
        if endpoint is not BUY:
            return call(self, endpoint, params, **path)
        bought.append(1)
        answer = (
            call(self, endpoint, params, **path) if carried_out else {**OTHER, "phone_number": NEW}
        )
        return {name: value for name, value in {**answer, **fields}.items() if value is not None}

    monkeypatch.setattr(TwilioGateway, "call", changed)
    return bought


@pytest.mark.parametrize("fields", ANSWERS.values(), ids=ANSWERS.keys())
def test_a_purchase_that_is_not_of_this_number_is_not_recorded(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    declare(stage)
    calls = answer_purchase(monkeypatch, fields, carried_out=False)
    document = stage.json("apply", "--auto-approve", "--allow-purchase", code=5)
    assert [outcome["error"]["code"] for outcome in document["outcomes"]] == [
        "purchase_unconfirmed",
        "dependency_failed",
    ]
    assert len(calls) == 1, "money is not spent a second time in the same run"
    assert stage.state.get(f"number/{NEW}", {}).get("sid", "") == ""
    monkeypatch.undo()
    assert ("number/" + NEW, "purchase") in stage.plan()


@pytest.mark.parametrize("fields", ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_about_something_else_is_settled_by_the_account(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    """The number was bought whatever the answer says: its own SID is recorded, and nothing is bought again."""
    declare(stage)
    calls = answer_purchase(monkeypatch, fields, carried_out=True)
    stage.apply("--allow-purchase")
    assert len(calls) == 1
    assert [stage.state[f"number/{NEW}"]["sid"]] == bought(stage)
    assert stage.plan() == []


def test_a_run_that_bought_and_died_is_taken_up_again(stage: Stage) -> None:
    """The journal says that it was about to be bought; Twilio has it by now."""
    declare(stage)
    stage.sandbox.faults.add(
        Refuse(status=400, code=21402, method="POST", path="*/IncomingPhoneNumbers/PN*")
    )
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
    stage.declare(
        agents=AGENTS, numbers={there: {"agent": "support", "purchase": {"country": "US"}}}
    )
    assert [action for _, action in stage.plan()] == ["import", "overwrite_webhooks"]


def test_a_bought_number_may_go_straight_to_a_new_trunk(stage: Stage) -> None:
    number = {"agent": "support", "trunk": "edge", "purchase": {"country": "US"}}
    stage.declare(
        agents=AGENTS,
        trunks={"edge": {"domain": "acme-edge.pstn.twilio.com"}},
        numbers={NEW: number},
    )
    stage.apply("--allow-purchase")
    assert stage.sandbox.world.number(NEW).trunk_sid
    assert stage.plan() == []


def test_what_a_bought_number_came_with_as_declared_is_watched_from_then_on(stage: Stage) -> None:
    declare(stage)
    stage.apply("--allow-purchase")
    stage.sandbox.edit(NEW, {"status_callback": "https://else.example.net/status"})
    (drifted,) = stage.json("drift", code=2)["drifted"]
    assert [field["field"] for field in drifted["fields"]] == ["status_callback"]


LONDON = "+442079460123"
BUNDLE = "BU" + "0" * 31 + "1"
ADDRESS = "AD" + "0" * 31 + "1"


def declare_numbers(
    stage: Stage, numbers: list[str], *, safety: dict[str, Any], **purchase: Any
) -> None:
    entry = {"agent": "support", "purchase": {"country": "US", **purchase}}
    stage.declare(agents=AGENTS, numbers=dict.fromkeys(numbers, entry), safety=safety)


def refusals_of(stage: Stage, *flags: str) -> set[str]:
    """The codes that refuse an apply with these flags; nothing was written then."""
    known = len(list(stage.sandbox.calls))
    document = stage.json("apply", "--auto-approve", *flags, code=4)
    assert [call for call in list(stage.sandbox.calls)[known:] if call.is_write] == []
    return {d["code"] for d in document["diagnostics"] if d["severity"] == "error"}


@pytest.mark.parametrize("flags", [(), ("--force",)], ids=["plain", "forced"])
def test_no_flag_lifts_the_number_of_purchases(stage: Stage, flags: tuple[str, ...]) -> None:
    declare_numbers(stage, [f"+1555010{n:04d}" for n in range(11)], safety={})
    assert refusals_of(stage, "--allow-purchase", *flags) == {"purchases_exceeded"}
    assert "purchases_exceeded" in {d["code"] for d in stage.json("plan")["diagnostics"]}


def test_the_number_of_purchases_is_that_of_the_configuration(stage: Stage) -> None:
    numbers = [f"+1555010{n:04d}" for n in range(11)]
    declare_numbers(stage, numbers, safety={"max_purchases": 11})
    assert sum("PhoneNumber" in call.params for call in stage.apply("--allow-purchase")) == 11


@pytest.mark.parametrize("flags", [(), ("--force",)], ids=["plain", "forced"])
@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [(2.29, "USD", "spend_exceeded"), (100, "EUR", "spend_currency")],
    ids=["too much", "another currency"],
)
def test_no_flag_lifts_the_monthly_sum(
    stage: Stage, amount: float, currency: str, code: str, flags: tuple[str, ...]
) -> None:
    declare_numbers(
        stage, [NEW, "+15550100178"], safety={"max_spend": {"amount": amount, "currency": currency}}
    )
    assert refusals_of(stage, "--allow-purchase", *flags) == {code}


def test_a_sum_that_is_exactly_the_limit_is_within_it(stage: Stage) -> None:
    numbers = [NEW, "+15550100178", "+15550100179"]
    declare_numbers(stage, numbers, safety={"max_spend": {"amount": 3.45, "currency": "USD"}})
    assert sum("PhoneNumber" in call.params for call in stage.apply("--allow-purchase")) == 3


@pytest.mark.parametrize("flags", [(), ("--force",)], ids=["plain", "forced"])
@pytest.mark.parametrize(
    "answer",
    [
        {"phone_number_prices": [], "price_unit": "USD"},
        {
            "phone_number_prices": [{"number_type": "local", "current_price": None}],
            "price_unit": "USD",
        },
        {
            "phone_number_prices": [{"number_type": "local", "current_price": "-1"}],
            "price_unit": "USD",
        },
        {
            "phone_number_prices": [{"number_type": "local", "current_price": "nan"}],
            "price_unit": "USD",
        },
        {"phone_number_prices": [{"number_type": "local", "current_price": "1.15"}]},
        {"phone_number_prices": "none"},
    ],
    ids=["no prices", "null", "negative", "no number", "no currency", "no list"],
)
def test_an_unknown_price_is_over_every_sum(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], flags: tuple[str, ...]
) -> None:
    monkeypatch.setattr("reconciler.remote.twilio.gateway.TwilioGateway.call", _answering(answer))
    declare_numbers(stage, [NEW], safety={"max_spend": {"amount": 1000, "currency": "USD"}})
    assert refusals_of(stage, "--allow-purchase", *flags) == {"spend_unknown"}


def _answering(prices: dict[str, Any]) -> Any:
    """The gateway's own calls, but for prices."""
    real = TwilioGateway.call

    def call(self: TwilioGateway, endpoint: Any, params: Any = None, **path: str) -> Any:
        return prices if endpoint.product == "pricing" else real(self, endpoint, params, **path)

    return call


def test_a_price_in_another_currency_is_not_compared(stage: Stage) -> None:
    declare(stage, max_price={"amount": 100, "currency": "JPY"})
    found = {d["code"]: d["detail"] for d in stage.json("plan", code=1)["diagnostics"]}
    assert "currency: USD" in found["price_currency"]
    assert stage.apply("--allow-purchase", code=1) == []


def test_a_regulated_number_is_refused_before_anything_is_bought(stage: Stage) -> None:
    entry = {"agent": "support", "purchase": {"country": "US"}}
    regulated = {"agent": "support", "purchase": {"country": "GB"}}
    stage.declare(agents=AGENTS, numbers={NEW: entry, LONDON: regulated})
    found = {d["code"]: d["detail"] for d in stage.json("plan", code=1)["diagnostics"]}
    assert "purchase.bundle" in found["bundle_needed"]
    assert stage.apply("--allow-purchase", "--force", code=1) == []

    stage.declare(
        agents=AGENTS,
        numbers={
            NEW: entry,
            LONDON: {**regulated, "purchase": {**regulated["purchase"], "bundle": BUNDLE}},
        },
    )  # type: ignore[dict-item]
    assert {
        call.params["PhoneNumber"]: call.params.get("BundleSid")
        for call in stage.apply("--allow-purchase")
        if "PhoneNumber" in call.params
    } == {NEW: None, LONDON: BUNDLE}
    assert stage.sandbox.world.number(LONDON).bundle_sid == BUNDLE
    assert stage.plan() == []


def test_a_number_that_requires_an_address_names_both_ways_to_give_it(stage: Stage) -> None:
    sydney = "+61255501234"
    stage.declare(
        agents=AGENTS, numbers={sydney: {"agent": "support", "purchase": {"country": "AU"}}}
    )
    found = {d["code"]: d["detail"] for d in stage.json("plan", code=1)["diagnostics"]}
    assert "purchase.address" in found["address_needed"]
    assert "purchase.bundle" in found["address_needed"]
    given = {"country": "AU", "address": ADDRESS}
    stage.declare(agents=AGENTS, numbers={sydney: {"agent": "support", "purchase": given}})
    stage.apply("--allow-purchase")
    assert stage.sandbox.world.number(sydney).address_sid == ADDRESS


@pytest.mark.parametrize(
    ("number", "code", "field"),
    [
        (21649, "bundle_needed", "purchase.bundle"),
        (21631, "address_needed", "purchase.address"),
        (21650, "identity_needed", "purchase.identity"),
    ],
)
def test_a_requirement_that_only_the_purchase_reveals_is_named(
    stage: Stage, number: int, code: str, field: str
) -> None:
    declare(stage)
    stage.sandbox.faults.add(
        Refuse(status=400, code=number, method="POST", path="*/IncomingPhoneNumbers.json")
    )
    document = stage.json("apply", "--auto-approve", "--allow-purchase", code=1)
    (error,) = [error for error in document["errors"] if error["code"] != "dependency_failed"]
    assert error["code"] == code
    assert field in error["message"]
    assert bought(stage) == []


def test_a_change_cannot_raise_the_limits_of_purchases_for_itself(stage: Stage) -> None:
    numbers = [NEW, "+15550100178"]
    declare_numbers(
        stage, [], safety={"max_purchases": 1, "max_spend": {"amount": 1.5, "currency": "USD"}}
    )
    (stage.folder / "main.yaml").write_text((stage.folder / "reconciler.yaml").read_text())
    for safety in ({"max_purchases": 50, "max_spend": {"amount": 500, "currency": "USD"}}, {}):
        declare_numbers(stage, numbers, safety=safety)
        found = refusals_of(stage, "--allow-purchase", "--force", "--baseline", "main.yaml")
        assert found == {"purchases_exceeded", "spend_exceeded"}
    assert sum("PhoneNumber" in call.params for call in stage.apply("--allow-purchase")) == 2


def test_drift_asks_nothing_about_numbers_to_be_bought(stage: Stage) -> None:
    agents = {"support": {"webhooks": AGENT}}
    owned = next(iter(stage.sandbox.world.numbers)).phone_number
    stage.declare(agents=agents, numbers={owned: "support"})
    stage.apply()
    stage.declare(
        agents=agents,
        numbers={owned: "support", NEW: {"agent": "support", "purchase": {"country": "US"}}},
    )

    stage.sandbox.calls.reset()
    assert stage.json("drift", code=0)["summary"]["pending"] == 1
    asked = [call.path for call in stage.sandbox.calls]
    assert [path for path in asked if "IncomingPhoneNumbers" not in path] == []

    # The plan of the same configuration asks for the price.
    stage.json("plan")
    assert any("Countries" in call.path for call in stage.sandbox.calls)
