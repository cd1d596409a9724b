"""The recipe for a platform: three new files and three rows make a platform that works from end to end."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.markdown import ROOT
from tests.docs.recipes import Copy, apply_recipe, copy_package, served

PAGE = (ROOT / "docs" / "how-to" / "add-a-platform.md").read_text(encoding="utf-8")
ACCOUNT = "AC" + "0d" * 16
NUMBER, OUTSIDE = "+15550100101", "+15550100177"
SEED = {
    "format": 1,
    "accounts": [{"sid": ACCOUNT, "auth_token": "example-token"}],
    "numbers": [{"phone_number": NUMBER, "voice_url": "https://before.example.com/voice"}],
    "platform_keys": [{"platform": "echo", "key": "example-key"}],
}
SECRETS = {
    "SANDBOX_TOKEN": "example-token",
    "ECHO_KEY": "example-key",
    "SIP_PASSWORD": "Example-Password-1",
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return copy_package(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def files(copy: Copy) -> dict[str, str]:
    return apply_recipe(PAGE, copy)


@pytest.fixture
def sandbox(copy: Copy, files: dict[str, str]) -> Iterator[str]:
    """The sandbox of the copy, which serves the new platform."""
    with served(copy, SEED) as url:
        yield url


def request(method: str, url: str, authorization: str, body: object = None) -> Any:
    """Send a request to the sandbox, and return the JSON of its answer."""
    data = None if body is None else json.dumps(body).encode()
    sent = urllib.request.Request(url, data=data, method=method)
    sent.add_header("Authorization", authorization)
    with urllib.request.urlopen(sent, timeout=10) as answer:
        return json.load(answer)


class User:
    """Somebody with the page's configuration in a folder."""

    def __init__(self, copy: Copy, folder: Path, text: str, sandbox: str) -> None:
        self.copy = copy
        self.folder = folder
        self.sandbox = sandbox
        self.text = text.replace("${SANDBOX}", sandbox).replace("${ACCOUNT_SID}", ACCOUNT)
        self.write(self.text)

    def write(self, text: str) -> None:
        (self.folder / "reconciler.yaml").write_text(text, encoding="utf-8")

    def run(self, *words: str, code: int = 0) -> Any:
        done = self.copy.run(
            *words, "--json", cwd=self.folder, TWILIO_BASE_URL=self.sandbox, **SECRETS
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Example-Password-1" not in done.stdout + done.stderr
        return json.loads(done.stdout)

    def apply(self) -> list[tuple[str, str]]:
        """Apply, and return the actions that were carried out."""
        document = self.run("apply", "--auto-approve", "--allow-takeover=*")
        assert self.run("plan")["actions"] == []
        return [(a["action"], a["address"]) for a in document["outcomes"]]

    def rows(self) -> dict[str, Any]:
        answer = request("GET", f"{self.sandbox}/echo/v1/numbers", "Bearer example-key")
        return {row["number"]: row for row in answer["numbers"]}


@pytest.fixture
def user(copy: Copy, files: dict[str, str], tmp_path: Path, sandbox: str) -> User:
    return User(copy, tmp_path, files["reconciler.yaml"], sandbox)


def test_the_recipe_touches_six_files(copy: Copy, files: dict[str, str]) -> None:
    assert len(copy.created) == 3
    assert len(copy.changed) == 3
    assert list(files) == ["reconciler.yaml"]


def test_the_new_platform_works_from_end_to_end(user: User) -> None:
    user.run("validate")
    inside, outside = f"registration/ech/{NUMBER}", f"registration/ech/{OUTSIDE}"
    done = user.apply()
    assert ("register", inside) in done
    assert ("register", outside) in done
    assert user.rows()[NUMBER]["greeting"] == "Hello."

    # Each change takes the documented way.
    user.write(user.text.replace("agent_1", "agent_2"))
    assert {name for name, _ in user.apply() if _ == inside} == {"link"}
    user.write(user.text.replace("agent_1", "agent_2").replace("Hello.", "Good day."))
    assert user.apply() == [("update", inside)]
    before = user.rows()[NUMBER]["id"]
    user.write(
        user.text.replace("agent_1", "agent_2")
        .replace("Hello.", "Good day.")
        .replace(": en", ": de")
    )
    assert ("reassign", inside) in user.apply()
    assert user.rows()[NUMBER]["id"] != before

    # Somebody else changes the number on the platform.
    url = f"{user.sandbox}/echo/v1/numbers/{user.rows()[NUMBER]['id']}"
    request("PUT", url, "Bearer example-key", {"greeting": "Who is there?"})
    drifted = user.run("drift", code=2)["drifted"]
    assert [(d["address"], d["fields"][0]["field"]) for d in drifted] == [(inside, "greeting")]
    assert user.apply() == [("update", inside)]

    # The numbers leave: the one of Twilio has its former webhook again.
    user.write(user.text.partition("numbers:")[0])
    assert {name for name, _ in user.apply()} >= {"unregister"}
    assert user.rows() == {}
    url = f"{user.sandbox}/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers.json"
    basic = base64.b64encode(f"{ACCOUNT}:example-token".encode()).decode()
    [number] = request("GET", url, f"Basic {basic}")["incoming_phone_numbers"]
    assert number["voice_url"] == "https://before.example.com/voice"


def test_field_of_the_agent_of_a_different_platform_is_an_error(user: User) -> None:
    user.write(
        user.text.replace(
            "{type: echo, api_key: {env: ECHO_KEY}", "{type: nixflex, api_key: {env: ECHO_KEY}"
        )
    )
    errors = user.run("validate", code=3)["diagnostics"]
    assert {(d["code"], d["line"]) for d in errors if "greeting" in d["detail"]} == {
        ("unsupported_feature", 11)
    }


def test_sends_the_key_only_to_hosts_of_the_platform(user: User) -> None:
    own = user.text.replace(f"{user.sandbox}/echo", "https://api.echo.example.com")
    user.write(own)
    user.run("validate")
    user.write(own.replace("api.echo.example.com", "api.echo.example.net"))
    codes = [d["code"] for d in user.run("validate", code=3)["diagnostics"]]
    assert codes == ["host_not_allowed"]
