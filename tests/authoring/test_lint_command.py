"""What a rule of level error or a policy refuses: exit 4 everywhere, and not one write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from reconciler.schemas import SCHEMAS

from .command import run

HEAD = "version: 1\nproject: acme\nagents: {support: {webhooks: {voice: http://agents.example.com/voice}}}\n"
DECLARED = "{agent: support, takeover: allow}"
NUMBERS = f'numbers:\n  "+15552000000": {DECLARED}\n  "+15552000001": {DECLARED}\n'


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.generate(numbers=3)) as sandbox:
        yield sandbox


def documents(folder: Path, sandbox: Sandbox, *args: str, code: int) -> Any:
    account = sandbox.world.account
    environ = {
        "TWILIO_ACCOUNT_SID": account.sid,
        "TWILIO_AUTH_TOKEN": account.auth_token,
        "TWILIO_BASE_URL": sandbox.base_url,
    }
    document = json.loads(run(folder, *args, "--json", code=code, **environ).stdout)
    Draft202012Validator(SCHEMAS[args[0]]()).validate(document)
    return document


def test_warnings_change_only_the_exit_code_of_strict_lint(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text(HEAD, encoding="utf-8")
    run(tmp_path, "validate")
    document = json.loads(run(tmp_path, "lint", "--json").stdout)
    Draft202012Validator(SCHEMAS["lint"]()).validate(document)
    assert document["summary"] == {"errors": 0, "warnings": 1, "remarks": 3}
    run(tmp_path, "lint", "--strict", code=4)


def test_findings_go_to_stdout_and_errors_to_stderr(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text(HEAD, encoding="utf-8")
    done = run(tmp_path, "lint")
    assert ": warning insecure_url: " in done.stdout
    assert done.stdout.splitlines()[-1] == "Found: 0 errors, 1 warning, 3 remarks."
    assert done.stderr == ""

    (tmp_path / "reconciler.yaml").write_text("version: 1\n", encoding="utf-8")
    done = run(tmp_path, "lint", code=3)
    assert done.stdout == ""
    assert "error missing_field: " in done.stderr


def test_rule_of_level_error_blocks_validate_plan_and_apply(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    (tmp_path / "reconciler.yaml").write_text(
        HEAD + NUMBERS + "lint: {level: {insecure_url: error}}\n", "utf-8"
    )
    for args in (["validate"], ["lint"], ["plan"], ["apply", "--auto-approve"]):
        document = documents(tmp_path, sandbox, *args, code=4)
        (found,) = (d for d in document["diagnostics"] if d["severity"] == "error")
        assert (found["code"], found["line"]) == ("insecure_url", 3)
    assert sandbox.calls.writes == 0


def test_policy_violation_exits_4_and_names_its_line(tmp_path: Path, sandbox: Sandbox) -> None:
    policy = (
        "policies: {owned: {schema: {required: [labels]}, match: '*001', message: Whose is it?}}\n"
    )
    (tmp_path / "reconciler.yaml").write_text(HEAD + NUMBERS + policy, encoding="utf-8")
    done = run(tmp_path, "validate", code=4)
    assert "reconciler.yaml:6:3: error policy_violated" in done.stderr
    assert "Whose is it?" in done.stderr
    documents(tmp_path, sandbox, "apply", "--auto-approve", code=4)
    assert sandbox.calls.writes == 0


def test_plan_policy_checks_the_actions(tmp_path: Path, sandbox: Sandbox) -> None:
    policy = "policies: {still: {kinds: [action], match: '*001', schema: {properties: {action: {const: import}}}}}\n"
    (tmp_path / "reconciler.yaml").write_text(HEAD + NUMBERS + policy, encoding="utf-8")
    run(tmp_path, "validate")
    document = documents(tmp_path, sandbox, "plan", code=4)
    (found,) = (d for d in document["diagnostics"] if d["code"] == "policy_violated")
    assert (found["address"], found["line"]) == ("number/+15552000001", 6)
    assert len(document["actions"]) == 4
    documents(tmp_path, sandbox, "apply", "--auto-approve", code=4)
    assert sandbox.calls.writes == 0
    documents(
        tmp_path, sandbox, "apply", "--auto-approve", "--exclude", "number/+15552000001", code=0
    )
    assert sandbox.calls.writes == 1


def test_the_rules_can_be_listed(tmp_path: Path) -> None:
    out = run(tmp_path, "lint", "--rules").stdout
    assert "tunnel_url (warning): The URL is a temporary tunnel" in out
