"""Read back every write at the end of a run, and repair once what was not stored.

One by one or by listing, whichever is fewer calls. Nothing is ever created a second time. A write
that cannot be read back has failed: its reply alone is no proof. The state keeps what the reply
confirmed, so that the next plan compares it with the live values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
from reconciler.remote.parallel import map_each

PAGE = 1000
_READINGS = 3
"""Number of reads before a write counts as not read back; almost always once."""


class Readback:
    """Reads back what a run has written, and corrects its outcomes.

    `totals` is how many numbers each account has, `before` the raw fields by address before the
    run.
    """

    def __init__(
        self,
        gateways: Mapping[str, Gateway],
        runner: ActionRunner,
        totals: Mapping[str, int],
        before: Mapping[str, Wire],
        *,
        workers: int,
    ) -> None:
        self._gateways = gateways
        self._runner = runner
        self._totals = totals
        self._before = before
        self._workers = workers

    def check(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Return the outcomes after reading back; a write that was not stored has failed.

        Where an address was written more than once, its last outcome gets the verdict.
        """
        written = [outcome for outcome in outcomes if outcome.succeeded and outcome.sent]
        last = {outcome.action.address: outcome for outcome in written}
        expected = _expected_fields(written)
        rows = self._read(list(last.values()))

        checked: list[Outcome] = []
        for outcome in outcomes:
            address = outcome.action.address
            if last.get(address) is outcome:
                outcome = self._judge(outcome, expected[address], rows.get(address))
            checked.append(outcome)
        return checked

    def _read(self, outcomes: Sequence[Outcome]) -> dict[str, Mapping[str, Any] | RemoteError]:
        """Read what was written. What cannot be read is asked for again: a 404 right after a write
        may be untrue.
        """
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
                rows.update(self._read_by_listing(account, numbers))
                single += [o for o in of_account if o.action.kind not in NUMBER_KINDS]
            else:
                single += of_account

        found = map_each(self._fetch, single, workers=self._workers, name="readback")
        for outcome, row in zip(single, found, strict=True):
            rows[outcome.action.address] = row
        return rows

    def _read_by_listing(
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

        # A listing that changes while it is read can leave a number out.
        for outcome in outcomes:
            if outcome.action.address not in rows:
                rows[outcome.action.address] = self._fetch(outcome)
        return rows

    def _fetch(self, outcome: Outcome) -> Mapping[str, Any] | RemoteError:
        try:
            return self._runner.call(self._target(outcome), KINDS[outcome.action.kind].fetch)
        except RemoteError as error:
            return error

    def _target(self, outcome: Outcome) -> Action:
        return msgspec.structs.replace(outcome.action, sid=outcome.sid)

    def _judge(
        self, outcome: Outcome, expected: Wire, row: Mapping[str, Any] | RemoteError | None
    ) -> Outcome:
        """Return the outcome that a row proves; repairs the write once where it was not stored."""
        if row is None or isinstance(row, RemoteError):
            return _unread_outcome(outcome, row)

        # Twilio never returns secrets, and a server may leave out a field that is empty. Any other
        # field that is absent proves nothing.
        secret = secret_fields(outcome.action.kind)
        absent = []
        for field, value in expected.items():
            if field not in row and field not in secret and value not in ("", None):
                absent.append(field)
        if absent:
            return _unverified_outcome(outcome, f"the answer holds no {', '.join(absent)}")

        before = self._before.get(outcome.action.address, {})
        changed = find_unconfirmed(expected, row)
        if not _lost_fields(changed, expected, row, before):
            return _note_later_change(outcome, changed) if changed else outcome

        try:
            again = self._write_again(outcome, expected)
        except RemoteError as error:
            return _dropped_outcome(outcome, changed, f"; the repair failed: {error}")
        lost = _lost_fields(find_unconfirmed(expected, again), expected, again, before)
        return _dropped_outcome(outcome, lost, ", even after one repair.") if lost else outcome

    def _write_again(self, outcome: Outcome, expected: Wire) -> Mapping[str, Any]:
        """Write the expected fields once more, and return the resource as it is then. Raises
        RemoteError.
        """
        kind = KINDS[outcome.action.kind]
        params: dict[str, WireValue] = {}
        for param, field in kind.params.items():
            if field in expected:
                params[param] = expected[field]
        self._runner.call(self._target(outcome), kind.update, params)
        return self._runner.call(self._target(outcome), kind.fetch)


def _lost_fields(
    changed: Iterable[str], expected: Wire, row: Mapping[str, Any], before: Wire
) -> list[str]:
    """Return the fields whose write was lost: empty or as before the run, or flags and numbers not
    as written.

    Any other text is a later change by somebody else.
    """
    lost: list[str] = []
    for field in changed:
        value = row[field]
        as_before = is_same_value("", value) or is_same_value(before.get(field), value)
        if as_before or not isinstance(expected[field], str):
            lost.append(field)
    return lost


def _expected_fields(outcomes: Iterable[Outcome]) -> dict[str, dict[str, WireValue]]:
    """Return the fields that each address should show after all its writes; the last write of a
    field counts.
    """
    expected: dict[str, dict[str, WireValue]] = {}
    for outcome in outcomes:
        fields = expected.setdefault(outcome.action.address, {})
        fields.update(outcome.sent)

        # Setting one of the two clears the other inside Twilio.
        if outcome.sent.get("trunk_sid"):
            fields.pop("voice_application_sid", None)
        if outcome.sent.get("voice_application_sid"):
            fields.pop("trunk_sid", None)
    return expected


def _by_account(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    grouped: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        grouped.setdefault(outcome.action.account, []).append(outcome)
    return grouped


def _unread_outcome(outcome: Outcome, error: RemoteError | None) -> Outcome:
    """Return the outcome of a write that could not be read back. A number that is gone is an
    incident.
    """
    gone = error is None or error.status == 404
    if not gone or outcome.action.kind not in NUMBER_KINDS:
        return _unverified_outcome(outcome, str(error))

    message = (
        f"{outcome.action.address} was written, and is no longer in its account: reading it back answers "
        "404. It was released, ported out or moved meanwhile. Find out by whom in Twilio's console. If it "
        "is gone for good, remove it from the configuration and apply."
    )
    return _half_done_outcome(outcome, Failure("number_missing", message))


def _unverified_outcome(outcome: Outcome, reason: str) -> Outcome:
    failure = verification_failure(outcome.action.address, "Twilio", reason)
    return _half_done_outcome(outcome, failure)


def _half_done_outcome(outcome: Outcome, failure: Failure) -> Outcome:
    """Return the outcome as a failure that may have changed something; its entry stays recorded."""
    return msgspec.structs.replace(outcome, status="failed", error=failure, half_done=True)


def _note_later_change(outcome: Outcome, fields: Sequence[str]) -> Outcome:
    """Add a note about fields that somebody else changed after the reply had shown them stored:
    drift.
    """
    note = f"written, but changed by somebody else since: {', '.join(fields)}"
    return msgspec.structs.replace(outcome, note=note)


def _dropped_outcome(outcome: Outcome, fields: Sequence[str], repair: str) -> Outcome:
    message = (
        f"Twilio accepted the write for {outcome.action.address}, and reading it back shows other values in "
        f"{', '.join(fields)}{repair}"
    )
    return msgspec.structs.replace(
        outcome, status="dropped", error=Failure("write_dropped", message)
    )
