"""Planted passwords appear nowhere, however things fail: not on a stream, in a traceback, in state, journal or plan.

What every command leaves behind is searched for them in `stage`; here are the ways to fail that could let one slip.
"""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from reconciler.report.formats.registry import FORMATS

from .foreign import Foreign
from .stage import AC, TOKEN, Stage
from .wire import Body, Call, Refusal

ONE = "+15550100101"
ECHO = f"no: {TOKEN} / Basic {base64.b64encode(f'{AC}:{TOKEN}'.encode()).decode()}"


class Gossip(Foreign):
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


def test_a_server_that_repeats_the_password_is_not_quoted(tmp_path: Path) -> None:
    with Gossip() as gossip:
        stage = Stage(tmp_path / "work", gossip)
        stage.number(ONE)
        stage.declare({ONE: "support"}, trunks={"edge": {"friendly_name": "Edge"}})
        stage.run("plan", "--out", "plan.bin")
        stage.run("apply", "--auto-approve", "-vv", "--json", code=5)
        stage.run("apply", "--auto-approve", "-v", code=1)
        gossip.reads = True
        stage.run("drift", "-vv", "--json", code=1)
        gossip.wall = Refusal(401, 20003, ECHO)
        assert "twilio_auth_failed" in stage.run("plan", "-vv", code=1).err
        gossip.wall = None
        assert "base_url" in stage.run("plan", "-vv", code=1).err, (
            "a malformed row is an error with its cure"
        )


def test_a_killed_run_leaves_none_in_its_journal(stage: Stage) -> None:
    stage.number(ONE)
    stage.declare({ONE: "support"})
    gate = stage.twilio.hold(lambda call: call.writes)
    running = stage.start("apply", "--auto-approve", "-vv")
    gate.wait()
    running.kill()
    assert (stage.folder / "state.json.journal").exists()
    stage.check(running.done())


def test_a_password_in_a_base_url_is_neither_sent_nor_shown(stage: Stage) -> None:
    stage.number(ONE)
    stage.plant("someone", "pl4nted-in-url")
    url = stage.twilio.url.replace("http://", "http://someone:pl4nted-in-url@")
    account = {"sid": AC, "auth_token": {"env": "MAIN_TOKEN"}, "base_url": url}
    stage.declare({ONE: "support"}, accounts={"main": account})
    (stage.folder / "reconciler.yaml").rename(stage.folder.parent / "elsewhere.yaml")
    stage.run("plan", "-f", "../elsewhere.yaml", "-vv", "--out", "plan.bin")
    assert {call.user for call in stage.twilio.calls} == {AC}


USERINFO, QUERY = "pl4nted-userinfo", "pl4nted-query"
TOKENS = {
    "voice_url": f"https://pbx:{USERINFO}@pbx.example.net/in?region=eu&token={QUERY}",
    "sms_url": f"https://pbx.example.net/sms?api_key={QUERY}",
}
OTHERS = f"https://colleague.example.net/x?sig={QUERY}"


def shown(stage: Stage, *args: str, code: int) -> str:
    """What a command prints; no planted credential may be in it."""
    done = stage.run(*args, code=code)
    assert USERINFO not in done.text, done.text
    assert QUERY not in done.text, done.text
    return done.text


def test_credentials_in_urls_are_masked_wherever_they_are_shown_and_still_put_back_whole(
    stage: Stage,
) -> None:
    """Every command in both formats, at every verbosity; plans compare and state keeps the whole values."""
    stage.number(ONE, **TOKENS)
    stage.declare({ONE: "support"})
    for how in ([], ["--json"], ["-vv"]):
        text = shown(stage, "plan", "--out", "plan.bin", *how, code=0)
        assert "credentials_in_state" in text
        assert f"number/{ONE}" in text
        assert "token=***" in text
        assert "region=eu" in text
        shown(stage, "show", "plan.bin", *how, code=0)
        shown(stage, "apply", "--auto-approve", *how, code=4)
    shown(stage, "apply", "--auto-approve", "--allow-takeover", "-vv", code=0)
    assert stage.state[f"number/{ONE}"]["prior"]["voice_url"] == TOKENS["voice_url"], (
        "whole, or it were lost"
    )
    assert (stage.folder / "state.json").stat().st_mode & 0o777 == 0o600
    stage.twilio.edit(ONE, voice_url=OTHERS)
    for name in FORMATS:
        assert "sig=***" in shown(stage, "drift", "--format", name, code=2), name
        shown(stage, "plan", "--format", name, code=0)
    for how in ([], ["--json"], ["-vv"]):
        assert "sig=***" in shown(stage, "drift", *how, code=2)
        for command in (["show"], ["state", "show"]):
            assert "***" in shown(stage, *command, f"number/{ONE}", *how, code=0)
        shown(stage, "undo", "--dry-run", *how, code=0)
    stage.run("plan", "--out", "plan.bin")
    stage.twilio.edit(ONE, voice_url=OTHERS.replace("/x", "/y"))
    for how in ([], ["--json"], ["-vv"]):
        assert "sig=***" in shown(stage, "apply", "plan.bin", *how, code=4)
    stage.twilio.edit(ONE, voice_url="https://agents.example.com/voice")
    stage.declare({})
    shown(stage, "apply", "--auto-approve", "--force", "--json", code=0)
    row = stage.twilio.number(ONE)
    assert {field: row[field] for field in TOKENS} == TOKENS
    assert "credentials_in_state" not in shown(stage, "plan", code=0), (
        "said when it goes in, not for ever"
    )


def test_a_state_in_clear_may_be_refused_for_them_or_declared_harmless(stage: Stage) -> None:
    stage.number(ONE, **TOKENS)
    stage.declare({ONE: "support"}, safety={"state_secrets": "refuse", "takeover": "allow"})
    refused = stage.run("apply", "--auto-approve", "--json", code=4)
    assert refused.codes == ["credentials_in_state"]
    assert not (stage.folder / "state.json").exists()
    stage.declare({ONE: "support"}, safety={"state_secrets": "allow", "takeover": "allow"})
    assert stage.run("apply", "--auto-approve", "--json").codes == []


def test_a_configuration_that_holds_them_is_quoted_without(stage: Stage) -> None:
    url = f"https://agent:{USERINFO}@agents.example.com/voice?password={QUERY}"
    stage.number(ONE)
    stage.declare({ONE: "support"}, agents={"support": {"webhooks": {"voice": url}}})
    for args in (["validate"], ["validate", "--json"], ["plan"], ["plan", "--json"]):
        assert "credentials_in_url" in shown(stage, *args, code=0)


@pytest.mark.parametrize("name", ["state.json", "state.yaml"])
def test_a_damaged_state_is_not_quoted_whatever_it_is_called(stage: Stage, name: str) -> None:
    """A URL has come to stand where a name belongs, and the word that would have marked its token is damaged, too."""
    stage.number(ONE, voice_url="https://pbx.example.net/in")
    stage.declare({ONE: {"agent": "support", "takeover": "allow"}}, state=f"./{name}")
    stage.apply()
    path = stage.folder / name
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
            told = stage.run(*command, code=1).text
            assert "state_damaged" in told or "line 2" in told
            assert "t0ken-in-state" not in told
    for form in FORMATS if name == "state.yaml" else ():
        assert "t0ken-in-state" not in stage.run("plan", "--format", form, code=1).text
