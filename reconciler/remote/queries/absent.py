"""Fetch by SID the resources that a listing lacks and return those that exist: 404 means gone, any
other failure is raised.

Twilio reads pages by offset: when a row is deleted from an earlier page, the next rows shift and
one of them is never shown. So a recorded resource that the listing lacks is fetched: 404 means that
it is gone; any other failure means that it is unknown, and is raised. Nothing is fetched that the
listing contains.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from reconciler.errors import RemoteError
from reconciler.kinds.kind import Kind, Row
from reconciler.remote.gateway import Gateway
from reconciler.remote.parallel import map_each
from reconciler.remote.queries.rows import check_row

_AT_ONCE = 16


class ResourceQuestion(NamedTuple):
    """A resource to fetch; `parent` is the SID of its parent, or empty."""

    kind: Kind
    sid: str
    parent: str = ""


def fetch_absent(
    gateway: Gateway, questions: Iterable[ResourceQuestion]
) -> list[tuple[ResourceQuestion, Row]]:
    """Return those that exist after all, with their rows.

    Raises RemoteError for any answer but a row or 404.
    """
    distinct = list({(one.kind.name, one.sid, one.parent): one for one in questions}.values())
    if not distinct:
        return []

    def fetch(question: ResourceQuestion) -> Row | None:
        return fetch_row(gateway, question)

    rows = map_each(fetch, distinct, workers=_AT_ONCE, name="absent")
    return [(one, row) for one, row in zip(distinct, rows, strict=True) if row is not None]


def fetch_row(gateway: Gateway, asked: ResourceQuestion) -> Row | None:
    """Return one row by its SID; None when Twilio answers 404.

    Raises RemoteError for any other answer.
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
