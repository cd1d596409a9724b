"""`plan` at 1,000, 10,000 and 100,000 numbers, without and with changes to 1 %, against the floor of the same run.

python -m tests.benchmarks.bench_plan [NUMBERS …]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.benchmarks.measure import in_turn, line, run
from tests.support.benchmark_sandbox import e164, start_benchmark


def bench(numbers: int, runs: int = 5) -> None:
    """One size: apply once so that state knows everything, then measure."""
    with (
        tempfile.TemporaryDirectory() as name,
        start_benchmark(Path(name), numbers, settled=True) as project,
    ):
        log = Path(name) / "log.txt"
        print(f"--- {numbers:,} numbers")
        print(line("apply, imports only", [run(project.command("apply", "--auto-approve"), log)]))
        plan = project.command("plan", "--detailed-exitcode")
        results = in_turn({"floor": project.floor(), "plan": plan}, runs, log)
        print(line("floor", results["floor"]))
        print(line("plan without changes", results["plan"], results["floor"]))
        for index in range(0, numbers, 100):
            project.control(
                "POST",
                "edit",
                {"number": e164(index), "voice_url": "https://elsewhere.example.org/v"},
            )
        results = in_turn({"floor": project.floor(), "plan": plan}, runs, log)
        print(line("plan with 1 % changed", results["plan"], results["floor"]), flush=True)


if __name__ == "__main__":
    for size in [int(arg) for arg in sys.argv[1:]] or [1_000, 10_000, 100_000]:
        bench(size)
