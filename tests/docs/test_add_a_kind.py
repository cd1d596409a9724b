"""The recipe for a kind: four new files and rows in seven tables make a kind that works from end to end."""

from __future__ import annotations

import base64
import json
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.markdown import ROOT
from tests.docs.recipes import Copy, apply_recipe, copy_package, served

PAGE = (ROOT / "docs" / "how-to" / "add-a-kind.md").read_text(encoding="utf-8")
ACCOUNT = "AC" + "0d" * 16
TOKEN = "example-token"
SEED = {
    "format": 1,
    "accounts": [{"sid": ACCOUNT, "auth_token": TOKEN}],
    "queues": [{"account_sid": ACCOUNT, "friendly_name": "sales", "max_size": 7}],
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return copy_package(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def files(copy: Copy) -> dict[str, str]:
    return apply_recipe(PAGE, copy)


class User:
    """Somebody with the page's configuration in a folder, and a colleague in the console."""

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
            *words, "--json", cwd=self.folder, TWILIO_BASE_URL=self.sandbox, SANDBOX_TOKEN=TOKEN
        )
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def apply(self) -> list[tuple[str, str]]:
        """Apply, and return the actions that were carried out."""
        outcomes = self.run("apply", "--auto-approve")["outcomes"]
        assert self.run("plan")["actions"] == []
        return sorted((outcome["action"], outcome["address"]) for outcome in outcomes)

    def request(self, method: str, path: str, **form: str) -> Any:
        url = f"{self.sandbox}/2010-04-01/Accounts/{ACCOUNT}/{path}.json"
        body = urllib.parse.urlencode(form).encode() if form else None
        sent = urllib.request.Request(url, data=body, method=method)
        basic = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        sent.add_header("Authorization", f"Basic {basic}")
        with urllib.request.urlopen(sent, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def queues(self) -> dict[str, Any]:
        return {row["friendly_name"]: row for row in self.request("GET", "Queues")["queues"]}


@pytest.fixture
def user(copy: Copy, files: dict[str, str], tmp_path: Path) -> Iterator[User]:
    with served(copy, SEED) as url:
        yield User(copy, tmp_path, files["reconciler.yaml"], url)


def test_recipe_touches_the_stated_files(copy: Copy, files: dict[str, str]) -> None:
    assert (len(copy.created), len(copy.changed)) == (4, 7)
    assert list(files) == ["reconciler.yaml"]


def test_new_kind_is_created_imported_updated_and_deleted(user: User) -> None:
    user.run("validate")
    assert user.apply() == [("create", "queue/support"), ("import", "queue/sales")]
    assert user.queues()["support"]["max_size"] == 50

    user.write(user.text.replace("50", "60"))
    assert user.apply() == [("update", "queue/support")]
    assert user.queues()["support"]["max_size"] == 60

    # A field that is no longer declared has its default again.
    user.write(user.text.replace("{max_size: 50}", "{}"))
    assert user.apply() == [("update", "queue/support")]
    assert user.queues()["support"]["max_size"] == 100

    # What the reconciler did not create stays.
    user.write(user.text.partition("queues:")[0])
    assert user.apply() == [("delete", "queue/support"), ("forget", "queue/sales")]
    assert list(user.queues()) == ["sales"]


def test_new_kind_has_drift_rollback_and_renames(user: User) -> None:
    user.apply()
    sid = user.queues()["support"]["sid"]
    user.request("POST", f"Queues/{sid}", MaxSize="3")
    drifted = user.run("drift", code=2)["drifted"]
    assert [(d["address"], d["fields"][0]["field"]) for d in drifted] == [
        ("queue/support", "max_size")
    ]
    assert user.apply() == [("update", "queue/support")]

    renamed = user.text.replace("support: {", "helpdesk: {friendly_name: support, ")
    user.write(renamed + "moved: [{from: queue/support, to: queue/helpdesk}]\n")
    assert user.apply() == []
    assert user.queues()["support"]["sid"] == sid

    user.write(renamed.replace("50", "60"))
    user.apply()
    user.run("undo", "--auto-approve")
    assert user.queues()["support"]["max_size"] == 50


def test_mistakes_in_the_new_section_have_place_and_code(user: User) -> None:
    user.write(
        user.text.replace("sales: {}", "sales: {friendly_name: support}")
        + "  large: {max_size: 5001}\nmoved: [{from: queue/old, to: queue/new}]\n"
    )
    errors = user.run("validate", code=3)["diagnostics"]
    assert {(d["code"], d["line"]) for d in errors} == {
        ("duplicate_key", 10),
        ("invalid_value", 11),
        ("queue_not_found", 12),
    }


def test_doctor_names_the_new_permission(user: User) -> None:
    checks = user.run("doctor")
    assert "voice queues" in json.dumps(checks)
