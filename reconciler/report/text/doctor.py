"""Render the checks of `doctor` as text: a block for each account and one for the project, then how
many checks failed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from reconciler.doctor.check import Check
from reconciler.report.documents.types import DoctorDocument
from reconciler.report.text.style import Style
from reconciler.report.wording import printable

_COLOURS = {"ok": "good", "warning": "warn", "failed": "bad"}


def lines(document: DoctorDocument, style: Style) -> Iterator[str]:
    """Return the lines of the table."""
    width = max((len(check.check) for check in document.checks), default=0)
    for account, checks in groupby(document.checks, key=lambda check: check.account):
        yield style("strong", f"account {printable(account)}" if account is not None else "project")
        for check in checks:
            yield from _check(check, width, style)
        yield ""

    failed, warnings = document.summary["failed"], document.summary["warning"]
    if failed:
        yield style("bad", f"{failed} of {len(document.checks)} checks failed.")
    else:
        yield style("good", "Everything needed works.") + (
            f" {warnings} to check." if warnings else ""
        )


def _check(check: Check, width: int, style: Style) -> Iterator[str]:
    """Return the line of one check; on a terminal its detail is a column of several lines."""
    status = style(_COLOURS[check.status], check.status.ljust(7))
    head = f"  {status}  {check.check.ljust(width)}  "
    column = 2 + 7 + 2 + width + 2

    # The detail contains text of Twilio's answers.
    found = [printable(line) for line in check.detail.split("\n")]
    if style.width is None:
        found = [" ".join(found)]
    found[0] = f"{check.code}: {found[0]}" if check.code else found[0]
    lines: list[str] = []
    for line in found:
        lines += style.wrap(line, margin=column)

    if check.code:
        lines[0] = style("strong", check.code) + lines[0].removeprefix(check.code)
    yield f"{head}{lines[0]}"
    for line in lines[1:]:
        yield " " * column + line
