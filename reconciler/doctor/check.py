"""Define one result of `doctor` (ok, warning or failed, with detail and code), make it from an
error, and return whether no check has failed; runs no check.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from reconciler.errors import ReconcilerError

Status = Literal["ok", "warning", "failed"]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One result of `doctor`.

    `account` is null for a check of the whole project. `failed`: something that this configuration
    needs does not work. `warning`: the configuration works without it, and `detail` names the
    missing feature. `code` is the code of the error, if any; all commands use the same codes.
    """

    account: str | None
    check: str
    status: Status
    detail: str
    code: str | None = None


def failed_check(error: ReconcilerError, account: str | None, check: str) -> Check:
    """Return the failed check of an error, with all its details and the code of the first."""
    details = [diagnostic.detail or diagnostic.summary for diagnostic in error.diagnostics]
    return Check(
        account=account,
        check=check,
        status="failed",
        detail=" ".join(details),
        code=error.diagnostics[0].code,
    )


def all_passed(checks: Iterable[Check]) -> bool:
    """Return true when no check has failed."""
    return all(check.status != "failed" for check in checks)
