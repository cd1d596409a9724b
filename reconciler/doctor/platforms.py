"""Check one platform: its key, its list of numbers, its connection to Twilio.

Makes no call that imports, changes or removes a number.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.doctor.check import Check, Status, failed_check
from reconciler.errors import RemoteError
from reconciler.remote.platforms.contract import Adapter, missing_pages


def check_platform(adapter: Adapter) -> Iterator[Check]:
    """Run the checks of one platform; calls that its documents do not describe are left out."""
    if "list" in adapter.kind.can:
        yield _check_numbers(adapter)
    if "verify" in adapter.kind.can:
        yield _check_connection(adapter)


def _check_numbers(adapter: Adapter) -> Check:
    name = f"numbers on {adapter.name}"
    try:
        numbers = adapter.list(())
    except RemoteError as error:
        return failed_check(error, None, name)

    problem = missing_pages(numbers)
    if problem is not None:
        detail = problem.diagnostics[0].detail
        return Check(account=None, check=name, status="warning", detail=detail, code=problem.code)
    detail = f"{adapter.kind.title} accepts the key; {len(numbers)} there"
    return Check(account=None, check=name, status="ok", detail=detail)


def _check_connection(adapter: Adapter) -> Check:
    name = f"connection of {adapter.name}"
    try:
        complaints = adapter.verify()
    except RemoteError as error:
        return failed_check(error, None, name)

    status: Status = "ok"
    if complaints:
        status = "failed" if any(found.broken for found in complaints) else "warning"
    detail = "; ".join(found.words for found in complaints)
    return Check(
        account=None,
        check=name,
        status=status,
        detail=detail or f"{adapter.kind.title} finds nothing wrong",
    )
