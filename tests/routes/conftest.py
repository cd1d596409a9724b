from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World

from .stage import Stage

Make = Callable[[World], Stage]


@pytest.fixture
def stage_of(tmp_path: Path) -> Iterator[Make]:
    """Makes a stage of a world."""
    with ExitStack() as stack:
        yield lambda world: Stage(tmp_path, stack.enter_context(Sandbox(world)))
