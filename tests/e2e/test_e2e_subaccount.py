"""A parent account, its subaccount, and whose credentials reach what."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World

from .play import Play
from .stage import AGENT

PARENT, CHILD = "AC" + "1a" * 16, "AC" + "2b" * 16
PARENT_TOKEN, CHILD_TOKEN = "pl4nted-parent-token", "pl4nted-child-token"
MAIN_KEY = "SK" + "3c" * 16
OF_PARENT, OF_CHILD = "+15550100101", "+15550100102"
SEED = {
    "format": 1,
    "accounts": [
        {"sid": PARENT, "auth_token": PARENT_TOKEN},
        {"sid": CHILD, "auth_token": CHILD_TOKEN, "owner_account_sid": PARENT},
    ],
    "api_keys": [{"sid": MAIN_KEY, "account_sid": PARENT, "secret": PARENT_TOKEN}],
    "numbers": [
        {"phone_number": OF_PARENT, "account_sid": PARENT},
        {"phone_number": OF_CHILD, "account_sid": CHILD},
    ],
}
AGENTS = {"support": {"webhooks": AGENT}}
NUMBERS = {
    OF_PARENT: {"agent": "support", "account": "main"},
    OF_CHILD: {"agent": "support", "account": "emea"},
}


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    with Sandbox(World.from_seed(SEED)) as sandbox:
        yield Play(tmp_path / "work", sandbox)


def test_numbers_of_parent_and_subaccount_are_applied_with_one_token(play: Play) -> None:
    main = play.account(PARENT, PARENT_TOKEN)
    play.declare(
        accounts={"main": main, "emea": {**main, "sid": CHILD, "parent": PARENT}},
        agents=AGENTS,
        numbers=NUMBERS,
    )
    assert play.apply()["failed_count"] == 0
    play.settled()
    for e164 in (OF_PARENT, OF_CHILD):
        assert play.sandbox.world.number(e164).voice_url == AGENT["voice"]
    play.sandbox.edit(OF_CHILD, {"voice_url": "https://other.example.org/voice"})
    assert [d["address"] for d in play.json("drift", code=2)["drifted"]] == [f"number/{OF_CHILD}"]


def test_a_parents_token_without_the_parents_name_is_refused_by_twilio(play: Play) -> None:
    emea = play.account(CHILD, PARENT_TOKEN)
    play.declare(accounts={"emea": emea}, agents=AGENTS, numbers={OF_CHILD: "support"})
    assert play.run("plan", "--json", code=1).codes == ["twilio_auth_failed"]


def test_a_trunk_in_a_subaccount_needs_the_subaccounts_own_credentials(play: Play) -> None:
    trunks = {"edge": {"domain": "acme-edge.pstn.twilio.com"}}
    by_parent = play.account(CHILD, PARENT_TOKEN, parent=PARENT)
    play.declare(accounts={"emea": by_parent}, trunks=trunks)
    refused = play.run("validate", "--json", code=3)
    assert refused.codes == ["subaccount_credentials"]
    assert refused.json["diagnostics"][0]["address"] == "trunk/edge"
    play.declare(accounts={"emea": play.account(CHILD, CHILD_TOKEN)}, trunks=trunks)
    play.apply()
    play.settled()
    assert [trunk.account_sid for trunk in play.sandbox.world.trunks] == [CHILD]


def test_a_parents_key_that_finds_the_parents_trunks_is_found_out(play: Play) -> None:
    """Nobody can tell from a key whose it is; what it finds does."""
    play.declare(
        accounts={"main": play.account(PARENT, PARENT_TOKEN)},
        trunks={"home": {"domain": "home.pstn.twilio.com"}},
    )
    play.apply()
    by_key = {
        "api_key": {"env": "KEY"},
        "api_secret": {"env": "SECRET"},
        "base_url": play.sandbox.base_url,
    }
    play.environ |= {"KEY": MAIN_KEY, "SECRET": PARENT_TOKEN}
    (play.folder / "state.json").unlink()
    shutil.rmtree(play.folder / "state.json.history")
    play.declare(
        accounts={"emea": {"sid": CHILD, **by_key}},
        trunks={"edge": {"domain": "edge.pstn.twilio.com"}},
    )
    done = play.run("plan", "--json", code=1)
    assert done.codes == ["twilio_wrong_account"]
    assert PARENT in done.json["diagnostics"][0]["detail"]


def test_a_trunk_that_was_made_in_the_parent_is_named(play: Play) -> None:
    """An empty account says nothing about whose it is, so the first create does."""
    play.environ |= {"KEY": MAIN_KEY, "SECRET": PARENT_TOKEN}
    by_key = {
        "api_key": {"env": "KEY"},
        "api_secret": {"env": "SECRET"},
        "base_url": play.sandbox.base_url,
    }
    play.declare(
        accounts={"emea": {"sid": CHILD, **by_key}},
        trunks={"edge": {"domain": "edge.pstn.twilio.com"}},
    )
    errors = play.apply(code=1)["errors"]
    (trunk,) = play.sandbox.world.trunks
    assert [error["code"] for error in errors] == ["twilio_wrong_account"]
    assert trunk.sid in errors[0]["message"]
