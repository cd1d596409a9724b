"""A fleet of subaccounts on the sandbox, through the real command: one listing, the right account for each stack, and no
stack when the listing fails."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from tests.support.processes.sandbox_runner import SandboxRunner

EXAMPLE = Path(__file__).parents[2] / "examples" / "fleet-subaccounts"
ACME, GLOBEX, INITECH = (f"AC{number:032d}" for number in (2, 3, 4))
VOICE = "https://agents.example.com/{}/voice"


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[SandboxRunner]:
    """The example, on a sandbox with its world."""
    folder = tmp_path / "work"
    shutil.copytree(EXAMPLE, folder)
    with Sandbox(World.load(EXAMPLE / "sandbox.json")) as sandbox:
        made = SandboxRunner(folder, sandbox)
        made.environ["TWILIO_AUTH_TOKEN"] = "sandbox-token-not-a-secret"
        text = (folder / "customer.yaml").read_text(encoding="utf-8")
        text = text.replace("http://127.0.0.1:8010", sandbox.base_url)
        (folder / "customer.yaml").write_text(text, encoding="utf-8")
        yield made


def outcomes(document: Any) -> dict[str, str]:
    return {stack["name"]: stack["outcome"] for stack in document["stacks"]}


def listings(runner: SandboxRunner) -> list[str]:
    return [call.path for call in runner.sandbox.calls if call.path.endswith("/Accounts.json")]


def change_account(runner: SandboxRunner, sid: str, **fields: str) -> None:
    account = runner.sandbox.world.accounts.get(sid)
    assert account is not None
    runner.sandbox.world.accounts.change(account, fields)


def test_each_stack_changes_its_own_subaccount(runner: SandboxRunner) -> None:
    applied = runner.json("fleet", "apply", "--auto-approve")
    names = ["acme_corp_00000002", "globex_gmbh_00000003"]
    assert outcomes(applied) == dict.fromkeys(names, "done")
    assert [each["code"] for each in applied["diagnostics"]] == ["subaccounts_left_out"]
    assert "1 suspended (`initech_00000004`)" in applied["diagnostics"][0]["detail"]
    assert len(listings(runner)) == 1
    for number, sid in (("+15550100101", ACME), ("+15550100102", GLOBEX)):
        assert runner.sandbox.world.number(number).voice_url == VOICE.format(sid)

    # A new friendly name is a new name of the stack, with the same state: nothing is applied again.
    change_account(runner, ACME, friendly_name="Globex GmbH")
    numbers = runner.folder / "numbers"
    (numbers / "acme_corp_00000002.yaml").rename(numbers / "globex_gmbh_00000002.yaml")
    planned = runner.json("fleet", "plan", "--detailed-exitcode")
    assert outcomes(planned) == {"globex_gmbh_00000002": "done", "globex_gmbh_00000003": "done"}


def test_a_listing_that_fails_starts_no_stack(runner: SandboxRunner) -> None:
    for sid, status in ((ACME, "closed"), (GLOBEX, "suspended")):
        change_account(runner, sid, status=status)
    assert "no_subaccounts" in runner.run("fleet", "validate", "--json", code=3).codes

    before = len(runner.sandbox.calls)
    wrong = runner.run("fleet", "apply", "--auto-approve", "--json", code=1, TWILIO_AUTH_TOKEN="no")
    assert wrong.codes == ["twilio_auth_failed"]
    assert len(runner.sandbox.calls) == before + 1

    del runner.environ["TWILIO_AUTH_TOKEN"]
    missing = runner.run("fleet", "validate", "--json", code=1)
    assert missing.codes == ["secret_not_found"]
    assert "every command of `fleet` needs" in missing.json["diagnostics"][0]["detail"]
    assert missing.json["diagnostics"][0]["file"] == "customer.yaml"


def test_no_token_goes_to_a_host_that_only_the_files_allow(runner: SandboxRunner) -> None:
    text = (runner.folder / "customer.yaml").read_text(encoding="utf-8")
    host = runner.sandbox.base_url.replace("127.0.0.1", "0.0.0.0")
    changed = text.replace(runner.sandbox.base_url, host, 1)
    (runner.folder / "customer.yaml").write_text(changed, encoding="utf-8")
    refused = runner.run("fleet", "validate", "--json", code=3)
    assert refused.codes == ["host_not_allowed"]
    assert len(runner.sandbox.calls) == 0

    # The same host is reached with consent, so the listing would have been sent.
    consent = ("--allow-host", host)
    assert json.loads(runner.run("fleet", "validate", "--json", *consent).out)["summary"]
    assert len(listings(runner)) == 1
