"""Define `Position`: file, line and column of a place in a configuration, counted from 1."""

from __future__ import annotations

from typing import NamedTuple


class Position(NamedTuple):
    """A place in a configuration file; `line` and `column` start at 1."""

    file: str
    line: int
    column: int
