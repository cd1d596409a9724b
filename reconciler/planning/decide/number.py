"""Build the actions and entries that buy, import or align one phone number, once that is decided;
pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from reconciler.kinds.number_fields import OWN_NAMES
from reconciler.kinds.purchase import purchase_changes
from reconciler.model.action import Action, ActionName, Change, Reason
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.identity_map import IdentityMap
from reconciler.model.live import Live
from reconciler.model.route import Attrs, Value, Webhook, WireValue
from reconciler.planning.decide.compare import all_written_values, compare, prior_values
from reconciler.planning.decide.live_values import live_attrs
from reconciler.planning.decide.memberships import (
    find_membership_to_restore,
    keep_membership,
    without_membership,
)
from reconciler.planning.decide.number_steps import Write, list_writes
from reconciler.planning.decide.takeover import DEMO_HOST

_DEMO = f"https://{DEMO_HOST}/welcome"
_DELIVERED: Attrs = {
    "voice": Webhook(f"{_DEMO}/voice/"),
    "sms": Webhook(f"{_DEMO}/sms/reply/"),
    "status": None,
}
"""The values of a number that Twilio has just sold: its demo answers."""

WATCHED: Attrs = {"voice": None, "sms": None, "status": None}
"""The parts that are recorded of a number that is observe only."""


class Adoption(msgspec.Struct, frozen=True):
    """The part of an import that numbers share which are declared and configured alike.

    `have` are the live values, `prior` the raw fields that a release restores, `writes` the writes
    after the import.
    """

    have: dict[str, Value]
    prior: dict[str, WireValue]
    writes: tuple[Write, ...]


Adoptions = IdentityMap[Adoption]
"""Adoptions by kind, profile, and attributes and raw fields of the live number."""


def adopt(
    declared: Desired,
    live: Live,
    our_urls: Collection[str],
    former: Entry | None = None,
    adoptions: Adoptions | None = None,
) -> list[Action]:
    """Import a number that is not bound yet, then write what differs.

    `former` is the entry of the address that had it before (a number that became a bridge number
    keeps the values it had before either). `adoptions` are those of the numbers before it.
    """
    profile = declared.profile

    # Names and fields differ from number to number, and so do the values of a former entry: then
    # nothing is shared.
    is_alike = former is None and OWN_NAMES.isdisjoint(profile.attrs)
    is_shared = adoptions is not None and is_alike
    known = adoptions if adoptions is not None and is_shared else Adoptions()
    adoption = known.get(declared.kind, profile, live.attrs, live.wire)
    if adoption is None:
        adoption = _make_adoption(declared, live, our_urls, former)
        known.put(adoption, declared.kind, profile, live.attrs, live.wire)

    entry = Entry(
        kind=declared.kind,
        account=profile.account,
        sid=live.sid,
        key=live.key,
        last_applied=adoption.have,
        options=profile.options,
        prior=adoption.prior,
    )
    if former is not None:
        entry = _with_former_values(entry, former, declared)

    first = _make_action(declared, live, "import", "new", entry=entry)
    return [first, *_make_write_actions(declared, live, adoption.writes, "new", entry)]


def _with_former_values(entry: Entry, former: Entry, declared: Desired) -> Entry:
    """Return the entry with what we wrote under another address to parts that are not managed."""
    unmanaged = all_written_values(former)
    if not declared.profile.options.observe_only:
        for name in declared.profile.attrs:
            unmanaged.pop(name, None)
    return msgspec.structs.replace(entry, prior_at=former.prior_at, previously_managed=unmanaged)


def _make_adoption(
    declared: Desired, live: Live, our_urls: Collection[str], former: Entry | None
) -> Adoption:
    attrs = WATCHED if declared.profile.options.observe_only else declared.profile.attrs
    have = live_attrs(live, attrs)

    # What we wrote under another address is ours: it has the prior values of then.
    written = all_written_values(former) if former is not None else {}
    prior = prior_values(declared.kind, live, [name for name in attrs if name not in written])
    if former is not None:
        prior = {**prior, **former.prior}

    wanted: dict[str, Value] = {}
    fresh: set[str] = set()
    for name, value in declared.profile.attrs.items():
        if have[name] == value:
            continue
        wanted[name] = value
        if name not in written or written[name] != have[name]:
            fresh.add(name)

    writes = tuple(list_writes(declared.kind, live, wanted, fresh, our_urls))
    return Adoption(have, prior, writes)


def buy(declared: Desired, our_urls: Collection[str]) -> list[Action]:
    """Buy a number, then overwrite the initial values that Twilio sets."""
    profile = declared.profile
    delivered: dict[str, Value] = {}
    for name, value in profile.attrs.items():
        if name in _DELIVERED and _DELIVERED[name] == value:
            delivered[name] = value

    entry = Entry(
        kind=declared.kind,
        account=profile.account,
        sid="",
        key=declared.key,
        last_applied=delivered,
        options=profile.options,
        created=True,
    )
    live = Live("", declared.key, profile.account, {}, _DELIVERED)
    changes = purchase_changes(declared.key, profile.purchase)
    first = _make_action(declared, live, "purchase", "new", entry=entry, changes=changes)

    # Every declared value is written: a number may be delivered with others.
    writes = list_writes(declared.kind, live, dict(profile.attrs), frozenset(), our_urls)
    return [first, *_make_write_actions(declared, live, writes, "new", entry)]


def align(
    declared: Desired, entry: Entry, live: Live, our_urls: Collection[str]
) -> tuple[list[Action], Entry | None]:
    """Return the writes that a bound number needs, and the entry that state records before them."""
    # An observe-only number agrees with whatever it shows.
    if declared.profile.options.observe_only:
        profile = msgspec.structs.replace(declared.profile, attrs=live_attrs(live, WATCHED))
        declared = msgspec.structs.replace(declared, profile=profile)

    found = compare(declared, entry, live)
    undeclared = find_membership_to_restore(declared, entry, live)
    if not found.wanted and not undeclared:
        return [], None if found.base == entry else found.base

    # The membership stays recorded until the step that ends it: a run may die before that.
    base = keep_membership(found.base, entry) if undeclared else found.base
    actions: list[Action] = []
    wanted = {**found.wanted, **undeclared}
    reason: Reason = found.reason if found.wanted else "config"
    writes = list_writes(declared.kind, live, wanted, found.fresh, our_urls)
    for action in _make_write_actions(declared, live, writes, reason, base):
        if action.set.keys() & undeclared.keys() and action.entry is not None:
            action = msgspec.structs.replace(action, entry=without_membership(action.entry))
        resumes = found.resumes and not undeclared
        actions.append(msgspec.structs.replace(action, resume=resumes))
    return actions, base if found.resolved else None


def _make_write_actions(
    declared: Desired, live: Live, writes: Iterable[Write], reason: Reason, entry: Entry
) -> list[Action]:
    """Return the writes for this very number, each with the entry as it is after it."""
    actions: list[Action] = []
    for write in writes:
        applied = {**entry.last_applied, **write.step.effect}
        entry = msgspec.structs.replace(entry, last_applied=applied)
        action = _make_action(declared, live, write.step.name, reason, entry=entry, write=write)
        actions.append(action)
    return actions


def _make_action(
    declared: Desired,
    live: Live,
    name: ActionName,
    reason: Reason,
    *,
    entry: Entry,
    write: Write | None = None,
    changes: tuple[Change, ...] = (),
) -> Action:
    file, line, column = declared.position

    # An import or a purchase writes no attribute.
    return Action(
        address=f"{declared.kind}/{live.key}",
        action=name,
        reason=reason,
        kind=declared.kind,
        account=declared.profile.account,
        sid=live.sid,
        changes=write.changes if write else changes,
        takeover=write.takeover if write else (),
        route=write.route if write else None,
        file=file,
        line=line,
        column=column,
        set=write.step.writes if write else {},
        unset=write.step.clears if write else (),
        entry=entry,
        depends_on=write.depends_on if write else (),
        note=write.note if write else None,
    )
