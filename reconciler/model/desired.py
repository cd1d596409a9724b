"""Define `Desired`, one declared resource; `Profile`, the account, attributes and options that
equal declarations share; and `Options`, `Purchase` (permission to buy) and `Money`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from reconciler.model.position import Position
from reconciler.model.route import Attrs

OnRemoval = Literal["restore", "clear", "keep"]


Unlisted = Literal["delete", "keep", "watch"]
"""Treatment of a child that is not declared: delete it, report it, or (its key is absent) only
watch it.
"""


Takeover = Literal["refuse", "allow"]


class Options(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    gc=False,
):
    """Options of a declaration, apart from the attributes of the resource; the state records them
    too.
    """

    agent: str | None = None
    on_removal: OnRemoval = "restore"
    protect: bool = False
    takeover: Takeover = "refuse"
    observe_only: bool = False
    """Declared without an agent, a trunk or webhooks: recorded and watched, never written."""
    platform: str | None = None
    """The platform of its agent, which writes the parts in `platform_written`."""
    platform_written: tuple[str, ...] = ()
    """The parts whose drift is measured against the values that the platform wrote, not against a
    declaration.
    """
    labels: tuple[tuple[str, str], ...] = ()
    """The labels of a number, sorted by key; recorded so that they can be targeted once the number
    is removed.
    """


class Money(msgspec.Struct, frozen=True):
    """An amount in a currency (ISO 4217), for a month."""

    amount: float
    currency: str

    def __str__(self) -> str:
        return f"{self.amount:.2f} {self.currency} a month"


class Purchase(msgspec.Struct, frozen=True):
    """Permission to buy a number: country (ISO 3166), local, mobile or toll_free, and the highest
    price a month.

    `bundle`, `address` and `identity` are SIDs of the documents that Twilio requires for regulated
    numbers. `area_code` is only compared with the declared number, which is the one that is bought.
    """

    country: str
    type: str = "local"
    max_price: Money | None = None
    bundle: str | None = None
    address: str | None = None
    identity: str | None = None
    area_code: str | None = None


class Profile(msgspec.Struct, frozen=True):
    """Account, attributes and options of a declaration; all numbers with an equal declaration share
    one.
    """

    account: str
    attrs: Attrs
    options: Options
    purchase: Purchase | None = None


class Desired(msgspec.Struct, frozen=True):
    """One declared resource.

    `key` is its natural key: the E.164 or SID in the file, a trunk's name, an origination URL.
    `address` follows from the key; a number declared by SID has the address ``number/PN…`` until
    `planning.identity.match` has found its E.164. `sid` pins the SID. `parent` is the address of
    the resource above it, such as the trunk of an origination URL. `on_create` are attributes that
    a new resource gets and that are not managed afterwards. `unlisted` is the treatment of
    undeclared children, by kind.
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
