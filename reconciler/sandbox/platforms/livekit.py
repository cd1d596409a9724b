"""Imitate what the routes of LiveKit's SIP service share: Twirp with JSON or protobuf bodies,
signed tokens, errors, checked fields. Paths begin with ``/livekit``.

A token is an HS256 JWT: `iss` is the API key, `exp` is in the future, and `sip.admin` is true.
The signature is checked with the secret of the key that a seed names (`platform_keys`); without
such a key, any key and any signature are accepted.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from typing import Any, TypeVar

import msgspec

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Call, Refused, Route
from reconciler.sandbox.platforms import livekit_protobuf
from reconciler.sandbox.platforms.keys import find_key
from reconciler.sandbox.platforms.platform import Platform, PlatformCall, bearer_token
from reconciler.sandbox.platforms.rows import (
    PlatformRow,
    PlatformShelf,
    find_visible,
    visible_rows,
)

_CODES = {
    400: "malformed",
    401: "unauthenticated",
    403: "permission_denied",
    404: "bad_route",
    405: "bad_route",
    409: "already_exists",
    429: "resource_exhausted",
    503: "unavailable",
}
_STATUSES = {"invalid_argument": 400, "malformed": 400, "unauthenticated": 401, "not_found": 404}
_MAPS = frozenset({"headers", "attributes"})
"""Fields whose keys are free text, which must not be converted."""

R = TypeVar("R", bound=PlatformRow)
T = TypeVar("T")


def refusal(code: str, message: str) -> Refused:
    """Return the exception that ends a call with a Twirp error."""
    return Refused(json_reply(_STATUSES[code], {"code": code, "msg": message, "meta": {}}))


def _error(status: int, message: str) -> Reply:
    return json_reply(status, {"code": _CODES.get(status, "internal"), "msg": message, "meta": {}})


def _authenticate(call: Call) -> str:
    token = bearer_token(call)
    try:
        head, body, signature = token.split(".")
        header, claims = msgspec.json.decode(_bytes(head)), msgspec.json.decode(_bytes(body))
        signed = _bytes(signature)
    except (ValueError, binascii.Error, msgspec.DecodeError):
        raise refusal("unauthenticated", "invalid authorization token") from None
    if not isinstance(header, dict) or header.get("alg") != "HS256" or not isinstance(claims, dict):
        raise refusal("unauthenticated", "invalid authorization token")

    key = find_key(call.store, "livekit", str(claims.get("iss", "")))
    if key is None:
        raise refusal("unauthenticated", "invalid API key")

    expected = hmac.digest(key.secret.encode(), f"{head}.{body}".encode(), hashlib.sha256)
    if key.secret and not hmac.compare_digest(expected, signed):
        raise refusal("unauthenticated", "invalid token: the signature does not fit the secret")

    _check_claims(call, claims)
    return key.organization


def _check_claims(call: Call, claims: dict[str, Any]) -> None:
    now, expires, grant = call.store.now().timestamp(), claims.get("exp"), claims.get("sip")
    if not isinstance(expires, int | float) or expires <= now:
        raise refusal(
            "unauthenticated", "invalid token: it has expired, or does not say when it will"
        )
    if not isinstance(grant, dict) or grant.get("admin") is not True:
        raise refusal("unauthenticated", "permissions denied")


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


PLATFORM = Platform("livekit", _authenticate, _error, reads_body=lambda call: not is_protobuf(call))


def method_route(name: str, handler: Any) -> Route:
    """Return the route of a method of the service.

    A body is JSON, with names in snake case or in camel case, or protobuf; the answer has the same
    form. Errors are JSON in both cases.
    """

    def handle(call: PlatformCall) -> Reply:
        if is_protobuf(call):
            call.body = _decode(name, call)
            return livekit_protobuf.encode(name, handler(call))
        call.body = _to_snake_case(call.body)
        return json_reply(200, handler(call))

    return PLATFORM.route("POST", f"/twirp/livekit.SIP/{name}", handle)


def is_protobuf(call: Call) -> bool:
    """Return true when the body of a call is protobuf."""
    return call.request.headers.get("content-type", "") == livekit_protobuf.CONTENT_TYPE


def _decode(name: str, call: Call) -> dict[str, Any]:
    try:
        return livekit_protobuf.decode(name, call.request.body)
    except ValueError as error:
        raise refusal("malformed", str(error)) from error
    except livekit_protobuf.ProtobufUnavailable:
        message = (
            "protobuf bodies need the package livekit-protocol: "
            "pip install 'twilio-reconciler[livekit]', or send JSON"
        )
        raise Refused(_error(501, message)) from None


def _to_snake_case(value: Any) -> Any:
    if isinstance(value, list):
        return [_to_snake_case(item) for item in value]
    if not isinstance(value, dict):
        return value

    converted = {}
    for key, item in value.items():
        name = re.sub("(?<=[a-z0-9])([A-Z])", r"_\1", key).lower()
        converted[name] = item if name in _MAPS else _to_snake_case(item)
    return converted


def object_field(call: PlatformCall, name: str) -> dict[str, Any] | None:
    """Return an object of the body, None when it is missing."""
    value = call.body.get(name)
    return value if isinstance(value, dict) else None


def convert_value(value: object, kind: type[T]) -> T:
    """Return a value as this type; refuses another type. Unknown fields are ignored."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise refusal("malformed", str(error)) from None


def pick_fields(value: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Return those of the named fields that an object sets; null does not set a field."""
    return {name: value[name] for name in names if value.get(name) is not None}


def update_list(now: list[str], change: Any) -> list[str]:
    """Return a list after an update: ``{"set": […]}``, or ``add`` and ``remove``."""
    lists = convert_value(change, dict[str, list[str]])
    if "set" in lists:
        return lists["set"]

    removed = set(lists.get("remove", []))
    after = [item for item in now if item not in removed]
    for item in lists.get("add", []):
        if item not in now:
            after.append(item)
    return after


def fetch_own(call: PlatformCall, shelf: PlatformShelf[R], name: str) -> R:
    """Return the row whose id the body names; refuses when it does not exist."""
    row = find_visible(call.store, shelf, call.text(name), call.organization)
    if row is None:
        raise refusal(
            "not_found", f"requested {name.removesuffix('_id').replace('_', ' ')} does not exist"
        )
    return row


def list_own(call: PlatformCall, shelf: PlatformShelf[R], ids: str) -> list[R]:
    """Return the caller's rows, only those whose ids the body names if it does.

    The body's `page` limits the list.
    """
    selected = convert_value(call.body.get(ids) or [], list[str])
    page = object_field(call, "page") or {}
    rows = visible_rows(call.store, shelf, call.organization)
    if selected:
        rows = [row for row in rows if row.sid in selected]

    after = 0
    for place, row in enumerate(rows, 1):
        if row.sid == page.get("after_id"):
            after = place
            break

    limit = page.get("limit")
    return rows[after : after + limit] if isinstance(limit, int) and limit > 0 else rows[after:]


def numbers_overlap(one: list[str], other: list[str]) -> bool:
    """Return true when two lists share a number, written with or without ``+``.

    An empty list means the numbers that no other list names: it overlaps only with an empty
    list.
    """
    if not one and not other:
        return True
    bare_numbers = {number.lstrip("+") for number in other}
    return any(number.lstrip("+") in bare_numbers for number in one)
