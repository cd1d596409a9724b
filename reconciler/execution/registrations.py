"""One action on a platform → the calls of its adapter → a verified outcome; then what it wrote on Twilio is read.

What a number shows after its platform has written to it becomes the baseline of drift (`Outcome.learned`). An action
that fails is undone (`reconciler.execution.undo_import`). Errors become outcomes; nothing is saved here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from reconciler.errors import RemoteError
from reconciler.execution.outcome import Failure, Outcome, verification_failure
from reconciler.execution.read_numbers import NumberReader, Rows
from reconciler.execution.undo_import import Attempt, ImportUndo, is_doubtful, matches_request
from reconciler.kinds.number import WIRE_FIELDS, canonical_routes
from reconciler.kinds.platforms import platform_name
from reconciler.kinds.table import REGISTRATION
from reconciler.model.action import Action
from reconciler.model.route import Attrs, Value, Wire
from reconciler.planning.decide.registration import values_without_route
from reconciler.planning.identity.observed import Observed
from reconciler.remote.gateway import Gateway
from reconciler.remote.platforms.contract import Adapter, RegisteredNumber, RegistrationRequest

_AT_ONCE = 8
_WRITES = frozenset({"register", "link", "update", "reassign", "unregister"})


class RegistrationRunner:
    """Carries out the actions of registrations. `names` are the trunks that have a name here, by SID.

    `sids` are the SIDs of all that has one, by address; it grows as numbers are bought.
    """

    def __init__(
        self,
        adapters: Mapping[str, Adapter],
        gateways: Mapping[str, Gateway],
        observed: Observed,
        names: Mapping[str, str],
        sids: Mapping[str, str],
    ) -> None:
        self._adapters = adapters
        self._observed = observed
        self._names = names
        self._sids = sids
        self._numbers = NumberReader(gateways, observed)
        self._undo = ImportUndo(gateways, self._numbers)
        self._unwritten: dict[str, str] = {}

    def batch_of(self, action: Action) -> str | None:
        """What this action may be carried out together with: registrations on a platform that imports many at once."""
        if action.action != "register":
            return None
        name = platform_name(action.address)
        return name if self._adapters[name].kind.bulk else None

    def perform(self, actions: Sequence[Action]) -> list[Outcome]:
        """Carry out actions of one platform: one, or a batch; never raises for what platform or network do.

        1. Read what the numbers show, to know what to put back.
        2. Carry out.
        3. Undo what has failed.
        4. Read what the platform has written for the rest.
        """
        adapter = self._adapters[platform_name(actions[0].address)]
        before = self._read(actions)
        unread = {a.address: _unread(a, before) for a in actions if self._is_unread(a, before)}
        begun = [action for action in actions if action.address not in unread]

        attempts = self._tried(adapter, begun, before)
        failed = [each for each in attempts if each.error is not None]
        settled = {o.action.address: o for o in self._undo.settle(adapter, failed)}
        outcomes = {a.action.address: a.outcome for a in attempts if a.outcome is not None}
        results = {**unread, **outcomes, **settled}

        done = [action for action in begun if results[action.address].succeeded]
        after = self._read(done)
        return [
            self._with_baseline(results[a.address], before.get(a.address), after.get(a.address))
            for a in actions
        ]

    def platform_without_webhook(self, number: str) -> str | None:
        """Return the platform that has registered this number and written no webhook on it, if that is so."""
        return self._unwritten.get(number)

    def check(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The outcomes as they stand after each platform was read once more; what is not there has failed."""
        of_platforms = [
            o for o in outcomes if o.action.kind == REGISTRATION and o.action.action in _WRITES
        ]
        read_again = [o for o in of_platforms if o.succeeded or o.status == "reverted"]
        checked: dict[int, Outcome] = {}
        for name in dict.fromkeys(platform_name(o.action.address) for o in read_again):
            last = {
                o.action.address: o for o in read_again if platform_name(o.action.address) == name
            }
            checked |= {
                id(was): now for was, now in self._checked(self._adapters[name], [*last.values()])
            }
        return [checked.get(id(outcome), outcome) for outcome in outcomes]

    def _checked(
        self, adapter: Adapter, outcomes: Sequence[Outcome]
    ) -> Iterator[tuple[Outcome, Outcome]]:
        if "list" not in adapter.kind.can:
            return
        asked = {o.action.address: self._asked(o.action) for o in outcomes}
        try:
            there = {number.key: number for number in adapter.list([*asked.values()])}
        except RemoteError as error:
            for outcome in outcomes:
                yield outcome, _not_read_back(outcome, adapter, error)
            return
        for outcome in outcomes:
            wanted = asked[outcome.action.address]
            found = there.get(wanted.key)
            if outcome.status == "reverted":
                if wrong := _still_changed(self._was(outcome.action), found):
                    yield outcome, _not_reverted(outcome, adapter, wrong)
            elif wrong := _wrong(outcome.action, wanted, found):
                failure = _not_there(outcome, adapter, wrong)
                yield outcome, msgspec.structs.replace(outcome, status="dropped", error=failure)

    def _tried(self, adapter: Adapter, actions: Sequence[Action], before: Rows) -> list[Attempt]:
        if not actions:
            return []
        if actions[0].action == "register":
            return self._register(adapter, actions, before)
        return [self._single(adapter, action, before) for action in actions]

    def _register(self, adapter: Adapter, actions: Sequence[Action], before: Rows) -> list[Attempt]:
        asked = [self._asked(action) for action in actions]
        try:
            results = adapter.create(asked)
        except RemoteError as error:
            results = [error] * len(asked)
        results = self._found_after_all(adapter, asked, results)
        rows = zip(actions, asked, results, strict=True)
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="link") as pool:
            return [
                *pool.map(lambda row: self._linked(adapter, row[0], row[1], row[2], before), rows)
            ]

    def _found_after_all(
        self,
        adapter: Adapter,
        asked: Sequence[RegistrationRequest],
        results: Sequence[RegisteredNumber | RemoteError],
    ) -> list[RegisteredNumber | RemoteError]:
        """Where no clear answer came, or it is said to be there already, the platform's list decides."""
        doubtful = [
            each
            for each, result in zip(asked, results, strict=True)
            if isinstance(result, RemoteError) and is_doubtful(result)
        ]
        if not doubtful or "list" not in adapter.kind.can:
            return list(results)
        try:
            there = {number.key: number for number in adapter.list(doubtful)}
        except RemoteError:
            return list(results)
        decided: list[RegisteredNumber | RemoteError] = []
        for each, result in zip(asked, results, strict=True):
            found = (
                there.get(each.key)
                if isinstance(result, RemoteError) and each in doubtful
                else None
            )
            as_asked = found is not None and matches_request(found, each, adapter.kind)
            decided.append(found if found is not None and as_asked else result)
        return decided

    def _linked(
        self,
        adapter: Adapter,
        action: Action,
        asked: RegistrationRequest,
        result: RegisteredNumber | RemoteError,
        before: Rows,
    ) -> Attempt:
        """What the import began, finished: the number is linked to its agents where that is a call of its own."""
        row = _former(action, before)
        was = self._was(action) if action.action == "reassign" else None
        if isinstance(result, RemoteError):
            return Attempt(action=action, asked=asked, was=was, before=row, error=result)
        assert action.entry is not None
        links = {name: asked.attrs[name] for name in adapter.kind.links if name in asked.attrs}
        wanted = {name: value for name, value in links.items() if value != result.attrs.get(name)}
        if wanted:
            try:
                adapter.link(result, msgspec.structs.replace(asked, attrs=wanted))
            except RemoteError as error:
                return Attempt(
                    action=action, asked=asked, was=was, before=row, made=result, error=error
                )
        entry = msgspec.structs.replace(action.entry, sid=result.id, key=result.key, prior={})
        done = Outcome(action=action, status="applied", entry=entry, sid=result.id)
        return Attempt(action=action, asked=asked, outcome=done)

    def _single(self, adapter: Adapter, action: Action, before: Rows) -> Attempt:
        asked, there = self._asked(action), self._there(action)
        known = _former(action, before)
        try:
            match action.action:
                case "link":
                    adapter.link(there, asked)
                case "update":
                    adapter.update(there, asked)
                case "unregister":
                    adapter.delete(there)
                case "reassign":
                    adapter.delete(there)
                    return self._register(adapter, [action], before)[0]
                case _:
                    raise AssertionError(f"a registration knows no {action.action}")
        except RemoteError as error:
            return Attempt(action=action, asked=asked, was=there, before=known, error=error)
        entry = action.entry and msgspec.structs.replace(action.entry, prior={})
        entry = None if action.action == "unregister" else entry
        done = Outcome(action=action, status="applied", entry=entry, sid=action.sid)
        return Attempt(action=action, asked=asked, outcome=done)

    def _asked(self, action: Action) -> RegistrationRequest:
        key = action.address.rsplit("/", 1)[1]
        sid = self._number_sid(action)
        if sid is None:
            return RegistrationRequest(
                action.address, key, action.set, import_started=action.resume
            )
        return RegistrationRequest(
            action.address, key, action.set, action.account, sid, action.resume
        )

    def _number_sid(self, action: Action) -> str | None:
        """The number that this action is about; one that was bought only a step before is in `sids`."""
        return action.number_sid or self._sids.get(action.parent or "")

    def _was(self, action: Action) -> RegisteredNumber | None:
        """The number as the platform had it when the plan was made; None for one that it did not have."""
        return self._there(action) if action.action != "register" else None

    def _there(self, action: Action) -> RegisteredNumber:
        live = self._observed.resources.get(action.address)
        attrs: Attrs = live.attrs if live is not None else {}
        return RegisteredNumber(action.sid or "", action.address.rsplit("/", 1)[1], attrs)

    def _read(self, actions: Sequence[Action]) -> Rows:
        """What the numbers of these actions show on Twilio now."""
        wanted: list[tuple[str, str, str]] = []
        for action in actions:
            sid = self._number_sid(action)
            if sid is not None:
                wanted.append((action.address, action.account, sid))
        return self._numbers.read(wanted)

    def _is_unread(self, action: Action, rows: Rows) -> bool:
        return self._number_sid(action) is not None and isinstance(
            rows.get(action.address), RemoteError
        )

    def _with_baseline(
        self, outcome: Outcome, before: Wire | RemoteError | None, after: Wire | RemoteError | None
    ) -> Outcome:
        """Add what the platform has written on the number."""
        if after is None:
            return outcome
        if isinstance(after, RemoteError):
            return msgspec.structs.replace(
                outcome, note=f"what it wrote on Twilio could not be read: {after}"
            )
        return msgspec.structs.replace(
            outcome, learned=self._learned(outcome.action, before, after)
        )

    def _learned(
        self, action: Action, before: Wire | RemoteError | None, after: Wire
    ) -> dict[str, Value]:
        """What is in effect once nothing hides it any more, if the platform has written what is behind that."""
        shown = canonical_routes(after, self._names)
        adapter = self._adapters[platform_name(action.address)]
        if adapter.kind.by_trunk or action.action == "unregister":
            return shown
        if not (after.get("trunk_sid") or after.get("voice_application_sid")):
            return values_without_route(after)
        known = action.entry.prior if action.resume and action.entry is not None else before
        wire = _readable(known)
        former = values_without_route(wire)["voice"] if wire else None
        behind = values_without_route(after)
        if behind["voice"] is None or (action.reason == "new" and behind["voice"] == former):
            self._unwritten[action.parent or ""] = adapter.kind.title
            return shown
        return behind


def _readable(row: Wire | RemoteError | None) -> Wire | None:
    return None if isinstance(row, RemoteError) else row


def _former(action: Action, before: Rows) -> Wire | None:
    """What the number showed before the action was first begun, be it by a run that died."""
    if action.resume and action.entry is not None and action.entry.prior:
        return {field: action.entry.prior.get(field) or "" for field in WIRE_FIELDS}
    return _readable(before.get(action.address))


def _unread(action: Action, rows: Rows) -> Outcome:
    """Nothing is begun on a number of which it is unknown what to put back."""
    error = rows[action.address]
    assert isinstance(error, RemoteError)
    said = error.diagnostics[0]
    message = f"Nothing was begun: what the number has on Twilio could not be read. {said.detail or said.summary}"
    return Outcome(action=action, status="failed", error=Failure(error.code, message), unmade=True)


def _not_read_back(outcome: Outcome, adapter: Adapter, error: RemoteError) -> Outcome:
    """An action whose result the platform does not show; one that was undone has failed already."""
    if outcome.status == "reverted":
        return msgspec.structs.replace(outcome, note=f"undone, but could not be read back: {error}")
    failure = verification_failure(outcome.action.address, adapter.kind.title, str(error))
    return msgspec.structs.replace(outcome, status="failed", error=failure, half_done=True)


def _still_changed(was: RegisteredNumber | None, found: RegisteredNumber | None) -> str:
    """What is not as it was before an action that is said to be undone, in words."""
    if was is None:
        return "it is still there" if found is not None else ""
    if found is None:
        return "it is not there"
    differ = [
        name
        for name, value in was.attrs.items()
        if name in found.attrs and found.attrs[name] != value
    ]
    return f"other values in {', '.join(differ)}" if differ else ""


def _not_reverted(outcome: Outcome, adapter: Adapter, wrong: str) -> Outcome:
    """An action that was undone according to the platform's answers, and not according to its list."""
    key = outcome.action.address.rsplit("/", 1)[1]
    told = outcome.error.message if outcome.error is not None else ""
    message = f"{told} {adapter.kind.title}'s list says of {key} afterwards: {wrong}. Put it right there by hand."
    code = outcome.error.code if outcome.error is not None else "write_dropped"
    return msgspec.structs.replace(
        outcome, status="failed", error=Failure(code, message), half_done=True, unmade=False
    )


def _wrong(action: Action, wanted: RegistrationRequest, there: RegisteredNumber | None) -> str:
    """What is not as the action should have left it, in words; nothing when all that can be read is right."""
    if action.action == "unregister":
        return "it is still there" if there is not None else ""
    if there is None:
        return "it is not there"
    names = [
        name
        for name in wanted.attrs
        if name in there.attrs and there.attrs[name] != wanted.attrs[name]
    ]
    return f"other values in {', '.join(names)}" if names else ""


def _not_there(outcome: Outcome, adapter: Adapter, wrong: str) -> Failure:
    message = f"{adapter.kind.title} answered that {outcome.action.address} is done, and its list says: {wrong}."
    return Failure("write_dropped", message)
