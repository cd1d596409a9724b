"""A call that waits long for another attempt is told of: on a terminal, in a log, beside JSON, and not too often."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.progress import BarProgress, LineProgress, QuietProgress
from reconciler.remote.gateway import Wait
from reconciler.sandbox.faults.rules import RateLimit, ServerError
from reconciler.sandbox.twilio.accounts import SANDBOX_TOKEN
from tests.support.command_runner import AGENT, CommandRunner

TOLD = "main: 429, too many requests; waiting 3 s, then attempt 2 of 12"


def declared(runner: CommandRunner) -> None:
    """Two numbers, and an agent for them."""
    numbers = {
        str(number.phone_number): "support" for number in list(runner.sandbox.world.numbers)[:2]
    }
    runner.declare(agents={"support": {"webhooks": AGENT}}, numbers=numbers)


def asked_to_wait(runner: CommandRunner, method: str) -> None:
    """The next call of this method is answered 429, come back in three seconds."""
    runner.sandbox.faults.add(
        RateLimit(retry_after=3, times=1, method=method, path="*IncomingPhoneNumbers*")
    )


def test_log_shows_a_long_wait_in_one_line(runner: CommandRunner) -> None:
    declared(runner)
    asked_to_wait(runner, "GET")
    assert runner.run("plan").splitlines().count(TOLD) == 1


def test_reports_waits_on_stderr_beside_json(runner: CommandRunner) -> None:
    declared(runner)
    asked_to_wait(runner, "POST")
    out, err = command(runner, "apply", "--auto-approve", "--json", terminal=False)
    assert TOLD in err.splitlines()
    assert json.loads(out)["failed_count"] == 0, "one document, and nothing else"
    assert SANDBOX_TOKEN not in out + err


def test_terminal_shows_a_wait_above_the_progress_bar(runner: CommandRunner) -> None:
    declared(runner)
    asked_to_wait(runner, "POST")
    _, shown = command(runner, "apply", "--auto-approve", "--no-color", terminal=True)
    assert shown.count(TOLD) == 1
    assert "━" in shown, "the bar was there"


def test_does_not_report_short_waits(runner: CommandRunner) -> None:
    declared(runner)
    runner.sandbox.faults.add(ServerError(status=503, times=3))
    assert "waiting" not in runner.run("plan")


def command(runner: CommandRunner, *args: str, terminal: bool) -> tuple[str, str]:
    """What a process says on stdout and on stderr, which is a terminal or a pipe; it must end well."""
    read, write = pty.openpty() if terminal else os.pipe()
    words = [sys.executable, "-m", "reconciler", "-C", str(runner.folder), *args]
    environ = {**os.environ, "SANDBOX_TOKEN": SANDBOX_TOKEN, "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(
        words, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=write
    )
    os.close(write)
    said: list[bytes] = []
    reader = Thread(target=_read, args=(read, said))
    reader.start()
    out, _ = process.communicate(timeout=60)
    reader.join(10)
    os.close(read)
    err = b"".join(said).decode()
    assert process.returncode == 0, err
    return out.decode(), err


def _read(descriptor: int, said: list[bytes]) -> None:
    with suppress(OSError):  # how a terminal ends
        while piece := os.read(descriptor, 65536):
            said.append(piece)


@pytest.mark.parametrize("manner", [QuietProgress, LineProgress, BarProgress])
def test_reports_two_hundred_seconds_of_waiting_in_a_few_lines(
    manner: type[QuietProgress], capsys: pytest.CaptureFixture[str]
) -> None:
    """Eleven waits of twenty seconds, of thirty calls at once: a line when each begins, not thirty."""
    progress = manner(common())
    for number in range(11):
        for call in range(30):
            progress.report_wait(
                Wait("main", 20.0, number + 2, 12, 429, 20.0 * number, 20.0 * number + call / 100)
            )
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 11
    assert (
        lines[-1]
        == "main: 429, too many requests; waiting 20 s, then attempt 12 of 12, 200 s waited before"
    )


def test_reports_short_waits_once_they_add_up(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress, now = LineProgress(common()), 0.0
    for number, seconds in enumerate((0.1, 0.2, 0.4, 0.8, 1.6, 3.2)):
        progress.report_wait(Wait("main", seconds, number + 2, 12, 0, now, now))
        now += seconds
    assert (
        capsys.readouterr().err
        == "main: no answer; waiting 2 s, then attempt 6 of 12, 2 s waited before\n"
    )


def test_reports_waits_of_each_account_separately(capsys: pytest.CaptureFixture[str]) -> None:
    progress = LineProgress(common())
    for name in ("main", "second", "main"):
        progress.report_wait(Wait(name, 5.0, 2, 12, 503, 0.0, 100.0))
    assert [line.partition(";")[0] for line in capsys.readouterr().err.splitlines()] == [
        "main: answered 503",
        "second: answered 503",
    ]


def common() -> CommonOptions:
    """Options as they are when nobody gives any."""
    return CommonOptions(Path(), "reconciler.yaml", "text", True, 0, (), (), None, None, 0.0, False)
