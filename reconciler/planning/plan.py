"""Define the value `Plan`: actions, state updates and diagnostics, and what it was made from."""

from __future__ import annotations

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.model.action import Action
from reconciler.model.desired import Money
from reconciler.model.entry import Entry
from reconciler.model.heal import Heal
from reconciler.model.route import WireValue

UNREAD = frozenset({"account_unread", "registration_unread"})
"""Codes of errors about what could not be read: they do not stop an apply of the rest."""


class Plan(msgspec.Struct, frozen=True):
    """The actions of a plan, and what it was made from.

    `state_updates` are entries that only the state records; nothing is written for them. `bound`
    counts bound resources by kind, `unmanaged` the undeclared numbers. `fingerprints` are
    the raw live fields, by address, of everything the plan touches; `renames` lead from old
    addresses to new ones (see `planning.identity.moved`); `excluded` counts the resources that
    would change and that `--target` or `--exclude` leave out. `prices` are those of the numbers to
    be bought, by address, as far as they are known; `unread` the accounts that could not be read.
    `heals` are the foreign values that the actions overwrite, by address, with their actors.
    """

    actions: tuple[Action, ...]
    state_updates: dict[str, Entry]
    diagnostics: tuple[Diagnostic, ...]
    bound: dict[str, int]
    unmanaged: int
    fingerprints: dict[str, dict[str, WireValue]]
    renames: dict[str, str] = {}
    excluded: int = 0
    prices: dict[str, Money] = {}
    unread: tuple[str, ...] = ()
    heals: dict[str, tuple[Heal, ...]] = {}
