"""The functions for programs: the values of the JSON, exactly the plan that was made, errors with their exit codes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import reconciler
from reconciler import Incomplete, ReconcilerError, apply, drift, load, plan
from reconciler.cli.main import main, run_to_exit_code
from reconciler.sandbox.faults.rules import Refuse
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from tests.docs.markdown import ROOT, blocks

AC = "AC" + "1" * 32
ONE, TWO = "+15550100101", "+15550100102"
CONFIG = f"""\
version: 1
project: api
variables: {{host: {{default: agents.example.com}}}}
agents: {{support: {{webhooks: {{voice: "https://${{host}}/voice"}}}}}}
numbers:
  "{ONE}": support
  "{TWO}": support
"""


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    seed = {
        "accounts": [{"sid": AC, "auth_token": "token"}],
        "numbers": [
            {"phone_number": ONE, "voice_url": "https://demo.twilio.com/welcome/voice/"},
            {"phone_number": TWO, "voice_url": ""},
        ],
    }
    with Sandbox(World.from_seed(seed)) as sandbox:
        monkeypatch.setenv("TWILIO_ACCOUNT_SID", AC)
        monkeypatch.setenv("TWILIO_AUTH_TOKEN", "token")
        monkeypatch.setenv("TWILIO_BASE_URL", sandbox.base_url)
        yield sandbox


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    file = tmp_path / "reconciler.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    return file


def command(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    run_to_exit_code(
        lambda: main.main([*words, "--json"], prog_name="reconciler", standalone_mode=False)
    )
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_returns_the_values_of_the_json(
    sandbox: Sandbox, entry: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = plan(load(entry))
    printed = command(capsys, "plan", "-C", str(entry.parent))
    assert made.to_dict() == printed
    assert made.digest == printed["digest"]
    assert made.actions[0].address == made.actions[0]["address"] == f"number/{ONE}"
    assert made.summary.actions == 4
    assert (made.exit_code, made.would_refuse, made.diagnostics) == (0, [], [])


def test_plans_applies_and_finds_drift_without_output(
    sandbox: Sandbox, entry: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder, handler = Path.cwd(), signal.getsignal(signal.SIGINT)
    config = load(entry.parent)
    result = apply(plan(config))
    assert (result.success_count, result.failed_count, result.exit_code) == (4, 0, 0)
    assert {outcome.status for outcome in result.outcomes} == {"applied"}
    assert plan(config).actions == []

    sandbox.edit(ONE, {"voice_url": "https://elsewhere.example.com/voice"})
    found = drift(config)
    assert [each.address for each in found.drifted] == [f"number/{ONE}"]
    assert "elsewhere.example.com" in found.drifted[0].fields[0].live
    assert found.exit_code == 2
    assert capfd.readouterr() == ("", "")
    assert (Path.cwd(), signal.getsignal(signal.SIGINT)) == (folder, handler)


def test_applies_no_other_plan(sandbox: Sandbox, entry: Path) -> None:
    config = load(entry)
    made = plan(config)
    sandbox.edit(ONE, {"voice_url": "https://elsewhere.example.com/voice"})
    with pytest.raises(ReconcilerError) as refused:
        apply(made, allow_takeover=True, force=True)
    assert refused.value.exit_code == 4
    assert refused.value.diagnostics[0].code == "plan_stale"
    assert not (entry.parent / "state.json").exists()


def test_applies_a_plan_once(sandbox: Sandbox, entry: Path) -> None:
    made = plan(load(entry))
    apply(made)
    with pytest.raises(ReconcilerError, match="plan_stale"):
        apply(made)


def test_a_configuration_that_changed_is_not_planned(sandbox: Sandbox, entry: Path) -> None:
    config = load(entry)
    entry.write_text(CONFIG.replace("/voice", "/other"), encoding="utf-8")
    with pytest.raises(ReconcilerError, match="changed since it was loaded") as refused:
        plan(config)
    assert refused.value.exit_code == 4
    assert plan(load(entry)).actions


def test_takeovers_need_consent(sandbox: Sandbox, entry: Path) -> None:
    sandbox.edit(ONE, {"voice_url": "https://pbx.example.com/voice"})
    made = plan(load(entry))
    assert made.would_refuse == ["takeover_refused"]
    for consent in (False, f"number/{TWO}", [], "trunk/*"):
        with pytest.raises(ReconcilerError) as refused:
            apply(made, allow_takeover=consent)
        assert refused.value.exit_code == 4
        assert [each.code for each in refused.value.diagnostics] == ["takeover_refused"]
    assert apply(made, allow_takeover=[f"number/{ONE}"]).exit_code == 0


def test_a_partial_apply_is_an_error_with_its_result(sandbox: Sandbox, entry: Path) -> None:
    made = plan(load(entry))
    sandbox.faults.add(
        Refuse(status=400, code=21211, method="POST", path="*/IncomingPhoneNumbers/*")
    )
    with pytest.raises(Incomplete) as failed:
        apply(made)
    assert failed.value.exit_code == 5
    assert failed.value.result.to_dict()["failed_count"] == 2
    assert {each.code for each in failed.value.diagnostics} == {"twilio_refused"}


def test_variables_have_the_rank_of_the_option(
    sandbox: Sandbox, entry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_VAR_host", "env.example.com")
    made = plan(load(entry, variables={"host": "given.example.com"}))
    assert "given.example.com" in json.dumps(made.to_dict())
    assert "env.example.com" in json.dumps(plan(load(entry)).to_dict())
    with pytest.raises(ReconcilerError) as wrong:
        load(entry, variables={"hots": "a"})
    assert wrong.value.exit_code == 64
    with pytest.raises(TypeError):
        load(entry, variables={"host": 1})  # type: ignore[dict-item]


def test_errors_carry_diagnostics_and_exit_code(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text(
        "version: 1\nproject: x\nnumbers: {'+15550100101': a}"
    )
    with pytest.raises(ReconcilerError) as invalid:
        load(tmp_path)
    found = invalid.value.diagnostics[0]
    assert (invalid.value.exit_code, found.code) == (3, "agent_not_found")
    assert (found.file, found.line) == ("reconciler.yaml", 3)
    with pytest.raises(ReconcilerError) as missing:
        load(tmp_path / "none.yaml")
    assert missing.value.exit_code == 3


def test_drift_without_a_state_is_an_error(sandbox: Sandbox, entry: Path) -> None:
    with pytest.raises(ReconcilerError, match="nothing_recorded") as failed:
        drift(load(entry))
    assert failed.value.exit_code == 1


def test_another_argument_is_a_type_error(entry: Path) -> None:
    with pytest.raises(TypeError, match="expected the Config that `load` returns, not str"):
        plan(str(entry))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected the Plan that `plan` returns, not Config"):
        apply(load(entry))  # type: ignore[arg-type]


def test_runs_in_several_threads(sandbox: Sandbox, tmp_path: Path) -> None:
    def run(name: str) -> int:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "reconciler.yaml").write_text(CONFIG, encoding="utf-8")
        return len(plan(load(folder)).actions)

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(run, "abcdefgh")) == {4}


def test_importing_the_package_imports_nothing_else() -> None:
    script = (
        "import sys, reconciler\n"
        "print(sorted(name for name in sys.modules if name.startswith('reconciler')))\n"
        "print({'twilio', 'pydantic', 'msgspec'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "['reconciler', 'reconciler.version']\nset()\n"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'destroy'"):
        reconciler.destroy  # noqa: B018
    assert set(dir(reconciler)) >= {"load", "plan", "apply", "drift"}


def test_the_page_can_be_followed(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reconciler.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "wrong.yaml").write_text("version: 1\n", encoding="utf-8")
    page = ROOT / "docs" / "reference" / "python-api.md"
    texts = [block.text for block in blocks("python") if block.page == page]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for text in texts:
            exec(compile(text, str(page), "exec"), {})
    lines = printed.getvalue().splitlines()
    assert lines[0] == f"number/{ONE} import new"
    assert lines[4:6] == ["4 of 4", "0 drifted"]
    assert lines[-2:] == ["wrong.yaml 1 missing_field", "exit 3"]
    assert os.environ["TWILIO_ACCOUNT_SID"] == AC
