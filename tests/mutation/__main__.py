"""Plant seeded mistakes in core modules, and count how many of them the tests notice."""

from __future__ import annotations

import argparse
import sys
import tempfile
import tomllib
from pathlib import Path

from tests.mutation.modules import MODULES
from tests.mutation.mutants import Mutant
from tests.mutation.run import Runner, Verdict, draw

EQUIVALENT = Path(__file__).with_name("equivalent.toml")
Place = tuple[str, str, str, str]


def main() -> int:
    """Run the program; the result is 1 where a mutant has survived."""
    options = _read_options()
    chosen = [module for module in MODULES if options.module in module.path]
    drawn = draw(chosen, options.seed, options.count)
    known = load_equivalent()
    equivalent = [mutant for _, mutant in drawn if place_of(mutant) in known]
    tested = [pair for pair in drawn if place_of(pair[1]) not in known]
    tested = [pair for pair in tested if options.match in str(pair[1])]
    if options.list:
        for _, mutant in tested:
            print(f"{mutant.kind:9} {mutant}")
        return 0

    survivors: list[Mutant] = []
    done = 0

    def report(verdict: Verdict) -> None:
        nonlocal done
        done += 1
        if verdict.by is None:
            survivors.append(verdict.mutant)
        word = "SURVIVED" if verdict.by is None else "noticed "
        print(f"{done:4} {word} {verdict.seconds:5.1f} s  {verdict.mutant}", flush=True)

    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        Runner(Path(folder), options.workers).run(tested, options.stages, report)

    noticed = len(tested) - len(survivors)
    share = 100 * noticed / len(tested) if tested else 100.0
    print(f"\nSeed {options.seed}: {len(drawn)} mutants, {len(equivalent)} of them equivalent.")
    print(f"Noticed {noticed} of {len(tested)} ({share:.1f} %).")
    for mutant in sorted(survivors):
        print(f"  {mutant}")
    return 1 if survivors else 0


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--seed", type=int, default=14, help="what is drawn (default: 14)")
    parser.add_argument("--count", type=int, default=200, help="number of mutants (default: 200)")
    parser.add_argument("--module", default="", help="only modules with this in their path")
    parser.add_argument("--match", default="", help="of those drawn only mutants with this text")
    parser.add_argument("--workers", type=int, default=2, help="trees at once (default: 2)")
    parser.add_argument(
        "--stages", type=int, default=2, help="1: nearest tests, 2: of the package, 3: whole runs"
    )
    parser.add_argument("--list", action="store_true", help="list the mutants; run nothing")
    return parser.parse_args()


def place_of(mutant: Mutant) -> Place:
    """Return what identifies a mutant when lines move: file, function, code before and after."""
    return mutant.path, mutant.function, mutant.before, mutant.after


def load_equivalent() -> dict[Place, str]:
    """Return the reason of each mutant that behaves as the code does."""
    rows = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")).get("mutant", [])
    known: dict[Place, str] = {}
    for row in rows:
        known[row["path"], row["function"], row["before"], row["after"]] = row["reason"]
    return known


if __name__ == "__main__":
    sys.exit(main())
