"""`validate` with 100,000 numbers in a CSV file, against the same numbers in YAML in the same run.

python -m tests.benchmarks.bench_number_files [NUMBERS …]
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tests.benchmarks.measure import in_turn, line
from tests.support.benchmark_sandbox import AGENT, e164

HEAD = f"""\
version: 1
project: benchmark
agents: {{support: {{webhooks: {{voice: {AGENT}/voice, sms: {AGENT}/sms}}}}}}
"""


def write_projects(folder: Path, numbers: int) -> dict[str, Sequence[str]]:
    """Write the same numbers in both forms, short and long. Return the command of each."""
    yaml_rows = {
        "short": [f'  "{e164(i)}": support' for i in range(numbers)],
        "long": [
            f'  "{e164(i)}": {{agent: support, friendly_name: "Line {i}", labels: {{team: "{i % 9}"}}}}'
            for i in range(numbers)
        ],
    }
    csv_rows = {
        "short": ["number,agent", *(f"{e164(i)},support" for i in range(numbers))],
        "long": [
            "number,agent,friendly_name,label:team",
            *(f"{e164(i)},support,Line {i},{i % 9}" for i in range(numbers)),
        ],
    }
    commands: dict[str, Sequence[str]] = {}
    for form in ("short", "long"):
        _write(folder / f"{form}-numbers.csv", csv_rows[form])
        reference = f"numbers_from: [{{file: {form}-numbers.csv}}]"
        _write(folder / f"{form}-csv.yaml", [HEAD + reference])
        _write(folder / f"{form}-yaml.yaml", [HEAD + "numbers:", *yaml_rows[form]])
        for kind in ("csv", "yaml"):
            file = str(folder / f"{form}-{kind}.yaml")
            commands[f"{form} {kind}"] = [
                sys.executable,
                "-m",
                "reconciler",
                "validate",
                "-f",
                file,
            ]
    return commands


def _write(path: Path, lines: Sequence[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def bench(numbers: int, runs: int = 5) -> None:
    """Measure one size in turn, and print the ratio of CSV to YAML."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results = in_turn(write_projects(folder, numbers), runs, folder / "log.txt")
        print(f"--- {numbers:,} numbers")
        for form in ("short", "long"):
            csv, yaml = results[f"{form} csv"], results[f"{form} yaml"]
            print(line(f"validate, {form} form, YAML", yaml))
            ratio = median(a.wall / b.wall for a, b in zip(csv, yaml, strict=True))
            print(line(f"validate, {form} form, CSV", csv), f" {ratio:5.2f} × YAML", flush=True)


if __name__ == "__main__":
    for size in [int(arg) for arg in sys.argv[1:]] or [100_000]:
        bench(size)
