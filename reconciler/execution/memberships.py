"""Move a number between messaging services, and read back where the numbers of a run are.

A number is in one service at most (21712), so it leaves one before it joins another. Where it cannot
join, it is put back: at no end of a run is it in no service without a report of it.

| Twilio's answer                       | meaning here                                          |
|---------------------------------------|-------------------------------------------------------|
| 21710, already in this service        | it has joined, for example by a run that died         |
| 404 for a number that leaves          | it has left already                                   |
| no answer for a number that joins     | the service is asked whether the number is in it      |
| 21712, 21714, 21715, any other        | a failure; the number is put back where it was        |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from reconciler.errors import RemoteError
from reconciler.execution.action_failures import failure_of
from reconciler.execution.outcome import Failure, Outcome, verification_failure
from reconciler.kinds.kind import Sids
from reconciler.kinds.membership import (
    FETCH_MEMBER,
    JOIN,
    LEAVE,
    MEMBERS,
    MEMBERSHIP,
    MEMBERSHIP_PARAM,
)
from reconciler.kinds.number import to_wire
from reconciler.model.action import Action
from reconciler.model.route import Wire
from reconciler.remote.gateway import Gateway
from reconciler.remote.parallel import map_each

_TRIES = 8
_ALREADY_IN = 21710


def is_membership_write(action: Action) -> bool:
    """Return whether an action concerns the messaging service of a number, and nothing else."""
    return action.set.keys() == {MEMBERSHIP}


def target_sid(action: Action, sids: Sids) -> str:
    """Return the SID of the service that the number is to be in; "" for none."""
    return str(to_wire(action.set, sids)[MEMBERSHIP_PARAM])


class MembershipRunner:
    """Executes membership actions. `before` holds the raw live fields by address as the plan saw
    them; `sids` maps addresses to SIDs.
    """

    def __init__(
        self, gateways: Mapping[str, Gateway], sids: Sids, before: Mapping[str, Wire]
    ) -> None:
        self._gateways = gateways
        self._sids = sids
        self._before = before

    def perform(self, action: Action) -> Outcome:
        """Let the number leave its service and join the other one. Raises RemoteError before
        anything has changed.
        """
        gateway, number = self._gateways[action.account], action.sid or ""
        source = str(self._before.get(action.address, {}).get(MEMBERSHIP) or "")
        target = target_sid(action, self._sids)

        if source and source != target:
            _leave(gateway, source, number)
        if target and target != source:
            try:
                _join(gateway, target, number)
            except RemoteError as error:
                if not source or error.ambiguous:
                    raise
                return self._put_back(action, source, error)
        return Outcome(action=action, status="applied", entry=action.entry, sid=action.sid)

    def _put_back(self, action: Action, source: str, error: RemoteError) -> Outcome:
        """Return the outcome of a move that was refused halfway."""
        failure = failure_of(action, error)
        try:
            _join(self._gateways[action.account], source, action.sid or "")
        except RemoteError as second:
            cause = second.diagnostics[0]
            message = (
                f"{failure.message} The number has left {source} already, and could not be put back: "
                f"{cause.detail or cause.summary} It is in no messaging service now. Run apply again."
            )
            failed = Failure(failure.code, message)
            return Outcome(action=action, status="failed", error=failed, half_done=True)

        message = f"{failure.message} The number was put back into {source}."
        return Outcome(
            action=action, status="failed", error=Failure(failure.code, message), sid=action.sid
        )

    def check(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Return the outcomes after the services were read once more; a membership that is not as
        written has failed.
        """
        written = [o for o in outcomes if o.succeeded and is_membership_write(o.action)]
        if not written:
            return list(outcomes)

        members = self._read_members(written)
        checked: list[Outcome] = []
        for outcome in outcomes:
            if outcome.succeeded and is_membership_write(outcome.action):
                outcome = self._judge(outcome, members)
            checked.append(outcome)
        return checked

    def _read_members(
        self, written: Sequence[Outcome]
    ) -> dict[tuple[str, str], set[str] | RemoteError]:
        """Return the SIDs of the numbers in each service that a number has joined or left."""
        services: dict[tuple[str, str], None] = {}
        for outcome in written:
            action = outcome.action
            source = str(self._before.get(action.address, {}).get(MEMBERSHIP) or "")
            for service in (target_sid(action, self._sids), source):
                if service:
                    services[action.account, service] = None

        def read(key: tuple[str, str]) -> set[str] | RemoteError:
            account, service = key
            try:
                rows = self._gateways[account].rows(MEMBERS, service_sid=service)
            except RemoteError as error:
                return set() if error.status == 404 else error
            return {str(row.get("sid")) for row in rows}

        keys = list(services)
        return dict(zip(keys, map_each(read, keys, workers=8, name="members"), strict=True))

    def _judge(
        self, outcome: Outcome, members: Mapping[tuple[str, str], set[str] | RemoteError]
    ) -> Outcome:
        action = outcome.action
        target = target_sid(action, self._sids)
        source = str(self._before.get(action.address, {}).get(MEMBERSHIP) or "")
        for service, expected in ((target, True), (source, source == target)):
            if not service:
                continue
            found = members[action.account, service]
            if isinstance(found, RemoteError):
                failure = verification_failure(action.address, "Twilio", str(found))
                return _failed(outcome, failure)

            # A listing that changes while it is read can leave a number out.
            is_in = action.sid in found or (expected and self._is_in(action, service))
            if is_in != expected:
                fact = "does not have" if expected else "still has"
                message = (
                    f"Twilio accepted the change of {action.address}, but messaging service {service} "
                    f"{fact} the number. Run apply again."
                )
                failure = Failure("write_dropped", message)
                return msgspec.structs.replace(outcome, status="dropped", error=failure)
        return outcome

    def _is_in(self, action: Action, service: str) -> bool:
        try:
            return _is_member(self._gateways[action.account], service, action.sid or "")
        except RemoteError:
            return False


def _failed(outcome: Outcome, failure: Failure) -> Outcome:
    return msgspec.structs.replace(outcome, status="failed", error=failure, half_done=True)


def _leave(gateway: Gateway, service: str, number: str) -> None:
    try:
        gateway.call(LEAVE, service_sid=service, sid=number)
    except RemoteError as error:
        if error.status != 404:  # it has left already, or the service is gone
            raise


def _join(gateway: Gateway, service: str, number: str) -> None:
    """Add a number to a service, even when no answer comes: then ask whether it is in it."""
    for attempt in range(_TRIES):
        try:
            gateway.call(JOIN, {"PhoneNumberSid": number}, service_sid=service)
            return
        except RemoteError as error:
            if error.vendor_code == _ALREADY_IN:
                return
            if not error.ambiguous or attempt == _TRIES - 1:
                error.ambiguous = error.ambiguous or attempt > 0
                raise
            if _is_member(gateway, service, number):
                return


def _is_member(gateway: Gateway, service: str, number: str) -> bool:
    try:
        gateway.call(FETCH_MEMBER, service_sid=service, sid=number)
    except RemoteError as error:
        if error.status == 404:
            return False
        raise
    return True
