"""`fleet plan` of many stacks on this machine and on workers of a queue, against single runs of `plan` in a loop.

    python -m tests.benchmarks.bench_fleet
    python -m tests.benchmarks.bench_fleet --stacks 1000 --numbers 10
    python -m tests.benchmarks.bench_fleet --stacks 20 --numbers 5000 --sample 3

Everything runs on one machine, the sandbox too: processor seconds say more than seconds. Those of the sandbox and of
PostgreSQL are not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.tree import RunningTree, TreeRun, run_tree

TOKEN = "sandbox"
VOICE = "https://agents.example.com/voice"


@dataclass(frozen=True)
class Fleet:
    """A folder with a fleet, and the server that it is about."""

    folder: Path
    base_url: str
    names: Sequence[str]

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    def command(self, *words: str) -> list[str]:
        """Return a command line of the program in this folder."""
        return [sys.executable, "-m", "reconciler", *words, "-C", str(self.folder)]

    def run(self, command: Sequence[str], **environ: str) -> TreeRun:
        """Run a command to its end, which must be a good one."""
        done = run_tree(command, self.folder / "result.json", {"T": TOKEN, **environ}, self.log)
        assert done.code == 0, self.log.read_text()[-2000:]
        return done

    def count_calls(self) -> int:
        """Return the calls since the last reset."""
        with urllib.request.urlopen(f"{self.base_url}/_sandbox/calls?limit=0") as answer:
            counts = json.load(answer)["counts"]
        return int(counts["reads"] + counts["writes"])


def sid(place: int) -> str:
    return f"AC{place:032x}"


def e164(index: int) -> str:
    return f"+1555{index:07d}"


@contextmanager
def start_fleet(folder: Path, stacks: int, numbers: int, latency: int) -> Iterator[Fleet]:
    """Write a fleet whose stacks have this many numbers, all as declared, and run its sandbox."""
    names = [f"s{place:04d}" for place in range(stacks)]
    accounts = [{"sid": sid(place), "auth_token": TOKEN} for place in range(stacks)]
    rows = [
        {
            "account_sid": sid(stack),
            "phone_number": e164(stack * numbers + place),
            "voice_url": VOICE,
        }
        for stack in range(stacks)
        for place in range(numbers)
    ]
    seed = folder / "seed.json"
    seed.write_text(json.dumps({"format": 1, "accounts": accounts, "numbers": rows}))
    (folder / "numbers").mkdir()
    for stack, name in enumerate(names):
        declared = [f'  "{e164(stack * numbers + place)}": a' for place in range(numbers)]
        (folder / "numbers" / f"{name}.yaml").write_text("\n".join(["numbers:", *declared]) + "\n")
    table = [f"{name},{sid(place)}" for place, name in enumerate(names)]
    (folder / "customers.csv").write_text("\n".join(["name,sid", *table]) + "\n")
    (folder / "fleet.yaml").write_text(
        "version: 1\nfor_each: {file: customers.csv}\nconfiguration: customer.yaml\n"
    )

    command = [sys.executable, "-m", "reconciler", "sandbox", "--port", "0", "--seed", str(seed)]
    if latency:
        command += ["--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            base_url = server.stdout.readline().split()[-1]
            (folder / "customer.yaml").write_text(
                "version: 1\nproject: fleet-${name}\nstate: ./${name}.state.json\n"
                'include: ["numbers/${name}.yaml"]\n'
                f'accounts: {{main: {{sid: "${{sid}}", auth_token: {{env: T}}, base_url: {base_url}}}}}\n'
                f'agents: {{a: {{webhooks: {{voice: "{VOICE}"}}}}}}\n'
            )
            yield Fleet(folder, base_url, names)
        finally:
            server.terminate()


def write_single(fleet: Fleet, place: int) -> list[str]:
    """Write the configuration of one stack as a project of its own; return the command that plans it."""
    name = fleet.names[place]
    text = (fleet.folder / "customer.yaml").read_text()
    text = text.replace("${name}", name).replace("${sid}", sid(place))
    (fleet.folder / f"{name}.yaml").write_text(text)
    return fleet.command("plan", "-f", f"{name}.yaml", "--json")


def show(name: str, stacks: int, runs: Sequence[TreeRun], wall: float, floor: float = 0.0) -> None:
    """Print what a run took, for each stack."""
    cpu = sum(each.cpu for each in runs)
    peak = max(each.peak for each in runs)
    ratio = f"  {wall / stacks / floor:5.2f} × loop" if floor else ""
    print(
        f"{name:34} {wall:7.1f} s  {1000 * wall / stacks:6.0f} ms  {1000 * cpu / stacks:6.0f} ms cpu a stack"
        f"  {peak:6.0f} MB{ratio}",
        flush=True,
    )


def measure_loop(fleet: Fleet, sample: int) -> float:
    """Plan some stacks one after the other, each with a command of its own. Return the seconds of one."""
    script = fleet.folder / "loop.sh"
    lines = [" ".join(write_single(fleet, place)) for place in range(sample)]
    script.write_text("set -e\n" + "".join(f"{each} > /dev/null\n" for each in lines))
    done = fleet.run(["sh", str(script)])
    show(f"loop of plan ({sample} of {len(fleet.names)})", sample, [done], done.wall)
    return done.wall / sample


def start_worker(fleet: Fleet, queue: str, place: int, parallel: int) -> RunningTree:
    """Start a worker of the queue."""
    words = fleet.command("worker", "--concurrency", str(parallel), "--name", f"w{place}")
    environ = {"T": TOKEN, "RECONCILER_QUEUE": queue}
    return RunningTree(words, fleet.folder / f"worker{place}.json", environ, fleet.log)


def measure_start(fleet: Fleet, queue: str, parallel: int) -> float:
    """Return the processor seconds of a worker without work."""
    worker = start_worker(fleet, queue, 0, parallel)
    time.sleep(6)
    worker.stop()
    return worker.wait().cpu


def measure_queue(fleet: Fleet, queue: str, workers: int, parallel: int) -> tuple[float, float]:
    """Plan all stacks with this many workers. Return the seconds, and the processor seconds of a stack."""
    started = [start_worker(fleet, queue, place, parallel) for place in range(workers)]
    done = fleet.run(fleet.command("fleet", "plan", "--json"), RECONCILER_QUEUE=queue)
    for each in started:
        each.stop()
    ended = [each.wait() for each in started]
    count = len(fleet.names)
    show(f"queue, {workers} workers × {parallel}", count, [*ended, done], done.wall)
    return done.wall, sum(each.cpu for each in (*ended, done)) / count


def measure(fleet: Fleet, sample: int, workers: Sequence[int], parallel: int) -> None:
    """Print all figures of one fleet."""
    count = len(fleet.names)
    fleet.run(fleet.command("fleet", "apply", "--auto-approve", "--parallel", str(parallel)))
    loop = measure_loop(fleet, min(sample, count))
    before = fleet.count_calls()
    local = fleet.run(fleet.command("fleet", "plan", "--json", "--parallel", str(parallel)))
    calls = fleet.count_calls() - before
    show(f"fleet plan, {parallel} at a time", count, [local], local.wall, loop)
    print(f"{calls / count:.1f} calls a stack", flush=True)
    if not workers:
        return

    from tests.state import servers

    with (
        tempfile.TemporaryDirectory() as name,
        servers.postgres_server(Path(name)) as queue,
    ):
        first = 0.0
        start = measure_start(fleet, queue, parallel)
        print(f"a worker without work: {start:.1f} s cpu", flush=True)
        for number in workers:
            wall, cpu = measure_queue(fleet, queue, number, parallel)
            first = first or wall * number
            print(
                f"  {100 * first / (wall * number):.0f} % of {number} times the speed of one; "
                f"{1000 * (cpu - local.cpu / count):.0f} ms cpu a stack more than without a queue, and without the "
                f"starts of the workers {1000 * (cpu - (local.cpu + number * start) / count):.0f} ms",
                flush=True,
            )


def main() -> None:
    """Measure a fleet of small stacks and one of large ones, or the one that the options describe."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--stacks", type=int)
    parser.add_argument("--numbers", type=int, default=10)
    parser.add_argument("--sample", type=int, default=20)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--parallel", type=int, default=4)
    parser.add_argument("--latency", type=int, default=20, help="milliseconds of each call")
    given = parser.parse_args()

    sizes = [(given.stacks, given.numbers)] if given.stacks else [(100, 10), (4, 2_000)]
    os.environ.pop("CI", None)
    for stacks, numbers in sizes:
        print(f"--- {stacks} stacks of {numbers} numbers, {given.latency} ms a call")
        with (
            tempfile.TemporaryDirectory() as name,
            start_fleet(Path(name), stacks, numbers, given.latency) as fleet,
        ):
            measure(fleet, given.sample, given.workers, given.parallel)


if __name__ == "__main__":
    main()
