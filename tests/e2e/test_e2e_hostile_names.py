"""Text from Twilio reaches a log of GitHub Actions as text only: no command of the runner, no invisible character."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.faults import rules
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from tests.support.processes.process_runner import AGENT, Running
from tests.support.processes.sandbox_runner import SandboxRunner

from ..authoring.test_output_paths import commands

SID, TOKEN = "AC" + "3c" * 16, "pl4nted-token"
KNOWN, FOREIGN = "+15550100101", "+15550100102"
HOSTILE = (
    "##[error]a\n::stop-commands::b\r\n  ::error::c\x1b[31md\xade\u202ef\u200bg\u2028::h\x85::i"
)
DANGEROUS = ("Cc", "Cf", "Zl", "Zp")
SEED = {
    "format": 1,
    "accounts": [{"sid": SID, "auth_token": TOKEN, "friendly_name": HOSTILE}],
    "numbers": [
        {
            "phone_number": number,
            "account_sid": SID,
            "friendly_name": HOSTILE,
            "voice_url": "https://old.example.com/",
        }
        for number in (KNOWN, FOREIGN)
    ],
    "trunks": [{"account_sid": SID, "friendly_name": HOSTILE}],
    "applications": [{"account_sid": SID, "friendly_name": HOSTILE}],
}
STEPS: tuple[tuple[str, ...], ...] = (
    ("validate",),
    ("lint",),
    ("graph",),
    ("fmt", "--check"),
    ("doctor",),
    ("export",),
    ("plan",),
    ("plan", "-v"),
    ("plan", "--out", "saved.plan"),
    ("show", "saved.plan"),
    ("apply", "--auto-approve", "--allow-takeover"),
    ("plan", "-v"),
    ("list",),
    ("list", "--unmanaged"),
    ("log",),
    ("log", KNOWN),
    ("show",),
    ("show", f"number/{KNOWN}"),
    ("drift",),
    ("drift", "-v"),
    ("state", "list"),
    ("state", "show", f"number/{KNOWN}"),
    ("state", "history"),
    ("numbers", "search", "--country", "US"),
    ("rollback", "--to", "1", "--auto-approve"),
    ("undo", "--auto-approve"),
    ("release", KNOWN, "--auto-approve"),
    ("state", "mv", f"number/{KNOWN}", f"number/{FOREIGN}"),
    ("state", "rm", f"number/{KNOWN}"),
    ("state", "unlock"),
    ("init", "-C", "fresh", "--from-account"),
)
NOT_TRIED = {
    "completion": "prints a script of its own",
    "demo": "has a test of its own",
    "explain": "prints texts of the package alone",
    "fleet apply": "reports what the command of a stack printed, which is tried above",
    "fleet drift": "as fleet apply",
    "fleet init": "prints the names of its files, and stack names, which have letters and digits only",
    "fleet list": "as fleet apply",
    "fleet plan": "as fleet apply",
    "fleet validate": "as fleet apply",
    "fleet status": "as fleet apply",
    "fleet cancel": "as fleet apply",
    "worker": "serves until it is ended",
    "mcp": "serves until its client ends; has tests of its own",
    "sandbox": "serves until it is ended",
    "schema": "prints a document of its own",
    "state pull": "prints the JSON of the state for programs",
    "state push": "reads a file of the user and prints nothing of Twilio's",
    "state repair": "needs a damaged state",
}


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[SandboxRunner]:
    with Sandbox(World.from_seed(SEED)) as sandbox:
        made = SandboxRunner(tmp_path / "work", sandbox)
        (made.folder / "fresh").mkdir()
        made.declare(
            accounts={"main": made.account(SID, TOKEN)},
            agents={"support": {"webhooks": AGENT}},
            numbers={KNOWN: {"agent": "support", "friendly_name": "Support"}},
        )
        yield made


def harmful(text: str) -> list[str]:
    """The lines that a runner obeys, or that show something else than they hold."""
    found = [
        line
        for line in re.split(r"[\r\n\v\f\x85\u2028\u2029]", text)
        if line.lstrip().startswith("::")
    ]
    found += [line for line in text.split("\n") if "##[" in line]
    return found + [
        line
        for line in text.split("\n")
        if any(unicodedata.category(char) in DANGEROUS for char in line.replace("\t", " "))
    ]


def check(runner: SandboxRunner, *args: str) -> str:
    """Run a command as in GitHub Actions; return its output."""
    environ = {**runner.environ, "GITHUB_ACTIONS": "true"}
    done = Running(args, runner.folder, environ).done()
    assert "internal_error" not in done.text, (args, done.text)
    assert harmful(done.out) == [], args
    assert harmful(done.err) == [], args
    return str(done.text)


def test_no_name_on_twilio_reaches_the_runner(runner: SandboxRunner) -> None:
    shown = "".join(check(runner, *step) for step in STEPS)
    assert shown.count("stop-commands") > 3, "the names are shown at all"


def test_no_message_of_a_refusal_reaches_the_runner(runner: SandboxRunner) -> None:
    for method in ("GET", "write"):
        runner.sandbox.faults.clear()
        runner.sandbox.faults.add(rules.Refuse(message=HOSTILE, method=method))
        for step in (
            ("plan",),
            ("apply", "--auto-approve", "--allow-takeover"),
            ("drift",),
            ("doctor",),
            ("export",),
        ):
            check(runner, *step)


def test_the_demo_writes_no_command(runner: SandboxRunner) -> None:
    check(runner, "demo")


def test_every_command_is_tried() -> None:
    tried = {" ".join(step[:length]) for step in STEPS for length in (1, 2)}
    for name, _ in commands():
        assert name in tried or name in NOT_TRIED, name
