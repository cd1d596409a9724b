"""Parse `--report NAME=FILE` and check each file before the run; after it, render every report and
replace its file as a whole.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from reconciler.cli.common_options import CommonOptions
    from reconciler.report.documents.types import Document

NAMES = ("text", "json", "markdown", "html", "sarif", "github", "gitlab", "junit")
"""The formats, written out so that starting does not import them; a test compares them with the
table.
"""
STDOUT = "-"
_HEADS = {
    "json": b'{\n  "format_version"',
    "markdown": b"<!-- reconciler:",
    "html": b"<!doctype html>",
    "sarif": b'{\n  "$schema": "https://docs.oasis-open.org/sarif',
    "gitlab": b"[",
    "junit": b"<?xml",
}
"""How reports of a format begin, where that tells them from a state or another file."""


def parse_reports(given: Sequence[str], directory: Path) -> tuple[tuple[str, str], ...]:
    """Return (format, file) of each report. Raises UsageError for what could not be written at the
    end of the run.
    """
    wanted: list[tuple[str, str]] = []
    for each in given:
        name, separator, file = each.partition("=")
        if name not in NAMES or not separator or not file:
            raise click.UsageError(
                f"`--report {each}` is not NAME=FILE with one of {', '.join(NAMES)}."
            )
        if any(other == file for _, other in wanted):
            raise click.UsageError(f"Two reports cannot go to `{file}`.")
        if file != STDOUT:
            _check(directory / file)
        wanted.append((name, file))
    return tuple(wanted)


def write(common: CommonOptions, document: Document, project: str) -> None:
    """Write all reports; each file is replaced as a whole."""
    from reconciler.report.formats.registry import FORMATS
    from reconciler.report.text.style import Style

    for name, file in common.reports:
        text = FORMATS[name].render(document, project, Style(whole=bool(common.verbose)))
        _replace(common.directory / file, text.encode("utf-8", "replace"))


def may_replace(name: str, path: Path) -> bool:
    """Return whether a report of this format may replace what is at a path, while it is not known
    which files are precious: nothing, an empty file, a device, or a former report.
    """
    if not path.is_file():
        return True
    with path.open("rb") as file:
        head = file.read(100)
    return not head or (name in _HEADS and head.startswith(_HEADS[name]))


def _check(path: Path) -> None:
    if path.suffix.lower() in (".yaml", ".yml") and path.exists():
        raise click.UsageError(
            f"The report cannot be written: `{path}` is a YAML file, which no report is, and would be overwritten."
        )
    if not path.parent.is_dir() or path.is_dir():
        what = "is a folder" if path.is_dir() else "is in a folder that does not exist"
        raise click.UsageError(f"The report cannot be written: `{path}` {what}.")


def _replace(path: Path, content: bytes) -> None:
    # A pipe or /dev/null is written to, not replaced.
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return

    from tempfile import NamedTemporaryFile

    target = path.resolve()
    with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as new:
        try:
            new.write(content)
            new.close()
            # Never with more permissions than the file that it replaces, which may be private.
            former = target.stat().st_mode if target.exists() else 0o644
            Path(new.name).chmod(former & 0o644 & ~_umask())
            Path(new.name).replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(new.name).unlink()
            raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
