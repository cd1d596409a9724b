"""`init` leaves a project that works: by flags, by answers on a terminal, from an account; and never overwrites."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World

from .command import COMMAND, run

SID = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"


def test_uses_the_folder_name_without_a_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "Acme Voice"
    folder.mkdir()
    run(folder, "init")
    assert sorted(path.name for path in folder.iterdir()) == [
        ".gitignore",
        "config.schema.json",
        "reconciler.yaml",
    ]
    lines = (folder / "reconciler.yaml").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# yaml-language-server: $schema=./config.schema.json"
    assert "project: acme-voice" in lines
    assert (
        json.loads(run(folder, "validate", "--json").stdout)["summary"]["project"] == "acme-voice"
    )
    assert json.loads((folder / "config.schema.json").read_text("utf-8")) == json.loads(
        run(folder, "schema").stdout
    )


def read_by_an_editor(file: Path) -> None:
    """The first line names a schema that exists beside the file or above it, and accepts the file."""
    text = file.read_text(encoding="utf-8")
    found = re.match(r"# yaml-language-server: \$schema=(\.\S+)\n", text)
    assert found is not None, text[:200]
    schema = json.loads((file.parent / found[1]).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(text))
    wrong = {**yaml.safe_load(text), "numbrs": {}}
    assert not jsonschema.Draft202012Validator(schema).is_valid(wrong)


def test_every_file_names_the_schema_that_accepts_it(tmp_path: Path) -> None:
    world = World.generate(numbers=5)
    with Sandbox(world) as sandbox:
        environ = {
            "TWILIO_ACCOUNT_SID": world.account.sid,
            "TWILIO_AUTH_TOKEN": world.account.auth_token,
            "TWILIO_BASE_URL": sandbox.base_url,
        }
        run(tmp_path, "init", "--from-account", **environ)
        (tmp_path / "more").mkdir()
        world.extend({"numbers": [{"phone_number": "+15550100199"}]})
        run(tmp_path, "export", "--out", "more/new.yaml", **environ)

        # Elsewhere there is no schema to name, and a name that ends the comment is not written.
        bare = tmp_path / "bare"
        bare.mkdir()
        run(bare, "export", "--out", "all.yaml", **environ)
        odd = tmp_path / "a\nnumbers: {}"
        odd.mkdir()
        run(tmp_path, "export", "--out", f"{odd.name}/new.yaml", **environ)

    for name in ("reconciler.yaml", "numbers.yaml", "more/new.yaml"):
        read_by_an_editor(tmp_path / name)
    assert "yaml-language-server" not in (bare / "all.yaml").read_text(encoding="utf-8")
    assert "numbers" in yaml.safe_load((odd / "new.yaml").read_text(encoding="utf-8"))


def test_gitignore_covers_the_files_of_runs(tmp_path: Path) -> None:
    run(tmp_path, "init", "--project", "acme")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    left = [
        "state.json",
        "state.json.lock",
        "state.json.journal",
        "state.json.backup",
        "plan.bin",
        "prod.plan",
    ]
    for name in left:
        (tmp_path / name).touch()
    found = subprocess.run(
        ["git", "status", "--porcelain"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert sorted(line[3:] for line in found.stdout.splitlines()) == [
        ".gitignore",
        "config.schema.json",
        "reconciler.yaml",
    ]


def test_an_account_is_declared_by_references_only(tmp_path: Path) -> None:
    run(
        tmp_path,
        "init",
        "--account-sid",
        SID,
        "--state",
        "./voice.json",
        TWILIO_AUTH_TOKEN="pl4nted",
    )
    text = (tmp_path / "reconciler.yaml").read_text(encoding="utf-8")
    assert f"    sid: {SID}\n    auth_token: {{env: TWILIO_AUTH_TOKEN}}\n" in text
    assert "pl4nted" not in text
    assert "voice.json*" in (tmp_path / ".gitignore").read_text(encoding="utf-8")
    run(tmp_path, "validate")


def test_init_keeps_an_existing_project(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text("# mine\n", encoding="utf-8")
    for more in ((), ("--json",), ("--from-account",), ("--project", "acme")):
        assert "Nothing was written" in run(tmp_path, "init", *more, code=64).stderr
    assert (tmp_path / "reconciler.yaml").read_text(encoding="utf-8") == "# mine\n"
    assert [path.name for path in tmp_path.iterdir()] == ["reconciler.yaml"]


def test_init_keeps_an_existing_gitignore(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n", encoding="utf-8")
    assert json.loads(run(tmp_path, "init", "--json").stdout)["kept"] == [".gitignore"]
    assert (tmp_path / ".gitignore").read_text(encoding="utf-8") == "mine\n"


@pytest.mark.parametrize(
    "flags", [("--project", "No Name"), ("--account-sid", "AC1"), ("--state", "ftp://x/y")]
)
def test_invalid_answer_is_wrong_usage_and_creates_nothing(
    tmp_path: Path, flags: tuple[str, ...]
) -> None:
    run(tmp_path, "init", *flags, code=64)
    assert list(tmp_path.iterdir()) == []


def test_init_from_an_account_gives_a_project_that_only_imports(tmp_path: Path) -> None:
    world = World.generate(numbers=40)
    with Sandbox(world) as sandbox:
        account = world.account
        environ = {"TWILIO_AUTH_TOKEN": account.auth_token, "TWILIO_BASE_URL": sandbox.base_url}
        run(tmp_path, "init", "--account-sid", account.sid, "--from-account", **environ)
        plan = json.loads(run(tmp_path, "plan", "--json", **environ).stdout)
        assert plan["summary"]["by_action"] == {"import": 40}
        run(tmp_path, "apply", "--auto-approve", **environ)
        assert sandbox.calls.writes == 0


def test_unreadable_account_creates_nothing(tmp_path: Path) -> None:
    run(tmp_path, "init", "--from-account", code=1)
    assert list(tmp_path.iterdir()) == []


def test_init_prompts_on_a_terminal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "init"],
        cwd=tmp_path,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    os.write(ours, f"acme-lines\n{SID}\n\nno\n".encode())
    assert process.stdout is not None
    out = process.stdout.read().decode()
    process.stdout.close()
    assert process.wait(60) == 0, out
    asked = os.read(ours, 65536).decode()
    os.close(ours)
    assert "Project name" in asked
    text = (tmp_path / "reconciler.yaml").read_text(encoding="utf-8")
    assert "project: acme-lines" in text
    assert SID in text
    assert "state: ./state.json" in text
