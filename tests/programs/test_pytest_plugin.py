"""The fixtures for users' tests: from an installed wheel in an empty project, and each promise of their page."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler import ReconcilerError
from reconciler.pytest_plugin import Reconcile, TwilioSandbox
from tests.docs.markdown import ROOT
from tests.docs.test_install import FREE, installed, wheel  # noqa: F401 - fixtures

PAGE = (ROOT / "docs" / "how-to" / "test-your-numbers.md").read_text(encoding="utf-8")
ONE = "+15550100101"
CONFIG = f"""\
version: 1
project: tests
agents: {{support: {{webhooks: {{voice: "https://agents.example.com/voice"}}}}}}
numbers: {{"{ONE}": support}}
"""


def test_works_from_an_installed_wheel_in_an_empty_project(
    installed: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    example = re.search(r"^```python file=(\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert example is not None
    (tmp_path / example[1]).write_text(example[2], encoding="utf-8")
    done = subprocess.run(
        [installed / "python", "-W", "error", "-m", "pytest", "-p", "no:cacheprovider", "-v"],
        cwd=tmp_path,
        env={**FREE, "TWILIO_API_KEY": "of the person who runs the tests"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
    assert [path.name for path in tmp_path.iterdir() if path.name != "__pycache__"] == [example[1]]


def test_each_test_has_an_account_of_its_own(twilio_sandbox: TwilioSandbox) -> None:
    assert os.environ["TWILIO_BASE_URL"] == twilio_sandbox.url
    assert os.environ["TWILIO_ACCOUNT_SID"] == twilio_sandbox.account_sid
    assert os.environ["TWILIO_AUTH_TOKEN"] == twilio_sandbox.auth_token
    assert not twilio_sandbox.has_number(ONE)
    twilio_sandbox.add_number(ONE, voice_url="https://pbx.example.com/voice")
    assert twilio_sandbox.number(ONE)["voice_url"] == "https://pbx.example.com/voice"


def test_a_declared_number_is_added(reconcile: Reconcile, twilio_sandbox: TwilioSandbox) -> None:
    assert reconcile(CONFIG).failed_count == 0
    assert twilio_sandbox.number(ONE)["voice_url"] == "https://agents.example.com/voice"
    assert reconcile(CONFIG).outcomes == []


def test_a_number_that_is_lacking_is_an_error_where_it_is_wanted(reconcile: Reconcile) -> None:
    with pytest.raises(ReconcilerError, match="number_not_in_twilio"):
        reconcile(CONFIG, add_numbers=False)


def test_a_takeover_needs_consent(reconcile: Reconcile, twilio_sandbox: TwilioSandbox) -> None:
    twilio_sandbox.add_number(ONE, voice_url="https://pbx.example.com/voice")
    with pytest.raises(ReconcilerError, match="takeover_refused"):
        reconcile(CONFIG)
    assert reconcile(CONFIG, allow_takeover=True).failed_count == 0


@pytest.mark.parametrize(
    ("sections", "part"),
    [
        (
            "accounts: {main: {sid: AC" + "1" * 32 + ", auth_token: {env: T}}}",
            "`main` would be sent",
        ),
        (
            "accounts: {main: {sid: AC" + "1" * 32 + ", auth_token: {env: T},"
            " base_url: 'http://127.0.0.1:1'}}",
            "`main` would be sent to http://127.0.0.1:1",
        ),
        ("state: s3://bucket/state.json", "outside the folder"),
        ("state: ../state.json", "outside the folder"),
        ("state: 'postgresql://127.0.0.1/x'", "would be sent to|outside the folder"),
        ("platforms: {nix: {type: nixflex, api_key: {env: K}}}", "`nix` would be sent"),
    ],
)
def test_reaches_nothing_but_the_sandbox(
    reconcile: Reconcile, sections: str, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, place: connected.append(place))
    with pytest.raises(ValueError, match=part):
        reconcile(f"{CONFIG}{sections}\n")
    assert connected == []


def test_an_account_of_the_sandbox_may_be_declared(
    reconcile: Reconcile, twilio_sandbox: TwilioSandbox
) -> None:
    account = (
        f"accounts: {{main: {{sid: {twilio_sandbox.account_sid}, "
        f"auth_token: {{env: TWILIO_AUTH_TOKEN}}, base_url: '{twilio_sandbox.url}'}}}}\n"
    )
    assert reconcile(CONFIG + account).success_count == 2


def test_the_account_of_the_person_is_not_used(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("TWILIO_API_KEY", "SK" + "1" * 32)
    monkeypatch.setenv("TWILIO_API_SECRET", "of the person who runs the tests")
    monkeypatch.setenv("TWILIO_REGION", "ie1")
    reconcile: Reconcile = request.getfixturevalue("reconcile")
    assert reconcile(CONFIG).failed_count == 0


@pytest.fixture
def before_and_after(request: pytest.FixtureRequest) -> Iterator[None]:
    """The environment and the threads around a test with the sandbox are the same."""
    environ, threads = dict(os.environ), threading.active_count()
    yield
    changed = {name for name in environ if os.environ.get(name) != environ[name]}
    assert changed <= {"PYTEST_CURRENT_TEST"}
    assert "TWILIO_BASE_URL" not in os.environ
    assert threading.active_count() <= threads


def test_leaves_nothing_behind(before_and_after: None, reconcile: Reconcile) -> None:
    assert reconcile(CONFIG).failed_count == 0


def test_the_plugin_imports_nothing_before_it_is_used() -> None:
    script = (
        "import sys, reconciler.pytest_plugin\n"
        "print(sorted(name for name in sys.modules if name.startswith('reconciler')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "['reconciler', 'reconciler.pytest_plugin', 'reconciler.version']\n"
