"""Messaging services that are managed here, and the numbers in them."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.sandbox.faults.rules import Refuse
from reconciler.sandbox.twilio.messaging import SERVICES
from tests.support.command_runner import CommandRunner
from tests.support.sandbox_client import ask

INBOUND = "https://agents.example.com/sms"


def numbers(runner: CommandRunner) -> list[str]:
    """The numbers of the account that can send and receive messages."""
    return [n.phone_number for n in runner.sandbox.world.numbers if n.capabilities.sms]


def services(runner: CommandRunner) -> list[dict[str, Any]]:
    """The messaging services of the account."""
    rows: list[dict[str, Any]] = runner.rows("/v1/Services", "services")
    return rows


def members(runner: CommandRunner, sid: str) -> list[str]:
    """The numbers in a service."""
    rows = runner.rows(f"/v1/Services/{sid}/PhoneNumbers", "phone_numbers")
    return [row["phone_number"] for row in rows]


def make_service(runner: CommandRunner, **form: str) -> str:
    """Create a service by hand. Return its SID."""
    answer = ask(runner.sandbox, "POST", "/v1/Services", form={"FriendlyName": "Theirs", **form})
    assert answer.status == 201, answer.body
    return str(answer.json["sid"])


def add(runner: CommandRunner, service: str, number: str) -> None:
    """Add a number to a service by hand."""
    sid = runner.sandbox.world.number(number).sid
    form = {"PhoneNumberSid": sid}
    answer = ask(runner.sandbox, "POST", f"/v1/Services/{service}/PhoneNumbers", form=form)
    assert answer.status == 201, answer.body


def take_out(runner: CommandRunner, service: str, number: str) -> None:
    """Take a number out of a service by hand."""
    sid = runner.sandbox.world.number(number).sid
    runner.delete(f"/v1/Services/{service}/PhoneNumbers/{sid}")


def edit(runner: CommandRunner, sid: str, fields: dict[str, object]) -> None:
    """Change fields of a service that no parameter of Twilio's sets."""
    table = runner.sandbox.world.table(SERVICES)
    service = table.get(sid)
    assert service is not None
    table.change(service, fields)


def test_creates_a_service_with_its_numbers_and_removes_both(runner: CommandRunner) -> None:
    first, second = numbers(runner)[:2]
    runner.declare(
        messaging_services={"alerts": {"inbound": INBOUND}},
        numbers={first: {"messaging_service": "alerts"}, second: {"messaging_service": "alerts"}},
    )
    plan = runner.json("plan")["actions"]
    assert (plan[0]["address"], plan[0]["action"]) == ("messaging_service/alerts", "create")
    runner.apply()
    (service,) = services(runner)
    assert service["inbound_request_url"] == INBOUND
    assert sorted(members(runner, service["sid"])) == sorted([first, second])
    assert runner.plan() == []
    assert runner.json("drift")["drifted"] == []

    runner.declare()
    runner.apply()
    assert services(runner) == []
    assert runner.plan() == []


def test_undeclared_membership_ends_and_the_number_stays(runner: CommandRunner) -> None:
    first = numbers(runner)[0]
    declared = {"messaging_services": {"alerts": {"inbound": INBOUND}}}
    runner.declare(**declared, numbers={first: {"messaging_service": "alerts"}})
    runner.apply()
    (service,) = services(runner)
    runner.declare(**declared, numbers={first: {"friendly_name": "First"}})
    (action,) = [a for a in runner.json("plan")["actions"] if a["action"] == "update"]
    assert action["changes"] == [{"field": "messaging_service", "before": "alerts", "after": None}]
    runner.apply()
    assert members(runner, service["sid"]) == []
    assert runner.plan() == []
    assert "messaging_service" not in runner.state[f"number/{first}"]["last_applied"]


def test_moves_a_number_from_one_service_to_the_other(runner: CommandRunner) -> None:
    first = numbers(runner)[0]
    both = {"alerts": {"inbound": INBOUND}, "support": {"inbound": INBOUND}}
    runner.declare(messaging_services=both, numbers={first: {"messaging_service": "alerts"}})
    runner.apply()
    runner.declare(messaging_services=both, numbers={first: {"messaging_service": "support"}})
    (action,) = runner.json("plan")["actions"]
    assert action["changes"] == [
        {"field": "messaging_service", "before": "alerts", "after": "support"}
    ]
    calls = runner.apply()
    assert [call.method for call in calls] == ["DELETE", "POST"]
    by_name = {s["friendly_name"]: s["sid"] for s in services(runner)}
    assert members(runner, by_name["support"]) == [first]
    assert runner.plan() == []


def test_takes_over_a_foreign_service_only_with_consent_and_puts_it_back(
    runner: CommandRunner,
) -> None:
    first, second = numbers(runner)[:2]
    theirs = make_service(runner)
    add(runner, theirs, first)
    add(runner, theirs, second)
    runner.declare(
        messaging_services={"alerts": {"inbound": INBOUND}},
        numbers={first: {"messaging_service": "alerts"}},
    )
    assert runner.json("plan")["summary"]["would_refuse"] == ["takeover_refused"]
    assert runner.apply(code=4) == []
    runner.apply(f"--allow-takeover=number/{first}")
    assert members(runner, theirs) == [second]
    runner.declare()
    runner.apply()
    assert members(runner, theirs) == [second, first]
    assert [s["sid"] for s in services(runner)] == [theirs]


def test_adopts_a_service_by_name_and_never_deletes_it(runner: CommandRunner) -> None:
    theirs = make_service(
        runner, FriendlyName="Alerts", InboundRequestUrl="https://old.example.net/"
    )
    runner.declare(messaging_services={"alerts": {"friendly_name": "Alerts", "inbound": INBOUND}})
    (one, two) = runner.json("plan")["actions"]
    assert (one["action"], two["action"]) == ("import", "update")
    assert two["takeover"] == [
        {"field": "inbound_request_url", "before": "https://old.example.net/", "after": None}
    ]
    assert runner.apply(code=4) == []
    runner.apply("--allow-takeover=messaging_service/alerts")
    assert runner.plan() == []
    runner.declare()
    assert runner.plan() == [("messaging_service/alerts", "forget")]
    runner.apply()
    assert [s["sid"] for s in services(runner)] == [theirs]


def test_two_services_of_one_name_are_ambiguous(runner: CommandRunner) -> None:
    make_service(runner, FriendlyName="alerts")
    make_service(runner, FriendlyName="alerts")
    runner.declare(messaging_services={"alerts": {"inbound": INBOUND}})
    codes = [d["code"] for d in runner.json("plan", code=1)["diagnostics"]]
    assert "ambiguous_match" in codes


@pytest.mark.parametrize("sender", ["number", "short_code", "alpha_sender", "campaign"])
def test_a_service_with_foreign_senders_is_only_forgotten(
    runner: CommandRunner, sender: str
) -> None:
    first = numbers(runner)[0]
    runner.declare(messaging_services={"alerts": {"inbound": INBOUND}})
    runner.apply()
    (service,) = services(runner)
    if sender == "number":
        add(runner, service["sid"], first)
    elif sender == "campaign":
        edit(runner, service["sid"], {"us_app_to_person_registered": True})
    else:
        form = {"ShortCodeSid": "SC" + "1" * 32, "AlphaSender": "Acme"}
        path = {"short_code": "ShortCodes", "alpha_sender": "AlphaSenders"}[sender]
        answer = ask(runner.sandbox, "POST", f"/v1/Services/{service['sid']}/{path}", form=form)
        assert answer.status == 201, answer.body
    runner.declare()
    (action,) = runner.json("plan")["actions"]
    assert action["action"] == "forget"
    assert "still in use" in action["note"]
    runner.apply()
    assert [s["sid"] for s in services(runner)] == [service["sid"]]


def test_drift_of_a_membership_is_found_and_healed_on_both_sides(runner: CommandRunner) -> None:
    first = numbers(runner)[0]
    runner.declare(
        messaging_services={"alerts": {"inbound": INBOUND}},
        numbers={first: {"messaging_service": "alerts"}},
    )
    runner.apply()
    (service,) = services(runner)
    take_out(runner, service["sid"], first)
    (drifted,) = runner.json("drift", code=2)["drifted"]
    assert drifted["address"] == f"number/{first}"
    (field,) = drifted["fields"]
    assert (field["field"], field["recorded"], field["live"]) == (
        "messaging_service",
        "alerts",
        None,
    )
    theirs = make_service(runner)
    add(runner, theirs, first)
    (drifted,) = runner.json("drift", code=2)["drifted"]
    assert drifted["fields"][0]["live"] == theirs
    (action,) = runner.json("plan")["actions"]
    assert (action["action"], action["reason"]) == ("update", "drift")
    runner.apply()
    assert members(runner, service["sid"]) == [first]
    assert members(runner, theirs) == []
    assert runner.plan() == []


def test_a_full_service_refuses_and_the_number_stays_where_it_was(runner: CommandRunner) -> None:
    first = numbers(runner)[0]
    full = make_service(runner, FriendlyName="Full")
    both = {"alerts": {"inbound": INBOUND}}
    runner.declare(messaging_services=both, numbers={first: {"messaging_service": "alerts"}})
    runner.apply()
    edit(runner, full, {"numbers": [f"PN{i:032x}" for i in range(400)]})
    runner.declare(messaging_services=both, numbers={first: {"messaging_service": full}})
    document = runner.json("apply", "--auto-approve", code=1)
    (error,) = document["errors"]
    assert error["code"] == "messaging_service_full"
    assert "put back" in error["message"]
    alerts = next(s["sid"] for s in services(runner) if s["friendly_name"] == "alerts")
    assert members(runner, alerts) == [first]


def test_services_that_nobody_declares_cost_no_call(runner: CommandRunner) -> None:
    make_service(runner)
    first = numbers(runner)[0]
    runner.declare(
        agents={"web": {"webhooks": {"voice": "https://agents.example.com/voice"}}},
        numbers={first: "web"},
    )
    known = len(list(runner.sandbox.calls))
    runner.plan()
    assert [c.path for c in list(runner.sandbox.calls)[known:] if "Services" in c.path] == []


def test_accepts_the_live_membership_and_the_live_service(runner: CommandRunner) -> None:
    first = numbers(runner)[0]
    number = {"agent": "web", "messaging_service": "alerts"}
    runner.declare(
        agents={"web": {"webhooks": {"voice": "https://agents.example.com/voice"}}},
        messaging_services={"alerts": {"inbound": INBOUND, "sticky_sender": True}},
        numbers={first: number},
    )
    runner.apply()
    (service,) = services(runner)
    live = "https://live.example.net/sms"
    form = {"InboundRequestUrl": live, "InboundMethod": "GET", "StickySender": "false"}
    ask(runner.sandbox, "POST", f"/v1/Services/{service['sid']}", form=form)
    theirs = make_service(runner)
    take_out(runner, service["sid"], first)
    add(runner, theirs, first)
    runner.run("drift", "--accept", "*")
    text = (runner.folder / "reconciler.yaml").read_text(encoding="utf-8")
    assert theirs in text
    assert live in text
    assert runner.plan() == []

    runner.apply()
    take_out(runner, theirs, first)
    runner.run("drift", "--accept", "*")
    assert "messaging_service:" not in (runner.folder / "reconciler.yaml").read_text("utf-8")


def test_accepts_that_numbers_answer_their_messages_themselves(runner: CommandRunner) -> None:
    runner.declare(messaging_services={"alerts": {"inbound": INBOUND}})
    runner.apply()
    (service,) = services(runner)
    form = {"UseInboundWebhookOnNumber": "true"}
    ask(runner.sandbox, "POST", f"/v1/Services/{service['sid']}", form=form)
    runner.run("drift", "--accept", "messaging_service/alerts")
    text = (runner.folder / "reconciler.yaml").read_text(encoding="utf-8")
    assert "use_number_webhook: true" in text
    assert "inbound" not in text
    assert runner.plan() == []


def test_list_and_show_name_who_answers_messages(runner: CommandRunner) -> None:
    first, second = numbers(runner)[:2]
    runner.declare(
        agents={"web": {"webhooks": {"sms": "https://agents.example.com/own"}}},
        messaging_services={
            "alerts": {"inbound": INBOUND},
            "own": {"use_number_webhook": True},
        },
        numbers={
            first: {"agent": "web", "messaging_service": "alerts"},
            second: {"agent": "web", "messaging_service": "own"},
        },
    )
    plan = runner.json("plan")
    hidden = [d["address"] for d in plan["diagnostics"] if d["code"] == "sms_hidden_by_service"]
    assert hidden == [f"number/{first}"]
    notes = {a["address"]: a["note"] for a in plan["actions"] if a["action"] == "update"}
    assert notes[f"number/{first}"] == f"{INBOUND} answers its messages"
    assert notes[f"number/{second}"] == "its own SMS route answers its messages"
    runner.apply()
    rows = {row["e164"]: row["route"]["sms"] for row in runner.json("list")["numbers"]}
    assert rows[first] == f"webhook {INBOUND}, by messaging service alerts"
    assert rows[second] == "webhook https://agents.example.com/own"
    assert "messaging_service: alerts" in runner.run("show", f"number/{first}")
    assert "messaging_service/alerts" in runner.run("show", "messaging_service/alerts")
    assert "messaging service" in runner.run("graph", "--format", "mermaid")


def export(runner: CommandRunner) -> str:
    """Export the account, and make the result the configuration. Return it."""
    runner.declare(numbers={})
    runner.run("export", "--out", "exported.yaml")
    text = (runner.folder / "exported.yaml").read_text(encoding="utf-8")
    runner.declare(include=["exported.yaml"])
    return text


def test_export_writes_services_and_their_numbers(runner: CommandRunner) -> None:
    first, second, third = numbers(runner)[:3]
    form = {"InboundRequestUrl": INBOUND, "InboundMethod": "GET", "StickySender": "false"}
    alerts = make_service(runner, FriendlyName="Alerts", **form)
    own = make_service(runner, FriendlyName="Own", UseInboundWebhookOnNumber="true")
    twin = make_service(runner, FriendlyName="Twin", InboundRequestUrl=INBOUND)
    make_service(runner, FriendlyName="Twin", InboundRequestUrl=INBOUND)
    add(runner, alerts, first)
    add(runner, own, second)
    add(runner, twin, third)
    text = export(runner)
    assert "sticky_sender: false" in text
    assert f"messaging_service: {twin}" in text
    document = runner.json("plan")
    assert {a["action"] for a in document["actions"]} == {"import"}
    addresses = {a["address"] for a in document["actions"]}
    assert {"messaging_service/alerts", "messaging_service/own"} <= addresses
    runner.apply()
    assert runner.plan() == []
    assert members(runner, alerts) == [first]


@pytest.mark.parametrize("label", ["", "${x}", "a: b # c", "‮evil", "x" * 64, '"\n- {', "é" * 30])
def test_export_of_a_service_with_a_hostile_name_only_imports(
    runner: CommandRunner, label: str
) -> None:
    first = numbers(runner)[0]
    sid = make_service(runner, FriendlyName="Theirs", InboundRequestUrl=INBOUND)
    edit(runner, sid, {"friendly_name": label})
    add(runner, sid, first)
    export(runner)
    assert {a["action"] for a in runner.json("plan")["actions"]} == {"import"}
    assert runner.apply() == []


def test_export_says_that_it_lacks_services(runner: CommandRunner) -> None:
    refusal = Refuse(method="GET", path="/v1/Services", code=20403, message="Forbidden", status=403)
    runner.sandbox.faults.add(refusal)
    runner.declare(numbers={})
    document = runner.json("export")
    assert [d["code"] for d in document["diagnostics"]] == ["services_unreadable"]


def test_export_writes_what_looks_like_a_variable_as_text(runner: CommandRunner) -> None:
    """Of applications and trunks as well: all texts of an export pass through one place."""
    menu = runner.make_application(FriendlyName="Menu ${x}", VoiceUrl=f"{INBOUND}?a=${{y}}")
    first = runner.sandbox.world.number(numbers(runner)[0])
    runner.sandbox.edit(first.sid, {"voice_application_sid": menu})
    assert "$${x}" in export(runner)
    assert {a["action"] for a in runner.json("plan")["actions"]} == {"import"}
    assert runner.apply() == []
