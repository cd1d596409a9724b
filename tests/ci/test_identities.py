"""A job signs in to the store of its state with its identity: the token reaches the store, and nothing else does.

The clouds are acted out on loopback; the library that talks to them, and the action, are the real ones. AWS is signed
in to by its own action, which sets the variables that `tests/ci/test_merges.py` sets.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.ci.hub import REPOSITORY
from tests.ci.runner import (
    AC,
    CI,
    GOOD,
    READ,
    ROOT,
    Action,
    bash,
    environment,
    twilio,
    yaml_of,
)

pytest.importorskip("obstore", reason="no store: obstore is not installed (extra `all`)")


class Cloud:
    """GitHub's identity service, Azure's token service, and a store without any object."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, authorization: str, body: str) -> tuple[int, Any]:
        asked = urlsplit(path)
        if asked.path == "/identity":
            assert authorization == "Bearer planted-request-token"
            return 200, {"value": f"identity-for-{parse_qs(asked.query)['audience'][0]}"}
        if asked.path.endswith("/oauth2/v2.0/token"):
            form = parse_qs(body)
            assert form["client_assertion"] == ["identity-for-api://AzureADTokenExchange"]
            assert form["client_id"] == ["client-1"]
            return 200, {"access_token": "azure-token", "expires_in": 3600, "token_type": "Bearer"}
        if asked.path == "/v1/token":
            sent = json.loads(body)
            assert authorization == ""
            assert sent["subjectToken"] == "planted-job-token"
            assert sent["audience"] == "//iam.googleapis.com/projects/1/providers/gitlab"
            return 200, {"access_token": "pool-token"}
        if asked.path.endswith("/serviceAccounts/ci@example.com:generateAccessToken"):
            assert authorization == "Bearer pool-token"
            return 200, {"accessToken": "google-token"}
        if "prefix=" in asked.query:
            kind = "EnumerationResults" if "restype" in asked.query else "ListBucketResult"
            return 200, f"<{kind}><Blobs></Blobs></{kind}>"
        return 404, {}


def _handler(cloud: Cloud) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
            authorization = self.headers["Authorization"] or ""
            cloud.calls.append((self.command, self.path, authorization, body))
            status, answer = cloud.answer(self.path, authorization, body)
            data = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_PUT = do_HEAD = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    return Handler


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    running = Cloud()
    yield running
    running.close()


def look(folder: Path, state: str, context: dict[str, str], **environ: str) -> str:
    """Check for drift as the action does, with a state at this place. Return the log."""
    (folder / "reconciler.yaml").write_text(GOOD.replace("./state.json", state), encoding="utf-8")
    (folder / "temp").mkdir()
    with twilio() as sandbox:
        given = environment(
            TWILIO_BASE_URL=sandbox.base_url,
            TWILIO_ACCOUNT_SID=AC,
            TWILIO_API_KEY=READ[0],
            TWILIO_API_SECRET=READ[1],
            GITHUB_REPOSITORY=REPOSITORY,
            GITHUB_ACTION_PATH=str(ROOT),
            GITHUB_STEP_SUMMARY=str(folder / "summary.md"),
            RUNNER_TEMP=str(folder / "temp"),
            **environ,
        )
        action = Action(folder, given, {"github.token": "", **context})
        inputs = {name: value for name, value in context.items() if "." not in name}
        assert action.use({"command": "drift", **inputs}) == 1
    assert "nothing_recorded" in action.log, action.log
    return action.log


def test_google_gets_the_token_of_its_sign_in(cloud: Cloud, tmp_path: Path) -> None:
    signed_in = {"steps.google.outputs.access_token": "google-token"}
    log = look(tmp_path, "gs://bucket/voice.json", signed_in, GOOGLE_BASE_URL=cloud.url)
    assert cloud.calls
    assert {call[2] for call in cloud.calls} == {"Bearer google-token"}
    assert "google-token" not in log


def test_azure_exchanges_the_identity_of_the_job(cloud: Cloud, tmp_path: Path) -> None:
    log = look(
        tmp_path,
        "az://container/voice.json",
        {"azure-client": "client-1", "azure-tenant": "tenant-1"},
        ACTIONS_ID_TOKEN_REQUEST_URL=f"{cloud.url}/identity?api=1",
        ACTIONS_ID_TOKEN_REQUEST_TOKEN="planted-request-token",
        AZURE_AUTHORITY_HOST=cloud.url,
        AZURE_STORAGE_ACCOUNT_NAME="acme",
        AZURE_STORAGE_ENDPOINT=cloud.url,
    )
    token = tmp_path / "temp" / "azure-token"
    assert token.stat().st_mode & 0o077 == 0
    store = [call for call in cloud.calls if "/container/" in call[1]]
    assert store
    assert {call[2] for call in store} == {"Bearer azure-token"}
    assert "identity-for" not in log


def test_job_without_an_identity_says_what_is_missing(tmp_path: Path) -> None:
    action = Action(
        tmp_path,
        environment(GITHUB_ACTION_PATH=str(ROOT), RUNNER_TEMP=str(tmp_path)),
        {"github.token": ""},
    )
    assert action.use({"command": "validate", "azure-client": "client-1"}) == 1
    assert "id-token: write" in action.log


def test_gitlab_job_gets_a_token_of_google(cloud: Cloud, tmp_path: Path) -> None:
    """The scripts before each job, but for the installation, then a check of drift."""
    _, *install, files, google = yaml_of(CI / "gitlab" / ".gitlab-ci.yml")["default"][
        "before_script"
    ]
    assert "pip install" in install[-1]
    text = GOOD.replace("./state.json", "gs://bucket/voice.json")
    (tmp_path / "reconciler.yaml").write_text(text, encoding="utf-8")
    with twilio() as sandbox:
        environ = environment(
            TWILIO_BASE_URL=sandbox.base_url,
            TWILIO_ACCOUNT_SID=AC,
            TWILIO_API_KEY=READ[0],
            TWILIO_API_SECRET=READ[1],
            CLOUD_TOKEN="planted-job-token",
            GOOGLE_PROVIDER="projects/1/providers/gitlab",
            GOOGLE_ACCOUNT="ci@example.com",
            GOOGLE_STS_URL=cloud.url,
            GOOGLE_IAM_URL=cloud.url,
            GOOGLE_BASE_URL=cloud.url,
        )
        done = bash(f"{files}\n{google}\nreconciler drift", tmp_path, environ)
    assert "nothing_recorded" in done.stderr, done.stderr
    store = [call for call in cloud.calls if call[0] == "GET"]
    assert store
    assert {call[2] for call in store} == {"Bearer google-token"}
    assert "-token" not in done.stdout + done.stderr
