"""Every tenth call fails: one apply converges all the same, and nothing is made twice."""

from __future__ import annotations

from itertools import cycle

import pytest

from tests.support.processes.http_server import Call
from tests.support.processes.process_runner import AGENT, ProcessRunner

URLS = [f"sip:sbc{n}.example.com" for n in (1, 2, 3)]
ON_TRUNK = [f"+15550100{n}" for n in range(101, 108)]
ON_WEBHOOKS = [f"+15550100{n}" for n in range(111, 118)]
TROUBLES = {
    "429": ("429",),
    "500": ("500",),
    "500-carried-out": ("500-after",),
    "dropped": ("drop",),
    "dropped-carried-out": ("drop-after",),
    "cut": ("cut-after",),
    "mixed": ("drop-after", "429", "500-after", "503", "drop"),
}


def declare(runner: ProcessRunner) -> None:
    for e164 in (*ON_TRUNK, *ON_WEBHOOKS):
        runner.number(e164)
    by_trunk = {"agent": "support", "trunk": "edge"}
    origination = [{"sip_url": url} for url in URLS]
    runner.declare(
        {**dict.fromkeys(ON_TRUNK, by_trunk), **dict.fromkeys(ON_WEBHOOKS, "support")},
        trunks={"edge": {"domain": "acme-edge.pstn.twilio.com", "origination": origination}},
    )


def in_place(runner: ProcessRunner) -> None:
    (trunk,) = runner.twilio.trunks.values()
    assert sorted(row["sip_url"] for row in runner.twilio.origination_urls.values()) == URLS
    assert {runner.twilio.number(e164)["trunk_sid"] for e164 in ON_TRUNK} == {trunk["sid"]}
    assert {runner.twilio.number(e164)["voice_url"] for e164 in ON_WEBHOOKS} == {AGENT["voice"]}


@pytest.mark.parametrize(
    ("name", "phase"),
    [*((name, 3) for name in TROUBLES), ("500-carried-out", 5), ("dropped-carried-out", 5)],
)
def test_apply_converges_when_every_tenth_call_fails(
    runner: ProcessRunner, name: str, phase: int
) -> None:
    """The third call makes the trunk, the fifth an origination URL: the two that must not be made twice."""
    declare(runner)
    kinds = cycle(TROUBLES[name])
    runner.twilio.trouble = lambda call: next(kinds) if call.number % 10 == phase else None
    applied = runner.apply()
    assert applied["failed_count"] == 0
    in_place(runner)
    assert len([c for c in runner.twilio.calls if c.number % 10 == phase]) >= 3, "there was trouble"


@pytest.mark.parametrize("kind", ["500-after", "drop-after"])
def test_apply_converges_when_every_create_has_trouble(runner: ProcessRunner, kind: str) -> None:
    """Each create takes effect and its answer is lost: what is there is found, not made again."""
    declare(runner)
    troubled: set[str] = set()

    def trouble(call: Call) -> str | None:
        what = call.form.get("SipUrl", call.path)
        if call.method != "POST" or "/v1/Trunks" not in call.path or what in troubled:
            return None
        troubled.add(what)
        return kind

    runner.twilio.trouble = trouble
    runner.apply()
    assert len(troubled) == 4
    in_place(runner)
    runner.settled()
