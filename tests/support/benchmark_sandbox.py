"""Start a sandbox process with many numbers, and write a project that declares them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SID = "AC" + "0" * 31 + "1"
TOKEN = "sandbox"
AGENT = "https://agents.example.com"

_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class BenchmarkSandbox:
    """A running sandbox and the folder of a project on it."""

    folder: Path
    base_url: str

    def command(self, *args: str) -> Sequence[str]:
        """Return the command line of the reconciler for this project."""
        return [sys.executable, "-m", "reconciler", *args, "-C", str(self.folder), "--no-color"]

    def floor(self) -> Sequence[str]:
        """Return the command line of the lower bound for a plan of this project."""
        files = [str(self.folder / name) for name in ("reconciler.yaml", "state.json")]
        return [sys.executable, "-m", "tests.benchmarks.floor", self.base_url, SID, TOKEN, *files]

    def control(self, method: str, path: str, body: object = None) -> object:
        """Call the control API of the sandbox."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.base_url}/_sandbox/{path}", data, _JSON, method=method
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)


def e164(index: int) -> str:
    """Return the n-th number, from a reserved range."""
    return f"+1555{index:07d}"


@contextmanager
def start_benchmark(
    folder: Path, numbers: int, *, settled: bool, latency: float = 0.0, shorthand: bool = False
) -> Iterator[BenchmarkSandbox]:
    """Run a sandbox with this many numbers. With `settled`, they already match the configuration."""
    _write_seed(folder / "seed.json", numbers, settled)
    _write_config(folder / "reconciler.yaml", numbers, shorthand)
    command = [
        sys.executable,
        "-m",
        "reconciler",
        "sandbox",
        "--port",
        "0",
        "--seed",
        str(folder / "seed.json"),
    ]
    if latency:
        command += ["--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            base_url = server.stdout.readline().split()[-1]
            os.environ |= {
                "TWILIO_ACCOUNT_SID": SID,
                "TWILIO_AUTH_TOKEN": TOKEN,
                "TWILIO_BASE_URL": base_url,
            }
            yield BenchmarkSandbox(folder, base_url)
        finally:
            server.terminate()


def _write_seed(path: Path, numbers: int, settled: bool) -> None:
    urls = {
        "voice_url": f"{AGENT}/voice",
        "sms_url": f"{AGENT}/sms",
        "status_callback": f"{AGENT}/status",
    }
    rows = [
        {"account_sid": SID, "phone_number": e164(i), **(urls if settled else {})}
        for i in range(numbers)
    ]
    path.write_text(
        json.dumps({"format": 1, "accounts": [{"sid": SID, "auth_token": TOKEN}], "numbers": rows})
    )


def _write_config(path: Path, numbers: int, shorthand: bool) -> None:
    webhooks = f"{{voice: {AGENT}/voice, sms: {AGENT}/sms, status: {AGENT}/status}}"
    spec = "support" if shorthand else "{agent: support}"
    lines = [
        "version: 1",
        "project: benchmark",
        f"agents: {{support: {{webhooks: {webhooks}}}}}",
        "numbers:",
    ]
    path.write_text("\n".join([*lines, *(f'  "{e164(i)}": {spec}' for i in range(numbers))]) + "\n")
