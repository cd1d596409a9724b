"""The process of a stack is forked with all that its command needs: it imports nothing itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.fleet.job import Job
from reconciler.fleet.processes import choose_context
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.twilio.accounts import SANDBOX_TOKEN
from tests.support.command_runner import AGENT, CommandRunner, empty_world

from .targets import list_imports

COMMANDS = [("plan",), ("drift",), ("apply", "--auto-approve")]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_process_of_a_stack_imports_nothing(tmp_path: Path, words: tuple[str, ...]) -> None:
    with Sandbox(empty_world(numbers=1)) as sandbox:
        runner = CommandRunner(tmp_path, sandbox)
        (number,) = [each.phone_number for each in sandbox.world.numbers]
        runner.declare(agents={"support": {"webhooks": AGENT}}, numbers={number: "support"})
        runner.run("apply", "--auto-approve", "--allow-takeover")
        job = Job(name="one", directory=tmp_path, file="reconciler.yaml", words=words, row=None)
        context = choose_context("reconciler.cli.stack_process")
        if context.get_start_method() != "forkserver":
            pytest.skip("processes are not forked here")

        given = (job, str(tmp_path), {"SANDBOX_TOKEN": SANDBOX_TOKEN})
        process = context.Process(target=list_imports, args=given)
        process.start()
        process.join(60)
    code, *imported = (tmp_path / "imports").read_text().splitlines()
    assert (code, imported) == ("0", [])
