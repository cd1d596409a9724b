"""Children of managed trunks and lists that nobody here has declared: drift, and what a plan does about them; pure.

State records the complete set of children of a trunk or list. `key` is the one that declares children of this kind.

| key      | unlisted | the child appeared later            | the child is recorded, or nothing was recorded yet |
|----------|----------|-------------------------------------|----------------------------------------------------|
| declared | delete   | drift; `delete`                     | `delete`, a takeover                               |
| declared | keep     | drift; a warning, never written     | a warning, never written                           |
| absent   | any      | drift; a warning, never written     | watched: a change of it is drift                   |

A `delete` is also a takeover for a credential, whose password nobody can restore, and for what stands on a list that
something outside this project uses. State keeps what was deleted, and `undo` makes it again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.table import KINDS, list_watched_child_kinds, secret_fields
from reconciler.model.action import Action, Change, Reason
from reconciler.model.desired import Desired, Options
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Value
from reconciler.planning.decide.drift import Drifted, DriftedField
from reconciler.planning.decide.fields import diff_fields
from reconciler.planning.decide.problems import child_undeclared, children_disappeared
from reconciler.planning.identity.children import is_bound, select_deleted, without_deleted
from reconciler.planning.identity.named import Named
from reconciler.planning.identity.observed import Observed

Children = Mapping[str, Mapping[str, Mapping[str, Value]]]
"""What `Entry.children` holds."""
Below = dict[str, dict[str, Live]]
"""Parent → address → child."""

_ON_LISTS = frozenset(
    kind.name
    for kind in KINDS.values()
    if kind.parent in ("ip_access_control_list", "credential_list")
)


class ChildDecision(msgspec.Struct, frozen=True):
    """What is done about undeclared children: deletions with the children they delete, and what there is to report."""

    actions: tuple[Action, ...]
    deleted: Mapping[str, Live]
    warnings: tuple[Diagnostic, ...]


def find_undeclared(
    parents: Collection[str],
    declared: Collection[str],
    resources: Mapping[str, Entry],
    observed: Observed,
) -> Below:
    """The children of these parents that are neither declared nor bound."""
    found: Below = {}
    for address, live in observed.resources.items():
        parent = live.parent
        if (
            parent is None
            or parent not in parents
            or (parent, _kind(address)) not in observed.complete
        ):
            continue
        entry = resources.get(address)
        is_ours = address in declared or (entry is not None and not entry.deleted)
        if not is_ours and not KINDS[_kind(address)].singleton:
            found.setdefault(parent, {})[address] = live
    return found


def _deleted_sids(resources: Mapping[str, Entry]) -> dict[str, set[str]]:
    """Parent → the SIDs of the undeclared children that we have deleted."""
    found: dict[str, set[str]] = {}
    for entry in select_deleted(resources).values():
        found.setdefault(entry.parent or "", set()).add(entry.sid)
    return found


def _live_sids(observed: Observed) -> dict[str, set[str]]:
    """Parent → the SIDs of its children."""
    found: dict[str, set[str]] = {}
    for live in observed.resources.values():
        if live.parent is not None:
            found.setdefault(live.parent, set()).add(live.sid)
    return found


def _kind(address: str) -> str:
    return address.partition("/")[0]


def map_recorded_sids(
    kind: str,
    recorded: Mapping[str, Mapping[str, Value]],
    live: Iterable[Live],
    deleted: Collection[str] = (),
) -> dict[str, str]:
    """SID of each live child that was there when the set was recorded → the SID it had then.

    A child that was deleted and made again has another SID and the same attributes. `deleted` are the SIDs of what we
    have deleted since: what has one of them was put there once more.
    """
    rows = list(live)
    found = {row.sid: row.sid for row in rows if row.sid in recorded and row.sid not in deleted}
    left = {sid: attrs for sid, attrs in recorded.items() if sid not in found}
    if KINDS[kind].refers is not None:
        return found
    for row in rows:
        same = (
            next((sid for sid, attrs in left.items() if attrs == row.attrs), None)
            if row.sid not in found
            else None
        )
        if same is not None:
            found[row.sid] = same
            del left[same]
    return found


class ChildWatch:
    """The undeclared children of all declared parents, in one plan."""

    def __init__(
        self, desired: Sequence[Desired], resources: Mapping[str, Entry], observed: Observed
    ) -> None:
        self._resources = resources
        self._observed = observed
        self._parents = {want.address: want for want in desired if want.unlisted}
        declared = {want.address for want in desired}
        self._below = (
            find_undeclared(self._parents, declared, resources, observed) if self._parents else {}
        )
        self._deleted_sids = _deleted_sids(resources) if self._parents else {}
        self._live_sids = _live_sids(observed) if self._parents else {}

    def policy(self, parent: str | None, kind: str) -> str | None:
        """What becomes of undeclared children of this kind below this parent; None where that is not declared."""
        want = self._parents.get(parent or "")
        return want.unlisted.get(kind) if want is not None else None

    def decide(self) -> ChildDecision:
        """Decide about every undeclared child."""
        actions: list[Action] = []
        deleted: dict[str, Live] = {}
        warnings: list[Diagnostic] = []
        for parent, below in sorted(self._below.items()):
            want = self._parents[parent]
            for address, live in sorted(below.items()):
                policy = want.unlisted.get(_kind(address), "watch")
                if policy == "delete":
                    actions.append(self._removal(want, address, live))
                    deleted[address] = live
                elif policy == "keep" or not self._was_recorded(parent, address, live):
                    warnings.append(child_undeclared(want, address, _in_words(live)))
        return ChildDecision(tuple(actions), deleted, (*warnings, *self._gone()))

    def _removal(self, want: Desired, address: str, live: Live) -> Action:
        """Delete a child that nobody here has declared, after all creates below its parent."""
        before = self._resources.get(address)
        resumes = before is not None and bool(before.deleted) and before.sid == live.sid
        never = _kind(address) not in self._recorded(want.address)
        asks = never or self._was_recorded(want.address, address, live)
        asks = asks or bool(secret_fields(_kind(address))) or self._is_used_outside(want, address)
        return plan_removal(
            want,
            address,
            live,
            before,
            reason="drift",
            takeover=asks and not resumes,
            resumes=resumes,
        )

    def _recorded(self, parent: str) -> Children:
        """What state has recorded of the children of this very resource."""
        entry, live = self._resources.get(parent), self._observed.resources.get(parent)
        if entry is None or live is None or entry.sid != live.sid:
            return {}
        return entry.children

    def _was_recorded(self, parent: str, address: str, live: Live) -> bool:
        recorded = self._recorded(parent).get(_kind(address))
        return recorded is not None and live.sid in self._matched(parent, _kind(address), recorded)

    def _matched(
        self, parent: str, kind: str, recorded: Mapping[str, Mapping[str, Value]]
    ) -> dict[str, str]:
        below = [
            live for address, live in self._below.get(parent, {}).items() if _kind(address) == kind
        ]
        return map_recorded_sids(kind, recorded, below, self._deleted_sids.get(parent, ()))

    def _is_used_outside(self, want: Desired, address: str) -> bool:
        """Whether something outside this project uses the list, or whether that cannot be known."""
        live = self._observed.resources.get(want.address)
        if _kind(address) not in _ON_LISTS or live is None:
            return False
        domains = self._observed.domains
        return bool(domains.using.get(live.sid)) or want.profile.account in domains.unread

    def _gone(self) -> Iterator[Diagnostic]:
        """A warning for each parent that has lost children which nobody here had declared."""
        for parent, want in sorted(self._parents.items()):
            lost = [
                f"{kind} {_named(kind, attrs, sid)}"
                for kind, recorded in self._recorded(parent).items()
                if (parent, kind) in self._observed.complete
                for sid, attrs in self._lost(parent, kind, recorded).items()
            ]
            if lost:
                yield children_disappeared(want, sorted(lost))

    def _lost(
        self, parent: str, kind: str, recorded: Mapping[str, Mapping[str, Value]]
    ) -> dict[str, Mapping[str, Value]]:
        """What was recorded, is there no longer, and was not deleted by us."""
        there = {*self._matched(parent, kind, recorded).values()}
        there |= self._deleted_sids.get(parent, set()) | self._live_sids.get(parent, set())
        return {sid: attrs for sid, attrs in recorded.items() if sid not in there}

    def remove_imported(self, parent: str, address: str, live: Live) -> Action:
        """Delete a child that was there before it was imported and has been taken out of the declaration."""
        return plan_removal(
            self._parents[parent], address, live, None, reason="removed", takeover=True
        )

    def record_children(
        self, actions: Sequence[Action], refreshes: Mapping[str, Entry]
    ) -> tuple[list[Action], dict[str, Entry]]:
        """The same actions and refreshes, whose entries hold the complete set of undeclared children.

        Children that the plan forgets and leaves on Twilio belong to the set from then on.
        """
        forgets = (action.address for action in actions if action.action == "forget")
        records = self._records(
            {a: self._observed.resources[a] for a in forgets if a in self._observed.resources}
        )
        if not records:
            return list(actions), dict(refreshes)

        with_children: list[Action] = []
        for action in actions:
            entry, children = action.entry, records.get(action.address)
            if entry is not None and children is not None:
                action = msgspec.structs.replace(
                    action, entry=msgspec.structs.replace(entry, children=children)
                )
            with_children.append(action)

        written = {action.address for action in actions if action.entry is not None}
        learned = dict(refreshes)
        for address, children in records.items():
            known = learned.get(address, self._resources.get(address))
            if (
                address not in written
                and known is not None
                and known.sid
                and known.children != children
            ):
                learned[address] = msgspec.structs.replace(known, children=children)
        return with_children, learned

    def _records(
        self, forgotten: Mapping[str, Live]
    ) -> dict[str, dict[str, dict[str, dict[str, Value]]]]:
        """For each declared parent: what its entry records of its undeclared children once the plan is carried out."""
        found: dict[str, dict[str, dict[str, dict[str, Value]]]] = {}
        for parent, want in self._parents.items():
            recorded = self._recorded(parent)
            is_there = parent in self._observed.resources
            children: dict[str, dict[str, dict[str, Value]]] = {}
            for kind in (kind.name for kind in list_watched_child_kinds(want.kind)):
                if not is_there or (parent, kind) in self._observed.complete:
                    children[kind] = self._record(parent, kind, recorded.get(kind), forgotten)
                elif kind in recorded:  # not read this time: what is known of it stays
                    children[kind] = {sid: dict(attrs) for sid, attrs in recorded[kind].items()}
            found[parent] = children
        return found

    def _record(
        self,
        parent: str,
        kind: str,
        recorded: Mapping[str, Mapping[str, Value]] | None,
        forgotten: Mapping[str, Live],
    ) -> dict[str, dict[str, Value]]:
        below = {a: live for a, live in self._below.get(parent, {}).items() if _kind(a) == kind}
        left = [live for a, live in forgotten.items() if live.parent == parent and _kind(a) == kind]
        out = {live.sid: _kept(kind, live) for live in left}
        if recorded is None:
            return {**{live.sid: _kept(kind, live) for live in below.values()}, **out}

        matched = self._matched(parent, kind, recorded)
        out |= {sid: dict(recorded[was]) for sid, was in matched.items()}
        # What we have deleted ourselves stays recorded: state then needs no second write after the deletion.
        out |= {
            sid: dict(recorded[sid])
            for sid in self._deleted_sids.get(parent, ())
            if sid in recorded
        }
        return out


def _kept(kind: str, live: Live) -> dict[str, Value]:
    """What is recorded of a child; of the use of a list its SID says everything."""
    return dict(live.attrs) if KINDS[kind].refers is None else {}


def plan_removal(
    want: Desired,
    address: str,
    live: Live,
    before: Entry | None,
    *,
    reason: Reason,
    takeover: bool,
    resumes: bool = False,
) -> Action:
    """The deletion of a child; its entry keeps what it was, for `undo`. `before` is the entry of that address now."""
    kind = _kind(address)
    known = {name: value for name, value in live.attrs.items() if name not in secret_fields(kind)}
    shown = tuple(
        Change(c.field, c.after, None)
        for c in diff_fields(kind, {}, known)
        if c.after not in (None, "")
    )
    if KINDS[kind].refers is not None:
        known = {"list": live.sid}
    entry = Entry(
        kind=kind,
        account=live.account,
        sid=live.sid,
        key=live.key,
        last_applied={},
        options=Options(takeover=want.profile.options.takeover),
        prior={
            name: value
            for name, value in known.items()
            if isinstance(value, str | int | bool) and value != ""
        },
        parent=want.address,
        deleted=(before.deleted if before is not None else 0) + 1,
    )
    file, line, column = want.position
    return Action(
        address=address,
        action="delete",
        reason=reason,
        kind=kind,
        account=live.account,
        sid=live.sid,
        changes=shown,
        takeover=shown if takeover else (),
        file=file or None,
        line=line or None,
        column=column or None,
        entry=entry,
        parent=want.address,
        resume=resumes,
        note=f"not declared below {want.address}",
    )


def list_children(resources: Mapping[str, Entry], observed: Observed) -> Iterator[Named]:
    """Every child that a pattern may mean without being declared or bound: those that are there, and recorded ones."""
    for address, live in observed.resources.items():
        if live.parent is not None:
            yield Named(address, live.sid, None)

    for parent, entry in resources.items():
        for kind, recorded in entry.children.items():
            for sid, attrs in recorded.items():
                yield Named(
                    "/".join((kind, parent.partition("/")[2], _named(kind, attrs, sid))), sid, None
                )


def find_changes(
    desired: Sequence[Desired], resources: Mapping[str, Entry], observed: Observed
) -> list[Drifted]:
    """Every undeclared child that appeared since the set was recorded, changed, or is gone; in order of addresses."""
    parents = {
        a
        for a, e in without_deleted(resources).items()
        if is_bound(e) and a in observed.resources and list_watched_child_kinds(e.kind)
    }
    parents = {a for a in parents if resources[a].sid == observed.resources[a].sid}
    below = find_undeclared(parents, {want.address for want in desired}, resources, observed)
    deleted, there = _deleted_sids(resources), _live_sids(observed)
    found: list[Drifted] = []
    for parent in parents:
        own = below.get(parent, {})
        found += _drifted(
            parent,
            resources[parent],
            own,
            deleted.get(parent, set()),
            there.get(parent, set()),
            observed.complete,
        )
    return sorted(found, key=lambda drifted: drifted.address)


def _drifted(
    parent: str,
    entry: Entry,
    below: Mapping[str, Live],
    deleted: set[str],
    there: set[str],
    complete: Collection[tuple[str, str]],
) -> Iterator[Drifted]:
    for kind in list_watched_child_kinds(entry.kind):
        if (parent, kind.name) not in complete:
            continue
        recorded = entry.children.get(kind.name, {})
        live_ones = {a: live for a, live in below.items() if _kind(a) == kind.name}
        matched = map_recorded_sids(kind.name, recorded, live_ones.values(), deleted)
        for address, live in live_ones.items():
            was = recorded[matched[live.sid]] if live.sid in matched else None
            fields = _present() if was is None else _edited(kind.name, was, live)
            if fields:
                yield Drifted(address, live.account, live.sid, fields)

        for sid, attrs in recorded.items():
            if sid not in there and sid not in deleted and sid not in matched.values():
                address = "/".join(
                    (kind.name, parent.partition("/")[2], _named(kind.name, attrs, sid))
                )
                yield Drifted(address, entry.account, sid, (DriftedField("present", True, False),))


def _present() -> tuple[DriftedField, ...]:
    return (DriftedField("present", False, True),)


def _edited(kind: str, was: Mapping[str, Value], live: Live) -> tuple[DriftedField, ...]:
    now = {name: live.attrs.get(name) for name in was}
    return tuple(DriftedField(c.field, c.before, c.after) for c in diff_fields(kind, was, now))


def _named(kind: str, attrs: Mapping[str, Value], sid: str) -> str:
    """What a child that is gone was called: its key, as far as that was recorded."""
    if kind == "ip_address" and attrs:
        return f"{attrs.get('ip_address')}/{attrs.get('cidr_prefix_length')}"
    return str(attrs.get(KINDS[kind].key_field) or sid)


def _in_words(live: Live) -> str:
    """The values of the child, for a warning."""
    return (
        ", ".join(
            f"{name} {value}" for name, value in live.attrs.items() if value not in (None, "")
        )
        or live.sid
    )
