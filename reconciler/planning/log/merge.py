"""Merge our own writes with the events of Twilio, oldest first; a write that is in both is one entry;
pure.

An event is one of our writes only if our credentials made it through the API, and if it set a value
that the write set, or created or deleted the same resource. The same value from the console, or from
other credentials, stays an entry of its own. Each event is used once, by the nearest write.
"""

from __future__ import annotations

import math
import re
from calendar import timegm
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from reconciler.kinds.kind import is_same_value
from reconciler.model.action import Change
from reconciler.model.entry import Entry
from reconciler.model.heal import GONE, PRESENT
from reconciler.planning.checks.secrecy import mask_all
from reconciler.planning.log.entries import LogEntry, LoggedEvent, OwnWrite

_SLACK = 60
"""Seconds by which the clocks of this machine and of Twilio may differ."""
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)", re.ASCII)
_CREATING = ("create", "purchase", "register")


def merge_log(
    writes: Sequence[OwnWrite],
    events: Sequence[LoggedEvent],
    recorded: Mapping[str, Entry],
    since: str,
) -> list[LogEntry]:
    """Return all changes since that time, oldest first.

    `recorded` are the present entries: the foreign changes that were put back are listed from there
    where Twilio has no event of them any more.
    """
    matcher = _Matcher(events)
    placed: list[_Placed] = []
    for write in sorted(writes, key=lambda each: each.time):
        entry = matcher.complete(write)
        if entry is not None:
            placed.append(entry)
    _place_unmatched(placed)

    for event in events:
        if event.order not in matcher.used:
            placed.append(_Placed(_of_event(event), event.order))
    for foreign in _forgotten_events(recorded, events):
        placed.append(_Placed(foreign, _BEFORE_ALL))

    placed.sort(key=lambda each: (each.entry.time, each.order))
    return [each.entry for each in placed if each.entry.time >= since]


class _Placed(NamedTuple):
    """An entry and its order within a second, which is that of its event; times have no fractions."""

    entry: LogEntry
    order: float


_BEFORE_ALL = -1.0
_AFTER_ALL = math.inf


def _place_unmatched(placed: list[_Placed]) -> None:
    """Place own entries without an event, such as an import, before the next one with an event."""
    following: _Placed | None = None
    for index in range(len(placed) - 1, -1, -1):
        each = placed[index]
        is_same_second = following is not None and following.entry.time == each.entry.time
        if each.order == _AFTER_ALL and following is not None and is_same_second:
            placed[index] = each._replace(order=following.order - 0.01)
        following = placed[index]


class _Matcher:
    """Finds the events of our own writes."""

    def __init__(self, events: Sequence[LoggedEvent]) -> None:
        self.used: set[int] = set()
        self._by_sid: dict[str, list[LoggedEvent]] = {}
        for event in events:
            self._by_sid.setdefault(event.sid, []).append(event)

    def complete(self, write: OwnWrite) -> _Placed | None:
        """Return the entry of a write, with the actor and the time of its events; None for one that
        was somebody else's.
        """
        found = [event for event in self._events_of(write) if self._is_made_by(event, write)]
        if write.changes is None:
            return self._release(write, found)

        matched: list[LoggedEvent] = []
        changes: list[Change] = []
        for change in write.changes:
            event = _nearest([each for each in found if _sets(each, change)], write)
            if event is not None:
                matched.append(event)
            elif write.is_doubtful or (not write.is_certain and self._is_foreign(change, write)):
                continue
            changes.append(change)
        if write.changes and not changes:
            return None
        if not write.changes and found and write.action != "import":
            matched += [event for event in [_nearest(found, write)] if event is not None]

        self.used.update(event.order for event in matched)
        return _entry(write, changes, matched)

    def _events_of(self, write: OwnWrite) -> list[LoggedEvent]:
        """Return the events between the two versions of the state that show the write."""
        first, last = _moment(write.since) - _SLACK, _moment(write.until) + _SLACK
        found: list[LoggedEvent] = []
        for event in self._by_sid.get(write.sid, ()):
            if event.order not in self.used and first <= _moment(event.actor.time) <= last:
                found.append(event)
        return found

    def _is_made_by(self, event: LoggedEvent, write: OwnWrite) -> bool:
        if not event.is_own:
            return False
        if write.is_doubtful and event.actor.time != write.time:
            return False
        if event.verb == "deleted":
            return write.action == "delete"
        return event.verb == "updated" or write.action in _CREATING

    def _is_foreign(self, change: Change, write: OwnWrite) -> bool:
        """Return whether somebody else set this value: the state then has only taken it over."""
        others = [event for event in self._events_of(write) if not event.is_own]
        return any(_sets(event, change) for event in others)

    def _release(self, write: OwnWrite, found: Sequence[LoggedEvent]) -> _Placed:
        """Return the entry of a release with what our last events between the versions put back.

        All calls of one release come from one address within a minute.
        """
        matched: list[LoggedEvent] = []
        last = max(found, key=lambda event: event.order, default=None)
        for event in found:
            is_same_run = last is not None and _is_same_run(event, last)
            if is_same_run:
                matched.append(event)
        self.used.update(event.order for event in matched)

        changes: dict[str, Change] = {}
        for event in matched:
            for field, (before, after) in event.changes.items():
                first = changes.get(field)
                changes[field] = Change(field, first.before if first else before, after)
        return _entry(write, list(changes.values()), matched)


def _is_same_run(event: LoggedEvent, last: LoggedEvent) -> bool:
    near = _moment(last.actor.time) - _moment(event.actor.time) <= _SLACK
    return near and event.actor.ip == last.actor.ip


def _sets(event: LoggedEvent, change: Change) -> bool:
    """Return whether an event made this change."""
    if change.field == GONE:
        return event.verb == "created"
    if change.field == PRESENT:
        return event.verb == "deleted"
    if change.field not in event.changes:
        return False
    after = event.changes[change.field][1]
    return is_same_value(after, change.after) or (after in (None, "") and not change.after)


def _nearest(events: Sequence[LoggedEvent], write: OwnWrite) -> LoggedEvent | None:
    """Return the event that is nearest in time, from the address that most of them come from."""
    addresses = Counter(event.actor.ip for event in events)
    most = max(addresses.values(), default=0)
    best = [event for event in events if addresses[event.actor.ip] == most]
    moment = _moment(write.time)
    return min(best, key=lambda event: abs(_moment(event.actor.time) - moment), default=None)


def _entry(write: OwnWrite, changes: list[Change], matched: Sequence[LoggedEvent]) -> _Placed:
    last = max(matched, key=lambda event: event.order, default=None)
    actor = last.actor if last is not None else None
    entry = LogEntry(
        time=actor.time if actor is not None else write.time,
        source="reconciler",
        actor=actor,
        address=write.address,
        action=write.action,
        changes=changes,
        by=write.by,
    )
    return _Placed(entry, last.order if last is not None else _AFTER_ALL)


def _of_event(event: LoggedEvent) -> LogEntry:
    changes = [Change(field, before, after) for field, (before, after) in event.changes.items()]
    return LogEntry(
        time=event.actor.time,
        source="twilio",
        actor=event.actor,
        address=event.address,
        action=event.verb,
        changes=changes,
    )


def _forgotten_events(
    recorded: Mapping[str, Entry], events: Iterable[LoggedEvent]
) -> list[LogEntry]:
    """Return the foreign changes that the state remembers and Twilio's log does not show."""
    shown: set[tuple[str, str, str]] = set()
    for event in events:
        for field in event.changes:
            shown.add((event.sid, event.actor.time, field))
        shown.add((event.sid, event.actor.time, event.verb))

    found: list[LogEntry] = []
    for address, entry in recorded.items():
        for heal in entry.healed:
            actor = heal.actor
            verb = {GONE: "deleted", PRESENT: "created"}.get(heal.field, "updated")
            field = heal.field if verb == "updated" else verb
            if actor is None or (entry.sid, actor.time, field) in shown:
                continue
            changes = []
            if verb == "updated":
                changes.append(Change(heal.field, None, mask_all(heal.foreign)))
            found.append(
                LogEntry(
                    time=actor.time,
                    source="twilio",
                    actor=actor,
                    address=address,
                    action=verb,
                    changes=changes,
                )
            )
    return found


def _moment(time: str) -> int:
    """Return a time (RFC 3339 in UTC) as seconds since 1970; a damaged one is long ago."""
    found = _TIME.match(time)
    if found is None:
        return 0
    try:
        return timegm(tuple(map(int, found.groups())))
    except ValueError:  # a month 13
        return 0
