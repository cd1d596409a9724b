"""Choose how the progress of a fleet is reported: as a table on a terminal, as lines in a log."""

from __future__ import annotations

import os
import sys

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.fleet_lines import FleetLines
from reconciler.cli.fleet_table import FleetTable


def choose_fleet_progress(common: CommonOptions, *, in_queue: bool = False) -> FleetLines:
    """Return a table for a terminal on which lines can be replaced, else lines.
    `in_queue`: the stacks run on workers, which go on without this command.

    Some CI systems give a job a terminal, but keep everything that is written to it.
    """
    if not sys.stderr.isatty() or os.environ.get("TERM") in ("dumb", "unknown"):
        return FleetLines(in_queue=in_queue)
    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        return FleetLines(in_queue=in_queue)
    return FleetTable(common, in_queue=in_queue)
