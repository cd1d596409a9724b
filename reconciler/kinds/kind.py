"""The vocabulary a kind is described in: fields, endpoints, kinds; knows no particular kind and does no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from reconciler.model.live import Live
from reconciler.model.route import Attrs, Value, WireValue

Product = Literal["api", "trunking", "monitor", "pricing", "messaging", "routes", "numbers"]
Params = dict[str, WireValue]
Names = Mapping[str, str]
"""SID → the name under which we manage it; a SID that is not in it stays a SID."""
Sids = Mapping[str, str]
"""Address → SID, of everything an action may refer to."""
Row = Mapping[str, Any]


class Endpoint(msgspec.Struct, frozen=True):
    """One documented call of Twilio's API. `path` is filled with str.format.

    `idempotent`: carrying it out twice leaves the same world as once, so it may be sent again when no answer came.
    `items` is the key of the rows in a page of a listing. `optional`: an account, or a server that stands in for
    Twilio, may not have this call at all; then 404 is an answer, and nothing is asked twice for it.
    """

    method: Literal["GET", "POST", "DELETE"]
    product: Product
    path: str
    idempotent: bool = True
    items: str = ""
    optional: bool = False


class Field(msgspec.Struct, frozen=True):
    """One plain field: its canonical `name` (also its name in responses), its request parameter, its default.

    `resets`: left out of a declaration that had it, it goes back to what was there before (else it stays as it is).
    `secret`: it can be written and never read; what is compared and remembered is a fingerprint of it.
    """

    name: str
    param: str
    default: Value = None
    resets: bool = False
    secret: bool = False


def has_same_name(declared: Attrs, live: Attrs) -> bool:
    """Whether both have the same friendly name."""
    return declared.get("friendly_name") == live.get("friendly_name")


class Kind(msgspec.Struct, frozen=True):
    """One kind of resource.

    `rank` orders creation upward and deletion downward: what is referred to has a lower rank. `paid`: never created
    or deleted by the reconciler. `observe` turns a row of the API into a `Live` (the row of a child also holds
    `parent_sid`), `to_wire` canonical attributes into request parameters, `params` names the response field of each of
    them. `key_field` is the field that identifies it on Twilio where state does not know its SID, `alike` tells whether
    what is declared and what is live are one and the same. `parent` is the kind that it hangs below, `refers` the kind
    that its key names (the list that a trunk uses). `singleton`: there is always exactly one, so it is never deleted
    but put back as it was.
    """

    name: str
    rank: int
    key_field: str
    observe: Callable[[Row, str, Names], Live]
    to_wire: Callable[[Attrs, Sids], Params]
    params: Mapping[str, str]
    listing: Endpoint
    update: Endpoint
    fetch: Endpoint
    create: Endpoint | None = None
    delete: Endpoint | None = None
    parent: str | None = None
    refers: str | None = None
    fields: tuple[Field, ...] = ()
    alike: Callable[[Attrs, Attrs], bool] = has_same_name
    singleton: bool = False
    paid: bool = False


def describe_invalid_row(kind: Kind, row: Row) -> str | None:
    """What is wrong with the form of a row, in words; None when it can be observed."""
    sid = row.get("sid")
    if not kind.singleton and not (isinstance(sid, str) and sid):
        return "it has no `sid`"
    for name in kind.params.values():
        value = row.get(name)
        if value is not None and not isinstance(value, str | int | bool):
            return f"`{name}` of {sid or 'it'} is no plain value"
    return None


def plain_attrs(fields: tuple[Field, ...], row: Row) -> dict[str, Value]:
    """The canonical attributes of a row whose fields need no interpretation: null and "" are the default."""
    out: dict[str, Value] = {}
    for field in fields:
        if field.secret:
            continue
        value = row.get(field.name)
        out[field.name] = field.default if value is None or value == "" else value
    return out


def plain_wire(fields: tuple[Field, ...], row: Row) -> dict[str, WireValue]:
    """The raw fields of a row, as far as they can be read."""
    return {field.name: row.get(field.name) for field in fields if not field.secret}


def param_names(fields: tuple[Field, ...]) -> dict[str, str]:
    """Request parameter → response field."""
    return {field.param: field.name for field in fields}


def plain_params(fields: tuple[Field, ...], attrs: Attrs) -> Params:
    """Request parameters of canonical attributes whose fields need no interpretation."""
    return {field.param: _wire(attrs[field.name]) for field in fields if field.name in attrs}


def _wire(value: Value) -> WireValue:
    if value is None:
        return ""
    if isinstance(value, str | int | bool):
        return value
    raise TypeError(f"not a plain value: {value!r}")


def is_same_value(sent: WireValue, stored: WireValue) -> bool:
    """Whether two raw values mean the same: null is "", and form encoding knows no types."""
    left, right = ("" if value is None else value for value in (sent, stored))
    if isinstance(left, bool) or isinstance(right, bool):
        return str(left).lower() == str(right).lower()
    return str(left) == str(right)
