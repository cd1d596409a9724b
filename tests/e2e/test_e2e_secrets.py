"""Planted passwords appear nowhere, however things fail: not on a stream, in a traceback, in state, journal or plan.

What every command leaves behind is searched for them in `process_runner`; here are the ways to fail that could let one slip.
"""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from reconciler.report.formats.registry import FORMATS
from tests.support.processes.http_server import Body, Call, Refusal
from tests.support.processes.independent_twilio import IndependentTwilio
from tests.support.processes.process_runner import AC, TOKEN, ProcessRunner

ONE = "+15550100101"
ECHO = f"no: {TOKEN} / Basic {base64.b64encode(f'{AC}:{TOKEN}'.encode()).decode()}"


class Gossip(IndependentTwilio):
    """A server that repeats the password in what it says, or says what makes no sense."""

    def __init__(self) -> None:
        super().__init__()
        self.wall: Refusal | None = Refusal(400, 20001, ECHO)
        self.reads = False

    def carry_out(self, call: Call, account: str) -> tuple[int, Body]:
        if self.wall is not None and (call.writes or self.reads):
            raise self.wall
        if self.wall is None and call.path == "/v1/Trunks":
            return 200, {"meta": {}, "trunks": [{"friendly_name": TOKEN}]}
        return super().carry_out(call, account)


def test_does_not_quote_a_response_that_repeats_the_password(tmp_path: Path) -> None:
    with Gossip() as gossip:
        runner = ProcessRunner(tmp_path / "work", gossip)
        runner.number(ONE)
        runner.declare({ONE: "support"}, trunks={"edge": {"friendly_name": "Edge"}})
        runner.run("plan", "--out", "plan.bin")
        runner.run("apply", "--auto-approve", "-vv", "--json", code=5)
        runner.run("apply", "--auto-approve", "-v", code=1)
        gossip.reads = True
        runner.run("drift", "-vv", "--json", code=1)
        gossip.wall = Refusal(401, 20003, ECHO)
        assert "twilio_auth_failed" in runner.run("plan", "-vv", code=1).err
        gossip.wall = None
        assert "base_url" in runner.run("plan", "-vv", code=1).err, (
            "a malformed row is an error with its cure"
        )


def test_killed_run_leaves_no_secret_in_its_journal(runner: ProcessRunner) -> None:
    runner.number(ONE)
    runner.declare({ONE: "support"})
    gate = runner.twilio.hold(lambda call: call.writes)
    running = runner.start("apply", "--auto-approve", "-vv")
    gate.wait()
    running.kill()
    assert (runner.folder / "state.json.journal").exists()
    runner.check(running.done())


def test_a_password_in_a_base_url_is_neither_sent_nor_shown(runner: ProcessRunner) -> None:
    runner.number(ONE)
    runner.plant("someone", "pl4nted-in-url")
    url = runner.twilio.url.replace("http://", "http://someone:pl4nted-in-url@")
    account = {"sid": AC, "auth_token": {"env": "MAIN_TOKEN"}, "base_url": url}
    runner.declare({ONE: "support"}, accounts={"main": account})
    (runner.folder / "reconciler.yaml").rename(runner.folder.parent / "elsewhere.yaml")
    runner.run("plan", "-f", "../elsewhere.yaml", "-vv", "--out", "plan.bin")
    assert {call.user for call in runner.twilio.calls} == {AC}


USERINFO, QUERY = "pl4nted-userinfo", "pl4nted-query"
TOKENS = {
    "voice_url": f"https://pbx:{USERINFO}@pbx.example.net/in?region=eu&token={QUERY}",
    "sms_url": f"https://pbx.example.net/sms?api_key={QUERY}",
}
OTHERS = f"https://colleague.example.net/x?sig={QUERY}"


def shown(runner: ProcessRunner, *args: str, code: int) -> str:
    """What a command prints; no planted credential may be in it."""
    done = runner.run(*args, code=code)
    assert USERINFO not in done.text, done.text
    assert QUERY not in done.text, done.text
    return done.text


def test_masks_credentials_in_urls_and_restores_them_unchanged(
    runner: ProcessRunner,
) -> None:
    """Every command in both formats, at every verbosity; plans compare and state keeps the whole values."""
    runner.number(ONE, **TOKENS)
    runner.declare({ONE: "support"})
    for how in ([], ["--json"], ["-vv"]):
        text = shown(runner, "plan", "--out", "plan.bin", *how, code=0)
        assert "credentials_in_state" in text
        assert f"number/{ONE}" in text
        assert "token=***" in text
        assert "region=eu" in text
        shown(runner, "show", "plan.bin", *how, code=0)
        shown(runner, "apply", "--auto-approve", *how, code=4)
    shown(runner, "apply", "--auto-approve", "--allow-takeover", "-vv", code=0)
    assert runner.state[f"number/{ONE}"]["prior"]["voice_url"] == TOKENS["voice_url"], (
        "whole, or it were lost"
    )
    assert (runner.folder / "state.json").stat().st_mode & 0o777 == 0o600
    runner.twilio.edit(ONE, voice_url=OTHERS)
    for name in FORMATS:
        assert "sig=***" in shown(runner, "drift", "--format", name, code=2), name
        shown(runner, "plan", "--format", name, code=0)
    for how in ([], ["--json"], ["-vv"]):
        assert "sig=***" in shown(runner, "drift", *how, code=2)
        for command in (["show"], ["state", "show"]):
            assert "***" in shown(runner, *command, f"number/{ONE}", *how, code=0)
        shown(runner, "undo", "--dry-run", *how, code=0)
    runner.run("plan", "--out", "plan.bin")
    runner.twilio.edit(ONE, voice_url=OTHERS.replace("/x", "/y"))
    for how in ([], ["--json"], ["-vv"]):
        assert "sig=***" in shown(runner, "apply", "plan.bin", *how, code=4)
    runner.twilio.edit(ONE, voice_url="https://agents.example.com/voice")
    runner.declare({})
    shown(runner, "apply", "--auto-approve", "--force", "--json", code=0)
    row = runner.twilio.number(ONE)
    assert {field: row[field] for field in TOKENS} == TOKENS
    assert "credentials_in_state" not in shown(runner, "plan", code=0), (
        "said when it goes in, not for ever"
    )


def test_plaintext_state_with_credentials_is_refused_unless_permitted(
    runner: ProcessRunner,
) -> None:
    runner.number(ONE, **TOKENS)
    runner.declare({ONE: "support"}, safety={"state_secrets": "refuse", "takeover": "allow"})
    refused = runner.run("apply", "--auto-approve", "--json", code=4)
    assert refused.codes == ["credentials_in_state"]
    assert not (runner.folder / "state.json").exists()
    runner.declare({ONE: "support"}, safety={"state_secrets": "allow", "takeover": "allow"})
    assert runner.run("apply", "--auto-approve", "--json").codes == []


def test_quotes_a_configuration_without_its_secrets(runner: ProcessRunner) -> None:
    url = f"https://agent:{USERINFO}@agents.example.com/voice?password={QUERY}"
    runner.number(ONE)
    runner.declare({ONE: "support"}, agents={"support": {"webhooks": {"voice": url}}})
    for args in (["validate"], ["validate", "--json"], ["plan", "--json"]):
        assert "credentials_in_url" in shown(runner, *args, code=0)
    shown(runner, "plan", code=0)


@pytest.mark.parametrize("name", ["state.json", "state.yaml"])
def test_never_quotes_a_damaged_state(runner: ProcessRunner, name: str) -> None:
    """A URL has come to stand where a name belongs, and the word that would have marked its token is damaged, too."""
    runner.number(ONE, voice_url="https://pbx.example.net/in")
    runner.declare({ONE: {"agent": "support", "takeover": "allow"}}, state=f"./{name}")
    runner.apply()
    path = runner.folder / name
    whole = path.read_text(encoding="utf-8")
    every = (["apply", "--auto-approve"], ["state", "list"], ["drift"], ["doctor"])
    for found, left, commands in (
        ('"sid":"', '"sid:"', ()),
        ('"prior":{', '"prior":{},"https://a:b@x.example/?tok?n=t0ken-in-state":{', every),
    ):
        assert found in whole
        path.write_text(
            whole.replace(found, left).replace("/in", "/?tok?n=t0ken-in-state"), encoding="utf-8"
        )
        for command in (["plan"], ["plan", "--json"], *commands):
            told = runner.run(*command, code=1).text
            assert "state_damaged" in told or "line 2" in told
            assert "t0ken-in-state" not in told
    for form in FORMATS if name == "state.yaml" else ():
        assert "t0ken-in-state" not in runner.run("plan", "--format", form, code=1).text
