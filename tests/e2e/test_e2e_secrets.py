"""Planted passwords appear nowhere, however things fail: not on a stream, in a traceback, in state, journal or plan.

What every command leaves behind is searched for them in `stage`; here are the ways to fail that could let one slip.
"""

from __future__ import annotations

import base64
from pathlib import Path

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
        assert "File " in stage.run("plan", "-vv", code=1).err, "a traceback, without the values of anything"


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
