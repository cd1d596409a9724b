"""Only an address on this machine is a stand-in for Twilio, where an unknown price costs nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from reconciler.model.action import Action
from reconciler.model.desired import Desired, Money, Options, Profile, Purchase
from reconciler.model.position import Position
from reconciler.model.route import Attrs
from reconciler.planning.checks.purchases import check_offers, list_questions
from reconciler.planning.plan import Plan
from reconciler.remote.facts import purchases
from reconciler.remote.gateway import Gateway

NUMBER = "number/+15550100109"


@pytest.mark.parametrize(
    ("base_url", "severity"),
    [
        (None, "error"),
        ("https://proxy.example.net/twilio", "error"),
        ("http://10.0.0.5:8080", "error"),
        ("http://127.0.0.1.example.net", "error"),
        ("http://127.0.0.1@proxy.example.net", "error"),
        ("http://127.0.0.1:8451", "warning"),
        ("http://localhost:8451", "warning"),
        ("http://[::1]:8451", "warning"),
    ],
)
def test_an_unknown_price_is_an_error_unless_the_address_is_on_this_machine(
    base_url: str | None, severity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purchases, "read_prices", lambda gateway, country: {})
    monkeypatch.setattr(purchases, "read_regulated_types", lambda gateway, country: None)
    attrs: Attrs = {}
    purchase = Purchase(country="US", type="local", max_price=Money(5, "USD"))
    profile = Profile(account="main", attrs=attrs, options=Options(), purchase=purchase)
    want = Desired(
        kind="number",
        key="+15550100109",
        address=NUMBER,
        profile=profile,
        position=Position("a.yaml", 1, 1),
    )
    action = Action(address=NUMBER, action="purchase", reason="new", kind="number", account="main")
    accounts = {"main": SimpleNamespace(base_url=base_url)}
    plan = Plan((action,), {}, (), {}, 0, {})
    questions = list_questions(plan, [want], max_purchases=0)
    gateways = {"main": cast(Gateway, None)}
    offers = purchases.read_offers(questions, gateways, accounts)
    found = check_offers(plan, questions, offers).diagnostics
    assert [(d.code, d.severity) for d in found] == [("price_not_known", severity)]
