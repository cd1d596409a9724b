"""`Desired`: one declared resource, and the options of its declaration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from reconciler.model.position import Position
from reconciler.model.route import Attrs

OnRemoval = Literal["restore", "clear", "keep"]


Unlisted = Literal["delete", "keep", "watch"]
"""What a plan does with a child that is not declared: delete it, report it, or (its key is absent) only watch it."""


Takeover = Literal["refuse", "allow"]


class Options(
    msgspec.Struct,
    rename={"observe_only": "watch", "platform_written": "baseline"},
    frozen=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    gc=False,
):
    """What the declaration says about handling a resource, apart from its attributes; kept in state as well."""

    agent: str | None = None
    on_removal: OnRemoval = "restore"
    protect: bool = False
    takeover: Takeover = "refuse"
    observe_only: bool = False
    """Declared with nothing: recorded and watched, never written."""
    platform: str | None = None
    """The platform that its agent lives on, which writes the parts of `baseline` itself."""
    platform_written: tuple[str, ...] = ()
    """The parts that drift is measured on against what the platform wrote, not against a declaration."""
    labels: tuple[tuple[str, str], ...] = ()
    """The labels of a number, sorted by key; recorded so that they can be targeted once the number is removed."""


class Money(msgspec.Struct, frozen=True):
    """An amount in a currency (ISO 4217), for a month."""

    amount: float
    currency: str

    def __str__(self) -> str:
        return f"{self.amount:.2f} {self.currency} a month"


class Purchase(msgspec.Struct, frozen=True):
    """That a number may be bought: country (ISO 3166), local, mobile or toll_free, and the most it may cost a month.

    `bundle`, `address` and `identity` are SIDs of what Twilio requires for regulated numbers. `area_code` is only
    compared with the number, which says exactly which one is bought.
    """

    country: str
    type: str = "local"
    max_price: Money | None = None
    bundle: str | None = None
    address: str | None = None
    identity: str | None = None
    area_code: str | None = None


class Profile(msgspec.Struct, frozen=True):
    """What a declaration asks for, without saying of whom: shared by all numbers declared alike."""

    account: str
    attrs: Attrs
    options: Options
    purchase: Purchase | None = None


class Desired(msgspec.Struct, frozen=True):
    """One declared resource.

    `key` is its natural key: the E.164 or SID written in the file, a trunk's name, an origination URL.
    `address` follows from it, but for a number declared by SID, whose E.164 only Twilio knows (then it is
    ``number/PN…`` until `planning.match` has found the number). `sid` pins the SID. `parent` is the address of
    the trunk that an origination URL belongs to. `on_create` holds attributes that a new resource gets and that are
    not managed afterwards. `unlisted` says for each kind of child what becomes of children that are not declared.
    """

    kind: str
    address: str
    key: str
    profile: Profile
    position: Position
    sid: str | None = None
    parent: str | None = None
    on_create: Attrs = {}
    needs: tuple[str, ...] = ()
    unlisted: Mapping[str, Unlisted] = {}
