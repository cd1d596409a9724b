"""The plan of a number to buy: what is bought, and what is written on it afterwards."""

from __future__ import annotations

import msgspec
import pytest

from reconciler.model.action import Action, Change
from reconciler.model.desired import Purchase
from reconciler.model.route import Value, Webhook
from reconciler.planning.decide.number import buy
from tests.support.memory.resources import e164, hook, number

DEMO = "https://demo.twilio.com/welcome"
VOICE, SMS = f"{DEMO}/voice/", f"{DEMO}/sms/reply/"


def plan(**attrs: Value) -> list[Action]:
    declared = number(1, **attrs)
    profile = msgspec.structs.replace(declared.profile, purchase=Purchase("US"))
    return buy(msgspec.structs.replace(declared, profile=profile), frozenset())


def test_buys_before_it_writes_each_declared_value() -> None:
    attrs = {"voice": hook("a"), "sms": hook("s"), "status": None, "friendly_name": "Sales"}
    first, webhooks, name = plan(**attrs)
    assert [a.action for a in (first, webhooks, name)] == [
        "purchase",
        "overwrite_webhooks",
        "rename",
    ]
    assert Change("phone_number", None, e164(1)) in first.changes
    assert first.set == {}
    assert webhooks.set == {"voice": hook("a"), "sms": hook("s")}
    assert name.set == {"friendly_name": "Sales"}

    # Nothing was there before: all of it is ours, and the entry ends with all declared values.
    for each in (first, webhooks, name):
        assert (each.reason, each.takeover, each.sid) == ("new", (), "")
        assert each.entry is not None
        assert (each.entry.created, each.entry.sid, each.entry.prior) == (True, "", {})
    assert first.entry is not None
    assert first.entry.last_applied == {"status": None}
    assert name.entry is not None
    assert name.entry.last_applied == attrs


def test_clears_the_demo_reply_to_messages_of_an_agent_for_calls_alone() -> None:
    _, webhooks = plan(voice=hook("a"), sms=None, status=None)
    assert webhooks.set == {"voice": hook("a"), "sms": None}
    assert [(c.field, c.before, c.after) for c in webhooks.changes] == [
        ("voice_url", VOICE, hook("a").url),
        ("sms_url", SMS, None),
    ]
    assert webhooks.route is not None
    assert (webhooks.route.before, webhooks.route.after) == (
        f"webhook {VOICE}",
        f"webhook {hook('a').url}",
    )


@pytest.mark.parametrize(("part", "url"), [("voice", VOICE), ("sms", SMS)])
def test_records_a_declared_value_that_a_new_number_has(part: str, url: str) -> None:
    (first,) = plan(**{part: Webhook(url)})
    assert first.entry is not None
    assert first.entry.last_applied == {part: Webhook(url)}


def test_leaves_a_part_that_is_not_managed() -> None:
    _, webhooks = plan(voice=hook("a"))
    assert webhooks.set == {"voice": hook("a")}
