from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from tests.support.workflow_runner import WorkflowRunner

Make = Callable[[World], WorkflowRunner]


@pytest.fixture
def runner_of(tmp_path: Path) -> Iterator[Make]:
    """Makes a runner of a world."""
    with ExitStack() as stack:
        yield lambda world: WorkflowRunner(tmp_path, stack.enter_context(Sandbox(world)))
