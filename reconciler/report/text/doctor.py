"""Render the checks of `doctor` as a table, in one block for each account."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

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
            status = style(_COLOURS[check.status], check.status.ljust(7))
            code = f"{style('strong', check.code)}: " if check.code else ""
            # The detail contains text of Twilio's answers.
            detail = " ".join(map(printable, check.detail.split("\n")))
            yield f"  {status}  {check.check.ljust(width)}  {code}{detail}"
        yield ""

    failed, warnings = document.summary["failed"], document.summary["warning"]
    if failed:
        yield style("bad", f"{failed} of {len(document.checks)} checks failed.")
    else:
        yield style("good", "Everything needed works.") + (
            f" {warnings} to check." if warnings else ""
        )
