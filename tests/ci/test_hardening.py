"""What CI files must not do beside keys that can write: run code that somebody else can replace, or plan unheld."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ci.runner import ACTION, CI, ROOT, USED, bash, environment, yaml_of
from tests.ci.test_others import scripts

EXAMPLES = sorted(CI.glob("**/workflows/*.yml"))
RELEASE = ROOT / ".github" / "workflows" / "release.yml"
WORKFLOWS = [*EXAMPLES, RELEASE]
ACTIONS = [ACTION]
GITLAB = sorted(CI.glob("**/.gitlab-ci.yml"))
PODS = sorted(CI.glob("kubernetes/*.yaml"))
HOOKS = ROOT / ".pre-commit-hooks.yaml"
FILES = [*WORKFLOWS, *ACTIONS, *GITLAB, *PODS, HOOKS, ROOT / "Dockerfile"]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ZERO = "0" * 40
ZERO_IS_REFUSED = {*ACTIONS, *EXAMPLES, *GITLAB, ROOT / "docs" / "how-to" / "ci.md"}
"""Their scripts refuse this commit, as a test below proves; git refuses it in the hook that the page shows."""
UNUSABLE_DIGEST = "@sha256:REPLACE_WITH_THE_DIGEST_OF_YOUR_IMAGE"


WRITES = {
    "validate": set(),
    "plan": {"pull-requests", "id-token"},
    "apply": {"id-token"},
    "drift": {"issues", "id-token"},
    "build": set(),
    "publish": {"contents", "id-token", "attestations"},
}
"""What a job may write; `id-token` signs in to the store of the state, and needs a role there."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def steps(document: Any) -> Iterator[dict[str, Any]]:
    """Every step of a workflow or an action."""
    for job in document.get("jobs", {"": document.get("runs", {})}).values():
        yield from job.get("steps", [])


def test_every_kind_of_file_is_found() -> None:
    assert all((WORKFLOWS, ACTIONS, GITLAB, PODS, HOOKS.exists()))
    assert ACTION.exists()
    known = {path for path in CI.rglob("*") if path.suffix in (".yml", ".yaml")}
    assert known <= set(FILES), "a CI file to which these rules are not applied"


@pytest.mark.parametrize("path", [*FILES, *PAGES], ids=name_of)
def test_never_installs_the_package_by_name_only(path: Path) -> None:
    """Nobody owns the name in an index: whoever registers it would run code beside the keys."""
    text = path.read_text(encoding="utf-8")
    for line in text.splitlines():
        if re.search(r"\b(pip|pipx|uv|uvx)\b.*\btwilio-reconciler\b", line):
            local = "--no-index" in line
            direct = re.search(r'twilio-reconciler\[[^\]]*\] @ git\+\$\w+@\$\w+"', line)
            assert local or direct, line


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=name_of)
def test_actions_are_pinned_by_commit_with_a_version_comment(path: Path) -> None:
    used = re.findall(r"uses: (\S+)(.*)", path.read_text(encoding="utf-8"))
    assert used
    for action, comment in used:
        # The placeholder of our own action is no commit: GitHub refuses it until it is replaced.
        if not action.startswith("./") and action != USED:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action
            assert ZERO not in action
            assert re.fullmatch(r"\s+# v\d+\.\d+\.\d+", comment), (
                f"{action} has no version behind it"
            )


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_a_checkout_keeps_no_credentials(path: Path) -> None:
    found = [
        step
        for step in steps(yaml_of(path))
        if step.get("uses", "").startswith("actions/checkout@")
    ]
    assert found
    assert all(step["with"]["persist-credentials"] is False for step in found)


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_a_job_has_a_time_limit_and_names_its_permissions(path: Path) -> None:
    workflow = yaml_of(path)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        assert 0 < job["timeout-minutes"] <= 60, name
        writes = {scope for scope, level in job["permissions"].items() if level == "write"}
        assert writes == WRITES[name], name
        assert job["permissions"]["contents"] == ("write" if name == "publish" else "read"), name


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_no_workflow_gives_the_secrets_of_the_target_to_the_code_of_a_fork(path: Path) -> None:
    workflow = yaml_of(path)
    triggers = workflow[True]  # YAML 1.1 reads the key `on` as true
    assert not {"pull_request_target", "workflow_run"} & set(triggers)
    secret = [name for name, job in workflow["jobs"].items() if "secrets." in str(job)]
    for name in secret:
        condition = str(workflow["jobs"][name]["if"])
        same = "github.event.pull_request.head.repo.full_name == github.repository"
        assert same in condition or re.search(
            r"event_name == '(push|schedule|workflow_dispatch)'", condition
        ), name


@pytest.mark.parametrize("path", [*EXAMPLES, *GITLAB], ids=name_of)
def test_allowed_hosts_are_a_literal_for_every_job(path: Path) -> None:
    """A variable of the repository is not there for a fork, and is changed without a review."""
    document = yaml_of(path)
    hosts = document.get("env", document.get("variables"))["RECONCILER_ALLOW_HOSTS"]
    assert isinstance(hosts, str)
    assert "$" not in hosts


@pytest.mark.parametrize("path", [ROOT / ".ci" / "action" / "plan.sh", *GITLAB], ids=name_of)
def test_a_plan_is_held_to_the_target_branch_and_fails_when_apply_would_refuse(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = [text] if path.suffix == ".sh" else list(scripts(yaml_of(path)))
    [script] = [each for each in found if re.search(r"reconciler plan\b", each)]
    assert "--baseline" in script
    assert "--fail-on-refusal" in script
    assert "ls-tree" in script, (
        "a commit that is missing must not look like a branch without configuration"
    )


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_plan_job_fetches_the_whole_history(path: Path) -> None:
    plan = yaml_of(path)["jobs"]["plan"]
    assert plan["steps"][0]["with"]["fetch-depth"] == 0


@pytest.mark.parametrize("path", GITLAB, ids=name_of)
def test_gitlab_has_a_time_limit_an_image_by_digest_and_the_whole_history(path: Path) -> None:
    document = yaml_of(path)
    assert re.fullmatch(r"\d+ minutes", document["default"]["timeout"])
    assert re.search(r"@sha256:[0-9a-f]{64}$", document["default"]["image"])
    assert document["variables"]["GIT_DEPTH"] == "0"


@pytest.mark.parametrize("path", [*PODS, *GITLAB, ROOT / "Dockerfile"], ids=name_of)
def test_pins_every_image_by_digest(path: Path) -> None:
    images = re.findall(
        r"^\s*(?:image:|FROM) (\S+)", path.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert images
    for image in images:
        assert re.search(r"@sha256:[0-9a-f]{64}$", image) or image.endswith(UNUSABLE_DIGEST), image


@pytest.mark.parametrize("path", [*FILES, *PAGES], ids=name_of)
def test_pins_are_not_invented(path: Path) -> None:
    """A made-up digest or commit looks pinned. What users must replace is refused before anything is fetched."""
    text = path.read_text(encoding="utf-8")
    pins = re.findall(r"(?:@|sha256:|rev: |commit: |COMMIT: )\W?([0-9a-fA-F]{40,64})\b", text)
    for pin in pins:
        assert len(set(pin)) > 8 or (pin == ZERO and path in ZERO_IS_REFUSED), pin


def test_the_placeholder_of_an_image_is_no_image_name() -> None:
    """Container runtimes parse the name first: a digest holds hexadecimal digits only."""
    assert not re.fullmatch(r"@sha256:[0-9a-f]{64}", UNUSABLE_DIGEST)
    page = (ROOT / "docs" / "how-to" / "ci.md").read_text(encoding="utf-8")
    for pod in PODS:
        assert UNUSABLE_DIGEST in pod.read_text(encoding="utf-8")
        assert UNUSABLE_DIGEST.removeprefix("@sha256:") in page


def test_the_image_has_every_extra() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "'.[all]'" in text
    assert "'twilio-reconciler[all]'" in text


def test_a_hook_is_used_at_a_commit() -> None:
    page = (ROOT / "docs" / "how-to" / "ci.md").read_text(encoding="utf-8")
    revisions = re.findall(r"^\s+rev: (\S+)", page, re.MULTILINE)
    assert revisions
    assert all(re.fullmatch("[0-9a-f]{40}", revision) for revision in revisions)


def _gitlab_install(commit: str) -> tuple[str, dict[str, str]]:
    script = yaml_of(GITLAB[0])["default"]["before_script"][0]
    return script, {"RECONCILER_REPOSITORY": "file:///nowhere", "RECONCILER_COMMIT": commit}


@pytest.mark.parametrize(
    "commit", ["", "main", "v0.1.0", "a" * 39, "A" * 40, ZERO, f"{'a' * 40}\nmain"]
)
def test_installs_nothing_without_a_named_commit(commit: str, tmp_path: Path) -> None:
    script, given = _gitlab_install(commit)
    done = bash(script, tmp_path, environment(**given))
    assert done.returncode == 1
    assert "40 hexadecimal digits" in done.stdout + done.stderr


def test_examples_use_the_placeholder_commit_that_is_refused() -> None:
    assert yaml_of(GITLAB[0])["variables"]["RECONCILER_COMMIT"] == ZERO
    for path in EXAMPLES:
        used = re.findall(r"uses: (\S+/reconciler@\S+)", path.read_text(encoding="utf-8"))
        assert used == [USED] * 4


def test_the_action_installs_its_own_commit() -> None:
    """`uses: …@COMMIT` pins the action; a package of another place would not be pinned by it."""
    [step] = [step for step in steps(yaml_of(ACTION)) if step.get("name") == "Install"]
    assert step["run"] == 'python -I -m pip install --quiet "${GITHUB_ACTION_PATH}[${EXTRAS}]"'


def test_labels_never_give_consent() -> None:
    for path in [*WORKFLOWS, ACTION, *(ROOT / ".ci" / "action").iterdir()]:
        assert "label" not in path.read_text(encoding="utf-8"), path


def test_release_uses_no_stored_secret_and_the_files_that_were_tested() -> None:
    """The job that builds has no right to publish; the one that publishes runs no code of the repository."""
    workflow = yaml_of(RELEASE)
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    assert "secrets." not in str(workflow)
    assert publish["needs"] == "build"
    assert publish["environment"] == "release"
    assert not [step for step in publish["steps"] if "checkout" in step.get("uses", "")]
    commands = [step["run"] for step in build["steps"] if "run" in step]
    assert commands == [".ci/run", '.ci/release "$GITHUB_REF_NAME" dist']
