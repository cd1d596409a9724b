"""Define `LogEntry`, one change as `log` shows it, with `OwnWrite` and `LoggedEvent`, from which the
entries are made: frozen values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from reconciler.model.action import Change
from reconciler.model.actor import Actor
from reconciler.model.route import WireValue

Source = Literal["twilio", "reconciler"]


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one resource. `time` is RFC 3339 in UTC.

    `source` is `reconciler` for a write of this project, else `twilio`. `actor` is who made it in
    Twilio's event log, null where that is not known; `by` is who ran the reconciler, and with which
    command. `before` is null in a change where it was empty or is not known.
    """

    time: str
    source: Source
    actor: Actor | None
    address: str
    action: str
    changes: list[Change]
    by: str | None = None


class OwnWrite(msgspec.Struct, frozen=True, kw_only=True):
    """A write that the versions of the state show: it happened at `time`, after `since` and before
    `until`.

    `changes` is None for a release: the state does not show what it has put back. `is_certain` is
    false where the state may only have taken over what somebody else had set; with `is_doubtful` it
    did, unless an event of ours has the second of `time`.
    """

    time: str
    since: str
    until: str
    address: str
    sid: str
    action: str
    changes: tuple[Change, ...] | None
    by: str | None
    is_certain: bool = True
    is_doubtful: bool = False


class LoggedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event of Twilio's log. `order` counts the events, oldest first.

    `changes` maps fields, in the words of plans, to their value before and after. `is_own`: the
    credentials of this project made it through the API, as this project or another program does.
    """

    order: int
    sid: str
    address: str
    verb: Literal["created", "updated", "deleted"]
    actor: Actor
    is_own: bool
    changes: Mapping[str, tuple[WireValue, WireValue]]
