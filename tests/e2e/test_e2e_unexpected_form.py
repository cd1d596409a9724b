"""A Twilio that keeps a URL in a form that no rule explains: plan and drift repeat it as long as it lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.twilio import number_api
from tests.support.processes.platform_runner import PlatformRunner, world

ONE = "+15550100101"
BEFORE = "https://before.example.net/in"
SENT = "https://agents.example.com/Voice"
Stored = Callable[[str], str]


@contextmanager
def storing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, stored: Stored
) -> Iterator[tuple[PlatformRunner, Any]]:
    """A runner before a Twilio that stores another value in this field of a number than it is sent."""
    update = number_api.update_number

    def change(store: Any, number: Any, *, form: dict[str, str], **more: Any) -> Any:
        changed = {
            name: stored(value) if name == field and value else value
            for name, value in form.items()
        }
        return update(store, number, form=changed, **more)

    monkeypatch.setattr(number_api, "update_number", change)
    with Sandbox(world({ONE: {}})) as sandbox:
        sandbox.edit(ONE, {"voice_url": BEFORE, "friendly_name": "Before"})
        yield PlatformRunner(tmp_path / "work", sandbox), sandbox


def declare(runner: PlatformRunner, url: str = SENT, name: str = "Sales ") -> None:
    agents = {"own": {"webhooks": {"voice": url}}}
    number = {"agent": "own", "takeover": "allow", "friendly_name": name}
    runner.setting({ONE: number}, platforms=None, agents=agents)


def warnings_of(document: Any) -> list[str]:
    return [d["detail"] for d in document["diagnostics"] if d["code"] == "unexpected_form"]


UNEXPECTED: dict[str, tuple[str, Stored, str, str]] = {
    "small letters": ("VoiceUrl", str.lower, SENT, SENT.lower()),
    "a slash at the end": ("VoiceUrl", lambda url: f"{url}/", SENT, f"{SENT}/"),
    "another path": (
        "VoiceUrl",
        lambda url: url.replace("Voice", "old"),
        SENT,
        SENT.replace("Voice", "old"),
    ),
    "no space around a name": ("FriendlyName", str.strip, "Sales ", "Sales"),
    "another method": ("VoiceMethod", lambda method: "GET", "POST", "GET"),
}


@pytest.mark.parametrize(
    ("field", "stored", "sent", "kept"), UNEXPECTED.values(), ids=UNEXPECTED.keys()
)
def test_repeats_the_warning_about_an_unexplained_form(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    field: str,
    stored: Stored,
    sent: str,
    kept: str,
) -> None:
    with storing(tmp_path, monkeypatch, field, stored) as (runner, sandbox):
        declare(runner)
        done = runner.apply()
        assert "normalised" in [o["status"] for o in done["outcomes"]]
        for document in (done, runner.json("plan"), runner.json("plan"), runner.json("drift")):
            [detail] = warnings_of(document)
            assert f"sent {sent}, stored {kept}" in detail
        assert runner.json("plan")["actions"] == []
        assert runner.json("drift")["drifted"] == []

        # Once the value is stored as it was sent there is nothing to warn of.
        monkeypatch.undo()
        sandbox.edit(ONE, {"voice_url": SENT, "voice_method": "POST", "friendly_name": "Sales "})
        assert warnings_of(runner.json("plan")) == []


LISTED: dict[str, tuple[str, str]] = {
    "host": ("https://Agents.example.com/Voice", "https://agents.example.com/Voice"),
    "port": ("https://agents.example.com:443/Voice", "https://agents.example.com/Voice"),
    "escapes": ("https://agents.example.com/%7eVoice", "https://agents.example.com/~Voice"),
    "empty path": ("https://agents.example.com", "https://agents.example.com/"),
}


@pytest.mark.parametrize(("sent", "kept"), LISTED.values(), ids=LISTED.keys())
def test_ignores_a_form_that_a_listed_rule_explains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: str, kept: str
) -> None:
    with storing(tmp_path, monkeypatch, "VoiceUrl", lambda url: kept) as (runner, _):
        declare(runner, sent, "Sales")
        done = runner.apply()
        assert "normalised" in [o["status"] for o in done["outcomes"]]
        for document in (done, runner.json("plan"), runner.json("drift")):
            assert warnings_of(document) == []
        assert runner.json("plan")["actions"] == []
        assert runner.json("drift")["drifted"] == []


DROPPED: dict[str, Stored] = {
    "as before": lambda url: BEFORE,
    "empty": lambda url: "",
    "another scheme": lambda url: url.replace("https", "http"),
    "another host": lambda url: "https://something-else.example.net/",
    "another port": lambda url: url.replace(".com", ".com:8443"),
    "another user": lambda url: url.replace("agents", "a@agents"),
}


@pytest.mark.parametrize("stored", DROPPED.values(), ids=DROPPED.keys())
def test_different_stored_value_is_an_error_in_every_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: Stored
) -> None:
    with storing(tmp_path, monkeypatch, "VoiceUrl", stored) as (runner, _):
        declare(runner, name="Sales")
        for code in (5, 1):  # the first one also imports the number
            done = runner.apply(code=code)
            assert "dropped" in [o["status"] for o in done["outcomes"]]
            assert done["failed_count"] >= 1
            assert runner.json("plan")["actions"] != [], "it is still to be done"
