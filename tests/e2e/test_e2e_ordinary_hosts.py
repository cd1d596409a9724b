"""Ordinary uses that need no setting for hosts: real servers, reached by the names that users have for them."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from tests.state import servers
from tests.support.processes.independent_twilio import IndependentTwilio
from tests.support.processes.listener import (
    GITLAB,
    SANDBOX,
    SECRET,
    SID,
    account,
    platform,
    run,
    run_each,
    write,
)

ONE = "+15550100101"
APPLY = ("apply", "--auto-approve", "--allow-takeover")


def check_cycle(folder: Path, **environ: str) -> None:
    """Validate, plan, apply, find nothing more to do, and read the state."""
    for args in (("validate",), ("plan",), APPLY, ("plan", "--detailed-exitcode"), ("drift",)):
        done = run(folder, *args, **environ)
        assert done.returncode == 0, (args, done.stdout, done.stderr)
    assert run(folder, "state", "list", **environ).stdout == f"number/{ONE}\n"


def on_twilio(twilio: IndependentTwilio) -> dict[str, Any]:
    """An account of this server with one number."""
    twilio.add_account(SID, **{SID: SECRET})
    twilio.add_number(SID, ONE)
    return {"accounts": account(base_url=twilio.url)}


def test_gitlab_job_may_use_the_state_of_its_project(
    tmp_path: Path, twilio: IndependentTwilio
) -> None:
    """The variables are those that GitLab gives to every job."""
    with servers.terraform_server(f"gitlab-ci-token:{SECRET}") as url:
        api = f"{url.replace('127.0.0.1', GITLAB)}/api/v4"
        write(tmp_path, state=f"{api}/projects/7/terraform/state/voice", **on_twilio(twilio))
        job = {
            "CI": "true",
            "GITLAB_CI": "true",
            "CI_API_V4_URL": api,
            "CI_JOB_TOKEN": SECRET,
            "TF_HTTP_PASSWORD": "",
        }
        check_cycle(tmp_path, **job)
        assert run(tmp_path, "validate").returncode == 3, (
            "without the job's variables the host is unknown"
        )


@pytest.mark.parametrize("named_by", ["file", "environment"])
def test_allows_postgresql_over_a_unix_socket(twilio: IndependentTwilio, named_by: str) -> None:
    """Neither TLS nor an allowed host is asked for; the path is short, for a socket's name may have 107 bytes."""
    with (
        tempfile.TemporaryDirectory() as place,
        tempfile.TemporaryDirectory() as work,
        servers.postgres_server(Path(place), sockets=True) as url,
    ):
        port = url.rpartition(":")[2].partition("/")[0]
        environ = {"PGUSER": "reconciler", "PGPORT": port}
        location = f"postgresql:///postgres?host={place}"
        if named_by == "environment":
            location, environ = "postgresql:///postgres", {**environ, "PGHOST": place}
        write(Path(work), state=location, **on_twilio(twilio))
        check_cycle(Path(work), **environ)


@pytest.mark.parametrize("declared", [True, False])
def test_allows_a_sandbox_in_the_same_compose_file(tmp_path: Path, declared: bool) -> None:
    """`TWILIO_BASE_URL` names it; the file says the same, or declares no account at all."""
    numbers = [{"sid": f"PN{1:032x}", "account_sid": SID, "phone_number": ONE}]
    world = World.from_seed(
        {"format": 1, "accounts": [{"sid": SID, "auth_token": SECRET}], "numbers": numbers}
    )
    with Sandbox(world) as sandbox:
        url = sandbox.base_url.replace("127.0.0.1", SANDBOX)
        environ = {"TWILIO_BASE_URL": url}
        if declared:
            write(tmp_path, accounts=account(base_url=url))
        else:
            environ |= {"TWILIO_ACCOUNT_SID": SID}
            agents = {"support": {"webhooks": {"voice": "https://agents.example.com/voice"}}}
            text = {"version": 1, "project": "acme", "agents": agents, "numbers": {ONE: "support"}}
            (tmp_path / "reconciler.yaml").write_text(json.dumps(text))
        check_cycle(tmp_path, **environ)
        if declared:
            assert run(tmp_path, "validate").returncode == 3, (
                "without the variable the host is unknown"
            )


FORKS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "Twilio and a local state": ({"accounts": account()}, {}),
    "a region": ({"accounts": account(region="ie1", edge="dublin")}, {}),
    "a platform": ({"accounts": account(), "platforms": platform("https://api.nixflex.com")}, {}),
    "a platform's sandbox": (
        {"accounts": account(), "platforms": platform("https://api-sandbox.featherhq.com", kind="feather")}, {},
    ),
    "a bucket": ({"accounts": account(), "state": "s3://acme-voice/state.json"}, {}),
    "a socket": ({"accounts": account(), "state": "postgresql:///voice"}, {}),
    "secrets in files": ({"accounts": account(auth_token={"file": "secrets/token"})}, {}),
    "GitLab": (
        {"accounts": account(), "state": f"https://{GITLAB}/api/v4/projects/7/terraform/state/voice"},
        {"CI_API_V4_URL": f"https://{GITLAB}/api/v4"},
    ),
    "a server that the workflow names": (
        {"accounts": account(), "state": "https://voice-state.example.com/voice"},
        {"RECONCILER_ALLOW_HOSTS": "voice-state.example.com"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", FORKS)
def test_a_fork_validates_without_any_secret(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job of a fork has no secrets; the checks need none, and nothing has to be set for them."""
    monkeypatch.setattr("tests.support.processes.listener.SECRETS", ())
    sections, environ = FORKS[kind]
    folder = tmp_path / "project"
    folder.mkdir()
    write(folder, **sections)
    for ended in run_each(folder, [["validate"], ["lint"]], {"CI": "true", **environ}):
        assert ended.code == 0, ended
    assert os.environ.get("RECONCILER_ALLOW_HOSTS") is None
