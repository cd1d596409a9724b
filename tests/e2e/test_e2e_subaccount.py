"""A parent account, its subaccount, and whose credentials reach what."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from tests.support.processes.process_runner import AGENT
from tests.support.processes.sandbox_runner import SandboxRunner

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
def runner(tmp_path: Path) -> Iterator[SandboxRunner]:
    with Sandbox(World.from_seed(SEED)) as sandbox:
        yield SandboxRunner(tmp_path / "work", sandbox)


def test_numbers_of_parent_and_subaccount_are_applied_with_one_token(runner: SandboxRunner) -> None:
    main = runner.account(PARENT, PARENT_TOKEN)
    runner.declare(
        accounts={"main": main, "emea": {**main, "sid": CHILD, "parent": PARENT}},
        agents=AGENTS,
        numbers=NUMBERS,
    )
    assert runner.apply()["failed_count"] == 0
    runner.settled()
    for e164 in (OF_PARENT, OF_CHILD):
        assert runner.sandbox.world.number(e164).voice_url == AGENT["voice"]
    runner.sandbox.edit(OF_CHILD, {"voice_url": "https://other.example.org/voice"})
    assert [d["address"] for d in runner.json("drift", code=2)["drifted"]] == [f"number/{OF_CHILD}"]


def test_a_parents_token_without_the_parents_name_is_refused_by_twilio(
    runner: SandboxRunner,
) -> None:
    emea = runner.account(CHILD, PARENT_TOKEN)
    runner.declare(accounts={"emea": emea}, agents=AGENTS, numbers={OF_CHILD: "support"})
    assert runner.run("plan", "--json", code=1).codes == ["twilio_auth_failed"]


def test_trunk_in_a_subaccount_needs_the_credentials_of_the_subaccount(
    runner: SandboxRunner,
) -> None:
    trunks = {"edge": {"domain": "acme-edge.pstn.twilio.com"}}
    by_parent = runner.account(CHILD, PARENT_TOKEN, parent=PARENT)
    runner.declare(accounts={"emea": by_parent}, trunks=trunks)
    refused = runner.run("validate", "--json", code=3)
    assert refused.codes == ["subaccount_credentials"]
    assert refused.json["diagnostics"][0]["address"] == "trunk/edge"
    runner.declare(accounts={"emea": runner.account(CHILD, CHILD_TOKEN)}, trunks=trunks)
    runner.apply()
    runner.settled()
    assert [trunk.account_sid for trunk in runner.sandbox.world.trunks] == [CHILD]


def test_detects_a_key_that_lists_the_trunks_of_the_parent(runner: SandboxRunner) -> None:
    """Nobody can tell from a key whose it is; what it finds does."""
    runner.declare(
        accounts={"main": runner.account(PARENT, PARENT_TOKEN)},
        trunks={"home": {"domain": "home.pstn.twilio.com"}},
    )
    runner.apply()
    by_key = {
        "api_key": {"env": "KEY"},
        "api_secret": {"env": "SECRET"},
        "base_url": runner.sandbox.base_url,
    }
    runner.environ |= {"KEY": MAIN_KEY, "SECRET": PARENT_TOKEN}
    (runner.folder / "state.json").unlink()
    shutil.rmtree(runner.folder / "state.json.history")
    runner.declare(
        accounts={"emea": {"sid": CHILD, **by_key}},
        trunks={"edge": {"domain": "edge.pstn.twilio.com"}},
    )
    done = runner.run("plan", "--json", code=1)
    assert done.codes == ["twilio_wrong_account"]
    assert PARENT in done.json["diagnostics"][0]["detail"]


def test_names_a_trunk_created_in_the_parent_account(runner: SandboxRunner) -> None:
    """An empty account says nothing about whose it is, so the first create does."""
    runner.environ |= {"KEY": MAIN_KEY, "SECRET": PARENT_TOKEN}
    by_key = {
        "api_key": {"env": "KEY"},
        "api_secret": {"env": "SECRET"},
        "base_url": runner.sandbox.base_url,
    }
    runner.declare(
        accounts={"emea": {"sid": CHILD, **by_key}},
        trunks={"edge": {"domain": "edge.pstn.twilio.com"}},
    )
    errors = runner.apply(code=1)["errors"]
    (trunk,) = runner.sandbox.world.trunks
    assert [error["code"] for error in errors] == ["twilio_wrong_account"]
    assert trunk.sid in errors[0]["message"]
