"""`plan` over two accounts of 5,000 numbers and a subaccount, against `plan` over the first account alone.

python -m tests.benchmarks.bench_accounts
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.measure import in_turn, line, run

TOKEN = "sandbox"
AGENT = "https://agents.example.com"
SIDS = {"first": "AC" + "1" * 32, "second": "AC" + "2" * 32, "below": "AC" + "3" * 32}
SIZES = {"first": 5_000, "second": 5_000, "below": 500}
LATENCY = 150


def e164(account: str, index: int) -> str:
    """The E.164 of the n-th number of an account, in a range that no one has."""
    return f"+1555{list(SIDS).index(account)}{index:06d}"


@contextmanager
def sandbox(folder: Path) -> Iterator[str]:
    """A server with all numbers, each as it is declared; its address."""
    accounts = [{"sid": sid, "auth_token": TOKEN} for sid in SIDS.values()]
    accounts[2]["owner_account_sid"] = SIDS["first"]
    numbers = [
        {
            "account_sid": SIDS[name],
            "phone_number": e164(name, index),
            "voice_url": f"{AGENT}/voice",
        }
        for name, size in SIZES.items()
        for index in range(size)
    ]
    seed = folder / "seed.json"
    seed.write_text(json.dumps({"format": 1, "accounts": accounts, "numbers": numbers}))
    command = [sys.executable, "-m", "reconciler", "sandbox", "--port", "0", "--seed", str(seed)]
    with subprocess.Popen(
        [*command, "--latency", str(LATENCY)], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().split()[-1]
        finally:
            server.terminate()


def project(folder: Path, base_url: str, names: Sequence[str]) -> Sequence[str]:
    """A project that declares all numbers of these accounts; the beginning of its commands."""
    folder.mkdir()
    lines = [
        "version: 1",
        "project: benchmark",
        f"agents: {{a: {{webhooks: {{voice: {AGENT}/voice}}}}}}",
        "accounts:",
    ]
    lines += [
        f"  {n}: {{sid: {SIDS[n]}, auth_token: {{env: T}}, base_url: {base_url}}}" for n in names
    ]
    lines += ["numbers:"]
    lines += [
        f'  "{e164(n, i)}": {{agent: a, account: {n}}}' for n in names for i in range(SIZES[n])
    ]
    (folder / "reconciler.yaml").write_text("\n".join(lines) + "\n")
    return [sys.executable, "-m", "reconciler", "-C", str(folder), "--no-color"]


def main() -> None:
    """Apply both projects once, so that state knows everything, then measure plans in turn."""
    os.environ["T"] = TOKEN
    with tempfile.TemporaryDirectory() as name, sandbox(Path(name)) as base_url:
        log = Path(name) / "log.txt"
        alone = project(Path(name) / "alone", base_url, ["first"])
        together = project(Path(name) / "together", base_url, list(SIDS))
        for command in (alone, together):
            assert run([*command, "apply", "--auto-approve"], log).code == 0, log.read_text()
        commands = {"one account": [*alone, "plan"], "three accounts": [*together, "plan"]}
        results = in_turn(commands, 5, log)
        print(f"--- 5,000, 5,000 and 500 numbers, {LATENCY} ms a call")
        print(line("plan of one account of 5,000", results["one account"]))
        print(
            line("plan of all three in one run", results["three accounts"], results["one account"])
        )


if __name__ == "__main__":
    main()
