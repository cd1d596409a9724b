"""The second proof of every write: read what was written, at the end, and mend once what is not there.

One by one or by listing, whichever is fewer calls. Nothing is ever created a second time. A write that cannot be read
back has failed: its reply alone is no proof. State keeps what the reply confirmed, so the next plan compares it with
what is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from typing import Any

import msgspec

from reconciler.errors import RemoteError
from reconciler.execution.actions import ActionRunner
from reconciler.execution.outcome import Failure, Outcome, verification_failure
from reconciler.execution.verify import find_unconfirmed
from reconciler.kinds.kind import is_same_value
from reconciler.kinds.table import KINDS, NUMBER_KINDS, secret_fields
from reconciler.model.action import Action
from reconciler.model.route import Wire, WireValue
from reconciler.remote.gateway import Gateway

PAGE = 1000
_READINGS = 3
"""How often something is read before its write counts as not read back; almost always once."""


class Readback:
    """Reads back what a walk has written and corrects its outcomes.

    `totals` is how many numbers each account has, `before` the raw fields by address before the walk.
    """

    def __init__(
        self,
        gateways: Mapping[str, Gateway],
        performer: ActionRunner,
        totals: Mapping[str, int],
        before: Mapping[str, Wire],
        *,
        workers: int,
    ) -> None:
        self._gateways = gateways
        self._performer = performer
        self._totals = totals
        self._before = before
        self._workers = workers

    def check(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The outcomes as they stand after reading back; those of a write that is not there have failed."""
        written = [o for o in outcomes if o.succeeded and o.sent]
        last = {o.action.address: o for o in written}
        expected = _expected(written)
        rows = self._read(list(last.values()))
        verdicts = {
            address: self._settle(last[address], expected[address], rows.get(address))
            for address in last
        }
        return [
            verdicts[o.action.address] if last.get(o.action.address) is o else o for o in outcomes
        ]

    def _read(self, outcomes: Sequence[Outcome]) -> dict[str, Mapping[str, Any] | RemoteError]:
        """Read what was written. What cannot be read is asked for again: a 404 right after a write may be untrue."""
        rows = self._read_once(outcomes)
        for _ in range(_READINGS - 1):
            unread = [o for o in outcomes if isinstance(rows.get(o.action.address), RemoteError)]
            if not unread:
                break
            rows.update(self._read_once(unread))
        return rows

    def _read_once(self, outcomes: Sequence[Outcome]) -> dict[str, Mapping[str, Any] | RemoteError]:
        rows: dict[str, Mapping[str, Any] | RemoteError] = {}
        single: list[Outcome] = []
        for account, of_account in _by_account(outcomes).items():
            numbers = [o for o in of_account if o.action.kind in NUMBER_KINDS]
            if len(numbers) > ceil(self._totals.get(account, 0) / PAGE) > 0:
                rows.update(self._listed(account, numbers))
                single += [o for o in of_account if o.action.kind not in NUMBER_KINDS]
            else:
                single += of_account
        with ThreadPoolExecutor(self._workers, thread_name_prefix="readback") as pool:
            rows.update(
                zip(
                    (o.action.address for o in single), pool.map(self._fetched, single), strict=True
                )
            )
        return rows

    def _listed(
        self, account: str, outcomes: Sequence[Outcome]
    ) -> dict[str, Mapping[str, Any] | RemoteError]:
        wanted = {o.sid: o.action.address for o in outcomes}
        rows: dict[str, Mapping[str, Any] | RemoteError] = {}
        try:
            for page in self._gateways[account].number_pages():
                for row in page:
                    if row.sid in wanted:
                        rows[wanted[row.sid]] = msgspec.structs.asdict(row)
        except RemoteError as error:
            return {o.action.address: rows.get(o.action.address, error) for o in outcomes}

        # A listing that moves while it is read can leave a number out.
        for outcome in outcomes:
            if outcome.action.address not in rows:
                rows[outcome.action.address] = self._fetched(outcome)
        return rows

    def _fetched(self, outcome: Outcome) -> Mapping[str, Any] | RemoteError:
        try:
            return self._performer.call(self._target(outcome), KINDS[outcome.action.kind].fetch)
        except RemoteError as error:
            return error

    def _target(self, outcome: Outcome) -> Action:
        return msgspec.structs.replace(outcome.action, sid=outcome.sid)

    def _settle(
        self, outcome: Outcome, expected: Wire, row: Mapping[str, Any] | RemoteError | None
    ) -> Outcome:
        if row is None or isinstance(row, RemoteError):
            return _unverified(outcome, row)
        hidden = secret_fields(outcome.action.kind)
        absent = [field for field in expected if field not in row and field not in hidden]
        if absent:
            return _failed_unread(outcome, f"the answer holds no {', '.join(absent)}")
        before = self._before.get(outcome.action.address, {})
        changed = find_unconfirmed(expected, row)
        if not _undone(changed, expected, row, before):
            return _changed_since(outcome, changed) if changed else outcome
        try:
            params = {
                p: expected[f]
                for p, f in KINDS[outcome.action.kind].params.items()
                if f in expected
            }
            self._performer.call(self._target(outcome), KINDS[outcome.action.kind].update, params)
            again = self._performer.call(self._target(outcome), KINDS[outcome.action.kind].fetch)
        except RemoteError as error:
            return _failed(outcome, changed, f"; the repair failed: {error}")
        undone = _undone(find_unconfirmed(expected, again), expected, again, before)
        return _failed(outcome, undone, ", also after one repair.") if undone else outcome


def _undone(
    changed: Iterable[str], expected: Wire, row: Mapping[str, Any], before: Wire
) -> list[str]:
    """Return the fields that are empty or as before the run, or flags and numbers that are not as written."""
    return [
        field
        for field in changed
        if is_same_value("", row[field])
        or is_same_value(before.get(field), row[field])
        or not isinstance(expected[field], str)
    ]


def _expected(outcomes: Iterable[Outcome]) -> dict[str, dict[str, WireValue]]:
    """What each address should look like after all that was written to it: the last word on each field."""
    expected: dict[str, dict[str, WireValue]] = {}
    for outcome in outcomes:
        fields = expected.setdefault(outcome.action.address, {})
        fields.update(outcome.sent)
        for switch, other in (
            ("trunk_sid", "voice_application_sid"),
            ("voice_application_sid", "trunk_sid"),
        ):
            if outcome.sent.get(switch):
                fields.pop(other, None)
    return expected


def _by_account(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    grouped: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        grouped.setdefault(outcome.action.account, []).append(outcome)
    return grouped


def _unverified(outcome: Outcome, error: RemoteError | None) -> Outcome:
    """The outcome of a write that could not be read back. A number that is gone is an incident."""
    gone = error is None or error.status == 404
    if not gone or outcome.action.kind not in NUMBER_KINDS:
        return _failed_unread(outcome, str(error))

    message = (
        f"{outcome.action.address} was written, and is not in its account any more: reading it back answers 404. It "
        "was released, ported out or moved meanwhile. Find out by whom in Twilio's console. If it is gone for good, "
        "remove it from the configuration and apply."
    )
    return _left_open(outcome, Failure("number_missing", message))


def _failed_unread(outcome: Outcome, reason: str) -> Outcome:
    return _left_open(outcome, verification_failure(outcome.action.address, "Twilio", reason))


def _left_open(outcome: Outcome, failure: Failure) -> Outcome:
    """The outcome as a failure that may have changed something; its entry stays recorded."""
    return msgspec.structs.replace(outcome, status="failed", error=failure, half_done=True)


def _changed_since(outcome: Outcome, fields: Sequence[str]) -> Outcome:
    """The reply has shown the value, so it was stored: what stands there now is somebody else's, and drift."""
    note = f"written, and changed by somebody else since: {', '.join(fields)}"
    return msgspec.structs.replace(outcome, note=note)


def _failed(outcome: Outcome, fields: Sequence[str], repair: str) -> Outcome:
    message = (
        f"Twilio accepted the write for {outcome.action.address}, and reading it back shows other values in "
        f"{', '.join(fields)}{repair}"
    )
    return msgspec.structs.replace(
        outcome, status="dropped", error=Failure("write_dropped", message)
    )
