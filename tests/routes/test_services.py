"""Messaging services: asked for only where it matters, told where they answer in a number's place."""

from __future__ import annotations

import pytest

from reconciler.sandbox.faults.rules import Refuse, ServerError
from tests.support.workflow_runner import AGENT, ONE, THREE, TWO, WorkflowRunner, world

from .conftest import Make

THEIRS, OPEN = "MG" + "1" * 32, "MG" + "2" * 32
SILENT = "MG" + "3" * 32


def in_services(runner_of: Make) -> WorkflowRunner:
    """One number in a service with a URL, one in a service that uses the number's own, one in a silent one."""
    numbers = [
        {"phone_number": n, "sid": f"PN{i:032x}"} for i, n in enumerate((ONE, TWO, THREE), 1)
    ]
    services = [
        {
            "sid": THEIRS,
            "friendly_name": "Support",
            "inbound_request_url": "https://service.example.net/in",
            "numbers": [numbers[0]["sid"]],
        },
        {"sid": OPEN, "use_inbound_webhook_on_number": True, "numbers": [numbers[1]["sid"]]},
        {"sid": SILENT, "friendly_name": "Silent", "numbers": [numbers[2]["sid"]]},
    ]
    return runner_of(world(*numbers, services=services))


def test_reports_only_the_routes_that_a_service_hides(runner_of: Make) -> None:
    runner = in_services(runner_of)
    runner.declare(dict.fromkeys((ONE, TWO, THREE), "support"))
    planned = runner.plan().plan
    assert [(d.code, d.address) for d in planned.diagnostics] == [
        ("sms_hidden_by_service", f"number/{ONE}"),
        ("sms_hidden_by_service", f"number/{THREE}"),
    ]
    first, last = planned.diagnostics
    assert "https://service.example.net/in" in first.detail
    assert "messages are dropped" in last.detail
    assert first.line is not None
    assert (
        ONE in (runner.folder / "reconciler.yaml").read_text("utf-8").splitlines()[first.line - 1]
    )
    assert not runner.apply().result.failures
    again = runner.plan().plan
    assert again.actions == ()
    assert [d.code for d in again.diagnostics] == ["sms_hidden_by_service"] * 2, (
        "it is dead as long as it is dead"
    )


def test_reads_members_only_of_services_that_can_hide_a_route(runner_of: Make) -> None:
    runner = in_services(runner_of)
    runner.declare({ONE: "support"})
    runner.plan()
    assert {call.path for call in runner.calls("/v1/Services/")} == {
        f"/v1/Services/{THEIRS}/PhoneNumbers",
        f"/v1/Services/{SILENT}/PhoneNumbers",
    }
    runner.apply()
    runner.forget()
    runner.drift()
    assert not runner.calls("/v1/Services"), "drift is about what was applied"


@pytest.mark.parametrize(
    "number",
    [
        {"agent": "support", "manage": ["voice", "status"]},
        {"webhooks": {"voice": AGENT["voice"]}},
        {},
    ],
)
def test_does_not_read_services_without_declared_messages(
    runner_of: Make, number: dict[str, object]
) -> None:
    runner = in_services(runner_of)
    runner.declare({ONE: number})
    assert runner.plan().plan.diagnostics == ()
    assert not runner.calls("/v1/Services")


@pytest.mark.parametrize(("status", "code"), [(401, 20003), (403, 20403)])
def test_key_without_access_to_services_is_one_warning(
    runner_of: Make, status: int, code: int
) -> None:
    runner = in_services(runner_of)
    runner.sandbox.faults.add(Refuse(path="/v1/Services*", status=status, code=code, message="No"))
    runner.declare(dict.fromkeys((ONE, TWO, THREE), "support"))
    planned = runner.plan()
    assert [(d.severity, d.code) for d in planned.notes] == [("warning", "services_unreadable")]
    assert str(code) in planned.notes[0].detail
    assert not runner.apply().result.failures
    assert runner.sandbox.world.number(ONE).sms_url == AGENT["sms"]


def test_unreadable_members_are_one_warning(runner_of: Make) -> None:
    runner = in_services(runner_of)
    runner.sandbox.faults.add(ServerError(path="*/PhoneNumbers", status=501))
    runner.declare({ONE: "support"})
    assert [d.code for d in runner.plan().notes] == ["services_unreadable"]


def test_server_without_the_services_api_gives_no_notes(runner_of: Make) -> None:
    runner = in_services(runner_of)
    runner.sandbox.faults.add(
        Refuse(path="/v1/Services*", status=404, code=20404, message="not found")
    )
    runner.declare({ONE: "support"})
    planned = runner.plan()
    assert (planned.notes, planned.plan.diagnostics) == ((), ())
