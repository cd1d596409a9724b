"""LiveKit SIP: for each number an inbound trunk, an outbound trunk and a dispatch rule, by Twirp
and a signed token.

https://docs.livekit.io/sip and its protocol buffers. Calls to a number go each into a room of its
own, whose name begins with `room_name`. What somebody has set on these objects beside our fields is
sent back as it was read.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any

import msgspec

from reconciler.errors import RemoteError
from reconciler.kinds.platforms import LIVEKIT
from reconciler.model.route import Attrs, Value
from reconciler.remote.platforms.caller import Caller
from reconciler.remote.platforms.contract import (
    RegisteredNumber,
    RegistrationRequest,
    UndocumentedCalls,
    Vault,
)
from reconciler.remote.platforms.listing import list_rows
from reconciler.remote.platforms.parsing import object_in, refusal_text, rows_in, text_in

_SERVICE = "/twirp/livekit.SIP/"
_PREFIX = "call-"
"""How rooms are named where the configuration names none."""
_VALID_FOR = 600
"""Seconds for which a token is good; one is made for each call."""
_RULES = ("dispatch_rule_individual", "dispatch_rule_direct", "dispatch_rule_callee")
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
_TAKEN = ("conflicting inbound", "already exists")

_CreatedObjects = list[tuple[str, str, Mapping[str, Any]]]
"""What a call has made: how it is removed, the field of its id, and its row."""


class LiveKitObjects(msgspec.Struct, frozen=True):
    """What LiveKit has for one number; None where there is none."""

    inbound: Mapping[str, Any] | None = None
    outbound: Mapping[str, Any] | None = None
    rule: Mapping[str, Any] | None = None

    @property
    def ids(self) -> str:
        """The ids of all of them, as one text."""
        named = (
            (self.inbound, "sip_trunk_id"),
            (self.outbound, "sip_trunk_id"),
            (self.rule, "sip_dispatch_rule_id"),
        )
        return ",".join(text_in(row, key) or "" for row, key in named if row is not None)


class LiveKit(UndocumentedCalls):
    """See `reconciler.remote.platforms.contract.Adapter`."""

    kind = LIVEKIT

    def __init__(self, name: str, caller: Caller, vault: Vault) -> None:
        self.name = name
        self._caller = caller
        self._vault = vault

    def list(self, asked: Sequence[RegistrationRequest]) -> Sequence[RegisteredNumber]:
        """Every number that has a trunk of its own."""
        return [_to_number(key, objects) for key, objects in self._objects().items()]

    def create(
        self, asked: Sequence[RegistrationRequest]
    ) -> Sequence[RegisteredNumber | RemoteError]:
        """Make what is missing of each; what an interrupted run has made already is taken as it is.

        What was made before a later call is refused is removed again.
        """
        results: list[RegisteredNumber | RemoteError] = []
        for each in asked:
            made: _CreatedObjects = []
            before: LiveKitObjects | None = None
            try:
                before = self._objects().get(each.key, LiveKitObjects())
                results.append(self._ensure(each, each.attrs, made, before))
            except RemoteError as error:
                if not error.ambiguous:
                    self._remove(made)
                elif before is not None:
                    self._remove_part(each, before)
                results.append(error)
        return results

    def _remove_part(self, asked: RegistrationRequest, before: LiveKitObjects) -> None:
        """Remove a part of what is asked for, left by a call without a clear answer; what is whole
        stays.

        An inbound trunk and a rule without the rest would already take calls. What cannot be
        removed now is found by the next run.
        """
        try:
            now = self._objects().get(asked.key, LiveKitObjects())
            found = _to_number(asked.key, now).attrs
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
        """The agent is a field of the dispatch rule."""
        self.update(there, asked)

    def update(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        """Bring all three to what is declared: made, changed or removed."""
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
        """All that belongs to one number alone, by number."""
        inbound = _of_one_number(self._items("ListSIPInboundTrunk"))
        outbound = _of_one_number(self._items("ListSIPOutboundTrunk"))
        rules = {
            trunks[0]: row
            for row in self._items("ListSIPDispatchRule")
            if len(trunks := _texts(row, "trunk_ids")) == 1
        }
        return {
            key: LiveKitObjects(
                one,
                outbound.get(key),
                rules.get(text_in(one, "sip_trunk_id") or "") if one else None,
            )
            for key in sorted({*inbound, *outbound})
            for one in (inbound.get(key),)
        }

    def _remove(self, made: Sequence[tuple[str, str, Mapping[str, Any]]]) -> None:
        """Remove what one import has made, last first; what cannot be removed now is found by the
        next run.
        """
        for method, field, row in reversed(made):
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
        made: _CreatedObjects | None = None,
        there: LiveKitObjects | None = None,
    ) -> RegisteredNumber:
        """Bring all three to these attributes; `made` grows by what was not `there` before."""
        made = [] if made is None else made
        objects = there or self._objects().get(asked.key, LiveKitObjects())
        secrets = self._vault.sip(asked.address)
        inbound = self._trunk(
            "Inbound", objects.inbound, _inbound(asked.key, attrs, secrets), secrets
        )
        if inbound is not None and objects.inbound is None:
            made.append(("DeleteSIPTrunk", "sip_trunk_id", inbound))
        rule = None
        if inbound is not None:
            wanted = _rule(
                asked.key, attrs, text_in(inbound, "sip_trunk_id") or "", secrets.get("pin")
            )
            rule = self._dispatch(objects.rule, wanted, tuple(secrets.values()))
            if objects.rule is None:
                made.append(("DeleteSIPDispatchRule", "sip_dispatch_rule_id", rule))
        else:
            self._drop("DeleteSIPDispatchRule", "sip_dispatch_rule_id", objects.rule)
            self._drop("DeleteSIPTrunk", "sip_trunk_id", objects.inbound)
        outbound = self._trunk(
            "Outbound", objects.outbound, _outbound(asked.key, attrs, secrets), secrets
        )
        if outbound is None:
            self._drop("DeleteSIPTrunk", "sip_trunk_id", objects.outbound)
        return RegisteredNumber(LiveKitObjects(inbound, outbound, rule).ids, asked.key, attrs)

    def _trunk(
        self,
        way: str,
        there: Mapping[str, Any] | None,
        wanted: dict[str, Any] | None,
        secrets: Mapping[str, str],
    ) -> Mapping[str, Any] | None:
        """The trunk as it is afterwards; None when there should be none."""
        if wanted is None:
            return None
        hidden = tuple(secrets.values())
        if there is None:
            made: Mapping[str, Any] = self._call(
                f"CreateSIP{way}Trunk", {"trunk": wanted}, secrets=hidden
            )
            return made
        sid = text_in(there, "sip_trunk_id")
        kept = {name: value for name, value in there.items() if name != "sip_trunk_id"}
        body = {"sip_trunk_id": sid, "replace": {**kept, **wanted}}
        self._call(f"UpdateSIP{way}Trunk", body, idempotent=True, secrets=hidden)
        return there

    def _dispatch(
        self, there: Mapping[str, Any] | None, wanted: dict[str, Any], secrets: tuple[str, ...]
    ) -> Mapping[str, Any]:
        if there is None:
            made: Mapping[str, Any] = self._call(
                "CreateSIPDispatchRule", {"dispatch_rule": wanted}, secrets=secrets
            )
            return made
        kept = {name: value for name, value in there.items() if name != "sip_dispatch_rule_id"}
        room = {**object_in(there, "room_config"), **wanted["room_config"]}
        body = {
            "sip_dispatch_rule_id": text_in(there, "sip_dispatch_rule_id"),
            "replace": {**kept, **wanted, "room_config": room},
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
    """A token of ten minutes, signed with the API secret, that allows nothing but SIP."""
    one_at_a_time = Lock()

    def signed(vault: Vault, name: str) -> tuple[Mapping[str, str], tuple[str, ...]]:
        import jwt  # only where a LiveKit is declared

        key, secret = vault.platform(name, "api_key"), vault.platform(name, "api_secret")
        claims = {
            "iss": key,
            "nbf": int(now()) - 60,
            "exp": int(now()) + _VALID_FOR,
            "sip": {"admin": True},
        }
        with one_at_a_time, warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # a server for trying things out has a short secret, and knows it
            token = jwt.encode(claims, secret, algorithm="HS256")
        return {"Authorization": f"Bearer {token}"}, (secret, token)

    return signed


def read_refusal(status: int, body: Any) -> tuple[str | None, str]:
    """``{code, msg, meta}`` of Twirp."""
    message = refusal_text(body, "msg")
    code = _CODES.get(refusal_text(body, "code"))
    taken = code == "validation_error" and any(words in message.lower() for words in _TAKEN)
    return "number_already_imported" if taken else code, message


def _to_number(key: str, objects: LiveKitObjects) -> RegisteredNumber:
    """What can be read of the attributes; those of a part that is not there are left out."""
    inbound, outbound, rule = objects.inbound or {}, objects.outbound or {}, objects.rule or {}
    attrs: dict[str, Value] = {
        "supports_inbound": bool(inbound and rule),
        "supports_outbound": bool(outbound),
        "media_encryption": _encryption([trunk for trunk in (inbound, outbound) if trunk]),
        "trunk_name": _join_distinct(
            [text_in(trunk, "name") for trunk in (inbound, outbound) if trunk]
        ),
        "username": text_in(outbound or inbound, "auth_username"),
    }
    if outbound:
        attrs["server_address"] = text_in(outbound, "address")
    if inbound:
        body = next(
            (
                object_in(object_in(rule, "rule"), name)
                for name in _RULES
                if object_in(object_in(rule, "rule"), name)
            ),
            {},
        )
        agents = [
            text_in(agent, "agent_name")
            for agent in rows_in(object_in(rule, "room_config"), "agents")
        ]
        attrs["room_name"] = text_in(body, "room_prefix") or text_in(body, "room_name")
        attrs["agent"] = ", ".join(filter(None, agents)) or None
    found = {"password": text_in(outbound or inbound, "auth_password"), "pin": _pin(rule)}
    secrets = {name: value for name, value in found.items() if value}
    return RegisteredNumber(objects.ids, key, attrs, secrets)


def _pin(rule: Mapping[str, Any]) -> str | None:
    return next(
        (
            pin
            for name in _RULES
            if (pin := text_in(object_in(object_in(rule, "rule"), name), "pin"))
        ),
        None,
    )


def _encryption(trunks: Sequence[Mapping[str, Any]]) -> str | None:
    modes = [
        text_in(object_in(trunk, "media"), "encryption") or "SIP_MEDIA_ENCRYPT_DISABLE"
        for trunk in trunks
    ]
    return _join_distinct([mode.rsplit("_", 1)[1].lower() for mode in modes])


def _join_distinct(values: Sequence[str | None]) -> str | None:
    """The value that all share; both, when they differ."""
    return " and ".join(dict.fromkeys(value for value in values if value)) or None


def _of_one_number(trunks: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Trunks that serve exactly one number, by it; one for several numbers is somebody's own doing."""
    found = {}
    for trunk in trunks:
        numbers = _texts(trunk, "numbers")
        if len(numbers) == 1:
            found["+" + numbers[0].lstrip("+")] = trunk
    return found


def _texts(row: Mapping[str, Any], key: str) -> Sequence[str]:
    value = row.get(key)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _common(key: str, attrs: Attrs) -> dict[str, Any]:
    mode = f"SIP_MEDIA_ENCRYPT_{str(attrs.get('media_encryption') or 'allow').upper()}"
    return {"name": attrs.get("trunk_name") or key, "numbers": [key], "media": {"encryption": mode}}


def _auth(attrs: Attrs, secrets: Mapping[str, str]) -> dict[str, Any]:
    password = {"auth_password": secrets["password"]} if "password" in secrets else {}
    return {"auth_username": attrs.get("username") or "", **password}


def _outbound(key: str, attrs: Attrs, secrets: Mapping[str, str]) -> dict[str, Any] | None:
    if attrs.get("supports_outbound") is not True:
        return None
    return {
        **_common(key, attrs),
        "address": attrs.get("server_address") or "",
        **_auth(attrs, secrets),
    }


def _inbound(key: str, attrs: Attrs, secrets: Mapping[str, str]) -> dict[str, Any] | None:
    """Where calls are made as well, user and password are those for making them: providers send
    none with a call.
    """
    if attrs.get("supports_inbound") is not True:
        return None
    auth = {} if attrs.get("supports_outbound") is True else _auth(attrs, secrets)
    return {**_common(key, attrs), **auth}


def _rule(key: str, attrs: Attrs, trunk: str, pin: str | None) -> dict[str, Any]:
    agent = attrs.get("agent")
    return {
        "name": attrs.get("trunk_name") or key,
        "trunk_ids": [trunk],
        "rule": {
            "dispatch_rule_individual": {
                "room_prefix": attrs.get("room_name") or _PREFIX,
                "pin": pin or "",
            }
        },
        "room_config": {"agents": [{"agent_name": agent}] if agent else []},
    }
