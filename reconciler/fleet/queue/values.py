"""Define what a queue holds: orders, runs and the progress of their stacks; pure values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from reconciler.report.documents.fleet import FleetStack

MOST_ATTEMPTS = 5
"""How often a stack of a run is started at most, also where its workers are killed."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A stack of a run that is to be submitted.

    `directory` is the folder as reports name it, `digest` that of the configuration which the
    submitter has, `words` the words of the command line.
    """

    name: str
    directory: str
    digest: str
    words: Sequence[str]


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A stack of a run that a worker has begun; `number` counts from 1."""

    run: int
    name: str
    directory: str
    digest: str
    words: Sequence[str]
    number: int


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a stack of a run is; `entry` is set once it has ended."""

    name: str
    directory: str
    status: str
    started: datetime | None
    entry: FleetStack | None


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """A run with the number of its stacks by status; `seconds` is the time since it was submitted, or
    until it ended.
    """

    run: int
    command: str
    schedule: str | None
    submitted: datetime
    submitted_by: str
    stopped: datetime | None
    waiting: int
    running: int
    ended: int
    failed: int
    seconds: float
