"""Define `Action`, one step of a plan, with `Change` and `RouteChange`, and the sets of action
names that add, create, release or remove; executes nothing.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from reconciler.model.actor import Actor
from reconciler.model.entry import Entry
from reconciler.model.route import Value, WireValue

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

ADDITIONS: frozenset[ActionName] = frozenset({"import", "create", "register", "purchase"})
"""Actions after which a resource is managed that was not managed before."""

CREATIONS: frozenset[ActionName] = frozenset({"create", "register"})
"""Additions that make a resource which does not exist yet, free of charge."""

RELEASES: frozenset[ActionName] = frozenset({"release", "restore_webhooks", "forget"})
"""Removals that leave the resource in its account: the only ones that a number can have."""

REMOVALS: frozenset[ActionName] = RELEASES | {"delete", "unregister"}
"""Actions of a resource that is managed no longer; each is the last of its address, or leads to the
last.
"""

Reason = Literal["new", "config", "drift", "conflict", "removed"]


class Change(msgspec.Struct, frozen=True):
    """One field of an action, before and after; in `takeover`, `before` is the value that would be
    lost.

    In documents of plans, `actor` has set the value before, null where that is not known; it is
    absent from changes that only the configuration makes.
    """

    field: str
    before: WireValue
    after: WireValue
    actor: Actor | msgspec.UnsetType | None = msgspec.UNSET


class RouteChange(msgspec.Struct, frozen=True):
    """The route of a call before and after, in words; `hidden` lists settings without effect."""

    before: str
    after: str
    hidden: tuple[str, ...] = ()


class Action(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
):
    """One step of a plan with one verified outcome.

    `set` are the canonical attributes that it sets, `unset` the wire fields that it sends empty
    with them,
    `restore` the wire fields that it sends unchanged (`release`). `entry` is the state's entry
    afterwards (None: no entry). `depends_on` are addresses whose own actions must succeed first.
    `resume`: an earlier run began exactly this action and was stopped or refused. `number_sid` is
    the number of a registration. `unhides`: it removes a trunk or application that hides the values
    a platform has just written; its entry is the one recorded after the platform's write. `joins`:
    it is one of the writes that put the number on the trunk that leads to a platform, which has
    registered the number first.
    `agent_before` is the recorded agent where the entry has another one; "" for none.
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
    set: dict[str, Value] = {}
    unset: tuple[str, ...] = ()
    restore: dict[str, WireValue] = {}
    entry: Entry | None = None
    parent: str | None = None
    number_sid: str | None = None
    depends_on: tuple[str, ...] = ()
    resume: bool = False
    unhides: bool = False
    joins: bool = False
    note: str | None = None
    agent_before: str | None = None

    @property
    def adds(self) -> bool:
        """Return whether a resource is managed from this action on."""
        return self.action in ADDITIONS

    @property
    def creates(self) -> bool:
        """Return whether it makes a resource that must not exist yet."""
        return self.action in CREATIONS

    @property
    def releases(self) -> bool:
        """Return whether it ends the management of a resource that stays in its account."""
        return self.action in RELEASES

    @property
    def removes(self) -> bool:
        """Return whether it ends the management of a resource."""
        return self.action in REMOVALS

    @property
    def waits_midway(self) -> bool:
        """Return whether it waits for the registration of its number, which itself waits for the
        earlier actions of the number.
        """
        return self.unhides or self.joins

    @property
    def overwrites_drift(self) -> bool:
        """Return whether it overwrites what somebody else has changed since the last apply."""
        return self.reason in ("drift", "conflict")
