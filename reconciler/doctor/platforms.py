"""One platform in, what it says of itself out: whether its key is accepted, its list readable, its connection in order.

Asks nothing that imports, changes or removes a number.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.doctor.check import Check, Status
from reconciler.errors import RemoteError
from reconciler.remote.platforms.contract import Adapter


def check_platform(adapter: Adapter) -> Iterator[Check]:
    """The checks of one platform; what its documents do not describe is not asked."""
    if "list" in adapter.kind.can:
        yield _numbers(adapter)
    if "verify" in adapter.kind.can:
        yield from _connection(adapter)


def _numbers(adapter: Adapter) -> Check:
    name = f"numbers on {adapter.name}"
    try:
        there = len(adapter.list(()))
    except RemoteError as error:
        return _failed(name, error)
    return Check(
        account=None,
        check=name,
        status="ok",
        detail=f"{adapter.kind.title} accepts the key; {there} there",
    )


def _connection(adapter: Adapter) -> Iterator[Check]:
    name = f"connection of {adapter.name}"
    try:
        complaints = adapter.verify()
    except RemoteError as error:
        yield _failed(name, error)
        return
    status: Status = (
        "failed" if any(found.broken for found in complaints) else "warning" if complaints else "ok"
    )
    detail = (
        "; ".join(found.words for found in complaints)
        or f"{adapter.kind.title} finds nothing wrong"
    )
    yield Check(account=None, check=name, status=status, detail=detail)


def _failed(name: str, error: RemoteError) -> Check:
    return Check(
        account=None,
        check=name,
        status="failed",
        detail=error.diagnostics[0].detail,
        code=error.code,
    )
