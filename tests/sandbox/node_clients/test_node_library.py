"""Twilio's Node library drives the sandbox through every route that it serves."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.twilio.accounts import SANDBOX_TOKEN

from ..client_routes import client_world, twilio_routes, used_routes

SCRIPT = Path(__file__).parent / "library.js"


def test_twilios_node_library_uses_every_route_of_the_sandbox(node_clients: Path) -> None:
    with Sandbox(client_world()) as sandbox:
        done = subprocess.run(
            ["node", SCRIPT, sandbox.base_url, sandbox.world.account.sid, SANDBOX_TOKEN],
            env={**os.environ, "NODE_PATH": str(node_clients / "node_modules")},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert twilio_routes() - used_routes(sandbox.calls) == set()
