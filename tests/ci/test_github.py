"""The action and its workflow: one comment, the plan that was reviewed, one issue; nothing for a fork to take."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.service.app import Sandbox
from tests.ci.expressions import fill
from tests.ci.hub import REPOSITORY, TOKEN, Hub
from tests.ci.runner import (
    AC,
    CI,
    GOOD,
    ONE,
    READ,
    ROOT,
    USED,
    WRITE,
    Action,
    bash,
    commit,
    environment,
    twilio,
    yaml_of,
)

WORKFLOW = yaml_of(CI / "github" / ".github" / "workflows" / "reconciler.yml")
HEAD, MERGE = "a" * 40, "b" * 40
SECRETS = {
    "vars.TWILIO_ACCOUNT_SID": AC,
    "secrets.TWILIO_READ_KEY": READ[0],
    "secrets.TWILIO_READ_SECRET": READ[1],
    "secrets.TWILIO_API_KEY": WRITE[0],
    "secrets.TWILIO_API_SECRET": WRITE[1],
}


class Checkout:
    """A checkout on a runner, with GitHub and Twilio on loopback."""

    def __init__(self, folder: Path, hub: Hub, sandbox: Sandbox) -> None:
        self.folder, self.hub, self.sandbox = folder, hub, sandbox
        self.log = ""
        self.directory = "."
        self.target = "main"
        self.commit = MERGE
        self.programs = ""
        self.temp = folder.with_name("temp")
        self.temp.mkdir(exist_ok=True)
        (folder / "reconciler.yaml").write_text(GOOD, encoding="utf-8")
        self.base = commit(folder, "reconciler.yaml")

    def job(self, name: str, **context: str) -> int:
        """What a job of the workflow does after its checkout."""
        [step] = [step for step in WORKFLOW["jobs"][name]["steps"] if step["uses"] == USED]
        event = {
            "github.event.pull_request.number": "7",
            "github.event.pull_request.base.sha": self.base,
        }
        known = {"github.token": TOKEN, **event, **SECRETS, **context}
        given = environment(
            TWILIO_BASE_URL=self.sandbox.base_url,
            GITHUB_API_URL=self.hub.url,
            GITHUB_REPOSITORY=REPOSITORY,
            GITHUB_SHA=self.commit,
            GITHUB_REF_NAME="main",
            GITHUB_BASE_REF=self.target,
            GITHUB_WORKFLOW_REF=f"{REPOSITORY}/.github/workflows/reconciler.yml@refs/heads/main",
            GITHUB_ACTION_PATH=str(ROOT),
            RUNNER_TEMP=str(self.temp),
            GITHUB_STEP_SUMMARY=str(self.folder / "summary.md"),
        )
        given["PATH"] = self.programs + given["PATH"]
        # A variable that the repository does not have is empty, as it is on GitHub.
        own = {
            key: fill(value, known) for key, value in WORKFLOW["jobs"][name].get("env", {}).items()
        }
        action = Action(self.folder, {**given, **own}, known)
        inputs = {key: fill(str(value), known) for key, value in step["with"].items()}
        code = action.use({**inputs, "directory": self.directory})
        self.log = action.log
        return code

    def keep(self, *, fork: bool = False) -> None:
        """The step that uploads the plan."""
        reports = self.temp / "reconciler"
        names = ("branch.txt", "plan.bin", "plan.html")
        self.hub.upload({name: (reports / name).read_bytes() for name in names}, HEAD, fork=fork)
        (reports / "plan.bin").unlink()

    def merge(self) -> None:
        self.hub.merge(7, HEAD, MERGE)

    @property
    def voice(self) -> str:
        number = self.sandbox.world.numbers.get_by_key(ONE)
        assert number is not None
        return number.voice_url


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    with Hub() as hub, twilio() as sandbox:
        folder = tmp_path / "checkout"
        folder.mkdir()
        yield Checkout(folder, hub, sandbox)


def test_a_fork_can_validate_without_any_secret(checkout: Checkout) -> None:
    assert "env" not in WORKFLOW["jobs"]["validate"]
    assert checkout.job("validate") == 0
    (checkout.folder / "reconciler.yaml").write_text(
        GOOD.replace("support\n", "nobody\n"), encoding="utf-8"
    )
    assert checkout.job("validate") == 3
    assert "::error file=reconciler.yaml,line=7,col=19,title=agent_not_found" in checkout.log
    assert len(checkout.sandbox.calls) == 0


def test_pull_request_has_one_comment_after_repeated_plans(checkout: Checkout) -> None:
    for n in range(150):
        checkout.hub.say(7, f"remark {n}")
    assert checkout.job("plan") == 0
    (checkout.folder / "reconciler.yaml").write_text(
        GOOD.replace("/voice", "/v2/voice"), encoding="utf-8"
    )
    assert checkout.job("plan") == 0
    ours = [
        c["body"]
        for c in checkout.hub.comments[7]
        if c["body"].startswith("<!-- reconciler:plan:acme-voice -->")
    ]
    assert len(ours) == 1
    assert "https://agents.example.com/v2/voice" in ours[0]
    assert len(checkout.hub.comments[7]) == 151
    assert checkout.sandbox.calls.writes == 0, "a key that can only read is enough"
    assert "high risk" not in (checkout.folder / "summary.md").read_text(encoding="utf-8")


def test_failed_plan_fails_the_job_and_the_comment_explains_it(
    checkout: Checkout,
) -> None:
    (checkout.folder / "reconciler.yaml").write_text(
        GOOD.replace("support\n", "nobody\n"), encoding="utf-8"
    )
    assert checkout.job("plan") == 3
    (comment,) = checkout.hub.comments[7]
    assert comment["body"].startswith("<!-- reconciler:plan:acme-voice -->")
    assert "agent_not_found" in comment["body"]


FOREIGN = "https://pbx.example.net/in"
CONSENT = GOOD.replace("support\n", "{agent: support, takeover: allow}\n")


def test_consent_is_declared_on_the_number_in_the_pull_request(checkout: Checkout) -> None:
    checkout.sandbox.edit(ONE, {"voice_url": FOREIGN})
    assert checkout.job("plan") == 4
    assert "takeover_refused" in checkout.hub.comments[7][0]["body"]

    (checkout.folder / "reconciler.yaml").write_text(CONSENT, encoding="utf-8")
    assert checkout.job("plan") == 0, checkout.log
    assert FOREIGN in checkout.hub.comments[7][0]["body"], "the reviewers read what is overwritten"
    checkout.keep()
    checkout.merge()
    assert checkout.job("apply") == 0, checkout.log
    assert checkout.voice == "https://agents.example.com/voice"


def test_pull_request_cannot_consent_for_every_number(checkout: Checkout) -> None:
    checkout.sandbox.edit(ONE, {"voice_url": FOREIGN})
    (checkout.folder / "reconciler.yaml").write_text(
        f"{GOOD}safety: {{takeover: allow}}\n", encoding="utf-8"
    )
    assert checkout.job("plan") == 4
    assert "takeover_refused" in checkout.hub.comments[7][0]["body"]
    checkout.base = commit(checkout.folder, "reconciler.yaml")
    assert checkout.job("plan") == 0, "once the target branch has given it"


def test_plan_of_a_linked_folder_is_held_to_the_target_branch(checkout: Checkout) -> None:
    checkout.sandbox.edit(ONE, {"voice_url": FOREIGN})
    (checkout.folder / "phones").mkdir()
    (checkout.folder / "reconciler.yaml").rename(checkout.folder / "phones" / "reconciler.yaml")
    (checkout.folder / "linked").symlink_to("phones")
    checkout.base = commit(checkout.folder, "--all")
    loose = f"{GOOD}safety: {{takeover: allow}}\n"
    (checkout.folder / "phones" / "reconciler.yaml").write_text(loose, encoding="utf-8")
    checkout.directory = "linked"
    assert checkout.job("plan") != 0
    assert checkout.sandbox.calls.writes == 0


def test_first_pull_request_has_no_baseline_and_a_missing_commit_fails(
    checkout: Checkout,
) -> None:
    checkout.sandbox.edit(ONE, {"voice_url": FOREIGN})
    (checkout.folder / "reconciler.yaml").unlink()
    checkout.base = commit(checkout.folder, "--all")
    (checkout.folder / "reconciler.yaml").write_text(CONSENT, encoding="utf-8")
    assert checkout.job("plan") == 0
    checkout.base = "c" * 40
    assert checkout.job("plan") != 0


LURES = {
    "plan.md": "Nothing to do: safe to merge",
    "plan.txt": "::stop-commands::abc",
    "apply.md": "Applied",
    "drift.md": "no drift",
}


@pytest.mark.parametrize("job", ["plan", "apply", "drift"])
def test_files_of_the_change_never_replace_reports(checkout: Checkout, job: str) -> None:
    """A command that ends before it writes its reports leaves no report, and the job ends with its code."""
    for name, text in LURES.items():
        (checkout.folder / name).write_text(text, encoding="utf-8")
    commit(checkout.folder, "--all")
    program = checkout.temp / "bin" / "reconciler"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 64\n", encoding="utf-8")
    program.chmod(0o755)
    checkout.programs = f"{program.parent}{os.pathsep}"
    assert checkout.job(job) == 64
    summary = checkout.folder / "summary.md"
    told = (
        checkout.log
        + (summary.read_text(encoding="utf-8") if summary.exists() else "")
        + str(checkout.hub.comments)
    )
    assert not [text for text in LURES.values() if text in told]
    assert "No such file" not in told


def test_git_executes_nothing_from_a_folder_of_the_change(checkout: Checkout) -> None:
    """A folder with the layout of a bare repository is one for git, with a configuration that can run programs."""
    stack = checkout.folder / "stacks" / "emea"
    (stack / "objects").mkdir(parents=True)
    (stack / "refs" / "heads").mkdir(parents=True)
    (stack / "reconciler.yaml").write_text(GOOD, encoding="utf-8")
    checkout.base = commit(checkout.folder, "--all")
    ran = checkout.temp / "ran"
    (stack / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
    evil = f"[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tfsmonitor = touch {ran}\n\tsshCommand = touch {ran}\n"
    (stack / "config").write_text(evil, encoding="utf-8")
    (stack / "reconciler.yaml").write_text(f"{GOOD}safety: {{takeover: allow}}\n", encoding="utf-8")
    checkout.sandbox.edit(ONE, {"voice_url": FOREIGN})
    checkout.directory = "stacks/emea"
    assert checkout.job("plan") == 4, "held to the target branch all the same"
    assert "takeover_refused" in checkout.log
    assert not ran.exists()


def test_an_error_of_git_is_not_an_absent_configuration(checkout: Checkout) -> None:
    checkout.sandbox.edit(ONE, {"voice_url": FOREIGN})
    (checkout.folder / "reconciler.yaml").write_text(CONSENT, encoding="utf-8")
    words = ["git", "rev-parse", f"{checkout.base}^{{tree}}"]
    tree = subprocess.run(
        words, cwd=checkout.folder, capture_output=True, text=True, check=True
    ).stdout.strip()
    (checkout.folder / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    assert checkout.job("plan") not in (0, 4)
    assert checkout.sandbox.calls.reads == 0, "no plan is made without a baseline"


def test_merge_applies_the_reviewed_plan(checkout: Checkout) -> None:
    checkout.job("plan")
    checkout.keep()
    checkout.merge()
    assert checkout.job("apply") == 0, checkout.log
    assert checkout.voice == "https://agents.example.com/voice"
    assert "Applied: 2 succeeded, 0 failed" in checkout.log


@pytest.mark.parametrize("moved", ["the configuration", "twilio"])
def test_a_plan_is_not_applied_when_something_has_moved_since(
    checkout: Checkout, moved: str
) -> None:
    checkout.job("plan")
    checkout.keep()
    checkout.merge()
    if moved == "twilio":
        checkout.sandbox.edit(ONE, {"voice_url": "https://laptop.example.dev/voice"})
    else:
        (checkout.folder / "reconciler.yaml").write_text(
            GOOD.replace("/voice", "/v2/voice"), encoding="utf-8"
        )
    assert checkout.job("apply") == 4
    assert "::error" in checkout.log
    assert checkout.sandbox.calls.writes == 0


def test_plan_of_a_fork_is_not_used(checkout: Checkout) -> None:
    checkout.job("plan")
    checkout.keep(fork=True)
    checkout.merge()
    assert checkout.job("apply") == 4
    assert "#7 has no plan" in checkout.log
    assert "plan_not_reviewed" in checkout.log
    assert checkout.sandbox.calls.writes == 0


def test_plan_whose_digest_no_comment_shows_is_not_used(checkout: Checkout) -> None:
    """Whoever can start a workflow can upload a file with the name of a plan."""
    checkout.job("plan")
    checkout.keep()
    checkout.hub.comments[7][0]["body"] = "<!-- reconciler:plan:acme-voice -->\nNothing to do"
    checkout.merge()
    assert checkout.job("apply") == 4
    assert "no comment shows the digest" in checkout.log
    assert checkout.sandbox.calls.writes == 0


def test_digest_in_the_comment_of_a_stranger_shows_no_plan(checkout: Checkout) -> None:
    checkout.job("plan")
    checkout.keep()
    shown = checkout.hub.comments.pop(7)[0]["body"]
    checkout.hub.say(7, shown)
    checkout.merge()
    assert checkout.job("apply") == 4
    assert "no comment shows the digest" in checkout.log
    assert checkout.sandbox.calls.writes == 0


def test_report_is_never_written_into_a_comment_or_issue_of_a_stranger(checkout: Checkout) -> None:
    """Its author could change the plan that the reviewers read, or close the issue."""
    checkout.hub.say(7, "<!-- reconciler:plan:acme-voice -->\nmine")
    checkout.job("plan")
    assert [each["user"]["type"] for each in checkout.hub.comments[7]] == ["User", "Bot"]
    assert checkout.hub.comments[7][0]["body"].endswith("mine")

    checkout.keep()
    checkout.merge()
    checkout.job("apply")
    stranger = {"user": {"type": "User"}, "author_association": "NONE"}
    body = "<!-- reconciler:drift:acme-voice -->\nmine"
    checkout.hub.issues.append({"number": 1, "state": "open", "body": body, **stranger})
    checkout.sandbox.edit(ONE, {"voice_url": FOREIGN})
    assert checkout.job("drift") == 0
    assert [each["body"] == body for each in checkout.hub.issues] == [True, False]


def test_plan_made_for_another_branch_is_not_used(checkout: Checkout) -> None:
    """It was held to the limits of that branch; the pull request was given this target afterwards."""
    checkout.target = "loose"
    checkout.job("plan")
    checkout.keep()
    checkout.merge()
    assert checkout.job("apply") == 4
    assert "made for another branch" in checkout.log
    assert checkout.sandbox.calls.writes == 0


@pytest.mark.parametrize("content", ["no archive", "no plan", "another format"])
def test_plan_that_cannot_be_read_does_not_stop_the_others(
    checkout: Checkout, content: str
) -> None:
    checkout.job("plan")
    checkout.keep()
    checkout.merge()
    checkout.hub.merge(8, "c" * 40, "d" * 40)
    files = {"branch.txt": b"main\n", "plan.bin": b"of another version"}
    checkout.hub.upload({} if content == "no plan" else files, "c" * 40)
    if content == "no archive":
        checkout.hub.blobs[2] = b"not an archive"
    checkout.commit = "d" * 40
    assert checkout.job("apply") == 0, checkout.log
    assert "::warning::#8" in checkout.log
    assert checkout.voice == "https://agents.example.com/voice"


def test_question_is_asked_again_when_github_fails(checkout: Checkout) -> None:
    checkout.job("plan")
    checkout.keep()
    checkout.merge()
    checkout.hub.failures = 1
    assert checkout.job("apply") == 0, checkout.log


def test_repeated_run_of_an_older_commit_applies_nothing(checkout: Checkout) -> None:
    checkout.job("plan")
    checkout.keep()
    checkout.merge()
    checkout.hub.merge(8, "c" * 40, "d" * 40)
    checkout.hub.succeed("d" * 40)
    assert checkout.job("apply") == 1
    assert "older_commit" in checkout.log
    assert checkout.sandbox.calls.writes == 0

    # A branch that was put back has the older commit as its newest.
    checkout.hub.tip = MERGE
    assert checkout.job("apply") == 0, checkout.log


def test_last_apply_is_found_behind_hourly_runs_and_removed_commits(checkout: Checkout) -> None:
    """Without it every plan of the past would count as reviewed."""
    checkout.hub.commits.append("e" * 40)
    checkout.hub.succeed("e" * 40)
    checkout.hub.succeed("f" * 40)  # forced away
    for _ in range(1100):
        checkout.hub.succeed("e" * 40, "schedule")
    checkout.merge()
    checkout.job("apply")
    assert "No apply has succeeded yet" not in checkout.log
    assert "GitHub answered" not in checkout.log


def test_installing_executes_nothing_of_the_checkout(tmp_path: Path) -> None:
    """`python -m pip` would import a file pip.py of the folder that it is started in."""
    [step] = [
        each
        for each in yaml_of(ROOT / "action.yml")["runs"]["steps"]
        if each.get("name") == "Install"
    ]
    (tmp_path / "pip.py").write_text("open('planted', 'w')\n", encoding="utf-8")
    given = environment(GITHUB_ACTION_PATH=str(tmp_path / "absent"), EXTRAS="all")
    done = bash(step["run"], tmp_path, given)
    assert done.returncode != 0
    assert not (tmp_path / "planted").exists()


def test_refused_plan_is_applied_by_hand_with_its_digest(checkout: Checkout) -> None:
    checkout.sandbox.edit(ONE, {"voice_url": FOREIGN})
    checkout.merge()
    assert checkout.job("apply") == 4
    summary = (checkout.folder / "summary.md").read_text(encoding="utf-8")
    [digest] = set(re.findall(r"sha256:[0-9a-f]{64}", summary))

    # The digest alone is no consent to a takeover, and another digest is no plan.
    assert checkout.job("apply", **{"inputs.digest": digest}) == 4
    consent = {"inputs.allow-takeover": "true"}
    assert checkout.job("apply", **{"inputs.digest": f"sha256:{'0' * 64}"}, **consent) == 4
    assert checkout.sandbox.calls.writes == 0
    assert checkout.job("apply", **{"inputs.digest": digest}, **consent) == 0, checkout.log
    assert checkout.voice == "https://agents.example.com/voice"


@pytest.mark.parametrize("digest", ["; touch planted", "$(touch planted)", "--force", "main"])
def test_digest_of_the_form_is_only_a_digest(checkout: Checkout, digest: str) -> None:
    assert checkout.job("apply", **{"inputs.digest": digest}) == 64
    assert not (checkout.folder / "planted").exists()
    assert checkout.sandbox.calls.writes == 0


def test_drift_keeps_one_issue_with_a_comment_for_each_change(checkout: Checkout) -> None:
    checkout.job("plan")
    checkout.keep()
    checkout.merge()
    checkout.job("apply")
    assert (checkout.job("drift"), checkout.hub.issues) == (0, [])
    for host in ("laptop", "laptop", "desktop"):
        checkout.sandbox.edit(ONE, {"voice_url": f"https://{host}.example.dev/voice"})
        assert checkout.job("drift") == 0, "the issue reports it, not a red job"

    [issue] = checkout.hub.issues
    assert (issue["title"], issue["state"]) == ("Phone numbers have drifted", "open")
    assert "https://desktop.example.dev/voice" in issue["body"]
    comments = checkout.hub.comments[issue["number"]]
    assert "https://desktop.example.dev/voice" in comments[-1]["body"]

    checkout.sandbox.edit(ONE, {"voice_url": "https://agents.example.com/voice"})
    assert checkout.job("drift") == 0
    assert issue["state"] == "closed"
    assert "https://desktop.example.dev/voice" in issue["body"], "the record is kept"
    assert "no drift" in comments[-1]["body"]

    # Drift after that is another matter, with an issue of its own.
    checkout.sandbox.edit(ONE, {"voice_url": "https://laptop.example.dev/voice"})
    checkout.job("drift")
    assert [each["state"] for each in checkout.hub.issues] == ["closed", "open"]


def test_same_drift_is_reported_once(checkout: Checkout) -> None:
    checkout.job("plan")
    checkout.keep()
    checkout.merge()
    checkout.job("apply")
    checkout.sandbox.edit(ONE, {"voice_url": "https://laptop.example.dev/voice"})
    chat = {"secrets.NOTIFY_URL": f"{checkout.hub.url}/chat"}
    for _ in range(3):
        assert checkout.job("drift", **chat) == 0
    [issue] = checkout.hub.issues
    assert checkout.hub.comments.get(issue["number"], []) == []
    assert checkout.hub.messages == [{"text": f"Phone numbers have drifted: {issue['html_url']}"}]


def test_message_that_is_not_delivered_fails_the_job_and_hides_the_address(
    checkout: Checkout,
) -> None:
    checkout.job("plan")
    checkout.keep()
    checkout.merge()
    checkout.job("apply")
    checkout.sandbox.edit(ONE, {"voice_url": "https://laptop.example.dev/voice"})
    secret = f"{checkout.hub.url}/hooks/T0-secret"
    assert checkout.job("drift", **{"secrets.NOTIFY_URL": secret}) == 1
    assert len(checkout.hub.issues) == 1, "the issue is written first"
    assert "notification_failed" in checkout.log
    assert "T0-secret" not in checkout.log


def test_failed_check_opens_and_closes_no_issue(checkout: Checkout) -> None:
    checkout.sandbox.stop()
    assert checkout.job("drift") == 1
    assert checkout.hub.issues == []


def test_reports_a_refusal_of_github(checkout: Checkout) -> None:
    checkout.hub.comments = {}
    checkout.hub.answer = lambda *_: None  # type: ignore[method-assign]
    assert checkout.job("plan") == 1
    assert "GitHub answered 404" in checkout.log
    assert TOKEN not in checkout.log


STORES = {"secrets.PGPASSWORD", "secrets.TF_HTTP_PASSWORD"}
"""Passwords of stores of the state; each job that reads the state has them."""


def secrets_of(job: Any) -> set[str]:
    return {word for word in str(job).replace("}", " ").split() if word.startswith("secrets.")}


def test_only_the_apply_job_gets_a_writing_key() -> None:
    jobs = WORKFLOW["jobs"]
    assert secrets_of(jobs["validate"]) == set()
    reading = {"secrets.TWILIO_READ_KEY", "secrets.TWILIO_READ_SECRET", *STORES}
    assert secrets_of(jobs["plan"]) == reading
    assert secrets_of(jobs["drift"]) == reading | {"secrets.NOTIFY_URL"}
    assert secrets_of(jobs["apply"]) == {
        "secrets.TWILIO_API_KEY",
        "secrets.TWILIO_API_SECRET",
        *STORES,
    }
    assert "head.repo.full_name == github.repository" in jobs["plan"]["if"]
    assert WORKFLOW["permissions"] == {}
    assert "pull_request_target" not in str(WORKFLOW)
