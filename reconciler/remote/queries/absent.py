"""Ask by SID for what a listing does not contain, before anything is concluded from that.

Twilio reads pages by offset: a row that is deleted from an earlier page shifts the next ones, and
one of them is never shown. So a recorded resource that is absent from the listing is fetched: 404
means that it is gone, any other failure that it is not known, which is raised. Nothing is asked for
what the listing contains.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from reconciler.errors import RemoteError
from reconciler.kinds.kind import Kind, Row
from reconciler.remote.gateway import Gateway
from reconciler.remote.queries.rows import check_row

_AT_ONCE = 16


class ResourceQuestion(NamedTuple):
    """One resource to ask for; `parent` is the SID of what it hangs below, empty for nothing."""

    kind: Kind
    sid: str
    parent: str = ""


def fetch_absent(
    gateway: Gateway, asked: Iterable[ResourceQuestion]
) -> list[tuple[ResourceQuestion, Row]]:
    """Return those that are there after all, with their rows.

    Raises RemoteError for any answer but a row or 404.
    """
    wanted = list({(one.kind.name, one.sid, one.parent): one for one in asked}.values())
    if not wanted:
        return []

    with ThreadPoolExecutor(min(_AT_ONCE, len(wanted)), thread_name_prefix="absent") as pool:
        rows = list(pool.map(lambda one: fetch_row(gateway, one), wanted))
    return [(one, row) for one, row in zip(wanted, rows, strict=True) if row is not None]


def fetch_row(gateway: Gateway, asked: ResourceQuestion) -> Row | None:
    """Return one row by its SID; None when Twilio answers 404. Raises RemoteError for any other
    answer.
    """
    parent = {"parent_sid": asked.parent} if asked.parent else {}
    try:
        row = gateway.call(asked.kind.fetch, None, sid=asked.sid, **parent)
    except RemoteError as error:
        if error.status == 404:
            return None
        raise
    check_row(gateway.account, asked.kind, row)
    return row
