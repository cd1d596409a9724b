"""Undo the effects of a failed action on a platform, so that the former agent answers the number
again.

1. Read what the platform has now. If that is impossible, undo nothing: the next run asks again.
2. Count a lost answer as a success when the platform shows the requested result.
3. Restore the platform's own records: remove what was made, make again what was removed, link as
   before.
4. Restore the number's fields on Twilio, and check them.

If a step cannot be undone, the error describes what to do by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from reconciler.errors import RemoteError
from reconciler.execution.intents import without_noted_fields
from reconciler.execution.outcome import Failure, Outcome
from reconciler.execution.read_numbers import NumberReader
from reconciler.execution.restore_number import find_differences, restore_number
from reconciler.kinds.platforms.kind import SIP_SECRETS, PlatformKind
from reconciler.model.action import Action
from reconciler.model.route import Attrs, Value, Wire
from reconciler.remote.gateway import Gateway
from reconciler.remote.platforms.contract import (
    Adapter,
    RegisteredNumber,
    RegistrationRequest,
    missing_pages,
)
from reconciler.remote.platforms.errors import CHANGED_MEANWHILE

_DOUBTFUL = frozenset(
    {"number_already_imported", "success_false", "platform_unavailable", "unexpected_answer"}
)
"""Refusals after which the number may be on the platform all the same."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One action that was tried on a platform, and its result.

    `was` is the number as the platform had it before the action, `before` what it showed on Twilio,
    `made` what the action has imported. `error` is None for an action that succeeded; then
    `outcome` is its outcome.
    """

    action: Action
    asked: RegistrationRequest
    was: RegisteredNumber | None = None
    before: Wire | None = None
    made: RegisteredNumber | None = None
    error: RemoteError | None = None
    outcome: Outcome | None = None


class ImportUndo:
    """Restores platform and number to what they were before an action that has failed."""

    def __init__(self, gateways: Mapping[str, Gateway], numbers: NumberReader) -> None:
        self._gateways = gateways
        self._numbers = numbers

    def settle(self, adapter: Adapter, attempts: Sequence[Attempt]) -> list[Outcome]:
        """Return the outcome of each failed attempt, after undoing what it has done."""
        if not attempts:
            return []

        can_list = "list" in adapter.kind.can
        doubtful = [attempt for attempt in attempts if _is_doubtful_attempt(attempt)]
        present: dict[str, RegisteredNumber] = {}
        unknown: RemoteError | None = None
        if doubtful and can_list:
            requests = [attempt.asked for attempt in doubtful]
            try:
                numbers = adapter.list(requests)
                present = {number.key: number for number in numbers}
                unknown = missing_pages(numbers)
            except RemoteError as error:
                unknown = error

        def is_unknown(attempt: Attempt) -> bool:
            is_shown = attempt.asked.key in present
            return not can_list or (unknown is not None and not is_shown)

        outcomes: list[Outcome] = []
        for attempt in attempts:
            if attempt not in doubtful:
                outcome = self._undo(adapter, attempt, None)
            elif is_unknown(attempt) and _may_have_happened(attempt):
                outcome = _unknown_outcome(attempt, adapter.kind, unknown)
            else:
                outcome = self._undo(adapter, attempt, present.get(attempt.asked.key))
            outcomes.append(outcome)
        return outcomes

    def _undo(self, adapter: Adapter, attempt: Attempt, now: RegisteredNumber | None) -> Outcome:
        # What somebody else has written meanwhile stays.
        if attempt.error is not None and attempt.error.code == CHANGED_MEANWHILE:
            return _undo_outcome(attempt, False, None)
        success = _late_success(attempt, now)
        if success is not None:
            return success
        try:
            undone, new_id = self._restore_platform(adapter, attempt, now)
        except RemoteError as error:
            return _half_done_outcome(attempt, _manual_platform(attempt, adapter.kind, error))

        # After the platform: its removal clears or detaches what it finds on the number.
        try:
            restored, wrong = self._restore_number(attempt)
        except RemoteError as error:
            return _half_done_outcome(attempt, _manual_number(attempt, (), error))
        if wrong:
            return _half_done_outcome(attempt, _manual_number(attempt, wrong, None))
        if attempt.made is not None and "delete" not in adapter.kind.can:
            return _unremovable_outcome(attempt, adapter.kind)
        return _undo_outcome(attempt, undone or restored, new_id)

    def _restore_platform(
        self, adapter: Adapter, attempt: Attempt, now: RegisteredNumber | None
    ) -> tuple[bool, str | None]:
        """Restore the platform's records. Returns whether anything changed, and the id of a
        registration that was imported again.
        """
        was, asked = attempt.was, attempt.asked
        if was is None:
            # Remove only what this very action has made: anything else there belongs to somebody
            # else.
            if now is None or attempt.made is None or "delete" not in adapter.kind.can:
                return False, None
            adapter.delete(now)
            return True, None
        if now is None:
            return True, _import_again(adapter, was, asked)

        for name in adapter.kind.replaces:
            if name in now.attrs and now.attrs[name] != was.attrs.get(name):
                # The platform cannot change this attribute of a number: import the number again.
                adapter.delete(now)
                return True, _import_again(adapter, was, asked)
        return _link_again(adapter, was, now, asked), None

    def _restore_number(self, attempt: Attempt) -> tuple[bool, list[str]]:
        """Restore the number's fields. Returns whether any had changed, and those that are still
        not as before.
        """
        if attempt.before is None:
            return False, []

        action, sid = attempt.action, attempt.asked.number_sid
        row = self._numbers.read([(action.address, action.account, sid)]).get(action.address)
        if row is None:
            return False, []  # the number itself is gone: there is nothing to ring
        if isinstance(row, RemoteError):
            raise row
        if not find_differences(attempt.before, row):
            return False, []
        return True, restore_number(self._gateways[action.account], sid, attempt.before, row)


def is_doubtful(error: RemoteError) -> bool:
    """Return whether a refused import may be on the platform all the same."""
    return error.ambiguous or error.code in _DOUBTFUL or error.status >= 500


def matches_request(
    found: RegisteredNumber, asked: RegistrationRequest, kind: PlatformKind
) -> bool:
    """Return whether the platform has what was requested; agents that are linked by a call of their
    own may be unset.
    """
    for name in found.attrs.keys() & asked.attrs.keys():
        if found.attrs[name] == asked.attrs[name]:
            continue
        if name not in kind.links or found.attrs[name] is not None:
            return False
    return True


def _is_doubtful_attempt(attempt: Attempt) -> bool:
    """Return whether the platform has to be asked; a plain refusal of an import is certain."""
    first_import = attempt.action.action == "register" and attempt.made is None
    return not first_import or attempt.error is None or is_doubtful(attempt.error)


def _may_have_happened(attempt: Attempt) -> bool:
    assert attempt.error is not None
    return attempt.made is not None or attempt.was is not None or attempt.error.ambiguous


def _late_success(attempt: Attempt, now: RegisteredNumber | None) -> Outcome | None:
    """Return the success behind a lost answer; None for a failure."""
    action, error = attempt.action, attempt.error
    assert error is not None
    if action.action == "unregister":
        # A number that is not there is removed, whatever the answer was.
        return None if now is not None else Outcome(action=action, status="applied", sid=action.sid)
    if not error.ambiguous or now is None or action.entry is None:
        return None

    for name, value in attempt.asked.attrs.items():
        if name in now.attrs and now.attrs[name] != value:
            return None
    entry = without_noted_fields(action.entry)
    entry = msgspec.structs.replace(entry, sid=now.id, key=now.key)
    return Outcome(action=action, status="applied", entry=entry, sid=now.id)


def _import_again(adapter: Adapter, was: RegisteredNumber, asked: RegistrationRequest) -> str:
    """Import the number as the platform had it before; return its id. Raises RemoteError."""
    former = msgspec.structs.replace(asked, attrs=was.attrs, import_started=True)
    [result] = adapter.create([former])
    if isinstance(result, RemoteError):
        raise result
    _link_again(adapter, was, result, asked)
    return result.id


def _link_again(
    adapter: Adapter, was: RegisteredNumber, now: RegisteredNumber, asked: RegistrationRequest
) -> bool:
    """Restore who answers. Returns whether anything differed. Raises RemoteError."""
    updates = _changed_attrs(adapter.kind.updates, was, now)
    if updates:
        adapter.update(now, msgspec.structs.replace(asked, attrs=updates))
    links = _changed_attrs(adapter.kind.links, was, now)
    if links:
        adapter.link(now, msgspec.structs.replace(asked, attrs=links))
    return bool(updates or links)


def _changed_attrs(names: Iterable[str], was: RegisteredNumber, now: RegisteredNumber) -> Attrs:
    """Return the former values of those of these attributes that differ now."""
    former: dict[str, Value] = {}
    for name in names:
        # A secret that the platform does not show cannot differ.
        if name in SIP_SECRETS and name not in now.attrs:
            continue
        if name in was.attrs and now.attrs.get(name) != was.attrs[name]:
            former[name] = was.attrs[name]
    return former


def _message(attempt: Attempt) -> tuple[str, str]:
    assert attempt.error is not None
    diagnostic = attempt.error.diagnostics[0]
    return attempt.error.code, diagnostic.detail or diagnostic.summary


def _undo_outcome(attempt: Attempt, changed: bool, new_id: str | None) -> Outcome:
    code, message = _message(attempt)
    if changed:
        message += f" The change was undone: {attempt.asked.key} is as it was before, on Twilio and on the platform."
    return Outcome(
        action=attempt.action,
        status="reverted" if changed else "failed",
        error=Failure(code, message),
        sid=new_id,
        unmade=True,
    )


def _half_done_outcome(attempt: Attempt, by_hand: str) -> Outcome:
    code, message = _message(attempt)
    failure = Failure(code, f"{message} {by_hand}")
    return Outcome(action=attempt.action, status="failed", error=failure, half_done=True)


def _unknown_outcome(attempt: Attempt, kind: PlatformKind, error: RemoteError | None) -> Outcome:
    code, message = _message(attempt)
    reason = "it has no call that lists its numbers"
    if error is not None:
        reason = f"its list could not be read ({error.code})"

    message += (
        f" It is unknown whether {kind.title} has executed the action: {reason}. Nothing was undone; the "
        "next apply decides."
    )
    return Outcome(
        action=attempt.action, status="failed", error=Failure(code, message), half_done=True
    )


def _unremovable_outcome(attempt: Attempt, kind: PlatformKind) -> Outcome:
    """Return the outcome of an import that the platform has no call to remove; the state records
    it.
    """
    made, action = attempt.made, attempt.action
    assert made is not None
    assert action.entry is not None

    code, message = _message(attempt)
    by_hand = kind.manual.get("delete", "")
    message += (
        f" {attempt.asked.key} rings where it rang before, but stays imported in {kind.title} without an "
        f"agent. Correct the agent and run apply again, or remove the number: {by_hand}"
    )

    links = {name: made.attrs.get(name) for name in kind.links if name in action.entry.last_applied}
    entry = msgspec.structs.replace(
        action.entry,
        sid=made.id,
        key=made.key,
        last_applied={**action.entry.last_applied, **links},
        prior={},
    )
    return Outcome(
        action=action, status="failed", entry=entry, error=Failure(code, message), half_done=True
    )


def _manual_platform(attempt: Attempt, kind: PlatformKind, error: RemoteError) -> str:
    """Return what a person has to do on the platform."""
    key, was = attempt.asked.key, attempt.was
    reason = f"The undo failed as well ({error.code})."
    if was is None:
        return f"{reason} Remove {key} in {kind.title} by hand, then run apply again."

    agent = was.attrs.get("agent")
    former_agent = f"the agent {agent}" if agent else "the agent that it had"
    return (
        f"{reason} Calls to {key} may not be answered. Import it in {kind.title} by hand for {former_agent}, or "
        "declare that agent for it and run apply again."
    )


def _manual_number(attempt: Attempt, fields: Sequence[str], error: RemoteError | None) -> str:
    """Return what a person has to set on the number."""
    before, key = attempt.before or {}, attempt.asked.key
    reason = f"{', '.join(fields)} are not as before" if error is None else error.code
    former = [f"{field}={value}" for field, value in before.items() if value]
    return (
        f"{key} could not be restored on Twilio ({reason}). Set its former values by hand: "
        f"{', '.join(former) or 'no route at all'}; or run apply again."
    )
