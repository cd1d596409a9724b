"""Undo what a platform has done of an action that it then refused, so that the number rings where it rang before.

1. Ask the platform what it has now. If that cannot be found out, nothing is undone: the next run asks again.
2. An answer that was lost and turns out to be a success is one.
3. Put the platform's own records back: remove what was made, make again what was removed, link as before.
4. Put the number's fields on Twilio back, and check them.

What cannot be undone is half done: the error says what to do by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from reconciler.errors import RemoteError
from reconciler.execution.outcome import Failure, Outcome
from reconciler.execution.read_numbers import NumberReader
from reconciler.execution.restore_number import find_differences, restore_number
from reconciler.kinds.platforms import PlatformKind
from reconciler.model.action import Action
from reconciler.model.route import Attrs, Wire
from reconciler.remote.gateway import Gateway
from reconciler.remote.platforms.contract import Adapter, RegisteredNumber, RegistrationRequest

_DOUBTFUL = frozenset(
    {"number_already_imported", "success_false", "platform_unavailable", "unexpected_answer"}
)
"""Refusals after which the number may be on the platform all the same."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One action that was tried on a platform, and how it went.

    `was` is the number as the platform had it before the action, `before` what it showed on Twilio, `made` what the
    action has imported. `error` is None for an action that succeeded; then `outcome` says what came of it.
    """

    action: Action
    asked: RegistrationRequest
    was: RegisteredNumber | None = None
    before: Wire | None = None
    made: RegisteredNumber | None = None
    error: RemoteError | None = None
    outcome: Outcome | None = None


class ImportUndo:
    """Brings platform and number back to what they were before an action that has failed."""

    def __init__(self, gateways: Mapping[str, Gateway], numbers: NumberReader) -> None:
        self._gateways = gateways
        self._numbers = numbers

    def settle(self, adapter: Adapter, attempts: Sequence[Attempt]) -> list[Outcome]:
        """Return the outcome of each failed attempt, after undoing what it has done."""
        if not attempts:
            return []
        doubtful = [each for each in attempts if _is_doubtful(each)]
        there: dict[str, RegisteredNumber] = {}
        unknown: RemoteError | None = None
        if doubtful and "list" in adapter.kind.can:
            try:
                there = {
                    number.key: number for number in adapter.list([each.asked for each in doubtful])
                }
            except RemoteError as error:
                unknown = error

        outcomes: list[Outcome] = []
        for each in attempts:
            asks = each in doubtful
            cannot_ask = unknown is not None or "list" not in adapter.kind.can
            if asks and cannot_ask and _may_have_happened(each):
                outcomes.append(_unknown(each, adapter.kind, unknown))
            else:
                outcomes.append(
                    self._settled(adapter, each, there.get(each.asked.key) if asks else None)
                )
        return outcomes

    def _settled(self, adapter: Adapter, attempt: Attempt, now: RegisteredNumber | None) -> Outcome:
        arrived = _arrived(attempt, now, adapter.kind)
        if arrived is not None:
            return arrived
        try:
            undone, new_id = self._platform_undone(adapter, attempt, now)
        except RemoteError as error:
            return _half_done(attempt, _manual_platform(attempt, adapter.kind, error))

        # Only once the platform has let go: its removal clears or detaches what it finds on the number.
        try:
            restored, wrong = self._number_restored(attempt)
        except RemoteError as error:
            return _half_done(attempt, _manual_number(attempt, (), error))
        if wrong:
            return _half_done(attempt, _manual_number(attempt, wrong, None))
        if attempt.made is not None and "delete" not in adapter.kind.can:
            return _left_there(attempt, adapter.kind)
        return _undone(attempt, undone or restored, new_id)

    def _platform_undone(
        self, adapter: Adapter, attempt: Attempt, now: RegisteredNumber | None
    ) -> tuple[bool, str | None]:
        """Put the platform's records back; whether anything had to be done, and the id of what was made again."""
        was, asked = attempt.was, attempt.asked
        if was is None:
            # Only what this very action has made: anything else there is somebody's own.
            if now is None or attempt.made is None or "delete" not in adapter.kind.can:
                return False, None
            adapter.delete(now)
            return True, None
        if now is None:
            return True, _made_again(adapter, was, asked)
        other = [
            name
            for name in adapter.kind.replaces
            if name in now.attrs and now.attrs[name] != was.attrs.get(name)
        ]
        if other:
            adapter.delete(now)
            return True, _made_again(adapter, was, asked)
        return _linked_again(adapter, was, now, asked), None

    def _number_restored(self, attempt: Attempt) -> tuple[bool, list[str]]:
        """Put the number's fields back; whether any had changed, and those that are still not as before."""
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
    """Return whether what is there is what was asked for; who answers may still be to be set by a call of its own."""
    names = found.attrs.keys() & asked.attrs.keys()
    differ = {name for name in names if found.attrs[name] != asked.attrs[name]}
    return all(name in kind.links and found.attrs[name] is None for name in differ)


def _is_doubtful(attempt: Attempt) -> bool:
    """Return whether the platform has to be asked: after a plain refusal of an import there is nothing to ask."""
    first_import = attempt.action.action == "register" and attempt.made is None
    return not first_import or attempt.error is None or is_doubtful(attempt.error)


def _may_have_happened(attempt: Attempt) -> bool:
    assert attempt.error is not None
    return attempt.made is not None or attempt.was is not None or attempt.error.ambiguous


def _arrived(attempt: Attempt, now: RegisteredNumber | None, kind: PlatformKind) -> Outcome | None:
    """Return the success that a lost answer stood for, None for a failure."""
    action, error = attempt.action, attempt.error
    assert error is not None
    if action.action == "unregister" and now is None:
        return Outcome(action=action, status="applied", sid=action.sid)
    if action.action == "unregister" or not error.ambiguous:
        return None
    if now is None or action.entry is None:
        return None
    wanted = attempt.asked.attrs
    if any(name in now.attrs and now.attrs[name] != value for name, value in wanted.items()):
        return None
    entry = msgspec.structs.replace(action.entry, sid=now.id, key=now.key, prior={})
    return Outcome(action=action, status="applied", entry=entry, sid=now.id)


def _made_again(adapter: Adapter, was: RegisteredNumber, asked: RegistrationRequest) -> str:
    """Import the number as it was there before; return its id. Raises RemoteError."""
    former = msgspec.structs.replace(asked, attrs=was.attrs, import_started=True)
    [result] = adapter.create([former])
    if isinstance(result, RemoteError):
        raise result
    _linked_again(adapter, was, result, asked)
    return result.id


def _linked_again(
    adapter: Adapter, was: RegisteredNumber, now: RegisteredNumber, asked: RegistrationRequest
) -> bool:
    """Set who answers as it was before; whether anything differed. Raises RemoteError."""
    changed = False
    for names, change in (
        (adapter.kind.updates, adapter.update),
        (adapter.kind.links, adapter.link),
    ):
        former: Attrs = {
            n: was.attrs[n] for n in names if n in was.attrs and now.attrs.get(n) != was.attrs[n]
        }
        if former:
            change(now, msgspec.structs.replace(asked, attrs=former))
            changed = True
    return changed


def _message(attempt: Attempt) -> tuple[str, str]:
    assert attempt.error is not None
    diagnostic = attempt.error.diagnostics[0]
    return attempt.error.code, diagnostic.detail or diagnostic.summary


def _undone(attempt: Attempt, changed: bool, new_id: str | None) -> Outcome:
    code, message = _message(attempt)
    if changed:
        message += f" What it had done was undone: {attempt.asked.key} is as it was before, here and there."
    return Outcome(
        action=attempt.action,
        status="reverted" if changed else "failed",
        error=Failure(code, message),
        sid=new_id,
        unmade=True,
    )


def _half_done(attempt: Attempt, by_hand: str) -> Outcome:
    code, message = _message(attempt)
    failure = Failure(code, f"{message} {by_hand}")
    return Outcome(action=attempt.action, status="failed", error=failure, half_done=True)


def _unknown(attempt: Attempt, kind: PlatformKind, why: RemoteError | None) -> Outcome:
    code, message = _message(attempt)
    reason = (
        f"its list could not be read ({why.code})"
        if why is not None
        else "it has no call that shows its numbers"
    )
    message += f" Whether {kind.title} has carried it out is unknown: {reason}. Nothing was undone; the next apply settles it."
    return Outcome(
        action=attempt.action, status="failed", error=Failure(code, message), half_done=True
    )


def _left_there(attempt: Attempt, kind: PlatformKind) -> Outcome:
    """The platform has no call that removes what was imported: state remembers it, and a person may remove it."""
    made, action = attempt.made, attempt.action
    assert made is not None
    assert action.entry is not None
    code, message = _message(attempt)
    by_hand = kind.manual.get("delete", "")
    message += (
        f" {attempt.asked.key} rings where it rang before, and stays imported in {kind.title} without an agent. "
        f"Correct the agent and run apply again, or take it back: {by_hand}"
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
    """Say what a person has to do on the platform."""
    key, was = attempt.asked.key, attempt.was
    why = f"Undoing it failed as well ({error.code})."
    if was is None:
        return f"{why} Remove {key} in {kind.title} by hand, then run apply again."
    agent = was.attrs.get("agent")
    whom = f"the agent {agent}" if agent else "the agent that it had"
    return (
        f"{why} {key} may answer nobody. Import it in {kind.title} by hand for {whom}, or declare that agent for it "
        "and run apply again."
    )


def _manual_number(attempt: Attempt, fields: Sequence[str], error: RemoteError | None) -> str:
    """Say what a person has to set on the number."""
    before, key = attempt.before or {}, attempt.asked.key
    why = f"({error.code})" if error is not None else f"({', '.join(fields)} are not as before)"
    former = (
        ", ".join(f"{field}={value}" for field, value in before.items() if value)
        or "no route at all"
    )
    return f"{key} could not be put back on Twilio {why}. Set by hand what it had: {former}; or run apply again."
