"""`apply` of 1,000 changes at 50 ms a call and 32 calls at once, against calls × latency / concurrency.

    python -m tests.benchmarks.bench_apply [CHANGES]

The floor is that quotient alone; also with what starting the interpreter with twilio, pydantic and click takes; and
that start with the same writes by the plainest client there can be (`bare`), which is what server and machine take.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from tests.benchmarks.bare import writes
from tests.benchmarks.measure import line, run
from tests.support.benchmark_sandbox import SID, TOKEN, start_benchmark

LATENCY = 0.050
CONCURRENCY = 32


def bench(changes: int, runs: int = 5) -> None:
    """Import and overwrite that many numbers, from nothing, several times."""
    start = [sys.executable, "-c", "import twilio.rest, pydantic, click"]
    with (
        tempfile.TemporaryDirectory() as name,
        start_benchmark(Path(name), changes, settled=False, latency=LATENCY * 1000) as project,
    ):
        log = Path(name) / "log.txt"
        command = project.command(
            "apply", "--auto-approve", "--concurrency", str(CONCURRENCY), "--json"
        )
        results, starts, calls = [], [], 0
        for _ in range(runs):
            project.control("POST", "reset")
            project.control("POST", "faults", {"fault": "latency", "ms": LATENCY * 1000})
            (Path(name) / "state.json").unlink(missing_ok=True)
            shutil.rmtree(Path(name) / "state.json.history", ignore_errors=True)
            starts.append(
                run(start, log).wall
            )  # in turn: the machine is not the same from one minute to the next
            results.append(run(command, log))
            counts = project.control("GET", "calls?limit=0")["counts"]  # type: ignore[index]
            calls = counts["reads"] + counts["writes"]
        floor = calls * LATENCY / CONCURRENCY
        project.control("POST", "reset")
        project.control("POST", "faults", {"fault": "latency", "ms": LATENCY * 1000})
        plainest = writes(project.base_url, SID, TOKEN, CONCURRENCY)
        starting, wall = median(starts), median(r.wall for r in results)
        both = median(r.wall / (floor + begun) for r, begun in zip(results, starts, strict=True))
        print(line(f"apply of {changes:,} changes", results))
        print(
            f"{calls} calls × {LATENCY * 1000:.0f} ms / {CONCURRENCY} = {floor:.2f} s; starting {starting:.2f} s; "
            f"the first {min(changes, 1000):,} writes by bare sockets {plainest:.2f} s"
        )
        print(f"whole process: {wall / floor:.2f} × floor; {both:.2f} × (floor + starting)")
        if changes == 1_000:
            print(f"               {wall / (plainest + starting):.2f} × (bare sockets + starting)")


if __name__ == "__main__":
    bench(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
