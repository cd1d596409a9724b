"""No regular expression of the package takes more than linear time, whatever a file or a server contains."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
MADE_AT_RUN_TIME = {
    "reconciler.cli.commands.numbers": 1,  # two letters and 32 digits
    "reconciler.config.source.builder": 1,  # one character
    "reconciler.config.advice.suggestions": 1,  # a table, which is tried
    "reconciler.config.load.include_patterns": 1,  # `fnmatch.translate`, which does not backtrack
    "reconciler.config.desired.numbers": 1,  # the fixed form of a number, which has no alternatives
    "reconciler.config.desired.registrations": 1,  # one fixed form of an identifier for each platform
    "reconciler.kinds.platforms.recipes": 1,  # a fixed form of at most 128 characters for each
    "reconciler.config.source.scalars": 1,  # a table, which is tried
    "reconciler.report.markdown.escape": 1,  # a fixed number of characters
    "reconciler.sandbox.http.routing": 1,  # `[^/]+` between slashes
    "reconciler.sandbox.twilio.countries": 1,  # digits of a fixed number
    "reconciler.sandbox.twilio.for_sale": 1,  # at most 16 characters
    "reconciler.sandbox.twilio.forms": 1,  # two letters and 32 digits
    "reconciler.sandbox.twilio.number_api": 1,  # one digit for each star
    "reconciler.sandbox.twilio.sip_lists": 1,  # one character
}
"""Modules that make a pattern of local values, how many, and why it is linear; a new one must be read."""


def test_every_pattern_takes_time_in_proportion() -> None:
    """In a process of its own: nothing interrupts a regular expression but the end of its process."""
    command = [sys.executable, "-m", "tests.config.pattern_driver"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    first, *slow = map(json.loads, done.stdout.splitlines())

    assert slow == []
    assert first["uses"] > 150
    assert Counter(first["unknown"]) == MADE_AT_RUN_TIME
