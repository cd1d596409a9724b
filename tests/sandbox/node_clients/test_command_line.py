"""Twilio's command-line client drives the sandbox through every route that it serves.

The client has no option for another base URL. `loopback.js`, loaded with `node --require`, sends its
requests to the sandbox in place of twilio.com.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.twilio.accounts import SANDBOX_TOKEN

from ..client_routes import (
    NEWER_THAN_THE_COMMAND_LINE,
    OWNED,
    client_world,
    twilio_routes,
    used_routes,
)

HERE = Path(__file__).parent
URL = "https://agents.example.com/voice"


def run(
    sandbox: Sandbox, home: Path, node_clients: Path, *words: str | Path
) -> subprocess.CompletedProcess[str]:
    """Run Node with the redirection and the credentials of the sandbox."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "NODE_PATH": str(node_clients / "node_modules"),
        "SANDBOX_URL": sandbox.base_url,
        "TWILIO_ACCOUNT_SID": sandbox.world.account.sid,
        "TWILIO_AUTH_TOKEN": SANDBOX_TOKEN,
        # It would ask a registry for newer versions.
        "TWILIO_SKIP_NEW_VERSION_CHECK": "true",
    }
    return subprocess.run(
        ["node", "--require", HERE / "loopback.js", *words],
        env=environ,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_twilios_command_line_client_uses_every_route_of_the_sandbox(
    node_clients: Path, tmp_path: Path
) -> None:
    with Sandbox(client_world()) as sandbox:
        done = run(sandbox, tmp_path, node_clients, HERE / "command_line.js")
        assert done.returncode == 0, done.stdout + done.stderr
        unused = twilio_routes() - used_routes(sandbox.calls)
        assert unused == NEWER_THAN_THE_COMMAND_LINE


def test_the_clients_own_program_lists_and_changes_numbers(
    node_clients: Path, tmp_path: Path
) -> None:
    program = node_clients / "node_modules" / "twilio-cli" / "bin" / "run"
    with Sandbox(client_world()) as sandbox:
        changed = run(
            sandbox,
            tmp_path,
            node_clients,
            program,
            "phone-numbers:update",
            OWNED,
            f"--voice-url={URL}",
        )
        assert changed.returncode == 0, changed.stderr
        assert sandbox.world.number(OWNED).voice_url == URL

        listed = run(sandbox, tmp_path, node_clients, program, "phone-numbers:list", "-o", "json")
        assert OWNED in [row["phoneNumber"] for row in json.loads(listed.stdout)]


def test_the_client_reports_a_refusal_with_its_code(node_clients: Path, tmp_path: Path) -> None:
    program = node_clients / "node_modules" / "twilio-cli" / "bin" / "run"
    command = "api:core:incoming-phone-numbers:fetch"
    with Sandbox(client_world()) as sandbox:
        refused = run(sandbox, tmp_path, node_clients, program, command, "--sid", "PN" + "0" * 32)
        assert refused.returncode == 20
        assert "20404" in refused.stderr


def test_nothing_is_sent_to_another_host(node_clients: Path, tmp_path: Path) -> None:
    script = tmp_path / "elsewhere.js"
    text = "require('https').get('https://elsewhere.example.net/').on('error', console.error)"
    script.write_text(text, encoding="utf-8")
    with Sandbox(client_world()) as sandbox:
        refused = run(sandbox, tmp_path, node_clients, script)
        assert refused.returncode != 0
        assert "elsewhere.example.net" in refused.stderr
