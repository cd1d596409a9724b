"""Rules of Twilio's webhook configuration: what they apply to, the overrides they replace, and when they are read."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.sandbox.faults.rules import Refuse
from tests.support.command_runner import CommandRunner

VOICE = "https://agents.example.com/voice"
SETTING = "webhooks_setting_" + "1" * 26
SYSTEM = "webhooks_setting_" + "2" * 26
CONNECTION = {"connectTimeoutMs": 500, "readTimeoutMs": 1000, "totalTimeoutMs": 5000}
PATHS = ("/v1/Webhooks/Rules", "/v1/Webhooks/Settings")


def rule(match_type: str = "DEFAULT", setting: str = SETTING, **fields: str) -> dict[str, Any]:
    settings = [{"settingId": setting, "percentage": 100}]
    return {"match_type": match_type, "settings": settings, **fields}


def configure(runner: CommandRunner, *rules: dict[str, Any], **setting: Any) -> None:
    """Give the account these rules, and a setting of its own beside one of Twilio's."""
    own = {"sid": SETTING, "friendly_name": "Fast", "connection": CONNECTION, **setting}
    runner.sandbox.world.extend(
        {
            "format": 1,
            "webhook_settings": [own, {"sid": SYSTEM, "type": "SYSTEM"}],
            "webhook_rules": list(rules),
        }
    )


def declare(runner: CommandRunner, url: str, *, check: bool = False) -> list[str]:
    """Declare all numbers with this voice URL. Return the numbers."""
    numbers = sorted(n.phone_number for n in runner.sandbox.world.numbers)
    runner.declare(
        agents={"web": {"webhooks": {"voice": url}}}, numbers=dict.fromkeys(numbers, "web")
    )
    if check:
        file = runner.folder / "reconciler.yaml"
        text = file.read_text(encoding="utf-8")
        switched = text.replace("    base_url:", "    check_webhook_rules: true\n    base_url:")
        file.write_text(switched, encoding="utf-8")
    return numbers


def found(runner: CommandRunner, *args: str) -> dict[str, dict[str, Any]]:
    """The diagnostics about rules, by code."""
    document = runner.json(*(args or ("plan",)))
    return {d["code"]: d for d in document["diagnostics"] if d["code"].startswith("webhook_")}


def asked(runner: CommandRunner) -> list[str]:
    return [call.path for call in runner.sandbox.calls if call.path in PATHS]


def test_an_ordinary_plan_reads_no_rules(runner: CommandRunner) -> None:
    configure(runner, rule())
    declare(runner, VOICE)
    assert found(runner) == {}
    runner.apply("--allow-takeover=*")
    assert found(runner) == {}
    assert asked(runner) == []


def test_a_rule_that_replaces_overrides_is_a_warning(runner: CommandRunner) -> None:
    configure(runner, rule("PREFIX_MATCH", prefix="https://agents.example.com/"))
    numbers = declare(runner, f"{VOICE}#ct=2000&rc=3&e=dublin")
    problems = found(runner)
    detail = problems["webhook_fragment_overridden"]["detail"]
    assert "`ct`, `rc` has no effect" in detail
    assert "`e`" not in detail, "the setting has no edge zones"
    assert all(f"number/{number}" in detail for number in numbers)
    assert problems["webhook_fragment_overridden"]["severity"] == "warning"
    assert "`Fast`" in problems["webhook_rule_applies"]["detail"]
    assert asked(runner) == list(PATHS)


def test_twilios_own_setting_leaves_overrides_in_effect(runner: CommandRunner) -> None:
    configure(runner, rule(setting=SYSTEM))
    declare(runner, f"{VOICE}#ct=2000")
    assert found(runner).keys() == {"webhook_rule_applies"}


def test_an_account_that_asks_for_it_is_read_without_overrides(runner: CommandRunner) -> None:
    configure(runner, rule("EXACT_MATCH", value=VOICE))
    declare(runner, VOICE, check=True)
    assert found(runner).keys() == {"webhook_rule_applies"}


def test_an_account_without_rules_costs_one_call(runner: CommandRunner) -> None:
    declare(runner, f"{VOICE}#ct=2000")
    assert found(runner) == {}
    assert asked(runner) == [PATHS[0]]


@pytest.mark.parametrize(("status", "code"), [(404, 20404), (403, 20403), (401, 20003)])
@pytest.mark.parametrize("check", [False, True])
def test_rules_that_cannot_be_read_are_unknown_and_cost_one_call(
    runner: CommandRunner, status: int, code: int, check: bool
) -> None:
    fault = Refuse(status=status, code=code, method="GET", path="/v1/Webhooks/*")
    runner.sandbox.faults.add(fault)
    declare(runner, f"{VOICE}#ct=2000", check=check)
    problems = found(runner)
    assert problems.keys() == {"webhook_rules_unknown"}
    severity = problems["webhook_rules_unknown"]["severity"]
    assert severity == ("warning" if check else "info")
    assert asked(runner) == [PATHS[0]]


def test_lint_reads_them_only_when_it_is_told_to(runner: CommandRunner) -> None:
    configure(runner, rule())
    declare(runner, f"{VOICE}#rt=2000")
    assert found(runner, "lint") == {}
    assert asked(runner) == []
    assert found(runner, "lint", "--check-webhook-rules").keys() == {
        "webhook_rule_applies",
        "webhook_fragment_overridden",
    }
