"""One world for each reason to refuse an apply: an account, a configuration, and how somebody consents.

`tests/docs/test_refusals.py` compares the codes with the table of refusals in `docs/reference/codes.md`: a new refusal needs a
world here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reconciler.sandbox.faults.rules import Refuse
from tests.support.command_runner import CommandRunner

FOREIGN = "https://pbx.example.net/in"
REAL_TWILIO = "TEST_SANDBOX_COUNTS_AS_TWILIO"
"""A variable by which the tests have the sandbox, on its loopback address, count as the real Twilio."""
Prepare = Callable[[CommandRunner], None]
VOICE, SECOND = "https://agents.example.com/voice", "https://agents.example.com/second"
FIRST, NEW = "+15552000000", "+15550100177"


@dataclass(frozen=True)
class RefusalWorld:
    """`prepare` makes the world; `flags` belong to plan and apply; `consent` lifts the refusal, None: nothing does.

    `plan_exit` is that of a plain `plan`: 4 where no consent on the command line lifts the refusal.
    """

    codes: tuple[str, ...]
    prepare: Prepare
    flags: tuple[str, ...] = ()
    consent: tuple[str, ...] | None = None
    plan_exit: int = 0


def numbers_of(runner: CommandRunner) -> list[str]:
    """The numbers of the account."""
    return sorted(str(number.phone_number) for number in runner.sandbox.world.numbers)


def declare(runner: CommandRunner, numbers: object, voice: str = VOICE, **sections: object) -> None:
    """A configuration with one agent."""
    runner.declare(agents={"support": {"webhooks": {"voice": voice}}}, numbers=numbers, **sections)


def save_as_baseline(runner: CommandRunner) -> None:
    """Keep the configuration that is declared now as `before.yaml`."""
    text = (runner.folder / "reconciler.yaml").read_text(encoding="utf-8")
    (runner.folder / "before.yaml").write_text(text, encoding="utf-8")


def set_foreign_voice(runner: CommandRunner, number: str, url: str = FOREIGN) -> None:
    """Somebody else uses the number."""
    sid = next(n.sid for n in runner.sandbox.world.numbers if n.phone_number == number)
    runner.sandbox.edit(sid, {"voice_url": url})


def with_takeover(runner: CommandRunner) -> None:
    """A foreign webhook on a number that is declared."""
    one = numbers_of(runner)[0]
    set_foreign_voice(runner, one)
    declare(runner, {one: "support"})


def with_takeover_of_baseline(runner: CommandRunner) -> None:
    """The change gives the consent that it needs."""
    one = numbers_of(runner)[0]
    set_foreign_voice(runner, one)
    declare(runner, {})
    save_as_baseline(runner)
    declare(runner, {one: {"agent": "support", "takeover": "allow"}})


def with_purchase(runner: CommandRunner) -> None:
    """A number that is in no account."""
    declare(runner, {NEW: {"agent": "support", "purchase": {"country": "US"}}})


def with_many_purchases(runner: CommandRunner) -> None:
    """One number more than a run may buy."""
    bought = {"agent": "support", "purchase": {"country": "US"}}
    declare(runner, dict.fromkeys((f"+1555010{n:04d}" for n in range(11)), bought))


def with_spending(runner: CommandRunner, amount: float = 1, currency: str = "USD") -> None:
    """A number that costs more than the numbers of a run may cost."""
    bought = {"agent": "support", "purchase": {"country": "US"}}
    declare(runner, {NEW: bought}, safety={"max_spend": {"amount": amount, "currency": currency}})


def with_spending_in_another_currency(runner: CommandRunner) -> None:
    """A number that is paid in dollars, and a limit in yen."""
    with_spending(runner, 10_000, "JPY")


def with_unknown_spending(runner: CommandRunner) -> None:
    """A number whose price cannot be read."""
    with_spending(runner, 1000)
    runner.sandbox.faults.add(
        Refuse(status=404, code=20404, method="GET", path="*/PhoneNumbers/Countries/*")
    )


def with_many_updates(runner: CommandRunner) -> None:
    """All numbers get another webhook."""
    numbers = dict.fromkeys(numbers_of(runner), "support")
    declare(runner, numbers)
    runner.apply()
    declare(runner, numbers, SECOND)


def with_many_removals(runner: CommandRunner) -> None:
    """All numbers but two are no longer declared."""
    numbers = numbers_of(runner)
    declare(runner, dict.fromkeys(numbers, "support"))
    runner.apply()
    declare(runner, dict.fromkeys(numbers[:2], "support"))


def with_many_removals_of_baseline(runner: CommandRunner) -> None:
    """The change raises the limit that it exceeds."""
    numbers = numbers_of(runner)
    declare(runner, dict.fromkeys(numbers, "support"))
    runner.apply()
    save_as_baseline(runner)
    declare(runner, dict.fromkeys(numbers[:2], "support"), safety={"max_removals": "100%"})


def with_protection(runner: CommandRunner) -> None:
    """A protected number is no longer declared."""
    one, two, *_ = numbers_of(runner)
    declare(runner, {one: {"agent": "support", "protect": True}, two: "support"})
    runner.apply()
    declare(runner, {two: "support"})


def with_protection_of_baseline(runner: CommandRunner) -> None:
    """The same, and only the baseline protects it."""
    one, two, *_ = numbers_of(runner)
    declare(runner, {one: "support", two: "support"})
    runner.apply()
    declare(runner, {one: {"agent": "support", "protect": True}, two: "support"})
    save_as_baseline(runner)
    declare(runner, {two: "support"})


def with_policy(runner: CommandRunner) -> None:
    """A policy on declared resources, and one on actions."""
    owned = {"schema": {"required": ["labels"]}, "message": "Name the owner."}
    still = {"kinds": ["action"], "schema": {"properties": {"action": {"const": "import"}}}}
    declare(runner, {numbers_of(runner)[0]: "support"}, policies={"owned": owned, "still": still})


def with_rule_of_level_error(runner: CommandRunner) -> None:
    """A rule of lint that the project raises to an error."""
    voice = "http://agents.example.com/voice"
    declare(
        runner, {numbers_of(runner)[0]: "support"}, voice, lint={"level": {"insecure_url": "error"}}
    )


def with_credentials(runner: CommandRunner) -> None:
    """A password in a URL that would go into the state."""
    one = numbers_of(runner)[0]
    set_foreign_voice(runner, one, f"{FOREIGN}?token=abc")
    declare(
        runner, {one: {"agent": "support", "takeover": "allow"}}, safety={"state_secrets": "refuse"}
    )


def with_credentials_of_baseline(runner: CommandRunner) -> None:
    """The change allows the credentials that it brings."""
    one = numbers_of(runner)[0]
    set_foreign_voice(runner, one, f"{FOREIGN}?token=abc")
    safety: dict[str, Any] = {"state_secrets": "refuse", "takeover": "allow"}
    declare(runner, {}, safety=safety)
    save_as_baseline(runner)
    declare(runner, {one: "support"}, safety={**safety, "state_secrets": "allow"})


def with_lost_state(runner: CommandRunner) -> None:
    """The state file is deleted; its history knows a number that is declared and not targeted."""
    one, two, *_ = numbers_of(runner)
    declare(runner, {one: "support", two: "support"})
    runner.apply()
    declare(runner, {one: "support", two: "support"}, SECOND)
    runner.apply()
    os.unlink(runner.folder / "state.json")


def with_new_state_in_ci(runner: CommandRunner) -> None:
    """The first apply of a project in a CI job, with the state in a file."""
    runner.environ |= {"CI": "true", REAL_TWILIO: "1"}
    declare(runner, {FIRST: "support"})


def with_several(runner: CommandRunner) -> None:
    """A protected number and many others are removed, and a foreign value would be overwritten."""
    first, last, *rest = numbers_of(runner)
    declare(
        runner, {first: {"agent": "support", "protect": True}, **dict.fromkeys(rest, "support")}
    )
    runner.apply()
    set_foreign_voice(runner, last)
    declare(runner, {last: "support"})


WORLDS: dict[str, RefusalWorld] = {
    "takeover": RefusalWorld(("takeover_refused",), with_takeover, consent=("--allow-takeover",)),
    "takeover_of_baseline": RefusalWorld(
        ("takeover_refused",),
        with_takeover_of_baseline,
        ("--baseline", "before.yaml"),
        ("--allow-takeover",),
    ),
    "purchase": RefusalWorld(("purchase_refused",), with_purchase, consent=("--allow-purchase",)),
    "purchases": RefusalWorld(("purchase_refused", "purchases_exceeded"), with_many_purchases),
    "spending": RefusalWorld(("purchase_refused", "spend_exceeded"), with_spending),
    "spending_currency": RefusalWorld(
        ("purchase_refused", "spend_currency"), with_spending_in_another_currency
    ),
    "spending_unknown": RefusalWorld(("purchase_refused", "spend_unknown"), with_unknown_spending),
    "updates": RefusalWorld(("threshold_exceeded",), with_many_updates, consent=("--force",)),
    "removals": RefusalWorld(("threshold_exceeded",), with_many_removals, consent=("--force",)),
    "removals_of_baseline": RefusalWorld(
        ("threshold_exceeded",),
        with_many_removals_of_baseline,
        ("--baseline", "before.yaml"),
        ("--force",),
    ),
    "protection": RefusalWorld(("protected",), with_protection, plan_exit=4),
    "protection_of_baseline": RefusalWorld(
        ("protected",), with_protection_of_baseline, ("--baseline", "before.yaml"), plan_exit=4
    ),
    "policy": RefusalWorld(("policy_violated",), with_policy, plan_exit=4),
    "rule": RefusalWorld(("insecure_url",), with_rule_of_level_error, plan_exit=4),
    "credentials": RefusalWorld(("credentials_in_state",), with_credentials),
    "credentials_of_baseline": RefusalWorld(
        ("credentials_in_state",), with_credentials_of_baseline, ("--baseline", "before.yaml")
    ),
    "lost_state": RefusalWorld(("state_gone",), with_lost_state, ("--target", f"number/{FIRST}")),
    "new_state_in_ci": RefusalWorld(
        ("local_state_in_ci",), with_new_state_in_ci, consent=("--local-state",)
    ),
    "several": RefusalWorld(
        ("protected", "takeover_refused", "threshold_exceeded"), with_several, plan_exit=4
    ),
}


def refusal_codes(document: Any) -> list[str]:
    """The codes of a failed command, each once."""
    return list(
        dict.fromkeys(d["code"] for d in document["diagnostics"] if d["severity"] == "error")
    )


def state_text(runner: CommandRunner) -> str:
    """The state as it is on disk; empty without one."""
    path = runner.folder / "state.json"
    return json.dumps(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else ""
