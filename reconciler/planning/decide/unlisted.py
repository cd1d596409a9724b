"""Decide about the undeclared children of managed trunks and lists, and record their complete set;
pure.

State records the complete set of children of a trunk or list. `key` is the one that declares
children of this kind.

| key      | unlisted | the child appeared later            | the child is recorded, or nothing was recorded yet |
|----------|----------|-------------------------------------|----------------------------------------------------|
| declared | delete   | drift; `delete`                     | `delete`, a takeover                               |
| declared | keep     | drift; a warning, never written     | a warning, never written                           |
| absent   | any      | drift; a warning, never written     | watched: a change of it is drift                   |

A `delete` is also a takeover for a credential, whose password cannot be restored, and for an entry
of a list that something outside this project uses. The state keeps the deleted child, and `undo`
creates it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.table import KINDS, list_watched_child_kinds, secret_fields
from reconciler.model.action import Action
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Value
from reconciler.planning.decide.child_removal import plan_removal
from reconciler.planning.decide.child_sets import (
    Below,
    Children,
    ChildSet,
    child_label,
    find_undeclared,
    index_deleted_sids,
    index_live_sids,
    map_recorded_sids,
)
from reconciler.planning.decide.problems import child_undeclared, children_disappeared
from reconciler.planning.decision import Decision
from reconciler.planning.identity.observed import Observed

_ChildRecord = dict[str, dict[str, dict[str, Value]]]

_ON_LISTS = frozenset(
    kind.name
    for kind in KINDS.values()
    if kind.parent in ("ip_access_control_list", "credential_list")
)


class ChildWatch:
    """The undeclared children of all declared parents, in one plan."""

    def __init__(
        self, desired: Sequence[Desired], resources: Mapping[str, Entry], observed: Observed
    ) -> None:
        self._resources = resources
        self._observed = observed
        self._parents: dict[str, Desired] = {}
        for declared in desired:
            if declared.unlisted:
                self._parents[declared.address] = declared

        # Most configurations declare no parents: then no resource is looked at.
        self._below: Below = {}
        self._deleted_sids: dict[str, set[str]] = {}
        self._live_sids: dict[str, set[str]] = {}
        if self._parents:
            declared_addresses = {declared.address for declared in desired}
            self._below = find_undeclared(self._parents, declared_addresses, resources, observed)
            self._deleted_sids = index_deleted_sids(resources)
            self._live_sids = index_live_sids(observed)

    def policy(self, parent: str | None, kind: str) -> str | None:
        """Return the policy for undeclared children of this kind below this parent; None where none
        is declared.
        """
        declared = self._parents.get(parent or "")
        return declared.unlisted.get(kind) if declared is not None else None

    def decide(self) -> Decision:
        """Decide about every undeclared child."""
        actions: list[Action] = []
        deleted: dict[str, Live] = {}
        warnings: list[Diagnostic] = []
        for parent, below in sorted(self._below.items()):
            declared = self._parents[parent]
            for address, live in sorted(below.items()):
                policy = declared.unlisted.get(Address.parse(address).kind, "watch")
                if policy == "delete":
                    actions.append(self._removal(declared, address, live))
                    deleted[address] = live
                elif policy == "keep" or not self._was_recorded(parent, address, live):
                    warnings.append(child_undeclared(declared, address, _list_values(live)))

        warnings += self._warn_of_disappeared()
        return Decision(tuple(actions), diagnostics=tuple(warnings), touched=deleted)

    def _removal(self, declared: Desired, address: str, live: Live) -> Action:
        """Delete an undeclared child, after all creates below its parent."""
        before = self._resources.get(address)
        resumes = before is not None and bool(before.deleted) and before.sid == live.sid

        # Consent is needed for a child that may have been there before us, for one that cannot be
        # made again, and for one that others rely on. A child that appeared since the set was
        # recorded is drift.
        kind = Address.parse(address).kind
        takeover = (
            kind not in self._find_recorded(declared.address)
            or self._was_recorded(declared.address, address, live)
            or bool(secret_fields(kind))
            or self._is_used_outside(declared, address)
        )
        return plan_removal(
            declared,
            address,
            live,
            before,
            reason="drift",
            takeover=takeover and not resumes,
            resumes=resumes,
        )

    def _find_recorded(self, parent: str) -> Children:
        """Return what state has recorded of the children of the live resource at this address."""
        entry, live = self._resources.get(parent), self._observed.resources.get(parent)
        if entry is None or live is None or entry.sid != live.sid:
            return {}
        return entry.children

    def _was_recorded(self, parent: str, address: str, live: Live) -> bool:
        kind = Address.parse(address).kind
        recorded = self._find_recorded(parent).get(kind)
        return recorded is not None and live.sid in self._match(parent, kind, recorded)

    def _match(self, parent: str, kind: str, recorded: ChildSet) -> dict[str, str]:
        below = self._live_below(parent, kind)
        return map_recorded_sids(kind, recorded, below, self._deleted_sids.get(parent, ()))

    def _live_below(self, parent: str, kind: str) -> list[Live]:
        """Return the undeclared live children of one kind below a parent."""
        children = self._below.get(parent, {})
        return [live for address, live in children.items() if Address.parse(address).kind == kind]

    def _is_used_outside(self, declared: Desired, address: str) -> bool:
        """Return whether something outside this project uses the list, also where that could not be
        read.
        """
        live = self._observed.resources.get(declared.address)
        if Address.parse(address).kind not in _ON_LISTS or live is None:
            return False
        domains = self._observed.domains
        return bool(domains.using.get(live.sid)) or declared.profile.account in domains.unread

    def _warn_of_disappeared(self) -> Iterator[Diagnostic]:
        """Yield a warning for each parent that has lost undeclared children."""
        for parent, declared in sorted(self._parents.items()):
            labels: list[str] = []
            for kind, recorded in self._find_recorded(parent).items():
                if (parent, kind) not in self._observed.complete:
                    continue
                present = self._present_sids(parent, kind, recorded)
                for sid, attrs in recorded.items():
                    if sid not in present:
                        labels.append(f"{kind} {child_label(kind, attrs, sid)}")

            if labels:
                yield children_disappeared(declared, sorted(labels))

    def _present_sids(self, parent: str, kind: str, recorded: ChildSet) -> set[str]:
        """Return the recorded SIDs of children that exist, and of those that we have deleted
        ourselves.
        """
        matched = set(self._match(parent, kind, recorded).values())
        deleted = self._deleted_sids.get(parent, set())
        return matched | deleted | self._live_sids.get(parent, set())

    def remove_imported(self, parent: str, address: str, live: Live) -> Action:
        """Delete a child that was there before it was imported and has been taken out of the
        declaration.
        """
        return plan_removal(
            self._parents[parent], address, live, None, reason="removed", takeover=True
        )

    def record_children(
        self, actions: Sequence[Action], refreshes: Mapping[str, Entry]
    ) -> tuple[list[Action], dict[str, Entry]]:
        """Return the actions and state updates with entries that hold the complete set of
        undeclared children.

        Children that the plan forgets and leaves on Twilio belong to the set from then on.
        """
        forgotten: dict[str, Live] = {}
        for action in actions:
            if action.action == "forget" and action.address in self._observed.resources:
                forgotten[action.address] = self._observed.resources[action.address]

        records = self._build_records(forgotten)
        if not records:
            return list(actions), dict(refreshes)

        with_children: list[Action] = []
        for action in actions:
            entry, children = action.entry, records.get(action.address)
            if entry is not None and children is not None:
                entry = msgspec.structs.replace(entry, children=children)
                action = msgspec.structs.replace(action, entry=entry)
            with_children.append(action)

        # A set that changed below a parent without an action is an update of the state alone.
        written = {action.address for action in actions if action.entry is not None}
        updates = dict(refreshes)
        for address, children in records.items():
            known = updates.get(address, self._resources.get(address))
            if known is None or not known.sid or address in written:
                continue
            if known.children != children:
                updates[address] = msgspec.structs.replace(known, children=children)
        return with_children, updates

    def _build_records(self, forgotten: Mapping[str, Live]) -> dict[str, _ChildRecord]:
        """Map each declared parent to the children that its entry records after the plan."""
        found: dict[str, _ChildRecord] = {}
        for parent, declared in self._parents.items():
            recorded = self._find_recorded(parent)
            is_live = parent in self._observed.resources
            children: _ChildRecord = {}
            for child_kind in list_watched_child_kinds(declared.kind):
                kind = child_kind.name
                if not is_live or (parent, kind) in self._observed.complete:
                    children[kind] = self._record_kind(parent, kind, recorded.get(kind), forgotten)
                elif kind in recorded:  # not read this time: the recorded set stays
                    children[kind] = {sid: dict(attrs) for sid, attrs in recorded[kind].items()}
            found[parent] = children
        return found

    def _record_kind(
        self,
        parent: str,
        kind: str,
        recorded: ChildSet | None,
        forgotten: Mapping[str, Live],
    ) -> dict[str, dict[str, Value]]:
        """Return the set of one kind: SID → attributes."""
        out: dict[str, dict[str, Value]] = {}
        for address, live in forgotten.items():
            if live.parent == parent and Address.parse(address).kind == kind:
                out[live.sid] = _attrs_to_record(kind, live)

        # The first time every child is recorded as it is.
        if recorded is None:
            found = {
                live.sid: _attrs_to_record(kind, live) for live in self._live_below(parent, kind)
            }
            return {**found, **out}

        # Later, what was recorded stays: a change of it remains drift until somebody declares it.
        for sid, recorded_sid in self._match(parent, kind, recorded).items():
            out[sid] = dict(recorded[recorded_sid])

        # What we have deleted ourselves stays recorded: state then needs no second write after the
        # deletion.
        for sid in self._deleted_sids.get(parent, ()):
            if sid in recorded:
                out[sid] = dict(recorded[sid])
        return out


def _attrs_to_record(kind: str, live: Live) -> dict[str, Value]:
    """Return what is recorded of a child; the use of a list is identified by its SID alone."""
    return dict(live.attrs) if KINDS[kind].refers is None else {}


def _list_values(live: Live) -> str:
    """Return the values of the child for a warning; its SID where it has none."""
    values: list[str] = []
    for name, value in live.attrs.items():
        if value not in (None, ""):
            values.append(f"{name} {value}")
    return ", ".join(values) or live.sid
