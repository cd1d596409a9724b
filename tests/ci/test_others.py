"""GitLab CI, pre-commit, Docker and Kubernetes: each valid for those who read it, its commands run as written."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.service.app import Sandbox
from tests.ci.runner import (
    AC,
    ACTION,
    CI,
    GOOD,
    ONE,
    READ,
    ROOT,
    WRITE,
    bash,
    commit,
    environment,
    twilio,
    yaml_of,
)

GITLAB = yaml_of(CI / "gitlab" / ".gitlab-ci.yml")
HOOKS = yaml_of(ROOT / ".pre-commit-hooks.yaml")
CRON = yaml_of(CI / "kubernetes" / "drift.yaml")
VALUES = {
    "$TWILIO_READ_KEY": READ[0],
    "$TWILIO_READ_SECRET": READ[1],
    "$TWILIO_WRITE_KEY": WRITE[0],
    "$TWILIO_WRITE_SECRET": WRITE[1],
}
WORKFLOW = CI / "github" / ".github" / "workflows" / "reconciler.yml"
RELEASE = ROOT / ".github" / "workflows" / "release.yml"
CHECKS = {
    "workflow": ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", WORKFLOW],
    "action": [
        "check-jsonschema",
        "--builtin-schema",
        "vendor.github-actions",
        ACTION,
    ],
    "gitlab": [
        "check-jsonschema",
        "--builtin-schema",
        "vendor.gitlab-ci",
        CI / "gitlab" / ".gitlab-ci.yml",
    ],
    "hooks": ["pre-commit", "validate-manifest", ROOT / ".pre-commit-hooks.yaml"],
    "kubernetes": ["kubernetes-validate", "--strict", CI / "kubernetes" / "drift.yaml"],
    "docker": ["hadolint", ROOT / "Dockerfile"],
    "unsafe": ["zizmor", "--offline", "--no-progress", ACTION, WORKFLOW, RELEASE],
    "release": ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", RELEASE],
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with twilio() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "reconciler.yaml").write_text(GOOD, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", CHECKS)
def test_ci_file_matches_the_schema_of_its_reader(name: str) -> None:
    program, *words = map(str, CHECKS[name])
    found = Path(sys.executable).parent / program
    if not found.exists():
        pytest.skip(f"{program} is not installed: it is among the `test` extras")
    done = subprocess.run([found, *words], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def scripts(document: Any) -> Iterator[str]:
    """Every shell script in a CI file."""
    match document:
        case {**members}:
            for key, value in members.items():
                if key == "run":
                    yield value
                elif key in ("script", "before_script"):
                    yield "\n".join(value)
                else:
                    yield from scripts(value)
        case [*items]:
            for item in items:
                yield from scripts(item)


@pytest.mark.parametrize(
    "path", [ACTION, CI / "gitlab" / ".gitlab-ci.yml"], ids=lambda path: path.name
)
def test_scripts_pass_shellcheck_and_contain_no_expressions(
    path: Path,
) -> None:
    found = list(scripts(yaml_of(path)))
    assert found
    assert not [script for script in found if "${{" in script]
    program = shutil.which("shellcheck", path=environment()["PATH"])
    if program is None:
        pytest.skip("shellcheck is not installed: it is among the `test` extras")
    for script in found:
        command = [program, "--shell=bash", "--severity=style", "-"]
        done = subprocess.run(
            command, input=script, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stdout


SCRIPTS = [*sorted((ROOT / ".ci" / "action").glob("*.sh")), ROOT / ".ci" / "release"]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_of_the_action_pass_shellcheck(path: Path) -> None:
    program = shutil.which("shellcheck", path=environment()["PATH"])
    if program is None:
        pytest.skip("shellcheck is not installed: it is among the `test` extras")
    command = [program, "--external-sources", "--source-path=SCRIPTDIR", "--severity=style", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout
    assert path.name == "environment.sh" or os.access(path, os.X_OK)


def job(name: str, folder: Path, sandbox: Sandbox) -> int:
    """A job of GitLab as written, with the variables of the project."""
    given = {"TWILIO_ACCOUNT_SID": AC, "TWILIO_BASE_URL": sandbox.base_url}
    given["CI_COMMIT_BEFORE_SHA"] = commit(folder, "reconciler.yaml")
    own = {key: VALUES[value] for key, value in GITLAB[name].get("variables", {}).items()}
    done = bash("\n".join(GITLAB[name]["script"]), folder, environment(**given, **own))
    for kind, file in GITLAB[name]["artifacts"].get("reports", {}).items():
        assert (
            (folder / file)
            .read_text(encoding="utf-8")
            .startswith({"junit": "<?xml", "codequality": "["}[kind])
        )
    return done.returncode


def test_gitlab_validates_plans_applies_and_finds_drift(folder: Path, sandbox: Sandbox) -> None:
    assert job("validate", folder, sandbox) == 0
    assert job("plan", folder, sandbox) == 0
    assert sandbox.calls.writes == 0
    assert all((folder / path).exists() for path in GITLAB["plan"]["artifacts"]["paths"])
    assert job("apply", folder, sandbox) == 0
    assert job("drift", folder, sandbox) == 0
    sandbox.edit(ONE, {"voice_url": "https://laptop.example.dev/voice"})
    assert job("drift", folder, sandbox) == 2


def test_the_hook_finds_problems_without_an_account(folder: Path) -> None:
    (hook,) = HOOKS
    assert bash(hook["entry"], folder, environment()).returncode == 0
    assert re.search(hook["files"], "numbers/emea.yaml")
    (folder / "reconciler.yaml").write_text(GOOD.replace("support\n", "nobody\n"), encoding="utf-8")
    assert bash(hook["entry"], folder, environment()).returncode == 3


def test_cron_job_runs_on_a_read_only_configuration(folder: Path, sandbox: Sandbox) -> None:
    pod = CRON["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    words = [word.replace("/config", str(folder)) for word in container["args"]]
    environ = environment(
        TWILIO_ACCOUNT_SID=AC,
        TWILIO_API_KEY=READ[0],
        TWILIO_API_SECRET=READ[1],
        TWILIO_BASE_URL=sandbox.base_url,
    )
    writing = {**environ, "TWILIO_API_KEY": WRITE[0], "TWILIO_API_SECRET": WRITE[1]}
    assert bash("reconciler apply --auto-approve", folder, writing).returncode == 0
    before = sorted(folder.iterdir())
    assert bash(shlex.join(["reconciler", *words]), folder, environ).returncode == 0
    assert sorted(folder.iterdir()) == before
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    assert mounts == {volume["name"] for volume in pod["volumes"]}
    assert all(mount["readOnly"] for mount in container["volumeMounts"])


def test_image_copies_enough_to_build_the_package(tmp_path: Path) -> None:
    for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            *sources, target = line.split()[1:]
            for source in sources:
                path = tmp_path / (source if target == "./" else target)
                if (ROOT / source).is_dir():
                    shutil.copytree(
                        ROOT / source, path, ignore=shutil.ignore_patterns("__pycache__")
                    )
                else:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(ROOT / source, path)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "out", "."]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert list((tmp_path / "out").glob("twilio_reconciler-*.whl"))
