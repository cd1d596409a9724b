"""Define the types of a kind of resource (`Kind`, `Field`, `Endpoint`), check the form of a row,
and convert plain fields both ways; names no particular kind. No I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from reconciler.model.live import Live
from reconciler.model.route import Attrs, Value, WireValue

Product = Literal[
    "api", "trunking", "monitor", "pricing", "messaging", "routes", "numbers", "webhooks"
]
Params = dict[str, WireValue]
Names = Mapping[str, str]
"""SID → the name of the managed resource; a SID without a name stays a SID."""
Sids = Mapping[str, str]
"""Address → SID, of every resource that an action may refer to."""
Row = Mapping[str, Any]


class Endpoint(msgspec.Struct, frozen=True):
    """One documented call of Twilio's API. `path` is filled with str.format.

    `idempotent`: a second call changes nothing more, so the call may be repeated when no answer
    came. `items` is the key of the rows in a page of a listing. `optional`: an account, or a server
    in the place of Twilio, may not have this call; then 404 is an answer, and the call is not
    repeated.
    """

    method: Literal["GET", "POST", "DELETE"]
    product: Product
    path: str
    idempotent: bool = True
    items: str = ""
    optional: bool = False


class Field(msgspec.Struct, frozen=True):
    """One plain field: its canonical `name` (also its name in responses), its request parameter,
    its default.

    `resets`: removed from a declaration, the field returns to its prior value; other fields keep
    their value. `secret`: the field can be written and never read; its fingerprint is compared and
    recorded.
    """

    name: str
    param: str
    default: Value = None
    resets: bool = False
    secret: bool = False


def has_same_name(declared: Attrs, live: Attrs) -> bool:
    """Return true when both have the same friendly name."""
    return declared.get("friendly_name") == live.get("friendly_name")


class Kind(msgspec.Struct, frozen=True):
    """One kind of resource.

    `rank`: resources are created by ascending and deleted by descending rank; a resource that
    others refer to has a lower rank than these. `paid`: the reconciler never creates or deletes it.
    `observe` turns a row of the API into a `Live` (the row of a child also holds `parent_sid`),
    `to_wire` turns canonical attributes into request parameters, and `params` names the response
    field of each parameter. `key_field` identifies the resource on Twilio when the state has no
    SID; `alike` is true when a declared and a live resource are the same one. `parent` is the kind
    above it, `refers` the kind that its key names (the list that a trunk uses). `singleton`:
    exactly one exists per parent, so it is never deleted but restored to its prior values.
    `repeats`: several below one parent may have the same key. `consents`: an import that overwrites
    values of somebody else is a takeover.
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
    repeats: bool = False
    paid: bool = False
    consents: bool = False


def describe_invalid_row(kind: Kind, row: Row) -> str | None:
    """Return the defect of a row's form in words; None when the row can be observed."""
    sid = row.get("sid")
    if not kind.singleton and not (isinstance(sid, str) and sid):
        return "it has no `sid`"

    for name in kind.params.values():
        value = row.get(name)
        if value is not None and not isinstance(value, str | int | bool):
            return f"`{name}` of {sid or 'it'} is no plain value"
    return None


def plain_attrs(fields: tuple[Field, ...], row: Row) -> dict[str, Value]:
    """Return the canonical attributes of a row with plain fields: null and "" mean the default."""
    attrs: dict[str, Value] = {}
    for field in fields:
        if field.secret:
            continue
        value = row.get(field.name)
        attrs[field.name] = field.default if value is None or value == "" else value
    return attrs


def plain_wire(fields: tuple[Field, ...], row: Row) -> dict[str, WireValue]:
    """Return the raw fields of a row, without those that can only be written."""
    return {field.name: row.get(field.name) for field in fields if not field.secret}


def param_names(fields: tuple[Field, ...]) -> dict[str, str]:
    """Return request parameter → response field."""
    return {field.param: field.name for field in fields}


def plain_params(fields: tuple[Field, ...], attrs: Attrs) -> Params:
    """Return the request parameters of canonical attributes with plain fields."""
    return {field.param: _wire(attrs[field.name]) for field in fields if field.name in attrs}


def _wire(value: Value) -> WireValue:
    if value is None:
        return ""
    if isinstance(value, str | int | bool):
        return value
    raise TypeError(f"not a plain value: {value!r}")


def is_same_value(sent: WireValue, stored: WireValue) -> bool:
    """Return true when two raw values are equal on the wire: null is "", and form encoding has no
    types.
    """
    left, right = ("" if value is None else value for value in (sent, stored))
    if isinstance(left, bool) or isinstance(right, bool):
        return str(left).lower() == str(right).lower()
    return str(left) == str(right)
