"""The values everything else speaks in: addresses, routes, desired and observed resources, actions, plans.

All are frozen and hold plain data only; this module knows nothing of YAML, HTTP, files or planning rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

ActionName = Literal[
    "import",
    "overwrite_webhooks",
    "attach_trunk",
    "detach_trunk",
    "set_application",
    "rename",
    "create",
    "update",
    "delete",
    "register",
    "link",
    "reassign",
    "unregister",
    "purchase",
    "release",
    "restore_webhooks",
    "forget",
]
Reason = Literal["new", "config", "drift", "conflict", "removed"]
OnRemoval = Literal["restore", "clear", "keep"]
Unlisted = Literal["delete", "keep", "watch"]
"""What a plan does with a child that is not declared: delete it, report it, or (its key is absent) only watch it."""
Takeover = Literal["refuse", "allow"]


class Position(NamedTuple):
    """A place in a configuration file; `line` and `column` start at 1."""

    file: str
    line: int
    column: int


class Destination(msgspec.Struct, frozen=True):
    """Where a secret is sent: `credential` and `key` are references (``env:NAME``, ``file:PATH``), never secrets.

    `name` is the account or platform that it is declared for. `host` is an origin, or ``*.twilio.com`` for Twilio.
    `key` is the platform's own, "" elsewhere.
    """

    name: str
    credential: str
    host: str
    key: str = ""


class Webhook(
    msgspec.Struct,
    frozen=True,
    tag="webhooks",
    tag_field="form",
    omit_defaults=True,
    forbid_unknown_fields=True,
    gc=False,
):
    """A URL that Twilio asks, its HTTP method, and whom it asks when that fails.

    Canonical form: methods in capitals, no URL is ``""``, and without a fallback URL the fallback method is ``""``.
    """

    url: str
    method: str = "POST"
    fallback_url: str = ""
    fallback_method: str = ""


class TrunkRoute(msgspec.Struct, frozen=True, tag="trunk", tag_field="form", forbid_unknown_fields=True, gc=False):
    """Calls go to a SIP trunk: the name of one that we manage, else its SID (``TK…``)."""

    trunk: str


class ApplicationRoute(
    msgspec.Struct, frozen=True, tag="application", tag_field="form", forbid_unknown_fields=True, gc=False
):
    """A TwiML application answers: the name of one that we manage, else its SID (``AP…``)."""

    application: str


Value = Webhook | TrunkRoute | ApplicationRoute | str | int | bool | None
Attrs = Mapping[str, Value]
"""Canonical attributes by field name; equal attributes mean nothing to do."""

WireValue = str | int | bool | None
Wire = Mapping[str, WireValue]
"""Fields as Twilio's API names and writes them (``voice_url`` …)."""

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


class Options(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """What the declaration says about handling a resource, apart from its attributes; kept in state as well."""

    agent: str | None = None
    on_removal: OnRemoval = "restore"
    protect: bool = False
    takeover: Takeover = "refuse"
    watch: bool = False
    """Declared with nothing: recorded and watched, never written."""
    platform: str | None = None
    """The platform that its agent lives on, which writes the parts of `baseline` itself."""
    baseline: tuple[str, ...] = ()
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


class Live(msgspec.Struct, frozen=True, gc=False):
    """One resource as its API shows it: raw fields in `wire`, their canonical form in `attrs`.

    `wire` and `attrs` are shared between resources that are configured alike. A number's `attrs` hold voice, sms
    and status; its friendly name stands apart, in `name`, because it differs from number to number. `can_text` is
    false for a number that Twilio says cannot take messages.
    """

    sid: str
    key: str
    account: str
    wire: Wire
    attrs: Attrs
    name: str = ""
    parent: str | None = None
    can_text: bool = True


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What we remember of one address.

    `applied` is what we last wrote or accepted (canonical); `prior` what stood there before we first managed each
    field (as Twilio writes it; what is not in it was empty, or Twilio's default method) and `prior_at` when that was
    read (of a registration that has begun and not ended: what its number showed before); `pending` what a run was
    about to write when it was last heard of; `normalised` pairs of [sent, stored] for fields whose form Twilio
    changes; `left` what we last wrote to parts that are managed no longer, so that a release still knows them as
    ours; `created` is true
    when we made the resource (an empty `sid` then says that we were about to); `region` where a number's calls are
    answered, as far as that was asked. `children` holds, by kind and SID, the attributes of the children that were
    there when the complete set was recorded and that are not declared; a kind that is not in it was never recorded.
    `deleted` counts how often we have deleted this undeclared child: then nothing is bound, and `prior` holds what it
    was. Times are RFC 3339 in UTC.
    """

    kind: str
    account: str
    sid: str
    key: str
    applied: dict[str, Value]
    options: Options
    prior: dict[str, WireValue] = {}
    prior_at: str | None = None
    pending: dict[str, Value] | None = None
    normalised: dict[str, list[Value]] = {}
    left: dict[str, Value] = {}
    created: bool = False
    parent: str | None = None
    imported_at: str | None = None
    updated_at: str | None = None
    region: str | None = None
    children: dict[str, dict[str, dict[str, Value]]] = {}
    deleted: int = 0


class Change(msgspec.Struct, frozen=True):
    """One field of an action, before and after; in `takeover` the value that would be lost."""

    field: str
    before: WireValue
    after: WireValue


class RouteChange(msgspec.Struct, frozen=True):
    """How a call reaches an agent before and after, in words; `hidden` names what is set but without effect."""

    before: str
    after: str
    hidden: tuple[str, ...] = ()


class Action(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a plan with one verified outcome.

    `writes` are the canonical attributes it sets, `clears` wire fields it must send empty along with them,
    `restore` wire fields it sends as they are (`release`), `entry` what state holds once it is done (None: nothing
    any more), `after` the addresses whose own actions must have succeeded before. `resumes`: an earlier run had
    begun exactly this, and was stopped or refused on the way. `number_sid` is the number that a registration is about.
    `unhides`: it takes off a trunk or application that hides what a platform has just written; the entry after it is
    the one that was recorded when the platform had written.
    """

    address: str
    action: ActionName
    reason: Reason
    kind: str
    account: str
    sid: str | None = None
    changes: tuple[Change, ...] = ()
    takeover: tuple[Change, ...] = ()
    route: RouteChange | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None
    writes: dict[str, Value] = {}
    clears: tuple[str, ...] = ()
    restore: dict[str, WireValue] = {}
    entry: Entry | None = None
    parent: str | None = None
    number_sid: str | None = None
    after: tuple[str, ...] = ()
    resumes: bool = False
    unhides: bool = False
    note: str | None = None


class Credentials(msgspec.Struct, frozen=True):
    """How one Twilio account is reached. `sid` is the account's; `username` it or an API key; seconds for time-outs."""

    name: str
    sid: str
    username: str
    password: str
    region: str | None = None
    edge: str | None = None
    base_url: str | None = None

    def __repr__(self) -> str:
        return f"Credentials(name={self.name!r}, sid={self.sid!r}, password='***')"
