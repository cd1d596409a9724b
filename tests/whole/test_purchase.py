"""Numbers that are bought: only with consent, within the price, exactly once, and then like any other."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.kinds.purchase import BUY
from reconciler.remote.twilio.gateway import TwilioGateway
from reconciler.sandbox.faults.rules import AnyFault, Drop, Refuse, ServerError
from tests.support.command_runner import AGENT, CommandRunner

NEW = "+15550100177"
AGENTS: dict[str, Any] = {"support": {"webhooks": AGENT}}


def declare(runner: CommandRunner, **purchase: Any) -> None:
    bought = {"agent": "support", "purchase": {"country": "US", **purchase}}
    runner.declare(agents=AGENTS, numbers={NEW: bought})


def bought(runner: CommandRunner) -> list[str]:
    return [n.sid for n in runner.sandbox.world.numbers if n.phone_number == NEW]


def test_buys_a_number_with_consent_and_sets_its_webhooks(runner: CommandRunner) -> None:
    declare(runner, max_price=2)
    document = runner.json("plan")
    assert [(a["action"], a["address"]) for a in document["actions"]] == [
        ("purchase", f"number/{NEW}"),
        ("overwrite_webhooks", f"number/{NEW}"),
    ]
    assert [d["code"] for d in document["diagnostics"]] == ["purchase_refused"]
    assert "1.15 USD a month" in runner.run("plan")
    assert runner.apply(code=4) == []
    assert runner.apply("--force", code=4) == []
    calls = runner.apply("--allow-purchase")
    assert [call.params.get("PhoneNumber") for call in calls] == [NEW, None]
    number = runner.sandbox.world.number(NEW)
    assert (number.voice_url, number.sms_url) == (AGENT["voice"], AGENT["sms"])
    assert runner.state[f"number/{NEW}"]["sid"] == number.sid
    assert runner.plan() == []
    assert runner.apply("--allow-purchase") == []


def test_price_above_the_declared_maximum_is_an_error(runner: CommandRunner) -> None:
    declare(runner, type="mobile", max_price=2)
    document = runner.json("plan", code=1)
    assert "price_too_high" in [d["code"] for d in document["diagnostics"]]
    assert runner.apply("--allow-purchase", code=1) == []
    assert bought(runner) == []


@pytest.mark.parametrize(
    "fault",
    [
        Drop(carried_out=True, method="POST", times=1),
        Drop(carried_out=False, method="POST", times=1),
        ServerError(carried_out=True, method="POST", times=1),
    ],
    ids=["carried out", "not carried out", "error after it was carried out"],
)
def test_lost_answer_buys_exactly_one_number(runner: CommandRunner, fault: AnyFault) -> None:
    declare(runner)
    runner.sandbox.faults.add(fault)
    runner.apply("--allow-purchase")
    assert len(bought(runner)) == 1
    assert runner.plan() == []


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
def test_does_not_record_a_purchase_of_a_different_number(
    runner: CommandRunner, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    declare(runner)
    calls = answer_purchase(monkeypatch, fields, carried_out=False)
    document = runner.json("apply", "--auto-approve", "--allow-purchase", code=5)
    assert [outcome["error"]["code"] for outcome in document["outcomes"]] == [
        "purchase_unconfirmed",
        "dependency_failed",
    ]
    assert len(calls) == 1, "money is not spent a second time in the same run"
    assert runner.state.get(f"number/{NEW}", {}).get("sid", "") == ""
    monkeypatch.undo()
    assert ("number/" + NEW, "purchase") in runner.plan()


@pytest.mark.parametrize("fields", ANSWERS.values(), ids=ANSWERS.keys())
def test_checks_the_account_after_an_answer_about_a_different_number(
    runner: CommandRunner, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    """The number was bought whatever the answer says: its own SID is recorded, and nothing is bought again."""
    declare(runner)
    calls = answer_purchase(monkeypatch, fields, carried_out=True)
    runner.apply("--allow-purchase")
    assert len(calls) == 1
    assert [runner.state[f"number/{NEW}"]["sid"]] == bought(runner)
    assert runner.plan() == []


def test_continues_after_a_run_that_bought_a_number_and_died(runner: CommandRunner) -> None:
    """The journal says that it was about to be bought; Twilio has it by now."""
    declare(runner)
    runner.sandbox.faults.add(
        Refuse(status=400, code=21402, method="POST", path="*/IncomingPhoneNumbers/PN*")
    )
    runner.apply("--allow-purchase", code=5)
    runner.sandbox.faults.clear()
    assert [action for _, action in runner.plan()] == ["overwrite_webhooks"]
    runner.apply()
    assert len(bought(runner)) == 1
    assert runner.plan() == []


def test_never_returns_or_rebuys_a_bought_number(runner: CommandRunner) -> None:
    declare(runner)
    runner.apply("--allow-purchase")
    runner.declare(agents=AGENTS)
    assert [action for _, action in runner.plan()] == ["release"]
    runner.apply()
    assert len(bought(runner)) == 1
    declare(runner)
    runner.apply()
    number = runner.sandbox.world.number(NEW)
    runner.sandbox.world.numbers.remove(number)
    assert [d["code"] for d in runner.json("plan", code=1)["diagnostics"]] == ["number_missing"]
    assert runner.apply("--allow-purchase", code=1) == []


@pytest.mark.parametrize("on_removal", ["restore", "clear", "keep"])
@pytest.mark.parametrize("command", ["apply", "release"])
def test_no_removal_gives_a_number_back_to_twilio(
    runner: CommandRunner, on_removal: str, command: str
) -> None:
    """Neither a bought number, nor one on a trunk, nor a bridge number."""
    there, bridge = [n.phone_number for n in runner.sandbox.world.numbers if n.capabilities.sms][:2]
    options = {"on_removal": on_removal, "takeover": "allow"}
    runner.declare(
        agents=AGENTS,
        trunks={"edge": {"domain": "acme-edge.pstn.twilio.com"}},
        numbers={
            NEW: {"agent": "support", "purchase": {"country": "US"}, **options},
            there: {"agent": "support", "trunk": "edge", **options},
        },
        bridge_numbers={bridge: {"voice": "https://agents.example.com/bridge", **options}},
    )
    runner.apply("--allow-purchase")
    kept = {n.sid for n in runner.sandbox.world.numbers}

    runner.sandbox.calls.reset()
    if command == "release":
        runner.run("release", NEW, there, bridge, "--auto-approve")
    else:
        runner.declare()
        runner.apply()
    assert not [address for address in runner.state if "number/" in address]
    assert {n.sid for n in runner.sandbox.world.numbers} == kept
    deleted = [call.path for call in runner.sandbox.calls if call.method == "DELETE"]
    assert not [path for path in deleted if "/IncomingPhoneNumbers/" in path]


def test_imports_an_existing_number_instead_of_buying_it(runner: CommandRunner) -> None:
    there = next(n.phone_number for n in runner.sandbox.world.numbers if n.capabilities.sms)
    runner.declare(
        agents=AGENTS, numbers={there: {"agent": "support", "purchase": {"country": "US"}}}
    )
    assert [action for _, action in runner.plan()] == ["import", "overwrite_webhooks"]


def test_a_bought_number_may_go_straight_to_a_new_trunk(runner: CommandRunner) -> None:
    number = {"agent": "support", "trunk": "edge", "purchase": {"country": "US"}}
    runner.declare(
        agents=AGENTS,
        trunks={"edge": {"domain": "acme-edge.pstn.twilio.com"}},
        numbers={NEW: number},
    )
    runner.apply("--allow-purchase")
    assert runner.sandbox.world.number(NEW).trunk_sid
    assert runner.plan() == []


def test_records_declared_values_that_a_bought_number_already_has(
    runner: CommandRunner,
) -> None:
    declare(runner)
    runner.apply("--allow-purchase")
    runner.sandbox.edit(NEW, {"status_callback": "https://else.example.net/status"})
    (drifted,) = runner.json("drift", code=2)["drifted"]
    assert [field["field"] for field in drifted["fields"]] == ["status_callback"]


LONDON = "+442079460123"
BUNDLE = "BU" + "0" * 31 + "1"
ADDRESS = "AD" + "0" * 31 + "1"


def declare_numbers(
    runner: CommandRunner, numbers: list[str], *, safety: dict[str, Any], **purchase: Any
) -> None:
    entry = {"agent": "support", "purchase": {"country": "US", **purchase}}
    runner.declare(agents=AGENTS, numbers=dict.fromkeys(numbers, entry), safety=safety)


def refusals_of(runner: CommandRunner, *flags: str) -> set[str]:
    """The codes that refuse an apply with these flags; nothing was written then."""
    known = len(list(runner.sandbox.calls))
    document = runner.json("apply", "--auto-approve", *flags, code=4)
    assert [call for call in list(runner.sandbox.calls)[known:] if call.is_write] == []
    return {d["code"] for d in document["diagnostics"] if d["severity"] == "error"}


@pytest.mark.parametrize("flags", [(), ("--force",)], ids=["plain", "forced"])
def test_no_flag_lifts_the_number_of_purchases(
    runner: CommandRunner, flags: tuple[str, ...]
) -> None:
    declare_numbers(runner, [f"+1555010{n:04d}" for n in range(11)], safety={})
    assert refusals_of(runner, "--allow-purchase", *flags) == {"purchases_exceeded"}
    assert "purchases_exceeded" in {d["code"] for d in runner.json("plan")["diagnostics"]}


def test_configuration_limits_the_number_of_purchases(runner: CommandRunner) -> None:
    numbers = [f"+1555010{n:04d}" for n in range(11)]
    declare_numbers(runner, numbers, safety={"max_purchases": 11})
    assert sum("PhoneNumber" in call.params for call in runner.apply("--allow-purchase")) == 11


@pytest.mark.parametrize("flags", [(), ("--force",)], ids=["plain", "forced"])
@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [(2.29, "USD", "spend_exceeded"), (100, "EUR", "spend_currency")],
    ids=["too much", "another currency"],
)
def test_no_flag_lifts_the_monthly_sum(
    runner: CommandRunner, amount: float, currency: str, code: str, flags: tuple[str, ...]
) -> None:
    declare_numbers(
        runner,
        [NEW, "+15550100178"],
        safety={"max_spend": {"amount": amount, "currency": currency}},
    )
    assert refusals_of(runner, "--allow-purchase", *flags) == {code}


def test_total_price_equal_to_the_limit_is_allowed(runner: CommandRunner) -> None:
    numbers = [NEW, "+15550100178", "+15550100179"]
    declare_numbers(runner, numbers, safety={"max_spend": {"amount": 3.45, "currency": "USD"}})
    assert sum("PhoneNumber" in call.params for call in runner.apply("--allow-purchase")) == 3


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
    runner: CommandRunner,
    monkeypatch: pytest.MonkeyPatch,
    answer: dict[str, Any],
    flags: tuple[str, ...],
) -> None:
    monkeypatch.setattr("reconciler.remote.twilio.gateway.TwilioGateway.call", _answering(answer))
    declare_numbers(runner, [NEW], safety={"max_spend": {"amount": 1000, "currency": "USD"}})
    assert refusals_of(runner, "--allow-purchase", *flags) == {"spend_unknown"}


def _answering(prices: dict[str, Any]) -> Any:
    """The gateway's own calls, but for prices."""
    real = TwilioGateway.call

    def call(self: TwilioGateway, endpoint: Any, params: Any = None, **path: str) -> Any:
        return prices if endpoint.product == "pricing" else real(self, endpoint, params, **path)

    return call


def test_does_not_compare_prices_in_different_currencies(runner: CommandRunner) -> None:
    declare(runner, max_price={"amount": 100, "currency": "JPY"})
    found = {d["code"]: d["detail"] for d in runner.json("plan", code=1)["diagnostics"]}
    assert "currency: USD" in found["price_currency"]
    assert runner.apply("--allow-purchase", code=1) == []


def test_a_regulated_number_is_refused_before_anything_is_bought(runner: CommandRunner) -> None:
    entry = {"agent": "support", "purchase": {"country": "US"}}
    regulated = {"agent": "support", "purchase": {"country": "GB"}}
    runner.declare(agents=AGENTS, numbers={NEW: entry, LONDON: regulated})
    found = {d["code"]: d["detail"] for d in runner.json("plan", code=1)["diagnostics"]}
    assert "purchase.bundle" in found["bundle_needed"]
    assert runner.apply("--allow-purchase", "--force", code=1) == []

    runner.declare(
        agents=AGENTS,
        numbers={
            NEW: entry,
            LONDON: {**regulated, "purchase": {**regulated["purchase"], "bundle": BUNDLE}},
        },
    )  # type: ignore[dict-item]
    assert {
        call.params["PhoneNumber"]: call.params.get("BundleSid")
        for call in runner.apply("--allow-purchase")
        if "PhoneNumber" in call.params
    } == {NEW: None, LONDON: BUNDLE}
    assert runner.sandbox.world.number(LONDON).bundle_sid == BUNDLE
    assert runner.plan() == []


def test_explains_both_ways_to_give_a_required_address(
    runner: CommandRunner,
) -> None:
    sydney = "+61255501234"
    runner.declare(
        agents=AGENTS, numbers={sydney: {"agent": "support", "purchase": {"country": "AU"}}}
    )
    found = {d["code"]: d["detail"] for d in runner.json("plan", code=1)["diagnostics"]}
    assert "purchase.address" in found["address_needed"]
    assert "purchase.bundle" in found["address_needed"]
    given = {"country": "AU", "address": ADDRESS}
    runner.declare(agents=AGENTS, numbers={sydney: {"agent": "support", "purchase": given}})
    runner.apply("--allow-purchase")
    assert runner.sandbox.world.number(sydney).address_sid == ADDRESS


@pytest.mark.parametrize(
    ("number", "code", "field"),
    [
        (21649, "bundle_needed", "purchase.bundle"),
        (21631, "address_needed", "purchase.address"),
        (21650, "identity_needed", "purchase.identity"),
    ],
)
def test_names_a_requirement_that_only_the_purchase_reveals(
    runner: CommandRunner, number: int, code: str, field: str
) -> None:
    declare(runner)
    runner.sandbox.faults.add(
        Refuse(status=400, code=number, method="POST", path="*/IncomingPhoneNumbers.json")
    )
    document = runner.json("apply", "--auto-approve", "--allow-purchase", code=1)
    (error,) = [error for error in document["errors"] if error["code"] != "dependency_failed"]
    assert error["code"] == code
    assert field in error["message"]
    assert bought(runner) == []


def test_a_change_cannot_raise_the_limits_of_purchases_for_itself(runner: CommandRunner) -> None:
    numbers = [NEW, "+15550100178"]
    declare_numbers(
        runner, [], safety={"max_purchases": 1, "max_spend": {"amount": 1.5, "currency": "USD"}}
    )
    (runner.folder / "main.yaml").write_text((runner.folder / "reconciler.yaml").read_text())
    for safety in ({"max_purchases": 50, "max_spend": {"amount": 500, "currency": "USD"}}, {}):
        declare_numbers(runner, numbers, safety=safety)
        found = refusals_of(runner, "--allow-purchase", "--force", "--baseline", "main.yaml")
        assert found == {"purchases_exceeded", "spend_exceeded"}
    assert sum("PhoneNumber" in call.params for call in runner.apply("--allow-purchase")) == 2


def test_drift_ignores_numbers_to_buy(runner: CommandRunner) -> None:
    agents = {"support": {"webhooks": AGENT}}
    owned = next(iter(runner.sandbox.world.numbers)).phone_number
    runner.declare(agents=agents, numbers={owned: "support"})
    runner.apply()
    runner.declare(
        agents=agents,
        numbers={owned: "support", NEW: {"agent": "support", "purchase": {"country": "US"}}},
    )

    runner.sandbox.calls.reset()
    assert runner.json("drift", code=0)["summary"]["pending"] == 1
    asked = [call.path for call in runner.sandbox.calls]
    assert [path for path in asked if "IncomingPhoneNumbers" not in path] == []

    # The plan of the same configuration asks for the price.
    runner.json("plan")
    assert any("Countries" in call.path for call in runner.sandbox.calls)


@pytest.mark.parametrize("webhooks", [AGENT, {"voice": AGENT["voice"]}])
def test_nothing_of_the_demo_stays_on_a_bought_number(
    runner: CommandRunner, webhooks: dict[str, str]
) -> None:
    """Twilio delivers a number with its demo, which would go on answering messages."""
    number = {"agent": "support", "purchase": {"country": "US"}, "friendly_name": "Sales"}
    runner.declare(agents={"support": {"webhooks": webhooks}}, numbers={NEW: number})
    actions = [(a["action"], a["address"]) for a in runner.json("plan")["actions"]]
    assert [name for name, _ in actions] == ["purchase", "overwrite_webhooks", "rename"]
    runner.apply("--allow-purchase")
    live = runner.sandbox.world.number(NEW)
    assert (live.voice_url, live.sms_url or None) == (webhooks["voice"], webhooks.get("sms"))
    assert live.friendly_name == "Sales"
    assert runner.state[f"number/{NEW}"]["last_applied"]["friendly_name"] == "Sales"
    assert runner.plan() == []


def test_a_run_that_died_after_a_purchase_leaves_nothing_of_the_demo(
    runner: CommandRunner,
) -> None:
    runner.declare(
        agents={"support": {"webhooks": {"voice": AGENT["voice"]}}},
        numbers={NEW: {"agent": "support", "purchase": {"country": "US"}}},
    )
    runner.sandbox.faults.add(
        Refuse(status=400, code=21402, method="POST", path="*/IncomingPhoneNumbers/PN*")
    )
    runner.apply("--allow-purchase", code=5)
    assert "demo.twilio.com" in str(runner.sandbox.world.number(NEW).sms_url)
    runner.sandbox.faults.clear()
    runner.apply()
    assert not runner.sandbox.world.number(NEW).sms_url
    assert runner.plan() == []
