"""Execute actions on platforms: make the calls of their adapter, undo what fails, read what the
platform wrote on Twilio, and at the end check against the platform's list.

What a number shows after its platform has written to it becomes the baseline of drift
(`Outcome.learned`). An action that fails is undone (`reconciler.execution.undo_import`). Errors
become outcomes; nothing is saved here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from reconciler.errors import RemoteError
from reconciler.execution.intents import without_noted_fields
from reconciler.execution.outcome import Outcome
from reconciler.execution.read_numbers import NumberReader, Rows, ends_on_own_trunk, leaves_number
from reconciler.execution.registration_failures import (
    contradicted_outcome,
    explain_failed_action,
    explain_failed_undo,
    not_reverted_outcome,
    unread_outcome,
    unverified_outcome,
)
from reconciler.execution.undo_import import Attempt, ImportUndo, is_doubtful, matches_request
from reconciler.kinds.number import WIRE_FIELDS, canonical_routes
from reconciler.kinds.platforms.table import platform_name
from reconciler.kinds.table import REGISTRATION
from reconciler.model.action import Action
from reconciler.model.address import Address
from reconciler.model.identity_map import IdentityMap
from reconciler.model.route import Attrs, Value, Wire
from reconciler.planning.decide.platform_writes import values_without_route
from reconciler.planning.identity.observed import Observed
from reconciler.remote.gateway import Gateway
from reconciler.remote.parallel import map_each
from reconciler.remote.platforms.contract import (
    Adapter,
    RegisteredNumber,
    RegistrationRequest,
    missing_pages,
)
from reconciler.remote.platforms.observe import STAMP

_AT_ONCE = 8
_WRITES = frozenset({"register", "link", "update", "reassign", "unregister"})


class RegistrationRunner:
    """Executes the actions of registrations. `names` maps the SIDs of trunks to their names.

    `sids` maps addresses to SIDs; it grows as numbers are bought.
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
        """Return the batch of this action: registrations on a platform that imports many at once;
        else None.
        """
        if action.action != "register":
            return None
        name = platform_name(action.address)
        return name if self._adapters[name].kind.bulk else None

    def perform(self, actions: Sequence[Action]) -> list[Outcome]:
        """Execute actions of one platform, one or a batch; never raises for what platform or
        network do.

        1. Read what the numbers show, to know what to restore after a failure.
        2. Execute the actions.
        3. Undo what has failed.
        4. Read what the platform has written for the rest.
        """
        adapter = self._adapters[platform_name(actions[0].address)]
        before = self._read(actions)
        results: dict[str, Outcome] = {}
        readable: list[Action] = []
        for action in actions:
            if self._is_unread(action, before):
                results[action.address] = unread_outcome(action, before)
            else:
                readable.append(action)

        failed: list[Attempt] = []
        for attempt in self._attempt(adapter, readable, before):
            if attempt.outcome is not None:
                results[attempt.action.address] = attempt.outcome
            if attempt.error is not None:
                failed.append(attempt)

        for outcome in self._undo.settle(adapter, failed):
            results[outcome.action.address] = outcome

        done = [action for action in readable if results[action.address].succeeded]
        after = self._read(done)
        outcomes: list[Outcome] = []
        for action in actions:
            address = action.address
            outcomes.append(
                self._with_baseline(results[address], before.get(address), after.get(address))
            )
        return outcomes

    def platform_without_webhook(self, number: str) -> str | None:
        """Return the platform that has registered this number and written no webhook on it, if that
        is so.
        """
        return self._unwritten.get(number)

    def check(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Return the outcomes after each platform was read once more; what it does not show has
        failed.
        """
        last_by_platform: dict[str, dict[str, Outcome]] = {}
        for outcome in outcomes:
            action = outcome.action
            if action.kind != REGISTRATION or action.action not in _WRITES:
                continue
            if outcome.succeeded or outcome.status == "reverted":
                name = platform_name(action.address)
                last_by_platform.setdefault(name, {})[action.address] = outcome

        checked: IdentityMap[Outcome] = IdentityMap()
        for name, last in last_by_platform.items():
            for before, after in self._check_platform(self._adapters[name], [*last.values()]):
                checked.put(after, before)

        final: list[Outcome] = []
        for outcome in outcomes:
            replaced = checked.get(outcome)
            final.append(outcome if replaced is None else replaced)
        return final

    def _check_platform(
        self, adapter: Adapter, outcomes: Sequence[Outcome]
    ) -> Iterator[tuple[Outcome, Outcome]]:
        """Yield each outcome that the platform's list contradicts, and the outcome that replaces
        it.
        """
        if "list" not in adapter.kind.can:
            return
        requests = {o.action.address: self._request(o.action) for o in outcomes}
        try:
            numbers = adapter.list([*requests.values()])
        except RemoteError as error:
            for outcome in outcomes:
                yield outcome, unverified_outcome(outcome, adapter, error)
            return

        registered = {number.key: number for number in numbers}
        problem = missing_pages(numbers)
        for outcome in outcomes:
            request = requests[outcome.action.address]
            found = registered.get(request.key)
            if found is None and problem is not None:
                yield outcome, unverified_outcome(outcome, adapter, problem)
            elif outcome.status == "reverted":
                wrong = explain_failed_undo(self._former_number(outcome.action), found)
                if wrong:
                    yield outcome, not_reverted_outcome(outcome, adapter, wrong)
            else:
                wrong = explain_failed_action(outcome.action, request, found)
                if wrong:
                    yield outcome, contradicted_outcome(outcome, adapter, wrong)

    def _attempt(self, adapter: Adapter, actions: Sequence[Action], before: Rows) -> list[Attempt]:
        if not actions:
            return []
        if actions[0].action == "register":
            return self._register(adapter, actions, before)
        return [self._single(adapter, action, before) for action in actions]

    def _register(self, adapter: Adapter, actions: Sequence[Action], before: Rows) -> list[Attempt]:
        requests = [self._request(action) for action in actions]
        try:
            results = adapter.create(requests)
        except RemoteError as error:
            results = [error] * len(requests)
        results = self._resolve_doubts(adapter, requests, results)

        def link(
            step: tuple[Action, RegistrationRequest, RegisteredNumber | RemoteError],
        ) -> Attempt:
            action, request, result = step
            return self._link_agents(adapter, action, request, result, before)

        steps = [*zip(actions, requests, results, strict=True)]
        return map_each(link, steps, workers=_AT_ONCE, name="link")

    def _resolve_doubts(
        self,
        adapter: Adapter,
        requests: Sequence[RegistrationRequest],
        results: Sequence[RegisteredNumber | RemoteError],
    ) -> list[RegisteredNumber | RemoteError]:
        """Return the results of an import, with doubtful refusals decided by the platform's list.

        A refusal is doubtful when no clear answer came, or when it says that the number is imported
        already.
        """
        doubtful: list[RegistrationRequest] = []
        for request, result in zip(requests, results, strict=True):
            if isinstance(result, RemoteError) and is_doubtful(result):
                doubtful.append(request)
        if not doubtful or "list" not in adapter.kind.can:
            return list(results)
        try:
            registered = {number.key: number for number in adapter.list(doubtful)}
        except RemoteError:
            return list(results)

        decided: list[RegisteredNumber | RemoteError] = []
        for request, result in zip(requests, results, strict=True):
            found: RegisteredNumber | None = None
            if isinstance(result, RemoteError) and request in doubtful:
                found = registered.get(request.key)
            if found is not None and matches_request(found, request, adapter.kind):
                decided.append(found)
            else:
                decided.append(result)
        return decided

    def _link_agents(
        self,
        adapter: Adapter,
        action: Action,
        request: RegistrationRequest,
        result: RegisteredNumber | RemoteError,
        before: Rows,
    ) -> Attempt:
        """Link an imported number to its agents, where the platform has a call of its own for that."""
        row = _former_fields(action, before)
        was = self._former_number(action) if action.action == "reassign" else None
        if isinstance(result, RemoteError):
            return Attempt(action=action, asked=request, was=was, before=row, error=result)

        assert action.entry is not None
        links: dict[str, Value] = {}
        for name in adapter.kind.links:
            if name in request.attrs and request.attrs[name] != result.attrs.get(name):
                links[name] = request.attrs[name]
        if links:
            try:
                adapter.link(result, msgspec.structs.replace(request, attrs=links))
            except RemoteError as error:
                return Attempt(
                    action=action, asked=request, was=was, before=row, made=result, error=error
                )

        entry = without_noted_fields(action.entry)
        entry = msgspec.structs.replace(entry, sid=result.id, key=result.key)
        done = Outcome(action=action, status="applied", entry=entry, sid=result.id)
        return Attempt(action=action, asked=request, outcome=done)

    def _single(self, adapter: Adapter, action: Action, before: Rows) -> Attempt:
        request, present = self._request(action), self._present_number(action)
        row = _former_fields(action, before)
        try:
            match action.action:
                case "link":
                    adapter.link(present, request)
                case "update":
                    adapter.update(present, request)
                case "unregister":
                    adapter.delete(present)
                case "reassign":
                    # The platform cannot change the agent of a number: import it again.
                    adapter.delete(present)
                    return self._register(adapter, [action], before)[0]
                case _:
                    raise AssertionError(f"a registration knows no {action.action}")
        except RemoteError as error:
            return Attempt(action=action, asked=request, was=present, before=row, error=error)

        entry = action.entry and without_noted_fields(action.entry)
        entry = None if action.action == "unregister" else entry
        done = Outcome(action=action, status="applied", entry=entry, sid=action.sid)
        return Attempt(action=action, asked=request, outcome=done)

    def _request(self, action: Action) -> RegistrationRequest:
        key = Address.parse(action.address).key
        sid = self._number_sid(action)
        if sid is None:
            return RegistrationRequest(
                action.address, key, action.set, import_started=action.resume
            )
        return RegistrationRequest(
            action.address, key, action.set, action.account, sid, action.resume
        )

    def _number_sid(self, action: Action) -> str | None:
        """Return the SID of the number of this action; a number that this run has bought is in
        `sids`.

        None where there is nothing to read and nothing to restore.
        """
        if leaves_number(action, self._observed.resources.get(action.address)):
            return None
        return action.number_sid or self._sids.get(action.parent or "")

    def _former_number(self, action: Action) -> RegisteredNumber | None:
        """Return the number as the platform had it when the plan was made; None for one that it did
        not have.
        """
        return self._present_number(action) if action.action != "register" else None

    def _present_number(self, action: Action) -> RegisteredNumber:
        live = self._observed.resources.get(action.address)
        attrs: Attrs = live.attrs if live is not None else {}
        stamp = str(live.wire.get(STAMP) or "") if live is not None else ""
        key = Address.parse(action.address).key
        return RegisteredNumber(action.sid or "", key, attrs, stamp=stamp)

    def _read(self, actions: Sequence[Action]) -> Rows:
        """Return what the numbers of these actions show on Twilio now."""
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
        # With a declared trunk the number is written and recorded as any number.
        if after is None or (outcome.succeeded and ends_on_own_trunk(outcome.action)):
            return outcome
        if isinstance(after, RemoteError):
            return msgspec.structs.replace(
                outcome, note=f"the values that it wrote on Twilio could not be read: {after}"
            )
        return msgspec.structs.replace(
            outcome, learned=self._learned(outcome.action, before, after)
        )

    def _learned(
        self, action: Action, before: Wire | RemoteError | None, after: Wire
    ) -> dict[str, Value]:
        """Return the values that the platform has written, in effect once nothing hides them.

        Where it has written nothing, the values in effect now; then the number is noted for
        `platform_without_webhook`.
        """
        shown = canonical_routes(after, self._names)
        adapter = self._adapters[platform_name(action.address)]
        if adapter.kind.by_trunk or action.action == "unregister":
            return shown
        if not (after.get("trunk_sid") or after.get("voice_application_sid")):
            return values_without_route(after)

        # A trunk or application hides the webhooks. A new registration that has left the voice
        # webhook as it was has
        # not written one.
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


def _former_fields(action: Action, before: Rows) -> Wire | None:
    """Return what the number showed before the action was first attempted, possibly by a run that
    died.
    """
    if action.resume and action.entry is not None and action.entry.prior:
        return {field: action.entry.prior.get(field) or "" for field in WIRE_FIELDS}
    return _readable(before.get(action.address))
