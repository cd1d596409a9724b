"""Run one command in a process of its own, and return its JSON without any digest and of bounded
size.

The process has no input, and its output never reaches the output of this process.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import IO, Any, NamedTuple

MOST_BYTES = 1_000_000
"""The largest result; of a larger one only the summary and some diagnostics are returned."""
MOST_READ = 1 << 28
MOST_DIAGNOSTICS = 20
MOST_SECONDS = 900.0
"""The time of a command that only reads."""

_DIGEST = re.compile(r"(?:sha256:)?\b[0-9a-f]{64}\b|sha256:[0-9a-f]+")
_HIDDEN = "(a digest: a person reads it in the terminal)"


class CommandResult(NamedTuple):
    """The JSON of a command, with its `exit_code`."""

    document: dict[str, Any]
    exit_code: int


def run_command(
    words: Sequence[str], *, seconds: float | None = MOST_SECONDS, most_bytes: int = MOST_BYTES
) -> CommandResult:
    """Run `reconciler WORDS`, and return its result; without `seconds` the command ends by itself."""
    # `-P`: no module is imported from the folder of the project.
    command = [sys.executable, "-P", "-m", "reconciler", *words]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return CommandResult({"error": f"No result within {seconds:.0f} s."}, 1)

        # A command that fails early prints no document: its last messages say why.
        document = _read_document(out, most_bytes)
        if document is None:
            document = {"error": _read_tail(err)}

    document = {**hide_digests(document), "exit_code": done.returncode}
    return CommandResult(document, done.returncode)


def hide_digests(value: Any) -> Any:
    """Return a JSON value without its digests: neither as keys of their own nor inside a text."""
    if isinstance(value, str):
        return _DIGEST.sub(_HIDDEN, value)
    if isinstance(value, list):
        return [hide_digests(each) for each in value]
    if isinstance(value, dict):
        kept: dict[str, Any] = {}
        for key, inner in value.items():
            if key != "digest":
                kept[hide_digests(key)] = hide_digests(inner)
        return kept
    return value


def _read_document(out: IO[bytes], most_bytes: int) -> dict[str, Any] | None:
    """Return the document on stdout; None when there is none, as for wrong usage."""
    size = out.seek(0, 2)
    out.seek(0)
    if size > MOST_READ:
        return {"truncated": True, "note": _NARROW}
    try:
        document = json.loads(out.read())
    except ValueError:
        return None
    if not isinstance(document, dict) or size <= most_bytes:
        return document if isinstance(document, dict) else None

    short = {key: document.get(key) for key in ("format_version", "command", "summary")}
    return {
        **short,
        "diagnostics": document.get("diagnostics", [])[:MOST_DIAGNOSTICS],
        "truncated": True,
        "note": _NARROW,
    }


_NARROW = "The result is too large to return. Narrow it with target, or with the filters of list."


def _read_tail(err: IO[bytes]) -> str:
    size = err.seek(0, 2)
    err.seek(max(0, size - 4_000))
    return err.read().decode("utf-8", "replace").strip() or "The command ended without a result."
