"""How the command behaves on a shell: flags anywhere, exit 64, one JSON document, colour, nobody there to ask."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.support.processes.process_runner import COMMAND, ProcessRunner

ONE = "+15550100101"
ESCAPE = "\x1b["


@pytest.fixture
def ready(runner: ProcessRunner) -> ProcessRunner:
    """One number to be set up."""
    runner.number(ONE, voice_url="https://demo.twilio.com/welcome/voice/")
    runner.declare({ONE: "support"})
    return runner


@pytest.mark.parametrize(
    "args",
    [
        ["--format", "json", "plan", "--detailed-exitcode"],
        ["--format=json", "--detailed-exitcode", "plan"],
        ["--target", "number/*", "--json", "plan", "--detailed-exitcode", "--concurrency", "3"],
        [
            "-C",
            ".",
            "-f",
            "reconciler.yaml",
            "plan",
            "--detailed-exitcode",
            "--json",
            "--lock-timeout",
            "2m",
        ],
    ],
    ids=lambda args: " ".join(args),
)
def test_accepts_flags_before_and_after_the_command(ready: ProcessRunner, args: list[str]) -> None:
    assert ready.run(*args, code=2).json["command"] == "plan"


@pytest.mark.parametrize(
    "args",
    [
        ["--nonsense"],
        ["plan", "--nonsense"],
        ["nonsense"],
        ["apply", "--lock-timeout", "soon", "--auto-approve"],
        ["plan", "--format", "yaml"],
        ["-C", "nowhere", "plan"],
        ["state", "nonsense"],
    ],
    ids=lambda args: " ".join(args),
)
def test_wrong_usage_exits_64_and_changes_nothing(ready: ProcessRunner, args: list[str]) -> None:
    done = ready.run(*args, code=64)
    assert done.out == ""
    assert done.err
    assert not ready.twilio.calls


def test_apply_does_not_prompt_without_a_terminal(ready: ProcessRunner) -> None:
    for args in (["apply"], ["apply", "--json"], ["--allow-takeover", "apply", "--force"]):
        assert "--auto-approve" in ready.run(*args, code=64).err
    assert not ready.twilio.calls
    assert ready.run("apply", "--auto-approve").code == 0


def test_writes_data_to_stdout_and_messages_to_stderr(ready: ProcessRunner) -> None:
    planned = ready.run("plan", "--detailed-exitcode", code=2)
    assert f"number/{ONE}" in planned.out
    assert ESCAPE not in planned.text, "no colour where nobody sees it"
    applied = ready.run("apply", "--auto-approve", "-v")
    assert "POST" in applied.err, "-v tells every call"
    assert "POST" not in applied.out
    for command in (["state", "list"], ["show"]):
        document = ready.json(*command)
        assert document["command"] == " ".join(command)
        assert [row["address"] for row in document["resources"]] == [f"number/{ONE}"]
    assert ready.run("show").out == f"number/{ONE}\n"
    for command in (["state", "show", f"number/{ONE}"], ["show", ONE]):
        assert (
            ready.json(*command)["resource"]["prior"]["voice_url"]
            == "https://demo.twilio.com/welcome/voice/"
        )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_behind_stdout_is_a_failure_without_a_traceback(ready: ProcessRunner) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [*COMMAND, "apply", "--auto-approve"]
        done = subprocess.run(
            command,
            cwd=ready.folder,
            env=ready.environ,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_apply_completes_after_its_output_is_closed(
    ready: ProcessRunner,
) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [*COMMAND, "apply", "--auto-approve"]
        subprocess.run(
            command,
            cwd=ready.folder,
            env=ready.environ,
            stdout=subprocess.DEVNULL,
            stderr=full,
            check=False,
        )
    ready.settled()


def test_command_works_without_a_stdout(ready: ProcessRunner) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, "apply", "--auto-approve"],
        cwd=ready.folder, env=ready.environ, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ready.settled()


@pytest.mark.parametrize(
    "command", [["state", "mv", "trunk/a", "trunk/b"], ["show", "number/x"]], ids=str
)
def test_a_failure_names_its_command_as_a_success_does(
    runner: ProcessRunner, command: list[str]
) -> None:
    runner.declare({}, nonsense={})
    document = runner.json(*command, code=3)
    assert document["command"] == " ".join(word for word in command if "/" not in word)


def on_terminal(
    runner: ProcessRunner, *args: str, answer: bytes = b"", **environ: str
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command whose streams are a terminal each; `answer` is typed right away."""
    (keys, stdin), (screen, stdout), (more, stderr) = (pty.openpty() for _ in range(3))
    env = {**runner.environ, "TERM": "xterm", **environ}
    process = subprocess.Popen(
        [*COMMAND, *args],
        cwd=runner.folder,
        env=env,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )
    for end in (stdin, stdout, stderr):
        os.close(end)
    os.write(keys, answer)
    said = [_drained(end) for end in (screen, more)]
    os.close(keys)
    return process.wait(60), *said


def _drained(screen: int) -> str:
    """Everything shown on a terminal until nobody has it open any more."""
    said = b""
    while True:
        try:
            piece = os.read(screen, 65536)
        except OSError:
            piece = b""
        if not piece:
            os.close(screen)
            return said.decode()
        said += piece


def test_uses_colour_only_on_a_terminal_that_supports_it(ready: ProcessRunner) -> None:
    code, out, _ = on_terminal(ready, "plan", "--detailed-exitcode")
    assert (code, ESCAPE in out) == (2, True)
    for args, environ in ((["plan"], {"NO_COLOR": "1"}), (["--no-color", "plan"], {})):
        _, out, err = on_terminal(ready, *args, **environ)
        assert ESCAPE not in out + err


def test_prompts_on_a_terminal_and_accepts_only_yes(ready: ProcessRunner) -> None:
    for answer in (b"y\n", b"\x04"):
        code, _, err = on_terminal(ready, "apply", answer=answer)
        assert code == 1, err
        assert "yes" in err
    assert not ready.twilio.writes
    code, out, _ = on_terminal(ready, "apply", "--no-color", answer=b"yes\n")
    assert (code, "Applied" in out) == (0, True)


def test_prints_a_document_even_after_a_refusal(ready: ProcessRunner) -> None:
    code, out, _ = on_terminal(ready, "apply", "--json", answer=b"no\n")
    assert code == 1
    assert out.lstrip().startswith("{"), "exactly one document, whatever happens"
