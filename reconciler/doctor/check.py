"""One thing that was looked at, and how it is; knows nothing of how it was found out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

Status = Literal["ok", "warning", "failed"]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at.

    `account` is null for what concerns no account. `failed`: something that this configuration needs does not work;
    `warning`: it works without, and `detail` says what is missing then. `code` is that of the error, where there was
    one: the same as every other command gives it.
    """

    account: str | None
    check: str
    status: Status
    detail: str
    code: str | None = None


def all_passed(checks: Iterable[Check]) -> bool:
    """Whether everything that is needed works."""
    return all(check.status != "failed" for check in checks)
