"""Find the writes of this project: the differences between two versions of its state, and the heals
that the state records; pure.

| between two versions the address      | write                                             |
|---------------------------------------|---------------------------------------------------|
| appears, and we created it            | `create`, `purchase` or `register`                |
| appears otherwise                     | `import`, then what it overwrote, before is prior |
| has a later `updated_at`              | its changed values, and what it put back          |
| has no later `updated_at`             | none, as a rule: the state was brought up to date |
| disappears                            | `release`, `delete`, `unregister` or `forget`     |
| has another name or kind, same SID    | only its changed values                           |

Commands that edit the state alone write nothing to Twilio, so their versions show no write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from reconciler.kinds.membership import MEMBERSHIP
from reconciler.kinds.number import canonical_routes
from reconciler.kinds.number_fields import BY_NAME, canonical_fields
from reconciler.kinds.platforms.table import is_agent_address
from reconciler.kinds.table import REGISTRATION
from reconciler.model.action import Change
from reconciler.model.address import NUMBER_KINDS
from reconciler.model.entry import Entry
from reconciler.model.heal import GONE, PRESENT, Heal
from reconciler.model.route import Value
from reconciler.planning.checks.secrecy import mask_all
from reconciler.planning.decide.fields import diff_fields, flatten
from reconciler.planning.log.entries import OwnWrite

Entries = Mapping[str, Entry]


class VersionStep(msgspec.Struct, frozen=True):
    """Two versions of a state, one after the other: when they were written, and by whom the newer
    one. `edits_state`: its command changed the state alone.
    """

    older: Entries
    newer: Entries
    since: str
    until: str
    by: str | None
    edits_state: bool = False


def find_own_writes(step: VersionStep) -> list[OwnWrite]:
    """Return the writes between two versions, in the order of addresses."""
    if step.edits_state:
        return []

    writes: list[OwnWrite] = []
    former_by_sid = _missing_by_sid(step.older, step.newer)
    present_sids = {entry.sid for entry in step.newer.values()}
    for address in sorted(step.older.keys() | step.newer.keys()):
        former, entry = step.older.get(address), step.newer.get(address)
        if entry is None:
            assert former is not None
            if former.sid and not former.deleted and former.sid not in present_sids:
                writes += _ends(address, former, step)
            continue

        former = former or former_by_sid.get(entry.sid)
        if former == entry:  # nearly all of 100,000 addresses
            continue
        if former is not None and entry.sid and not former.sid and entry.created:
            former = None  # an interrupted run was about to create it
        writes += _heals(address, former, entry, step)
        if former is None:
            writes += _beginnings(address, entry, step)
        else:
            writes += _updates(address, former, entry, step)
    return writes


def find_older_heals(entries: Entries, before: str) -> list[OwnWrite]:
    """Return the heals from before the oldest version that is kept, which its entries record."""
    step = VersionStep({}, entries, "", before, None)
    writes: list[OwnWrite] = []
    for address, entry in sorted(entries.items()):
        for write in _heals(address, None, entry, step):
            if write.time < before:
                writes.append(write)
    return writes


def _missing_by_sid(older: Entries, newer: Entries) -> dict[str, Entry]:
    """Return the entries whose address is gone, by SID: they may have another name now."""
    found: dict[str, Entry] = {}
    for address, entry in older.items():
        if entry.sid and address not in newer:
            found[entry.sid] = entry
    return found


def _beginnings(address: str, entry: Entry, step: VersionStep) -> Iterator[OwnWrite]:
    """Yield what happened to an address that is new in the state."""
    time = entry.updated_at or step.until
    if entry.deleted or (entry.created and not entry.sid):
        return
    is_number_on_platform = entry.kind == REGISTRATION and not is_agent_address(address)
    if entry.created or is_number_on_platform:
        action = "purchase" if entry.kind in NUMBER_KINDS else "create"
        if entry.kind == REGISTRATION:
            action = "register"
        yield _write(address, entry, action, _list_new_fields(entry), time, step)
        return

    yield _write(address, entry, "import", (), entry.imported_at or time, step)
    changes = diff_fields(entry.kind, _prior_attrs(entry), _own_values(entry))
    if changes and not entry.options.observe_only:
        action = _action_of(entry.kind, changes)
        yield _write(address, entry, action, changes, time, step)


def _updates(address: str, former: Entry, entry: Entry, step: VersionStep) -> Iterator[OwnWrite]:
    """Yield the write that changed the values of an address."""
    is_same_time = entry.updated_at == former.updated_at and former.pending is None
    healed = {heal.field for heal in _new_heals(former, entry)}
    if entry.options.observe_only:
        return

    # A conflict is one write: the heal has the value that was really there before.
    found: list[Change] = []
    for change in diff_fields(entry.kind, former.last_applied, _own_values(entry)):
        if change.field not in healed:
            found.append(change)
    changes = tuple(found)
    if changes:
        action = _action_of(entry.kind, changes)
        write = _write(address, entry, action, changes, entry.updated_at or step.until, step)
        yield msgspec.structs.replace(write, is_certain=False, is_doubtful=is_same_time)


def _ends(address: str, former: Entry, step: VersionStep) -> Iterator[OwnWrite]:
    """Yield what happened to an address that is not in the state any more."""
    if former.kind in NUMBER_KINDS:
        yield _write(address, former, "release", None, step.until, step)
    elif former.kind == REGISTRATION and not is_agent_address(address):
        yield _write(address, former, "unregister", (), step.until, step)
    else:
        action = "delete" if former.created else "forget"
        yield _write(address, former, action, (), step.until, step)


def _heals(
    address: str, former: Entry | None, entry: Entry, step: VersionStep
) -> Iterator[OwnWrite]:
    """Yield the drift that was put back, one write for all fields of one moment and action."""
    by_write: dict[tuple[str, str], list[Change]] = {}
    for heal in _new_heals(former, entry):
        change = Change(heal.field, heal.foreign, mask_all(heal.ours))
        action = _healing_action(entry.kind, change)
        by_write.setdefault((heal.time, action), []).append(change)

    for (time, action), changes in by_write.items():
        yield _write(address, entry, action, tuple(changes), time, step)


def _new_heals(former: Entry | None, entry: Entry) -> list[Heal]:
    known = former.healed if former is not None else ()
    return [heal for heal in entry.healed if heal not in known]


def _healing_action(kind: str, change: Change) -> str:
    if change.field == GONE:
        return "create"
    if change.field == PRESENT:
        return "delete"
    return _action_of(kind, (change,))


def _action_of(kind: str, changes: Sequence[Change]) -> str:
    """Return the action of plans that makes these changes."""
    if kind not in NUMBER_KINDS:
        return "update"
    fields = {change.field: change for change in changes}
    if fields.keys() == {"friendly_name"}:
        return "rename"
    if fields.keys() <= {MEMBERSHIP, *BY_NAME}:
        return "update"
    if "trunk" in fields:
        return "attach_trunk" if fields["trunk"].after else "detach_trunk"
    if any(name.endswith("_application") and fields[name].after for name in fields):
        return "set_application"
    return "overwrite_webhooks"


def _own_values(entry: Entry) -> dict[str, Value]:
    """Return the values that this project wrote itself: not those of a platform, and not what an
    interrupted run only meant to write.
    """
    foreign = {*entry.options.platform_written, *(entry.pending or ())}
    return {name: value for name, value in entry.last_applied.items() if name not in foreign}


def _prior_attrs(entry: Entry) -> dict[str, Value]:
    """Return the values from before the import, in the form of `last_applied`."""
    if entry.kind not in NUMBER_KINDS:
        return dict(entry.prior)
    attrs = canonical_routes(entry.prior, {})
    name = entry.prior.get("friendly_name")
    return {**attrs, **canonical_fields(entry.prior), "friendly_name": name}


def _list_new_fields(entry: Entry) -> tuple[Change, ...]:
    """Return the fields of a new resource."""
    changes: list[Change] = []
    for field, value in flatten(entry.kind, _own_values(entry)).items():
        if value not in (None, ""):
            changes.append(Change(field, None, value))
    return tuple(changes)


def _write(
    address: str,
    entry: Entry,
    action: str,
    changes: tuple[Change, ...] | None,
    time: str,
    step: VersionStep,
) -> OwnWrite:
    if changes is not None:
        changes = tuple(
            [Change(each.field, mask_all(each.before), mask_all(each.after)) for each in changes]
        )
    return OwnWrite(
        time=time,
        since=step.since,
        until=step.until,
        address=address,
        sid=entry.sid,
        action=action,
        changes=changes,
        by=step.by,
    )
