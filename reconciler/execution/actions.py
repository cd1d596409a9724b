"""Execute one action: make its calls, compare the replies, repeat a write that was not stored, and
never buy or create twice. Returns outcomes, also for errors; saves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from reconciler.errors import RemoteError
from reconciler.execution.action_failures import (
    dropped_write,
    failure_of,
    unconfirmed_purchase,
    webhook_not_written,
)
from reconciler.execution.emergency import EMERGENCY_PARAM, write_emergency_address
from reconciler.execution.exactly_once import make_once
from reconciler.execution.memberships import MembershipRunner, is_membership_write
from reconciler.execution.outcome import Failure, Outcome
from reconciler.execution.registrations import RegistrationRunner
from reconciler.execution.uncover import (
    TwoWrites,
    hides_webhooks,
    missing_route_outcome,
    prepare_switch,
    split_action,
)
from reconciler.execution.verify import (
    Verdict,
    fields_sent,
    judge_repaired,
    judge_write,
    record_form,
)
from reconciler.kinds.kind import Endpoint, Kind, Params, Sids
from reconciler.kinds.number import restore_params
from reconciler.kinds.purchase import BUY, purchase_params
from reconciler.kinds.table import KINDS, NUMBER_KINDS, REGISTRATION, secret_fields
from reconciler.model.action import Action
from reconciler.model.address import Address
from reconciler.model.route import Wire
from reconciler.remote.gateway import Gateway


class ActionRunner:
    """Executes single actions over one gateway per account.

    `sids` maps addresses to SIDs and grows as resources are created. `before` holds the raw live
    fields by address as the plan saw them. `secrets` maps fingerprints in actions to secrets.
    `refusal` returns why an action must not be executed after all. `pause` waits for some seconds,
    and returns False when the run is to stop.
    """

    def __init__(
        self,
        gateways: Mapping[str, Gateway],
        sids: dict[str, str],
        before: Mapping[str, Wire],
        secrets: Mapping[str, str] | None = None,
        registrar: RegistrationRunner | None = None,
        refusal: Callable[[Action], Failure | None] = lambda action: None,
        pause: Callable[[float], bool] = lambda seconds: True,
    ) -> None:
        self._pause = pause
        self._refusal = refusal
        self._registrar = registrar
        self.gateways = gateways
        self.sids = sids
        self._before = before
        self._secrets = secrets or {}
        self._members = MembershipRunner(gateways, sids, before)
        self._shown: dict[str, Mapping[str, Any]] = {}
        """The replies to writes of numbers whose webhooks are still hidden, by address."""

    def perform(self, action: Action) -> Outcome:
        """Execute one action; never raises for what Twilio or the network does."""
        failure = self._refusal(action) or self._missing_webhook(action)
        if failure is not None:
            return Outcome(action=action, status="failed", error=failure)
        try:
            return self._dispatch(self._with_new_sid(action))
        except RemoteError as error:
            return Outcome(action=action, status="failed", error=failure_of(action, error))

    def _missing_webhook(self, action: Action) -> Failure | None:
        """Return why a trunk or application stays on a number: its platform has written no webhook
        behind it.
        """
        if not action.unhides or self._registrar is None:
            return None
        title = self._registrar.platform_without_webhook(action.address)
        if title is None:
            return None
        return webhook_not_written(action, title)

    def batch_of(self, action: Action) -> str | None:
        """Return the batch that this action may be executed with; None for one that runs alone."""
        if self._registrar is None or action.kind != REGISTRATION:
            return None
        return self._registrar.batch_of(action)

    def perform_together(self, actions: Sequence[Action]) -> list[Outcome]:
        """Execute the actions of one batch."""
        assert self._registrar is not None
        return self._registrar.perform(actions)

    def check(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Return the outcomes after platforms and messaging services were read once more."""
        checked = self._members.check(outcomes)
        return checked if self._registrar is None else self._registrar.check(checked)

    def params(self, action: Action) -> Params:
        """Return the form parameters that this action sends; empty when it only concerns state."""
        kind = KINDS[action.kind]
        params = kind.to_wire(action.set, self.sids) if action.set else {}
        clears = {param: "" for param, field in kind.params.items() if field in action.unset}
        restores = restore_params(action.restore) if action.restore else {}
        return {**params, **clears, **restores}

    def _dispatch(self, action: Action) -> Outcome:
        match action.action:
            case "import" | "forget":
                return Outcome(action=action, status="applied", entry=action.entry, sid=action.sid)
            case _ if action.kind == REGISTRATION:
                return self.perform_together([action])[0]
            case "purchase":
                return self._make(action, self._purchase, self._purchase_outcome)
            case "create":
                return self._make(action, self._create_once, self._creation_outcome)
            case "delete":
                return self._delete(action)
            case _ if is_membership_write(action):
                return self._members.perform(action)
            case _:
                return self._update(action)

    def _make(
        self,
        action: Action,
        make: Callable[[Action], Mapping[str, Any]],
        outcome_of: Callable[[Action, Mapping[str, Any]], Outcome],
    ) -> Outcome:
        """Make a resource that does not exist yet; after a plain refusal it certainly does not
        exist.
        """
        try:
            row = make(action)
        except RemoteError as error:
            return Outcome(
                action=action,
                status="failed",
                error=failure_of(action, error),
                unmade=not error.ambiguous,
            )

        return outcome_of(action, row)

    def _with_new_sid(self, action: Action) -> Action:
        """Return the action with the SID of a number that an earlier step of this run has bought."""
        if action.sid or action.kind not in NUMBER_KINDS or action.address not in self.sids:
            return action
        sid = self.sids[action.address]
        entry = action.entry and msgspec.structs.replace(action.entry, sid=sid)
        return msgspec.structs.replace(action, sid=sid, entry=entry)

    def _purchase(self, action: Action) -> Mapping[str, Any]:
        """Buy exactly one number, even when no answer comes: if it is in the account by then, it
        has been bought.
        """
        e164 = Address.parse(action.address).name

        def buy() -> Mapping[str, Any]:
            return self.call(action, BUY, purchase_params(action.changes))

        def find() -> Mapping[str, Any] | None:
            rows = self.gateways[action.account].find_numbers(e164)
            return {"sid": rows[0].sid, "phone_number": e164} if rows else None

        row = make_once(buy, find)

        # An answer about another number, or without a SID, proves nothing about this one: the
        # account decides.
        if row.get("sid") and row.get("phone_number") == e164:
            return row
        return find() or row

    def _purchase_outcome(self, action: Action, row: Mapping[str, Any]) -> Outcome:
        """Return the outcome of a purchase: a SID is recorded only together with the requested
        number.
        """
        sid, number = row.get("sid"), row.get("phone_number")
        if not isinstance(sid, str) or not sid or number != Address.parse(action.address).name:
            failure = unconfirmed_purchase(action, sid, number)
            return Outcome(action=action, status="failed", error=failure, half_done=True)

        entry = action.entry and msgspec.structs.replace(action.entry, sid=sid)
        return Outcome(action=action, status="applied", entry=entry, sid=sid)

    def _update(self, action: Action) -> Outcome:
        params = self.params(action)
        if not params:
            return Outcome(action=action, status="applied", entry=action.entry, sid=action.sid)
        if EMERGENCY_PARAM not in params:
            return self._send_update(action, params)

        return write_emergency_address(
            action, params, self.call, lambda: self._send_update(action, params), self._pause
        )

    def _send_update(self, action: Action, params: Params) -> Outcome:
        kind = KINDS[action.kind]
        sent = fields_sent(kind, params)
        parts = split_action(action, params) if action.kind in NUMBER_KINDS else None
        if parts is not None:
            return self._switch(action, parts, params)

        row, verdict, fields = self._write(action, params)
        if verdict != "dropped" and action.kind in NUMBER_KINDS and hides_webhooks(row):
            self._shown[action.address] = row
        return self.outcome(action, kind, row, sent, verdict == "dropped", fields)

    def _write(
        self, action: Action, params: Params
    ) -> tuple[Mapping[str, Any], Verdict, list[str]]:
        """Send an update, and once more where its reply shows that it was not stored.

        Returns the last reply, the verdict on it, and the fields that are not as sent.
        """
        kind = KINDS[action.kind]
        before = self._before.get(action.address, {})
        sent = fields_sent(kind, params)

        row = self.call(action, kind.update, params)
        verdict, fields = judge_write(sent, row, before)
        if verdict == "dropped":
            row = self.call(action, kind.update, params)
            verdict, fields = judge_repaired(sent, row, before)
        return row, verdict, fields

    def _switch(self, action: Action, parts: TwoWrites, params: Params) -> Outcome:
        """Write what replaces a route, read it back, and only then write what takes the route off."""
        kind = KINDS[action.kind]
        before = self._before.get(action.address, {})
        shown = self._shown.pop(action.address, {})
        dropped: list[str] = []

        def write(some: Params) -> Mapping[str, Any]:
            row, verdict, fields = self._write(action, some)
            dropped[:] = fields if verdict == "dropped" else []
            return row

        def read() -> Mapping[str, Any]:
            return self.call(action, kind.fetch)

        ready = prepare_switch(parts, params, before, shown, write, read)
        if ready.missing:
            return missing_route_outcome(action, ready.missing)

        sent = fields_sent(kind, params)
        row = write(ready.params)
        if dropped:
            return self.outcome(action, kind, row, sent, True, dropped)
        verdict, fields = judge_repaired(sent, row, before)
        return self.outcome(action, kind, row, sent, verdict == "dropped", fields)

    def outcome(
        self,
        action: Action,
        kind: Kind,
        row: Mapping[str, Any],
        sent: Wire,
        dropped: bool,
        fields: list[str],
    ) -> Outcome:
        """Return the outcome of a write whose reply has been judged; `fields` are those that are
        not as sent.
        """
        if dropped:
            failure = dropped_write(action, fields)
            return Outcome(action=action, status="dropped", error=failure, sent=sent)
        if not fields or action.entry is None:
            return Outcome(
                action=action, status="applied", entry=action.entry, sid=action.sid, sent=sent
            )

        # Twilio has put a value into its own form: record the pair, so that the next plan sees no
        # drift. What is behind a trunk is read as if the trunk were not there.
        shown = {**row, "trunk_sid": "", **self._parent(action)}
        live = kind.observe(shown, action.account, {})
        forms = record_form(action.entry, action.set, live)
        entry = msgspec.structs.replace(action.entry, normalised=forms)
        note = "; ".join(f"{field}: sent {sent[field]}, stored {row[field]}" for field in fields)
        stored = {**sent, **{field: row[field] for field in fields}}
        return Outcome(
            action=action, status="normalised", entry=entry, sid=action.sid, sent=stored, note=note
        )

    def _creation_outcome(self, action: Action, row: Mapping[str, Any]) -> Outcome:
        """Return the outcome of a creation; repairs it once where Twilio has dropped a field."""
        kind = KINDS[action.kind]
        params = self.params(action)
        sent = fields_sent(kind, params)
        if judge_write(sent, row, {})[0] == "dropped":
            row = self.call(msgspec.structs.replace(action, sid=row["sid"]), kind.update, params)
        verdict, fields = judge_write(sent, row, {})

        # The entry has the SID even where a field was dropped: the resource must not be created
        # again.
        live = kind.observe({**row, **self._parent(action)}, action.account, {})
        entry = action.entry and msgspec.structs.replace(action.entry, sid=live.sid, key=live.key)
        done = msgspec.structs.replace(action, sid=live.sid, entry=entry)
        result = self.outcome(done, kind, row, sent, verdict == "dropped", fields)
        return msgspec.structs.replace(result, entry=result.entry or entry)

    def _create_once(self, action: Action) -> Mapping[str, Any]:
        """Create exactly one resource, even when no answer comes: then look first whether it exists
        by now.
        """
        kind, params = KINDS[action.kind], self.params(action)
        endpoint = kind.create
        assert endpoint is not None
        return make_once(
            lambda: self.call(action, endpoint, params), lambda: self._find(action, kind, params)
        )

    def _parent(self, action: Action) -> dict[str, str]:
        return {"parent_sid": self.sids[action.parent]} if action.parent else {}

    def _find(self, action: Action, kind: Kind, params: Params) -> Mapping[str, Any] | None:
        """Return what an unanswered create has made after all: a row with the key that was sent and
        a new SID.
        """
        if kind.singleton:
            return None

        known: set[str] = set()
        if kind.refers is None:
            prefix = f"{kind.name}/"
            known = {sid for address, sid in self.sids.items() if address.startswith(prefix)}
        # Otherwise the row is the list itself, and another trunk may use it as well.

        sent = fields_sent(kind, params)
        field = kind.key_field if sent.get(kind.key_field) else "friendly_name"
        for row in self.gateways[action.account].rows(kind.listing, **self._path(action)):
            if row.get(field) == sent[field] and row["sid"] not in known:
                return row
        return None

    def _delete(self, action: Action) -> Outcome:
        kind = KINDS[action.kind]
        assert kind.delete is not None
        try:
            self.call(action, kind.delete)
        except RemoteError as error:
            if error.status != 404:  # deleted already, for example by a run that died
                raise
        return Outcome(action=action, status="applied", entry=action.entry, sid=action.sid)

    def call(
        self, action: Action, endpoint: Endpoint, params: Params | None = None
    ) -> Mapping[str, Any]:
        """Make one call about the resource of this action; only here fingerprints become secrets."""
        return self.gateways[action.account].call(
            endpoint, self._reveal(action, params), **self._path(action)
        )

    def _reveal(self, action: Action, params: Params | None) -> Params | None:
        secret = secret_fields(action.kind)
        if not params or not secret:
            return params

        fields = KINDS[action.kind].params
        revealed: Params = {}
        for name, value in params.items():
            revealed[name] = self._secrets[str(value)] if fields[name] in secret else value
        return revealed

    def _path(self, action: Action) -> dict[str, str]:
        return {**({"sid": action.sid} if action.sid else {}), **self._parent(action)}


def sids_of(entries: Mapping[str, Any]) -> Sids:
    """Return address → SID of all recorded resources that have one."""
    return {address: entry.sid for address, entry in entries.items() if entry.sid}
