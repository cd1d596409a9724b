"""`apply` killed with SIGKILL at any moment, several times in a row: the next one finishes and nothing is lost.

The server says when a call has come and withholds its answer, so a kill hits a known moment: before the call took
effect, or after it. Others follow an answer, so that they hit what the process does with it.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tests.support.processes.http_server import Call
from tests.support.processes.independent_twilio import SIDS as SID_FIELDS
from tests.support.processes.independent_twilio import URLS as URL_FIELDS
from tests.support.processes.process_runner import AGENT, ProcessRunner, Running

VOICE, TRUNKED, ROUTED, BRIDGE, KEPT, OTHER = (
    f"+15550100{n}" for n in (101, 102, 103, 200, 104, 199)
)
PRIOR = {
    "voice_url": "https://pbx.example.net/in",
    "voice_method": "GET",
    "sms_url": "https://pbx.example.net/sms",
}
APPLICATION = {
    "voice_application_sid": "AP" + "7" * 32,
    "voice_url": "https://pbx.example.net/hidden",
}
URLS = ("sip:sbc1.example.com", "sip:sbc2.example.com")
SEED = {VOICE: PRIOR, TRUNKED: PRIOR, ROUTED: APPLICATION, BRIDGE: PRIOR, KEPT: {}, OTHER: PRIOR}


class Moment(NamedTuple):
    """When to kill a run: at its call (or write) of this number, before or after that has taken effect."""

    number: int
    carried_out: bool
    only_writes: bool = False

    def __str__(self) -> str:
        return f"{'after' if self.carried_out else 'before'} {'write' if self.only_writes else 'call'} {self.number}"


class Killing:
    """A runner on which one configuration is applied, however often that is killed on the way."""

    def __init__(self, runner: ProcessRunner) -> None:
        self.runner, self.twilio = runner, runner.twilio
        for e164, fields in SEED.items():
            runner.number(e164, **fields)
        self.seed = {row["phone_number"]: dict(row) for row in self.twilio.numbers.values()}
        by_trunk = {"agent": "support", "trunk": "edge"}
        runner.declare(
            {VOICE: "support", TRUNKED: by_trunk, ROUTED: "support", KEPT: by_trunk},
            trunks={
                "edge": {
                    "domain": "acme-edge.pstn.twilio.com",
                    "origination": [{"sip_url": u} for u in URLS],
                }
            },
            bridge_numbers={BRIDGE: {"voice": "https://agents.example.com/bridge"}},
            safety={"takeover": "allow"},
        )

    def kill_at(self, moment: Moment) -> bool:
        """Kill a run while its call is held; False when it never came to that, and ended well."""
        seen = len(self.twilio.writes if moment.only_writes else self.twilio.calls)

        def wanted(call: Call) -> bool:
            if moment.only_writes:
                return call.writes and len(self.twilio.writes) == seen + moment.number
            return call.number == seen + moment.number

        gate = self.twilio.hold(wanted, carried_out=moment.carried_out)
        running = self.runner.start("apply", "--auto-approve", "--json", "--concurrency", "1")
        running.out.at_end(gate.give_up)
        gate.wait()
        was_held = bool(gate.held)
        if was_held:
            running.process.kill()
        self.end(running)
        gate.open(discard=True)
        self.twilio.quiet()
        return was_held

    def kill_after_answer(self, number: int, seconds: float) -> bool:
        """Kill a run so long after its call of this number has been answered; False when it was quicker."""
        last = len(self.twilio.calls) + number
        running = self.runner.start("apply", "--auto-approve", "--json")

        def answered(call: Call) -> None:
            if call.number == last:
                time.sleep(seconds)
                running.process.send_signal(signal.SIGKILL)

        self.twilio.answered = answered
        code = self.end(running)
        self.twilio.answered = lambda call: None
        self.twilio.quiet()
        return code != 0

    def end(self, running: Running) -> int:
        """The exit code of a run that was killed, or was quick enough."""
        done = running.done()
        assert done.code in (0, -signal.SIGKILL), done
        if done.code == 0:
            self.runner.check(done)
        else:
            self.runner.check_secrets(done.text, "the output")
        return done.code

    def finish(self) -> None:
        """One normal apply, and everything is as it should be."""
        self.runner.run("apply", "--auto-approve", "--json")
        self.check_world()
        self.check_state()

    def check_world(self) -> None:
        (trunk,) = self.twilio.trunks.values()
        assert sorted(row["sip_url"] for row in self.twilio.origination_urls.values()) == list(URLS)
        for e164, field, value in (
            (VOICE, "voice_url", AGENT["voice"]),
            (ROUTED, "voice_url", AGENT["voice"]),
            (ROUTED, "voice_application_sid", ""),
            (BRIDGE, "voice_url", "https://agents.example.com/bridge"),
            (TRUNKED, "trunk_sid", trunk["sid"]),
            (KEPT, "trunk_sid", trunk["sid"]),
            (KEPT, "sms_url", AGENT["sms"]),
        ):
            assert self.twilio.number(e164)[field] == value, (e164, field)
        assert self.twilio.number(OTHER) == self.seed[OTHER]

    def check_state(self) -> None:
        """The first prior values of every number, and nothing under two addresses."""
        # A call of a killed run that takes effect only after the next run has looked makes a second child. That is
        # deleted as an unlisted one, and its entry stays, to notice when somebody makes it again.
        resources: dict[str, Any] = {}
        for address, entry in self.runner.state.items():
            if not entry.get("deleted"):
                resources[address] = entry
        assert len({entry["sid"] for entry in resources.values()}) == len(resources) == 8
        for address, entry in resources.items():
            if entry["kind"] in ("number", "bridge_number"):
                row = self.seed[address.partition("/")[2]]
                parts = (
                    ("voice",) if entry["kind"] == "bridge_number" else ("voice", "sms", "status")
                )
                was = {
                    field: row[field]
                    for field in (*URL_FIELDS, *SID_FIELDS)
                    if field.startswith(parts)
                }
                prior = entry.get("prior", {})
                assert {field: prior.get(field) or "" for field in was} == was
                assert all(value in (row[field], None) for field, value in prior.items())
            assert not entry.get("pending"), "the journal has been folded"


@pytest.fixture
def killing(runner: ProcessRunner) -> Killing:
    return Killing(runner)


@pytest.mark.parametrize("number", [2, 3, 4, 5, 6, 7, 9, 10, 12, 15])
def test_run_killed_at_a_call_is_finished_by_the_next(killing: Killing, number: int) -> None:
    """Three kills in a row: a first run at one of its calls, and then others at writes that are still to be done."""
    carried_out = bool(number % 2)
    moments = [
        Moment(number, carried_out),
        Moment(1, not carried_out, only_writes=True),
        Moment(2, carried_out, only_writes=True),
    ]
    for moment in moments:
        if not killing.kill_at(moment):
            break
    killing.finish()


def killed_in_a_row(kill: Callable[[int], bool], numbers: range) -> int:
    """How many runs were killed, one after the other, before one was through."""
    return next((turn for turn, number in enumerate(numbers) if not kill(number)), len(numbers))


@pytest.mark.parametrize("first", [3, 6])
def test_run_killed_after_an_answer_is_finished_by_the_next(killing: Killing, first: int) -> None:
    """With calls side by side, at once after an answer or some milliseconds later: between journal and next call."""
    killed_in_a_row(
        lambda n: killing.kill_after_answer(n, seconds=0.0007 * (n * first % 7)),
        range(first, first + 5),
    )
    killing.finish()
    killing.runner.settled()


def test_run_killed_during_a_release_is_finished_by_the_next(killing: Killing) -> None:
    """Everything is released in the end, whatever number of runs it took; nothing of ours is left, all else is."""
    killing.finish()
    killing.runner.declare({})
    turns = killed_in_a_row(
        lambda n: killing.kill_at(Moment(1, bool(n % 3), only_writes=True)), range(12)
    )
    assert turns > 5
    killing.runner.apply()
    assert {row["phone_number"]: row for row in killing.twilio.numbers.values()} == killing.seed
    assert not killing.twilio.trunks
    assert not killing.twilio.origination_urls
    assert killing.runner.state == {}
    killing.runner.settled()
