"""`fleet init` writes a fleet that is valid at once; it overwrites nothing, and a failure leaves the folder as it was."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from reconciler.cli.main import main, run_to_exit_code
from reconciler.config.load import write_files
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World

MAIN = "AC5a4db000000000000000000000000001"
FILES = {"fleet.yaml", "customer.yaml", ".gitignore", "config.schema.json", "fleet.schema.json"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Three subaccounts, one of them suspended."""
    world = World.generate(4, 1, subaccounts=3)
    last = [*world.accounts][-1]
    world.accounts.change(last, {"status": "suspended"})
    with Sandbox(world) as made:
        yield made


class Folder:
    """A folder, and `fleet` commands in it with the credentials of the account."""

    def __init__(self, path: Path, sandbox: Sandbox) -> None:
        self.path = path
        self.environ = {
            "TWILIO_ACCOUNT_SID": MAIN,
            "TWILIO_AUTH_TOKEN": "sandbox-token-not-a-secret",
            "TWILIO_BASE_URL": sandbox.base_url,
            "TWILIO_API_KEY": "",
        }

    def run(self, *words: str, code: int = 0) -> str:
        args = ["fleet", *words, "-C", str(self.path)]
        out, err = io.StringIO(), io.StringIO()
        with mock.patch.dict(os.environ, self.environ), redirect_stdout(out), redirect_stderr(err):
            found = run_to_exit_code(lambda: main.main(args, standalone_mode=False))
        assert found == code, out.getvalue() + err.getvalue()
        return out.getvalue() + ("" if "--json" in words else err.getvalue())

    def contents(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.path.iterdir()}


@pytest.fixture
def folder(tmp_path: Path, sandbox: Sandbox) -> Folder:
    path = tmp_path / "Acme Phones"
    path.mkdir()
    return Folder(path, sandbox)


def test_the_new_fleet_is_valid_and_has_the_active_subaccounts(folder: Folder) -> None:
    made: Any = json.loads(folder.run("init", "--json"))
    assert set(made["files"]) == FILES == folder.contents().keys()
    assert (made["summary"]["stacks"], made["summary"]["project"]) == (2, "acme-phones")
    assert [each["code"] for each in made["diagnostics"]] == ["subaccounts_left_out"]
    assert b"sandbox-token" not in b"".join(folder.contents().values())

    validated: Any = json.loads(folder.run("validate", "--json"))
    assert [stack["name"] for stack in validated["stacks"]] == [
        "account_0002_00000002",
        "account_0003_00000003",
    ]
    assert validated["summary"]["outcomes"] == {"done": 2}


def test_a_configuration_that_exists_is_used_as_it_is(folder: Folder) -> None:
    folder.run("init", "--account", "parent")
    (folder.path / "fleet.yaml").unlink()
    before = folder.contents()

    folder.run("init", code=3)  # it declares no `main`
    folder.run("init", "--account", "parent", "--project", "other", code=64)
    assert folder.contents() == before
    text = folder.run("init", "--account", "parent")
    assert "customer.yaml exists already and was not changed" in text
    after = folder.contents()
    assert b"subaccounts_of: parent" in after.pop("fleet.yaml")
    assert after == before


FAILURES: list[tuple[list[str], dict[str, str], int]] = [
    ([], {"TWILIO_ACCOUNT_SID": ""}, 64),
    ([], {"TWILIO_AUTH_TOKEN": ""}, 64),
    ([], {"TWILIO_AUTH_TOKEN": "wrong"}, 1),
    ([], {"TWILIO_AUTH_TOKEN": "", "TWILIO_API_KEY": "SK" + "1" * 32}, 1),
    ([], {"TWILIO_BASE_URL": "ftp://example.net"}, 64),
    (["--account-sid", "AC1"], {}, 64),
    (["--account-sid", "AC5a4db000000000000000000000000002"], {}, 1),
    (["--project", "Acme/../x"], {}, 64),
    (["--account", "../main"], {}, 64),
    (["-f", "sub/fleet.yaml"], {}, 64),
    (["-f", "customer.yaml"], {}, 64),
]


@pytest.mark.parametrize(("words", "environ", "code"), FAILURES)
def test_a_failure_writes_nothing(
    folder: Folder, words: list[str], environ: dict[str, str], code: int
) -> None:
    folder.environ |= environ
    done = folder.run("init", *words, code=code)
    assert folder.contents() == {}
    assert not re.search(r"customer\.yaml:\d", done)


def test_nothing_is_overwritten(folder: Folder) -> None:
    for name in FILES - {"customer.yaml"}:
        (folder.path / name).write_text("mine\n", encoding="utf-8")
    before = folder.contents()
    assert "would be overwritten" in folder.run("init", code=64)
    assert folder.contents() == before

    (folder.path / "fleet.yaml").unlink()
    folder.run("init")
    after = folder.contents()
    assert {name for name in before if name in after and before[name] != after[name]} == {
        "fleet.yaml"
    }
    # A link that leads nowhere is a file as well.
    (folder.path / "fleet.yaml").unlink()
    (folder.path / "fleet.yaml").symlink_to("nowhere.yaml")
    folder.run("init", code=64)
    assert not (folder.path / "nowhere.yaml").exists()


def test_a_failure_in_the_middle_removes_what_was_written(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = write_files.create_file

    def fail_at_the_fleet(path: Path, text: str) -> None:
        if path.name == "fleet.yaml":
            raise OSError(28, "No space left on device")
        create(path, text)

    (folder.path / ".gitignore").write_text("mine\n", encoding="utf-8")
    before = folder.contents()
    monkeypatch.setattr(write_files, "create_file", fail_at_the_fleet)
    assert "No space left" in folder.run("init", code=1)
    assert folder.contents() == before


def test_no_state_of_another_project_is_written(folder: Folder) -> None:
    entry = {"version": 1, "project": "acme", "state": "./fleet.schema.json"}
    (folder.path / "reconciler.yaml").write_text(json.dumps(entry), encoding="utf-8")
    before = folder.contents()
    folder.run("init", code=64)
    assert folder.contents() == before
