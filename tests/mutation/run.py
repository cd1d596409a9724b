"""Run the tests of mutants in copies of the tree.

The tests of a mutant run in stages, the nearest first, and end at the first failure.
"""

from __future__ import annotations

import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.mutation.modules import Module
from tests.mutation.mutants import Mutant, list_mutants

ROOT = Path(__file__).parents[2]
_LEFT_OUT = (".git", ".venv", ".*_cache", "__pycache__", ".hypothesis", "node_modules")
_SLOWEST = 5.0
"""A stage that takes this many times as long as without a mutant does not end."""
_LEAST_SECONDS = 60.0


class Verdict(NamedTuple):
    """`by` is the stage whose tests have noticed the mutant; None where none has."""

    mutant: Mutant
    by: str | None
    seconds: float


def draw(modules: Sequence[Module], seed: int, count: int) -> list[tuple[Module, Mutant]]:
    """Draw mutants, as many of each module as possible; the same seed and source give the same."""
    shelves: list[tuple[Module, list[Mutant]]] = []
    for module in modules:
        source = (ROOT / module.path).read_text(encoding="utf-8")
        mutants = list_mutants(module.path, source)
        random.Random(f"{seed} {module.path}").shuffle(mutants)
        shelves.append((module, mutants))

    drawn: list[tuple[Module, Mutant]] = []
    while len(drawn) < count and any(mutants for _, mutants in shelves):
        for module, mutants in shelves:
            if mutants and len(drawn) < count:
                drawn.append((module, mutants.pop()))
    return sorted(drawn, key=lambda pair: (pair[1].path, pair[1].start, pair[1].after))


def stages(module: Module, most: int) -> Iterator[tuple[str, ...]]:
    """Yield the sets of tests of a module that exist, at most so many."""
    for tests in (module.near, module.package, module.whole)[:most]:
        present = tuple([test for test in tests if (ROOT / test).exists()])
        if present:
            yield present


class Tree:
    """A copy of the tree in which one mutant after another is tested."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*_LEFT_OUT), dirs_exist_ok=True)

    def passes(self, tests: Sequence[str], limit: float | None) -> bool:
        """Return whether these tests pass within so many seconds."""
        temporary = self.folder.with_name(f"{self.folder.name}-tmp")
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
        command += ["--hypothesis-seed=0", f"--basetemp={temporary}", *tests]
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        run = subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return run.wait(limit) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            # Tests start processes of their own.
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGKILL)
                run.wait()


class Runner:
    """Tests mutants in several trees at once."""

    def __init__(self, folder: Path, workers: int) -> None:
        self._trees: queue.SimpleQueue[Tree] = queue.SimpleQueue()
        self._workers = workers
        for number in range(workers):
            self._trees.put(Tree(folder / f"tree-{number}"))
        self._usual: dict[tuple[str, ...], float] = {}
        self._lock = threading.Lock()

    def run(
        self,
        drawn: Sequence[tuple[Module, Mutant]],
        most: int,
        report: Callable[[Verdict], None],
    ) -> None:
        """Test each mutant, and report every verdict as soon as it is known."""
        self._each([*_stage_sets(drawn, most)], self._measure)

        def judge(pair: tuple[Module, Mutant]) -> None:
            verdict = self._judge(*pair, most)
            with self._lock:
                report(verdict)

        self._each(drawn, judge)

    def _each(self, items: Sequence[object], act: Callable[..., None]) -> None:
        rest: queue.SimpleQueue[object] = queue.SimpleQueue()
        for item in items:
            rest.put(item)
        failed: list[BaseException] = []

        def work() -> None:
            while not failed:
                try:
                    act(rest.get_nowait())
                except queue.Empty:
                    return
                except BaseException as error:  # noqa: BLE001 - raised below, in the main thread
                    failed.append(error)

        threads = [threading.Thread(target=work) for _ in range(self._workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]

    def _measure(self, tests: tuple[str, ...]) -> None:
        tree = self._trees.get()
        try:
            started = time.monotonic()
            if not tree.passes(tests, None):
                raise SystemExit(f"These tests fail without a mutant: {' '.join(tests)}")
            self._usual[tests] = time.monotonic() - started
        finally:
            self._trees.put(tree)

    def _judge(self, module: Module, mutant: Mutant, most: int) -> Verdict:
        tree = self._trees.get()
        file = tree.folder / mutant.path
        source = file.read_bytes()
        started = time.monotonic()
        by = None
        try:
            file.write_bytes(mutant.apply(source))
            for tests in stages(module, most):
                limit = max(_LEAST_SECONDS, _SLOWEST * self._usual[tests])
                if not tree.passes(tests, limit):
                    by = " ".join(tests)
                    break
        finally:
            file.write_bytes(source)
            self._trees.put(tree)
        return Verdict(mutant, by, time.monotonic() - started)


def _stage_sets(drawn: Sequence[tuple[Module, Mutant]], most: int) -> Iterator[tuple[str, ...]]:
    """Yield each set of tests once."""
    found: dict[tuple[str, ...], None] = {}
    for module, _ in drawn:
        found.update(dict.fromkeys(stages(module, most)))
    yield from found
