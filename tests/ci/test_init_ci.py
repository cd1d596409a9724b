"""`init --ci` writes a CI file that fits the state: valid, without lines of other stores, and never over a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.config.load.ci_file import PLACES, STORES
from tests.ci.runner import CI, bash, environment, yaml_of

STATES = {
    "s3": "s3://bucket/voice.json",
    "gs": "gs://bucket/voice.json",
    "az": "az://container/voice.json",
    "postgresql": "postgresql://db.example.com/voice",
    "https": "https://gitlab.example.com/api/v4/projects/1/terraform/state/voice",
}
SCHEMAS = {"github": "vendor.github-workflows", "gitlab": "vendor.gitlab-ci"}


def init(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return bash(f"reconciler init {' '.join(words)}", folder, environment())


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    return tmp_path


def test_every_store_is_tried() -> None:
    assert STATES.keys() == STORES.keys()


@pytest.mark.parametrize("system", ["github", "gitlab"])
@pytest.mark.parametrize("scheme", STATES)
def test_file_is_valid_and_fits_the_state(repository: Path, system: str, scheme: str) -> None:
    done = init(repository, f"--ci {system} --state {STATES[scheme]}")
    assert done.returncode == 0, done.stderr
    path = repository / PLACES[system]  # type: ignore[index]
    program = Path(sys.executable).parent / "check-jsonschema"
    words = [program, "--builtin-schema", SCHEMAS[system], path]
    checked = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert checked.returncode == 0, checked.stdout

    text = path.read_text(encoding="utf-8")
    if system == "github":
        for name, store in STORES.items():
            assert any(word in text for word in store.words) == (name == scheme), name
        assert ("id-token" in text) == STORES[scheme].is_cloud
        assert set(yaml_of(path)["jobs"]) == {"validate", "plan", "apply", "drift"}
    assert ("db.example.com" in text) == (scheme == "postgresql")
    for name in done.stdout.split("that the CI jobs read:")[1].split("Before")[0].split():
        # What the file does not name is read by the library of the store.
        assert name in text or name.startswith(("AWS_", "AZURE_", "PG")), name


def test_settings_of_the_guide_are_those_of_the_file(repository: Path) -> None:
    """A variable that the file reads and nobody is told of would be empty in every job."""
    done = init(repository, "--ci github --state az://container/voice.json")
    text = (repository / PLACES["github"]).read_text(encoding="utf-8")
    read = {word.split(".")[1] for word in text.split() if word.startswith(("vars.", "secrets."))}
    told = set(done.stdout.split("that the CI jobs read:")[1].split("Before")[0].split())
    assert read - told == {"NOTIFY_URL"}, "optional"
    guide = (CI.parents[1] / "docs" / "how-to" / "ci.md").read_text(encoding="utf-8")
    assert not [name for name in read if f"`{name}`" not in guide]


def test_project_in_a_folder_is_named_in_each_job(repository: Path) -> None:
    stack = repository / "stacks" / "emea"
    stack.mkdir(parents=True)
    assert init(stack, "--ci github --state s3://bucket/voice.json").returncode == 0
    workflow = yaml_of(repository / PLACES["github"])
    for job in workflow["jobs"].values():
        assert job["steps"][-1]["with"]["directory"] == "stacks/emea"


def test_project_that_exists_gets_only_the_file(repository: Path) -> None:
    assert init(repository, "--state s3://bucket/voice.json").returncode == 0
    before = {path: path.read_bytes() for path in repository.iterdir() if path.is_file()}
    assert init(repository, "--ci gitlab").returncode == 0
    assert (repository / ".gitlab-ci.yml").exists()
    assert all(path.read_bytes() == data for path, data in before.items())

    again = init(repository, "--ci gitlab")
    assert again.returncode == 4
    assert "file_exists" in again.stderr
    assert init(repository, "--ci github --state s3://other/voice.json").returncode == 64


def test_state_that_a_job_loses_is_refused_and_nothing_is_written(repository: Path) -> None:
    done = init(repository, "--ci github")
    assert done.returncode == 64
    assert "--state s3://BUCKET/voice.json" in done.stderr
    assert [path.name for path in repository.iterdir()] == [".git"]


def test_no_file_is_written_through_a_link_out_of_the_repository(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (repository / ".github").symlink_to(outside)
    assert init(repository, "--ci github --state s3://bucket/voice.json").returncode == 64
    assert list(outside.iterdir()) == []
