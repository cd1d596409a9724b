"""A repository on a loopback GitHub whose pull requests, merges and workflow runs are acted out as GitHub would.

Real: git, the files of `examples/ci` and `action.yml`, the command, the store of the state, Twilio's sandbox. Acted out:
the events, the `paths` filters, the conditions of jobs, and the queue of a concurrency group.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.sandbox.service.app import Sandbox
from tests.ci.expressions import evaluate, fill, matches_paths
from tests.ci.hub import REPOSITORY, TOKEN, Hub
from tests.ci.runner import AC, CI, READ, ROOT, USED, WRITE, Action, environment, yaml_of

PLACE = Path(".github") / "workflows" / "reconciler.yml"
WORKFLOW = yaml_of(CI / "github" / PLACE)
TRIGGERS = WORKFLOW[True]  # YAML 1.1 reads the key `on` as true
SETTINGS = {
    "vars.TWILIO_ACCOUNT_SID": AC,
    "secrets.TWILIO_READ_KEY": READ[0],
    "secrets.TWILIO_READ_SECRET": READ[1],
    "secrets.TWILIO_API_KEY": WRITE[0],
    "secrets.TWILIO_API_SECRET": WRITE[1],
    "github.token": TOKEN,
    "github.repository": REPOSITORY,
    "github.event.repository.default_branch": "main",
}
"""What the owner of the repository has set; every other variable and secret is empty."""


@dataclass
class Pull:
    """A pull request; `files` are what it changes."""

    number: int
    branch: str
    head: str
    files: list[str]
    fork: bool = False
    planned: int | None = None


@dataclass
class Run:
    """A run of the workflow for a commit of the default branch."""

    commit: str
    event: str = "push"
    inputs: dict[str, str] = field(default_factory=dict)
    code: int | None = None
    log: str = ""
    summary: str = ""


class Team:
    """People who open, plan and merge pull requests, and the runner that works for them."""

    def __init__(
        self,
        folder: Path,
        hub: Hub,
        sandbox: Sandbox,
        store: Mapping[str, str],
        files: dict[str, str],
    ) -> None:
        self.folder, self.hub, self.sandbox, self.store = folder, hub, sandbox, store
        self.clone = folder / "clone"
        self.clone.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        shutil.copytree(CI / "github" / ".github", self.clone / ".github")
        first = self.commit(files)
        hub.commits.append(first)
        self.pulls: list[Pull] = []
        self.waiting: Run | None = None
        self.runs: list[Run] = []
        self.cancelled: list[Run] = []

    # git

    def git(self, *words: str) -> str:
        """Run git in the clone. Return what it prints."""
        who = ["-c", "user.name=Example", "-c", "user.email=example@example.com"]
        done = subprocess.run(
            ["git", *who, *words], cwd=self.clone, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, files: Mapping[str, str | None]) -> str:
        """Write these files, remove those without text, and commit. Return the commit."""
        for name, text in files.items():
            path = self.clone / name
            if text is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "-q", "-m", "Change the numbers")
        return self.git("rev-parse", "HEAD")

    # People

    def open(self, files: Mapping[str, str | None], *, fork: bool = False) -> Pull:
        """Open a pull request from the present default branch; the workflow plans it."""
        number = len(self.pulls) + 1
        branch = f"change-{number}"
        self.git("checkout", "-q", "-B", branch, "main")
        head = self.commit(files)
        pull = Pull(number, branch, head, list(files), fork)
        self.pulls.append(pull)
        self.plan(pull)
        return pull

    def plan(self, pull: Pull) -> None:
        """Run the workflow of a pull request, on its merge with the default branch."""
        if not matches_paths(TRIGGERS["pull_request"]["paths"], pull.files):
            return
        base = self.git("rev-parse", "main")
        owner = "somebody/numbers" if pull.fork else REPOSITORY
        context = {
            "github.event_name": "pull_request",
            "github.event.pull_request.number": str(pull.number),
            "github.event.pull_request.base.sha": base,
            "github.event.pull_request.head.repo.full_name": owner,
        }
        self.git("checkout", "-q", "--detach", "main")
        self.git("merge", "-q", "--no-edit", pull.branch)
        work = self.check_out("HEAD", f"pull-{pull.number}")
        if not self.is_wanted("plan", context):
            return
        pull.planned, _, _ = self.job("plan", work, context)
        plan = work.with_suffix(".temp") / "reconciler" / "plan.bin"
        if pull.planned == 0:
            branch = plan.with_name("branch.txt").read_bytes()
            files = {"branch.txt": branch, "plan.bin": plan.read_bytes(), "plan.html": b""}
            self.hub.upload(files, pull.head, fork=pull.fork)

    def merge(self, pull: Pull) -> None:
        """Merge a pull request as one commit. The run that waited is cancelled by the new one."""
        self.git("checkout", "-q", "main")
        self.git("merge", "-q", "--squash", pull.branch)
        self.git("commit", "-q", "--allow-empty", "-m", f"Merge #{pull.number}")
        commit = self.git("rev-parse", "HEAD")
        self.hub.merge(pull.number, pull.head, commit)
        if matches_paths(TRIGGERS["push"]["paths"], pull.files):
            self.queue(Run(commit))

    def queue(self, run: Run) -> None:
        """Let a run wait; a concurrency group has one place to wait."""
        if self.waiting is not None:
            self.cancelled.append(self.waiting)
        self.waiting = run

    def apply_by_hand(self, digest: str, **consent: str) -> Run:
        """Start the workflow by hand for the default branch."""
        inputs = {"inputs.digest": digest, **{f"inputs.{k}": v for k, v in consent.items()}}
        run = Run(self.git("rev-parse", "main"), "workflow_dispatch", inputs)
        return self.start(run)

    # The runner

    def run_waiting(self) -> Run | None:
        """Run what waits, if anything does."""
        run, self.waiting = self.waiting, None
        return None if run is None else self.start(run)

    def start(self, run: Run) -> Run:
        """Run the apply of a commit."""
        context = {"github.event_name": run.event, "github.ref_name": "main", **run.inputs}
        assert self.is_wanted("apply", context)
        self.runs.append(run)
        work = self.check_out(run.commit, f"run-{len(self.runs)}")
        run.code, run.log, run.summary = self.job("apply", work, context, run.commit)
        if run.code == 0:
            self.hub.succeed(run.commit, run.event)
        return run

    def check_out(self, commit: str, name: str) -> Path:
        """A new checkout of a commit, as a runner has it."""
        work = self.folder / name
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(work.with_suffix(".temp"), ignore_errors=True)
        sha = self.git("rev-parse", commit)
        self.git("clone", "-q", "--no-checkout", str(self.clone), str(work))
        subprocess.run(
            ["git", "-C", str(work), "checkout", "-q", "--detach", sha],
            check=True,
            capture_output=True,
        )
        work.with_suffix(".temp").mkdir()
        return work

    def is_wanted(self, job: str, context: Mapping[str, str]) -> bool:
        """Whether the condition of a job holds for an event."""
        condition = WORKFLOW["jobs"][job]["if"]
        return bool(evaluate(condition, {**SETTINGS, **context}))

    def job(
        self, name: str, work: Path, context: Mapping[str, str], commit: str = ""
    ) -> tuple[int, str, str]:
        """Run a job in a checkout. Return its exit code, its log and its summary."""
        job: Any = WORKFLOW["jobs"][name]
        [step] = [step for step in job["steps"] if step["uses"] == USED]
        known = {**SETTINGS, **context}
        temp = work.with_suffix(".temp")
        given = environment(
            CI="true",
            TWILIO_BASE_URL=self.sandbox.base_url,
            GITHUB_API_URL=self.hub.url,
            GITHUB_REPOSITORY=REPOSITORY,
            GITHUB_SHA=commit,
            GITHUB_REF_NAME="main",
            GITHUB_BASE_REF="main",
            GITHUB_WORKFLOW_REF=f"{REPOSITORY}/{PLACE}@refs/heads/main",
            GITHUB_ACTION_PATH=str(ROOT),
            RUNNER_TEMP=str(temp),
            GITHUB_STEP_SUMMARY=str(temp / "summary.md"),
            **self.store,
        )
        own = {key: fill(value, known) for key, value in job.get("env", {}).items()}
        action = Action(work, {**given, **own}, known)
        code = action.use({key: fill(str(value), known) for key, value in step["with"].items()})
        summary = temp / "summary.md"
        text = summary.read_text(encoding="utf-8") if summary.exists() else ""
        return code, action.log, text


def remove(folder: Path) -> None:
    """Remove the checkouts of finished runs; a series makes many."""
    for path in folder.iterdir():
        if path.is_dir() and path.name.startswith(("run-", "pull-")):
            shutil.rmtree(path)
