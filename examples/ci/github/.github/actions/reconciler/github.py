"""One comment, one issue, one plan: what the action asks of GitHub's API, with nothing but Python.

    github.py comment REPORT PULL_REQUEST    write the report, or update the comment that has its marker
    github.py open REPORT                    open an issue with the report, or update the one that is open
    github.py close REPORT                   close the issue that has the report's marker, if there is one
    github.py fetch FILE                     the plan of the pull request that this commit was merged from

The first line of a report is its marker.
"""

import io
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

API = os.environ.get("GITHUB_API_URL", "https://api.github.com")
REPOSITORY = os.environ["GITHUB_REPOSITORY"]
TITLE = "Phone numbers have drifted"


def ask(method, url, body=None):
    """The bytes of an answer; a redirect to a store does not get the token."""
    url = url if url.startswith("http") else f"{API}/repos/{REPOSITORY}/{url}"
    request = urllib.request.Request(
        url, method=method, data=None if body is None else json.dumps(body).encode()
    )
    request.add_header("Accept", "application/vnd.github+json")
    request.add_header("Content-Type", "application/json")
    request.add_unredirected_header("Authorization", f"Bearer {os.environ['GITHUB_TOKEN']}")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        sys.exit(
            f"{method} {url}: GitHub answered {error.code}: {error.read(500).decode(errors='replace')}"
        )


def listed(path, key=None):
    """Every item of a list, page by page."""
    page = 1
    while True:
        found = json.loads(
            ask("GET", f"{path}{'&' if '?' in path else '?'}per_page=100&page={page}")
        )
        items = found[key] if key else found
        yield from items
        if len(items) < 100:
            return
        page += 1


def marked(items, marker):
    """The first item whose text begins with the marker."""
    return next((item for item in items if (item.get("body") or "").startswith(marker)), None)


def report(name):
    """A report and its marker; nothing to say when the command has not come to write one."""
    path = Path(name)
    if not path.exists():
        sys.exit(0)
    text = path.read_text(encoding="utf-8")
    return text, text.splitlines()[0]


def comment(name, pull_request):
    """Keep one comment up to date."""
    text, marker = report(name)
    old = marked(listed(f"issues/{int(pull_request)}/comments"), marker)
    if old:
        ask("PATCH", f"issues/comments/{old['id']}", {"body": text})
    else:
        ask("POST", f"issues/{int(pull_request)}/comments", {"body": text})


def open_issue(name):
    """Keep one issue open."""
    text, marker = report(name)
    old = marked(listed("issues?state=open"), marker)
    if old:
        ask("PATCH", f"issues/{old['number']}", {"body": text})
    else:
        ask("POST", "issues", {"title": TITLE, "body": text})


def close_issue(name):
    """Close it, with the report that says why."""
    text, marker = report(name)
    old = marked(listed("issues?state=open"), marker)
    if old:
        ask("PATCH", f"issues/{old['number']}", {"body": text, "state": "closed"})


def fetch(name):
    """The newest plan that a workflow of this repository made for the head of the merged pull request."""
    merged = [
        pull
        for pull in listed(f"commits/{os.environ['GITHUB_SHA']}/pulls")
        if pull.get("merged_at")
    ]
    if not merged:
        sys.exit(
            "This commit was not merged from a pull request, so nobody has reviewed a plan for it."
        )
    head = merged[0]["head"]["sha"]
    plans = [
        artifact
        for artifact in listed("actions/artifacts?name=reconciler-plan", "artifacts")
        if artifact["workflow_run"]["head_sha"] == head
        and not artifact["expired"]
        # What a fork's own workflow has uploaded is not the plan that was shown here.
        and artifact["workflow_run"]["head_repository_id"]
        == artifact["workflow_run"]["repository_id"]
    ]
    if not plans:
        sys.exit(
            f"There is no plan for {head}: it has expired, or the pull request came from a fork."
        )
    newest = max(plans, key=lambda artifact: artifact["id"])
    with zipfile.ZipFile(io.BytesIO(ask("GET", newest["archive_download_url"]))) as archive:
        Path(name).write_bytes(archive.read("plan.bin"))


COMMANDS = {"comment": comment, "open": open_issue, "close": close_issue, "fetch": fetch}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
