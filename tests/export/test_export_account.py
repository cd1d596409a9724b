"""A messy account of 5,000 numbers on the sandbox: exported, validated, planned, applied, without a single write."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from reconciler.schemas import SCHEMAS
from tests.support.processes.finished_command import run_to_text

NUMBERS = 5_000
TRUNKS = tuple(f"TK{n:032x}" for n in range(1, 21))


@pytest.fixture(scope="module")
def messy() -> Iterator[Sandbox]:
    world = World.generate(numbers=NUMBERS)
    account = world.account.sid
    urls = [
        {
            "trunk_sid": sid,
            "sip_url": f"sip:sbc{n}.example.com",
            "priority": n,
            "enabled": n != 2,
            "account_sid": account,
        }
        for sid in TRUNKS
        for n in (1, 2)
    ]
    trunks = [
        {
            "sid": sid,
            "account_sid": account,
            "friendly_name": f"Trunk {n % 7}",
            "domain_name": f"t{n}.pstn.twilio.com" if n % 3 else None,
        }
        for n, sid in enumerate(TRUNKS)
    ]
    menu = {
        "sid": "AP" + "1" * 32,
        "account_sid": account,
        "friendly_name": "Menu",
        "voice_url": "https://menu.example.com/",
    }
    world.extend({"format": 1, "trunks": trunks, "origination_urls": urls, "applications": [menu]})
    for place, number in enumerate(world.numbers):
        if place % 9 == 0:
            number.trunk_sid = TRUNKS[place % 20]
        elif place % 11 == 0:
            number.voice_application_sid = menu["sid"]
        elif place % 13 == 0:
            number.sms_application_sid = menu["sid"]
        elif place % 17 == 0:
            number.voice_url = (
                "https://laptop.ngrok.io/v",
                "https://u:p4ss@old.example.org/v?token=t0k",
                "nonsense",
            )[place % 3]
        if place % 50 == 0:
            number.friendly_name = f"Line {place}: # Übersee\n\u2028x"
    with Sandbox(world) as sandbox:
        yield sandbox


class Folder:
    def __init__(self, path: Path, sandbox: Sandbox) -> None:
        self.path = path
        self.sandbox = sandbox
        kept = {
            name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ
        }
        account = sandbox.world.account
        self.environ = {
            **kept,
            "TWILIO_ACCOUNT_SID": account.sid,
            "TWILIO_AUTH_TOKEN": account.auth_token,
            "TWILIO_BASE_URL": sandbox.base_url,
        }

    def run(self, *args: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = run_to_text(args, self.path, self.environ)
        assert done.returncode == code, done.stdout[-2000:] + done.stderr[-2000:]
        return done

    def json(self, *args: str, code: int = 0) -> Any:
        document = json.loads(self.run(*args, "--json", code=code).stdout)
        Draft202012Validator(SCHEMAS[document["command"]]()).validate(document)
        return document


@pytest.fixture
def folder(tmp_path: Path, messy: Sandbox) -> Folder:
    messy.calls.reset()
    return Folder(tmp_path, messy)


def test_an_account_becomes_a_project_without_a_write(folder: Folder) -> None:
    summary = folder.json("export", "--out", "reconciler.yaml")["summary"]
    assert summary["numbers"] == NUMBERS
    assert summary["trunks"] > 10
    assert summary["applications"] == 1
    assert folder.json("validate")["summary"]["numbers"] == NUMBERS
    plan = folder.json("plan")["summary"]
    assert set(plan["by_action"]) == {"import"}
    assert plan["unmanaged"] == 0
    applied = folder.json("apply", "--auto-approve")
    assert (applied["failed_count"], set(applied["summary"]["by_action"])) == (0, {"import"})
    assert folder.sandbox.calls.writes == 0
    assert folder.json("plan", "--detailed-exitcode")["actions"] == []
    assert folder.json("export")["summary"]["numbers"] == 0, "all of it is declared now"


def test_a_part_of_an_account_is_a_file_to_include(folder: Folder) -> None:
    (folder.path / "reconciler.yaml").write_text(
        "version: 1\nproject: acme\ninclude: ['numbers/*.yaml']\n", "utf-8"
    )
    (folder.path / "numbers").mkdir()
    first = folder.json(
        "export", "--prefix", "+15552000", "--prefix", "+15552001", "--out", "numbers/a.yaml"
    )
    second = folder.json("export", "--out", "numbers/b.yaml")
    assert first["summary"]["numbers"] == 2_000
    assert (second["summary"]["numbers"], second["summary"]["declared"]) == (NUMBERS - 2_000, 2_000)
    plan = folder.json("plan")["summary"]
    assert set(plan["by_action"]) == {"import"}
    assert plan["addresses"] >= NUMBERS


def test_never_overwrites_a_file_without_a_flag(folder: Folder) -> None:
    path = folder.path / "mine.yaml"
    path.write_text("# precious\n", encoding="utf-8")
    refused = folder.json("export", "--prefix", "+1555200000", "--out", "mine.yaml", code=4)
    assert [d["code"] for d in refused["diagnostics"]] == ["file_exists"]
    assert path.read_text(encoding="utf-8") == "# precious\n"
    folder.run("export", "--prefix", "+1555200000", "--out", "mine.yaml", "--force")
    assert path.read_text(encoding="utf-8").count('"+1555200000') == 10
    assert sorted(p.name for p in folder.path.iterdir()) == ["mine.yaml"], (
        "no temporary file is left"
    )


def test_without_a_file_the_configuration_is_on_stdout(folder: Folder) -> None:
    out = folder.run("export", "--prefix", "+1555200000").stdout
    assert out == folder.json("export", "--prefix", "+1555200000")["configuration"]
    assert "p4ss" not in "".join(line.partition("# ")[2] for line in out.splitlines())
    assert folder.run("export", "--account", "other", code=64).stdout == ""


def test_numbers_become_a_table_beside_the_configuration(folder: Folder) -> None:
    said = folder.run("export", "--format", "csv", "--out", "reconciler.yaml").stdout
    assert said.startswith("Wrote reconciler.yaml and reconciler.csv: ")
    assert folder.json("validate")["summary"]["numbers"] == NUMBERS
    plan = folder.json("plan")
    assert set(plan["summary"]["by_action"]) == {"import"}
    assert {a["file"] for a in plan["actions"]} >= {"reconciler.yaml", "reconciler.csv"}
    folder.run("fmt", "--check")


@pytest.mark.parametrize("existing", ["some.yaml", "some.csv"])
def test_neither_file_of_a_table_is_overwritten_without_a_flag(
    folder: Folder, existing: str
) -> None:
    path = folder.path / existing
    path.write_text("precious\n", encoding="utf-8")
    args = ("export", "--format", "csv", "--prefix", "+1555200000", "--out")
    for name in ("some.yaml", "some.csv"):
        folder.run(*args, name, code=4)
    assert [each.name for each in folder.path.iterdir()] == [existing]
    folder.run(*args, "some.csv", "--force")
    assert "precious" not in path.read_text(encoding="utf-8")
    assert (folder.path / "some.csv").read_text(encoding="utf-8").startswith("number,agent")


def test_the_table_is_no_file_of_the_configuration(folder: Folder) -> None:
    (folder.path / "reconciler.yaml").write_text(
        "version: 1\nproject: acme\nnumbers_from: [{file: mine.csv}]\nstate: ./state.csv\n", "utf-8"
    )
    (folder.path / "mine.csv").write_text("number\n", "utf-8")
    for name in ("mine.yaml", "state.yaml", "mine.txt"):
        folder.run("export", "--format", "csv", "--force", "--out", name, code=64)
    assert (folder.path / "mine.csv").read_text("utf-8") == "number\n"
    assert sorted(p.name for p in folder.path.iterdir()) == ["mine.csv", "reconciler.yaml"]


def test_without_a_file_the_rows_are_on_stdout(folder: Folder) -> None:
    done = folder.run("export", "--format", "csv", "--prefix", "+1555200000")
    assert done.stdout.startswith("number,")
    assert "--out" in done.stderr
    folder.run("export", "--format", "csv", "--json", code=64)
