"""Call LiveKit's SIP API: list, create, change and delete an inbound trunk, an outbound trunk and a
dispatch rule for each number; sign tokens, and read refusals.

https://docs.livekit.io/sip and its protocol buffers, by Twirp and a signed token. Each call to a
number gets a room of its own, whose name begins with `room_name`. Fields that somebody has set on
these objects beside ours are sent back as they were read.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any

from reconciler.clock import SystemClock
from reconciler.errors import RemoteError
from reconciler.kinds.platforms.livekit import LIVEKIT
from reconciler.model.route import Attrs
from reconciler.remote.platforms.caller import Caller
from reconciler.remote.platforms.contract import (
    RegisteredNumber,
    RegistrationRequest,
    UndocumentedCalls,
    Vault,
)
from reconciler.remote.platforms.documented_texts import code_for_text
from reconciler.remote.platforms.listing import list_rows
from reconciler.remote.platforms.livekit_objects import (
    LiveKitObjects,
    dispatch_rule,
    group_by_number,
    inbound_trunk,
    outbound_trunk,
    to_number,
)
from reconciler.remote.platforms.parsing import object_in, refusal_text, text_in
from reconciler.remote.platforms.platform_type import PlatformType

_SERVICE = "/twirp/livekit.SIP/"
_VALID_FOR = 600
"""Seconds for which a token is valid; one is created for each call."""
_CODES = {
    "unauthenticated": "invalid_api_key",
    "permission_denied": "platform_forbidden",
    "invalid_argument": "validation_error",
    "malformed": "validation_error",
    "already_exists": "number_already_imported",
    "resource_exhausted": "rate_limited",
    "unavailable": "platform_unavailable",
    "internal": "platform_unavailable",
    "not_found": "not_found",
}
_CreatedObjects = list[tuple[str, str, Mapping[str, Any]]]
"""The object that a call has created: the call that removes it, the field of its id, and its row."""


class LiveKit(UndocumentedCalls):
    """See `reconciler.remote.platforms.contract.Adapter`."""

    kind = LIVEKIT

    def __init__(self, name: str, caller: Caller, vault: Vault) -> None:
        self.name = name
        self._caller = caller
        self._vault = vault

    def list(self, asked: Sequence[RegistrationRequest]) -> Sequence[RegisteredNumber]:
        """Return every number that has a trunk of its own."""
        return [to_number(key, objects) for key, objects in self._objects().items()]

    def create(
        self, asked: Sequence[RegistrationRequest]
    ) -> Sequence[RegisteredNumber | RemoteError]:
        """Create what is missing of each number; what an interrupted run created is kept.

        What was created before a refused call is removed again.
        """
        results: list[RegisteredNumber | RemoteError] = []
        for each in asked:
            created: _CreatedObjects = []
            before: LiveKitObjects | None = None

            try:
                before = self._objects().get(each.key, LiveKitObjects())
                results.append(self._ensure(each, each.attrs, created, before))
            except RemoteError as error:
                if not error.ambiguous:
                    self._remove(created)
                elif before is not None:
                    self._remove_part(each, before)
                results.append(error)
        return results

    def _remove_part(self, asked: RegistrationRequest, before: LiveKitObjects) -> None:
        """Remove what a call without a clear answer may have created; a whole import stays.

        An inbound trunk and a rule without the rest would already take calls. What cannot be
        removed now is found by the next run.
        """
        try:
            now = self._objects().get(asked.key, LiveKitObjects())
            found = to_number(asked.key, now).attrs
            if all(found[name] == value for name, value in asked.attrs.items() if name in found):
                return

            if before.rule is None:
                self._drop("DeleteSIPDispatchRule", "sip_dispatch_rule_id", now.rule)
            if before.inbound is None:
                self._drop("DeleteSIPTrunk", "sip_trunk_id", now.inbound)
            if before.outbound is None:
                self._drop("DeleteSIPTrunk", "sip_trunk_id", now.outbound)
        except RemoteError:
            return

    def link(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        """Set the agent, which is a field of the dispatch rule."""
        self.update(there, asked)

    def update(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        """Create, change or remove the three objects as declared."""
        self._ensure(asked, {**there.attrs, **asked.attrs})

    def delete(self, there: RegisteredNumber) -> None:
        """Remove the rule, then the trunks."""
        objects = self._objects().get(there.key, LiveKitObjects())
        self._drop("DeleteSIPDispatchRule", "sip_dispatch_rule_id", objects.rule)
        self._drop("DeleteSIPTrunk", "sip_trunk_id", objects.inbound)
        self._drop("DeleteSIPTrunk", "sip_trunk_id", objects.outbound)

    def close(self) -> None:
        """Close the connections."""
        self._caller.close()

    def _objects(self) -> dict[str, LiveKitObjects]:
        """Return all objects that belong to one number alone, by number."""
        return group_by_number(
            self._items("ListSIPInboundTrunk"),
            self._items("ListSIPOutboundTrunk"),
            self._items("ListSIPDispatchRule"),
        )

    def _remove(self, created: Sequence[tuple[str, str, Mapping[str, Any]]]) -> None:
        """Remove what one import has created, last first.

        What cannot be removed now is found by the next run.
        """
        for method, field, row in reversed(created):
            try:
                self._drop(method, field, row)
            except RemoteError:
                return

    def _items(self, method: str) -> Sequence[Mapping[str, Any]]:
        # Protocol buffers leave an empty list out.
        return list_rows(self.name, self._call(method, {}, idempotent=True), "items", absent=True)

    def _ensure(
        self,
        asked: RegistrationRequest,
        attrs: Attrs,
        created: _CreatedObjects | None = None,
        there: LiveKitObjects | None = None,
    ) -> RegisteredNumber:
        """Bring all three objects to these attributes; add new ones to `created`.

        1. The inbound trunk, and the rule that sends its calls to the agent.
        2. The outbound trunk.
        """
        created = [] if created is None else created
        objects = there or self._objects().get(asked.key, LiveKitObjects())
        secrets = self._vault.sip(asked.address)

        desired = inbound_trunk(asked.key, attrs, secrets)
        inbound = self._trunk("Inbound", objects.inbound, desired, secrets)
        if inbound is not None and objects.inbound is None:
            created.append(("DeleteSIPTrunk", "sip_trunk_id", inbound))

        rule = None
        if inbound is not None:
            trunk = text_in(inbound, "sip_trunk_id") or ""
            desired_rule = dispatch_rule(asked.key, attrs, trunk, secrets.get("pin"))
            rule = self._dispatch(objects.rule, desired_rule, tuple(secrets.values()))
            if objects.rule is None:
                created.append(("DeleteSIPDispatchRule", "sip_dispatch_rule_id", rule))
        else:
            self._drop("DeleteSIPDispatchRule", "sip_dispatch_rule_id", objects.rule)
            self._drop("DeleteSIPTrunk", "sip_trunk_id", objects.inbound)

        desired = outbound_trunk(asked.key, attrs, secrets)
        outbound = self._trunk("Outbound", objects.outbound, desired, secrets)
        if outbound is None:
            self._drop("DeleteSIPTrunk", "sip_trunk_id", objects.outbound)
        return RegisteredNumber(LiveKitObjects(inbound, outbound, rule).ids, asked.key, attrs)

    def _trunk(
        self,
        direction: str,
        there: Mapping[str, Any] | None,
        desired: dict[str, Any] | None,
        secrets: Mapping[str, str],
    ) -> Mapping[str, Any] | None:
        """Create or update a trunk and return it; None when there should be none."""
        if desired is None:
            return None

        in_body = tuple(secrets.values())
        if there is None:
            created: Mapping[str, Any] = self._call(
                f"CreateSIP{direction}Trunk", {"trunk": desired}, secrets=in_body
            )
            return created

        # `replace` replaces the whole object: fields that are not ours are sent back.
        sid = text_in(there, "sip_trunk_id")
        other_fields = {name: value for name, value in there.items() if name != "sip_trunk_id"}
        body = {"sip_trunk_id": sid, "replace": {**other_fields, **desired}}
        self._call(f"UpdateSIP{direction}Trunk", body, idempotent=True, secrets=in_body)
        return there

    def _dispatch(
        self, there: Mapping[str, Any] | None, desired: dict[str, Any], secrets: tuple[str, ...]
    ) -> Mapping[str, Any]:
        if there is None:
            created: Mapping[str, Any] = self._call(
                "CreateSIPDispatchRule", {"dispatch_rule": desired}, secrets=secrets
            )
            return created

        other_fields = {
            name: value for name, value in there.items() if name != "sip_dispatch_rule_id"
        }
        room = {**object_in(there, "room_config"), **desired["room_config"]}
        body = {
            "sip_dispatch_rule_id": text_in(there, "sip_dispatch_rule_id"),
            "replace": {**other_fields, **desired, "room_config": room},
        }
        self._call("UpdateSIPDispatchRule", body, idempotent=True, secrets=secrets)
        return there

    def _drop(self, method: str, field: str, row: Mapping[str, Any] | None) -> None:
        if row is None:
            return
        try:
            self._call(method, {field: text_in(row, field)}, idempotent=True)
        except RemoteError as error:
            if error.status != 404:
                raise

    def _call(
        self,
        method: str,
        body: Mapping[str, object],
        *,
        idempotent: bool = False,
        secrets: tuple[str, ...] = (),
    ) -> Any:
        return self._caller.send(
            "POST", _SERVICE + method, body=body, idempotent=idempotent, secrets=secrets
        )


def headers(
    now: Callable[[], float],
) -> Callable[[Vault, str], tuple[Mapping[str, str], tuple[str, ...]]]:
    """Return the maker of a token of ten minutes, signed with the API secret, for SIP only."""
    lock = Lock()

    def sign(vault: Vault, name: str) -> tuple[Mapping[str, str], tuple[str, ...]]:
        import jwt  # only where a LiveKit is declared

        key, secret = vault.platform(name, "api_key"), vault.platform(name, "api_secret")
        claims = {
            "iss": key,
            "nbf": int(now()) - 60,
            "exp": int(now()) + _VALID_FOR,
            "sip": {"admin": True},
        }
        with lock, warnings.catch_warnings():
            # The short secret of a server for development is no news.
            warnings.simplefilter("ignore")
            token = jwt.encode(claims, secret, algorithm="HS256")
        return {"Authorization": f"Bearer {token}"}, (secret, token)

    return sign


def read_refusal(status: int, body: Any) -> tuple[str | None, str]:
    """Read ``{code, msg, meta}`` of Twirp."""
    message = refusal_text(body, "msg")
    code = _CODES.get(refusal_text(body, "code"))
    if code == "validation_error":
        code = code_for_text("livekit", message) or code
    return code, message


TYPE = PlatformType(
    headers=headers(SystemClock().wall),
    read_refusal=read_refusal,
    make=lambda settings, caller, vault: LiveKit(settings.name, caller, vault),
)
