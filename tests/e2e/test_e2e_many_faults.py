"""A day on which a third of all calls fails: one apply converges, and nothing is made twice.

A successful answer that cannot be read is requested once more at most, and a create not at all. With such answers one
apply may fail in part; the following ones converge, and still nothing is made twice.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.faults import rules as f
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from tests.support.processes.process_runner import AGENT, Running
from tests.support.processes.sandbox_runner import SandboxRunner

SID, TOKEN = "AC" + "1a" * 16, "pl4nted-token"
NUMBERS = [f"+1555{n:07d}" for n in range(500)]
TRUNKS = ("emea", "amer", "apac")
APPLICATIONS = ("menu", "lobby")
NETWORKS = ["203.0.113.0/28", "198.51.100.7/32"]
PBX = {"username": "pbx", "password": {"env": "PBX_PASSWORD"}}
URLS = [f"sip:sbc{n}.example.com" for n in (1, 2, 3)]
STORM: tuple[f.AnyFault, ...] = (
    f.RateLimit(percent=6),
    f.RateLimit(percent=1, retry_after=1),
    f.ServerError(percent=4),
    f.ServerError(percent=4, carried_out=True),
    f.HtmlPage(percent=3, status=503),
    f.HtmlPage(percent=3, status=502, carried_out=True),
    f.Problem(percent=4),
    f.Drop(percent=5),
    f.Drop(percent=5, carried_out=True),
    f.Hang(percent=1, seconds=0.3, carried_out=True),
    f.NotFound(every=5),
    f.CutBody(percent=6),
    f.SlowBody(percent=3, seconds=0.3),
)
UNREADABLE = (
    f.HtmlPage(percent=4, status=200),
    f.HtmlPage(percent=4, status=200, carried_out=True),
)
"""Pages that look like a success, such as that of a login, before or after the call was carried out."""
MOST_RUNS = 12


MADE = {
    "applications": sorted(APPLICATIONS),
    "ip_access_control_lists": ["offices"],
    "ip_addresses": ["198.51.100.7", "203.0.113.0"],
    "credential_lists": sorted(f"pbx-{name}" for name in TRUNKS),
    "credentials": ["pbx", "pbx", "pbx"],
}
"""Section of a seed → what names its rows."""


def rows(world: World, section: str) -> list[str]:
    """What there is, by its names."""
    return sorted(
        row.get("username") or row.get("ip_address") or row["friendly_name"]
        for row in seed(world)[section]
    )


def seed(world: World) -> dict[str, list[dict[str, str]]]:
    """The whole world."""
    whole: dict[str, list[dict[str, str]]] = json.loads(world.dump())
    return whole


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[SandboxRunner]:
    empty = {
        "format": 1,
        "accounts": [{"sid": SID, "auth_token": TOKEN}],
        "numbers": [{"phone_number": e164, "account_sid": SID} for e164 in NUMBERS],
    }
    with Sandbox(World.from_seed(empty), faults=STORM) as sandbox:
        yield SandboxRunner(tmp_path / "work", sandbox, {"PBX_PASSWORD": "pl4nted-Password1"})


def declare(runner: SandboxRunner) -> None:
    """Every fifth number behind one of three trunks, the others with webhooks."""
    routes = {e164: {"agent": "support"} for e164 in NUMBERS}
    for index, e164 in enumerate(NUMBERS[::5]):
        routes[e164]["trunk"] = TRUNKS[index % 3]
    runner.declare(
        accounts={"main": runner.account(SID, TOKEN)},
        agents={"support": {"webhooks": AGENT}},
        applications={
            name: {"voice": f"https://agents.example.com/{name}"} for name in APPLICATIONS
        },
        trunks={
            name: {
                "domain": f"{name}.pstn.twilio.com",
                "origination": [{"sip_url": url} for url in URLS],
                "ip_access_control_lists": [
                    {"name": "offices", "addresses": [{"cidr": cidr} for cidr in NETWORKS]}
                ],
                "credential_lists": [{"name": f"pbx-{name}", "credentials": [PBX]}],
            }
            for name in TRUNKS
        },
        numbers=routes,
    )


def test_apply_converges_while_a_third_of_all_calls_fails(runner: SandboxRunner) -> None:
    declare(runner)
    applied = runner.apply()
    assert applied["failed_count"] == 0
    assert applied["success_count"] >= len(NUMBERS) + len(TRUNKS) * (1 + len(URLS))

    calls = list(runner.sandbox.calls)
    struck = Counter(name for call in calls for name in call.faults)
    assert set(struck) == {fault.name for fault in STORM}, "every kind of trouble has come"
    failed = [call for call in calls if set(call.faults) - {"slow_body"}]
    assert len(failed) > len(calls) * 0.3

    check_world(runner.sandbox.world)
    runner.sandbox.faults.clear()
    runner.settled()
    assert not (runner.folder / "state.json.journal").exists()


def test_unreadable_successes_only_delay_an_apply(runner: SandboxRunner) -> None:
    declare(runner)
    for fault in UNREADABLE:
        runner.sandbox.faults.add(fault)

    codes = []
    while 0 not in codes and len(codes) < MOST_RUNS:
        done = Running(("apply", "--auto-approve", "--json"), runner.folder, runner.environ).done()
        assert "internal_error" not in done.text, done.text
        codes.append(done.code)
    assert codes[-1] == 0, codes
    assert set(codes) <= {0, 1, 5}, codes
    assert any(call.status == 200 and "html_page" in call.faults for call in runner.sandbox.calls)

    check_world(runner.sandbox.world)
    runner.sandbox.faults.clear()
    runner.settled()


def check_world(world: World) -> None:
    """Twilio is as declared, and holds each thing once."""
    trunks = {trunk.domain_name: trunk.sid for trunk in world.trunks}
    assert sorted(trunks) == sorted(f"{name}.pstn.twilio.com" for name in TRUNKS)
    assert len(list(world.trunks)) == len(TRUNKS), "no trunk is made twice"
    urls = Counter((url.trunk_sid, url.sip_url) for url in world.origination_urls)
    assert urls == {(sid, url): 1 for sid in trunks.values() for url in URLS}, (
        "no origination URL is made twice"
    )
    assert {name: rows(world, name) for name in MADE} == MADE, (
        "no application, list or member is made twice"
    )
    assert [
        (len(row["ip_access_control_lists"]), len(row["credential_lists"]))
        for row in seed(world)["trunks"]
    ] == [(1, 1)] * len(TRUNKS)
    for index, e164 in enumerate(NUMBERS):
        number = world.number(e164)
        expected = trunks[f"{TRUNKS[index // 5 % 3]}.pstn.twilio.com"] if index % 5 == 0 else None
        assert (number.trunk_sid or None, number.sms_url) == (expected, AGENT["sms"])
        assert expected or number.voice_url == AGENT["voice"]


def test_stops_calling_a_service_that_always_fails(runner: SandboxRunner) -> None:
    """Read well, then broken for every write: nothing is done, and nobody asks thousands of times."""
    declare(runner)
    runner.sandbox.faults.clear()
    runner.sandbox.faults.add(f.HtmlPage(status=503, method="write"))
    failed = runner.apply("--concurrency", "100", code=5)
    assert {o["action"] for o in failed["outcomes"] if o["status"] == "applied"} == {"import"}, (
        "no call is needed"
    )
    assert {error["code"] for error in failed["errors"]} == {
        "twilio_unavailable",
        "dependency_failed",
    }
    assert runner.sandbox.calls.writes < 3 * len(NUMBERS), "twelve attempts each would be 6,000"
    runner.sandbox.faults.clear()
    runner.apply()
    runner.settled()
