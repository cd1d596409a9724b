"""State, journal and saved plans encrypted with a key that the configuration only refers to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.processes.process_runner import ProcessRunner

ONE, TWO = "+15550100101", "+15550100102"
PLANTED = "https://pbx.example.net/in?token=planted-in-a-url"
SHOWN = "https://pbx.example.net/in?token=***"
FIRST, SECOND = (
    "first-key-of-the-tests-and-of-nothing-else",
    "second-key-of-the-tests-and-of-nothing-else",
)


@pytest.fixture
def sealed(runner: ProcessRunner) -> ProcessRunner:
    """One number, taken over from a URL that holds a token, in an encrypted state; no file may ever show either."""
    runner.plant("key", FIRST)
    runner.environ["STATE_KEY"] = FIRST
    runner.secrets.add("planted-in-a-url")
    for number in (ONE, TWO):
        runner.number(number, voice_url=PLANTED)
    declare(runner, [ONE])
    return runner


def declare(
    runner: ProcessRunner, numbers: list[str], key: object = ({"env": "STATE_KEY"})
) -> None:
    runner.declare(
        {n: {"agent": "support", "takeover": "allow"} for n in numbers}, encryption_key=key
    )


def contents(runner: ProcessRunner) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in runner.folder.rglob("*") if path.is_file()}


def quiet(runner: ProcessRunner, *args: str, code: int = 0) -> str:
    """Run a command whose output may show the URL, as that of one who has the key may; no file may."""
    runner.secrets.discard("planted-in-a-url")
    done = runner.run(*args, code=code)
    runner.secrets.add("planted-in-a-url")
    for path, content in contents(runner).items():
        runner.check_secrets(content.decode("utf-8", "replace"), path.name)
    return done.out


def test_stored_files_show_no_plaintext(sealed: ProcessRunner) -> None:
    quiet(sealed, "plan", "--out", "plan.bin", "--detailed-exitcode", code=2)
    assert ONE not in (sealed.folder / "plan.bin").read_text()
    assert SHOWN in quiet(sealed, "show", "plan.bin")
    gate = sealed.twilio.hold(lambda call: call.writes)
    running = sealed.start("apply", "plan.bin", "--json")
    gate.wait()
    journal = (sealed.folder / "state.json.journal").read_text()
    assert "pbx.example.net" not in journal
    assert ONE not in journal
    running.kill()
    running.done()
    gate.open(discard=True)
    quiet(sealed, "apply", "--auto-approve")
    state = json.loads((sealed.folder / "state.json").read_text())
    assert set(state) == {"format", "project", "lineage", "serial", "saved", "sealed"}
    sealed.settled()
    assert SHOWN in quiet(sealed, "state", "show", f"number/{ONE}")


def test_explains_a_missing_or_wrong_key_and_overwrites_nothing(
    sealed: ProcessRunner,
) -> None:
    quiet(sealed, "plan", "--out", "plan.bin")
    quiet(sealed, "apply", "--auto-approve")
    before = contents(sealed)
    config = sealed.folder / "reconciler.yaml"
    for key, environ, code in (
        (None, FIRST, "encryption_key_missing"),
        ({"env": "STATE_KEY"}, SECOND, "encryption_key_wrong"),
        ({"env": "STATE_KEY"}, "short", "encryption_key_weak"),
        ({"env": "NO_SUCH_KEY"}, FIRST, "secret_not_found"),
    ):
        declare(sealed, [ONE, TWO], key)
        before[config] = config.read_bytes()
        for command in (
            ["plan"],
            ["apply", "--auto-approve"],
            ["drift"],
            ["state", "list"],
            ["show", "plan.bin"],
        ):
            told = sealed.run(*command, "--json", code=1, STATE_KEY=environ)
            assert told.codes == [code], command
        assert contents(sealed).keys() - {sealed.folder / "state.json.lock"} == before.keys() - {
            sealed.folder / "state.json.lock"
        }
        assert {
            path: content for path, content in contents(sealed).items() if path.suffix != ".lock"
        } == {path: content for path, content in before.items() if path.suffix != ".lock"}


def test_rotates_a_key_by_placing_the_new_one_first(sealed: ProcessRunner) -> None:
    quiet(sealed, "apply", "--auto-approve")
    sealed.plant("key", SECOND)
    sealed.environ["NEW_KEY"] = SECOND
    declare(sealed, [ONE, TWO], [{"env": "NEW_KEY"}, {"env": "STATE_KEY"}])
    quiet(sealed, "apply", "--auto-approve")
    declare(sealed, [ONE, TWO], {"env": "NEW_KEY"})
    sealed.settled()


def test_next_write_encrypts_a_plaintext_state(sealed: ProcessRunner) -> None:
    sealed.secrets.discard("planted-in-a-url")
    declare(sealed, [ONE], None)
    sealed.run("apply", "--auto-approve")
    assert "planted-in-a-url" in (sealed.folder / "state.json").read_text()
    declare(sealed, [ONE, TWO])
    assert sealed.run("state", "list").out == f"number/{ONE}\n"
    sealed.run("apply", "--auto-approve")
    assert "planted-in-a-url" not in (sealed.folder / "state.json").read_text()
    sealed.settled()
