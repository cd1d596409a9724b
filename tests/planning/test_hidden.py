"""Routes for messages that a messaging service or an application hides."""

from __future__ import annotations

import pytest

from reconciler.model.route import ApplicationRoute, Value
from reconciler.planning.identity.observed import Observed, Service
from reconciler.planning.plan import Plan
from reconciler.planning.planner import plan_resources
from tests.support.memory.memory_runner import MemoryRunner
from tests.support.memory.resources import e164, hook, number, pn, row, world

MENU = "AP" + "1" * 32
THEIRS = Service("MG" + "1" * 32, "Support", "https://service.example.net/in")
SILENT = Service("MG" + "2" * 32, "", "")


def planned(service: Service, sms: Value, voice: Value = None) -> Plan:
    runner = MemoryRunner(world(row(1), row(2), applications=[MENU]))
    desired = [number(1, voice=voice, sms=sms), number(2, voice=voice, sms=sms)]
    observed = runner.observe(desired).with_services({pn(1): service})
    assert isinstance(observed, Observed)
    return plan_resources(desired, {}, observed, ())


@pytest.mark.parametrize("sms", [hook("sms"), ApplicationRoute(MENU)])
def test_reports_a_route_hidden_by_a_service_and_what_answers_instead(sms: Value) -> None:
    (warning,) = planned(THEIRS, sms).diagnostics
    assert (warning.severity, warning.code, warning.address) == (
        "warning",
        "sms_hidden_by_service",
        f"number/{e164(1)}",
    )
    assert (warning.file, warning.line, warning.column) == ("reconciler.yaml", 1, 1)
    assert all(word in warning.detail for word in ("`Support`", THEIRS.sid, THEIRS.url))


def test_a_service_without_a_url_drops_messages() -> None:
    (warning,) = planned(SILENT, hook("sms")).diagnostics
    assert "messages are dropped" in warning.detail
    assert SILENT.sid in warning.detail


@pytest.mark.parametrize(
    ("method", "warnings"), [("POST", 0), ("GET", 1)], ids=["the same way", "by another method"]
)
def test_service_that_calls_the_declared_url_hides_nothing(method: str, warnings: int) -> None:
    same = Service("MG" + "3" * 32, "Same", hook("sms").url, method)
    assert len(planned(same, hook("sms")).diagnostics) == warnings


def test_reports_nothing_for_a_number_without_messages() -> None:
    assert planned(THEIRS, None, hook("a")).diagnostics == ()


def test_action_that_writes_a_hidden_route_has_a_note() -> None:
    with_calls = planned(THEIRS, hook("sms"), hook("a"))
    routes = {a.address: a.route for a in with_calls.actions if a.route is not None}
    words = f"SMS webhook {hook('sms').url}, behind messaging service Support"
    assert routes[f"number/{e164(1)}"].hidden == (words,)
    assert routes[f"number/{e164(2)}"].hidden == ()
    without = [a for a in planned(SILENT, hook("sms")).actions if a.set]
    assert [a.note for a in without] == [
        f"set, but without effect: SMS webhook {hook('sms').url}, behind messaging service {SILENT.sid}",
        None,
    ]


def test_reports_a_url_hidden_by_an_application() -> None:
    runner = MemoryRunner(world(row(1, sms_url="https://old.example.net/s"), applications=[MENU]))
    menu = ApplicationRoute(MENU)
    whole = runner.plan([number(1, voice=menu, sms=menu)]).actions[-1]
    assert whole.route is not None
    assert whole.route.hidden == ("SMS webhook https://old.example.net/s",)
    messages = runner.plan([number(1, sms=menu)]).actions[-1]
    assert (messages.route, messages.note) == (
        None,
        "set, but without effect: SMS webhook https://old.example.net/s",
    )
