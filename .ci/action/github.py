"""Ask GitHub's API for what the action needs: one comment, the reviewed plans, one issue, an identity.

    github.py comment REPORT PULL_REQUEST   write the report, or update the comment that has its marker
    github.py fetch STACK FOLDER            save the plans of all pull requests merged since the last apply
    github.py open REPORT                   open an issue with the report, or record the change in it
    github.py close REPORT                  close the issue that has the marker of the report
    github.py identity AUDIENCE FILE        save a token with the identity of this job

The first line of a report is its marker. Needs nothing but Python. The endpoints and fields are those of
https://docs.github.com/en/rest.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

API = os.environ.get("GITHUB_API_URL", "https://api.github.com")
TITLE = "Phone numbers have drifted"
SECONDS = 30
MOST_PAGES = 20
"""Pages of 100 that are read of one list: older plans have expired, older comments are not ours."""
MOST_PULL_PAGES = 5
"""Pages of 100 closed pull requests, the last updated first."""
MOST_BYTES = 256 << 20
"""Size of an answer or of a saved plan; one of 100,000 numbers has about 60 MB."""
REPORT = "<!-- reconciler:plan:"
"""The beginning of the comment that shows a plan."""
WAITS = (1, 4)
"""Seconds before a question is asked again that GitHub could not answer."""
TRUSTED = ("OWNER", "MEMBER", "COLLABORATOR")
"""What an author of comments is to the repository, unless it is an app, such as this job."""
Row = dict[str, Any]


# Calls


def send(method: str, path: str, body: Row | None = None, absent: bytes | None = None) -> bytes:
    """Return the bytes of an answer, or `absent` (if given) for what is not there. Ends the program
    with GitHub's reason when it refuses.

    A redirect, such as to the store of artifacts, does not get the token.
    """
    url = path
    if not path.startswith("http"):
        url = f"{API}/repos/{os.environ['GITHUB_REPOSITORY']}/{path}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, method=method, data=data)
    request.add_header("Accept", "application/vnd.github+json")
    request.add_header("Content-Type", "application/json")
    request.add_unredirected_header("Authorization", f"Bearer {os.environ['GITHUB_TOKEN']}")
    try:
        found = read_answer(request)
    except urllib.error.HTTPError as error:
        if error.code == 404 and absent is not None:
            return absent
        reason = error.read(500).decode(errors="replace")
        sys.exit(f"{method} {url}: GitHub answered {error.code}: {reason}")
    except OSError as error:
        sys.exit(f"{method} {url}: GitHub cannot be reached: {error}")
    if len(found) > MOST_BYTES:
        sys.exit(f"{method} {url}: the answer is larger than {MOST_BYTES >> 20} MB")
    return found


def read_answer(request: urllib.request.Request) -> bytes:
    """Return the bytes of an answer. Asks again when GitHub itself has failed; a change is sent once."""
    waits = WAITS if request.method == "GET" else ()
    for wait in (*waits, None):
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return bytes(answer.read(MOST_BYTES + 1))
        except OSError as error:
            is_final = getattr(error, "code", 500) < 500
            if wait is None or is_final:
                raise
            time.sleep(wait)
    raise AssertionError("the last attempt returns or raises")


def list_rows(path: str, key: str | None = None, pages: int = MOST_PAGES) -> Iterator[Row]:
    """Yield the rows of a list, page by page."""
    for page in range(1, pages + 1):
        separator = "&" if "?" in path else "?"
        found = json.loads(send("GET", f"{path}{separator}per_page=100&page={page}"))
        rows = found[key] if key else found
        yield from rows
        if len(rows) < 100:
            return


# Reports


def read_report(name: str) -> tuple[str, str]:
    """Return a report and its marker. Ends the program when the command has written no report."""
    path = Path(name)
    if not path.exists():
        sys.exit(0)
    text = path.read_text(encoding="utf-8")
    return text, text.splitlines()[0]


def find_marked(rows: Iterator[Row], marker: str) -> Row | None:
    """Return the first row whose text begins with the marker.

    Anybody can write a marker into a comment or an issue of a public repository, and would change
    the report afterwards: only an app and the people of the repository count.
    """
    for row in rows:
        if is_trusted(row) and (row.get("body") or "").startswith(marker):
            return row
    return None


def is_trusted(row: Row) -> bool:
    """Return whether an app or somebody of the repository has written a comment or an issue."""
    author = row.get("user") or {}
    return author.get("type") == "Bot" or row.get("author_association") in TRUSTED


def comment(name: str, pull_request: str) -> None:
    """Keep one comment of a pull request up to date."""
    text, marker = read_report(name)
    comments = f"issues/{int(pull_request)}/comments"
    old = find_marked(list_rows(comments), marker)
    if old is not None:
        send("PATCH", f"issues/comments/{old['id']}", {"body": text})
    else:
        send("POST", comments, {"body": text})


def open_issue(name: str) -> None:
    """Open an issue with the report; in an open issue, record the change as a comment.

    A message is sent only when there is something new.
    """
    text, marker = read_report(name)
    old = find_marked(list_rows("issues?state=open"), marker)
    if old is None:
        made = json.loads(send("POST", "issues", {"title": TITLE, "body": text}))
        notify(f"{TITLE}: {made['html_url']}")
        return

    # GitHub may store a text with other line ends.
    if old["body"].split() == text.split():
        return
    send("POST", f"issues/{old['number']}/comments", {"body": text})
    send("PATCH", f"issues/{old['number']}", {"body": text})
    notify(f"Other drift than before: {old['html_url']}")


def close_issue(name: str) -> None:
    """Close the open issue, with the report as a comment; its text keeps what had drifted."""
    text, marker = read_report(name)
    old = find_marked(list_rows("issues?state=open"), marker)
    if old is not None:
        send("POST", f"issues/{old['number']}/comments", {"body": text})
        send("PATCH", f"issues/{old['number']}", {"state": "closed"})


def notify(text: str) -> None:
    """Send a message to the webhook of `NOTIFY_URL`, if it is set, in the form that Slack reads.

    The message has no value of a number: those can be read in the issue. A message that is not
    delivered fails the job, so that somebody notices.
    """
    url = os.environ.get("NOTIFY_URL")
    if not url:
        return
    request = urllib.request.Request(url, method="POST", data=json.dumps({"text": text}).encode())
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=SECONDS):
            pass
    except (OSError, ValueError) as error:
        # The URL is a secret: neither it nor an error that quotes it is printed.
        status = getattr(error, "code", type(error).__name__)
        sys.exit(f"::error title=notification_failed::The message was not delivered ({status}).")


# Plans


def fetch(stack: str, folder: str) -> None:
    """Save the plans of the pull requests that were merged since the last successful apply.

    GitHub keeps one waiting run of a concurrency group and cancels those between, so one run
    applies what several merges have brought. A pull request without a plan is reported and left
    out: an apply refuses actions that no plan holds.
    """
    pulls = find_merged(os.environ["GITHUB_SHA"])
    heads = {pull["head"]["sha"]: pull["number"] for pull in pulls}
    artifacts = find_artifacts(f"reconciler-plan-{stack}", set(heads))

    for pull in sorted(pulls, key=lambda row: row["merged_at"]):
        number = pull["number"]
        artifact = artifacts.get(pull["head"]["sha"])
        if artifact is None:
            print(
                f"#{number} has no plan: it changed no configuration, came from a fork, or expired."
            )
            continue

        # One plan that cannot be used must not stop the others: without it, its actions are refused.
        path = Path(folder) / f"{number}.bin"
        plan = read_plan(artifact)
        if plan is None:
            print(f"::warning::#{number}: its plan cannot be read, so it is not used.")
            continue
        path.write_bytes(plan)
        if not is_shown(path, number):
            path.unlink()
            print(
                f"::warning::#{number}: no comment shows the digest of its plan, so it is not used."
            )
            continue
        print(f"#{number}: its plan is used.")


def find_merged(commit: str) -> list[Row]:
    """Return the pull requests that this commit contains and the last successful apply did not."""
    applied = find_last_applied(commit)
    since = None if applied is None else list_commits(applied, commit)
    if since is None:
        print("No apply has succeeded yet: the plans of all merged pull requests are used.")

    found = []
    branch = urllib.parse.quote(os.environ["GITHUB_REF_NAME"], safe="")
    path = f"pulls?state=closed&base={branch}&sort=updated&direction=desc"
    for pull in list_rows(path, pages=MOST_PULL_PAGES):
        is_new = since is None or pull.get("merge_commit_sha") in since
        if pull.get("merged_at") and is_new:
            found.append(pull)
    return found


def find_last_applied(commit: str) -> str | None:
    """Return the last commit that was applied and that this commit contains; None if there is none.

    A run of this workflow succeeds only when its apply has succeeded. Runs by hand are asked for
    separately: GitHub lists at most 1,000 runs, and the hourly ones would fill the list.
    """
    pushed = find_last_run(commit, "push")
    started = find_last_run(commit, "workflow_dispatch")
    if pushed is None or started is None:
        return pushed or started
    return started if compare(pushed, started) == "ahead" else pushed


def find_last_run(commit: str, event: str) -> str | None:
    """Return the commit of the newest successful run for an event that this commit contains.

    Ends the program when a later commit was applied: a run that is repeated, or that was held up,
    would put an old configuration back.
    """
    workflow = os.environ["GITHUB_WORKFLOW_REF"].split("@")[0].rsplit("/", 1)[1]
    branch = urllib.parse.quote(os.environ["GITHUB_REF_NAME"], safe="")
    path = f"actions/workflows/{workflow}/runs?branch={branch}&status=success&event={event}"
    for run in list_rows(path, "workflow_runs"):
        # After a forced push, older runs may be of commits that are no longer there.
        status = compare(run["head_sha"], commit)
        if status in ("ahead", "identical"):
            return str(run["head_sha"])
        if status == "behind":
            refuse_old(commit, run["head_sha"])
    return None


def refuse_old(commit: str, applied: str) -> None:
    """End the program, unless the branch was put back to this commit."""
    branch = urllib.parse.quote(os.environ["GITHUB_REF_NAME"], safe="")
    tip = json.loads(send("GET", f"branches/{branch}"))["commit"]["sha"]
    if tip != commit:
        print(f"::error title=older_commit::{applied} was applied, and contains {commit}.")
        sys.exit("Nothing was applied: this run is of an older commit. Repeat the newest run.")


def compare(base: str, head: str) -> str:
    """Return what `head` is to `base`: ahead, behind, identical or diverged."""
    # Commits without a common history, or that are no longer there, are answered with 404.
    found = send("GET", f"compare/{base}...{head}?per_page=1", absent=b'{"status": "diverged"}')
    return str(json.loads(found)["status"])


def list_commits(base: str, head: str) -> set[str]:
    """Return the commits that `head` contains and `base` does not."""
    rows = list_rows(f"compare/{base}...{head}", "commits")
    return {row["sha"] for row in rows}


def find_artifacts(name: str, heads: set[str]) -> dict[str, Row]:
    """Return the newest plan of each of these commits, by commit.

    What the workflow of a fork has uploaded is not the plan that was shown here.
    """
    found: dict[str, Row] = {}
    if not heads:
        return found
    for artifact in list_rows(f"actions/artifacts?name={urllib.parse.quote(name)}", "artifacts"):
        run = artifact["workflow_run"]
        is_own = run["head_repository_id"] == run["repository_id"]
        if artifact["expired"] or not is_own or run["head_sha"] not in heads:
            continue
        newest = found.get(run["head_sha"])
        if newest is None or artifact["id"] > newest["id"]:
            found[run["head_sha"]] = artifact
    return found


def read_plan(artifact: Row) -> bytes | None:
    """Return the plan of an artifact made for this branch; None for any other content."""
    packed = send("GET", artifact["archive_download_url"])
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            branch = read_member(archive, "branch.txt").decode(errors="replace").strip()
            plan = read_member(archive, "plan.bin")
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, RuntimeError) as error:
        print(f"Artifact {artifact['id']} has no plan: {type(error).__name__}.")
        return None

    # A pull request can get another target after its plan: that plan was held to other limits.
    if branch != os.environ["GITHUB_REF_NAME"]:
        print(f"The plan of artifact {artifact['id']} was made for another branch.")
        return None
    return plan


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return a file of an archive. Raises KeyError without it, and ValueError if it is too large."""
    with archive.open(name) as member:
        found = member.read(MOST_BYTES + 1)
    if len(found) > MOST_BYTES:
        raise ValueError(f"{name} is larger than {MOST_BYTES >> 20} MB")
    return found


def is_shown(plan: Path, number: int) -> bool:
    """Return whether a report in a comment of the pull request shows the whole digest of this plan."""
    # An encrypted plan is read with the key that the configuration names.
    words = ["reconciler", "-C", os.environ["DIRECTORY"], "show", str(plan), "--json"]
    shown = subprocess.run(words, capture_output=True, check=False)
    if shown.returncode != 0:
        print(shown.stderr.decode(errors="replace") or "The plan cannot be read.")
        return False

    # A plan without actions permits nothing, and its comment shows no digest.
    document = json.loads(shown.stdout)
    if not document["actions"]:
        return True
    for row in list_rows(f"issues/{number}/comments"):
        text = row.get("body") or ""
        if is_trusted(row) and text.startswith(REPORT) and document["digest"] in text:
            return True
    return False


# Identity


def identity(audience: str, file: str) -> None:
    """Save a token with which this job proves to a cloud what it is; readable for this user only."""
    url = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_URL")
    if not url:
        sys.exit("This job has no identity: give it `permissions: {id-token: write}`.")
    request = urllib.request.Request(f"{url}&audience={urllib.parse.quote(audience, safe='')}")
    request.add_unredirected_header(
        "Authorization", f"Bearer {os.environ['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"
    )
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        token = json.loads(answer.read(1 << 20))["value"]

    path = Path(file)
    path.touch(mode=0o600)
    path.write_text(token, encoding="utf-8")


COMMANDS = {
    "comment": comment,
    "fetch": fetch,
    "open": open_issue,
    "close": close_issue,
    "identity": identity,
}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
