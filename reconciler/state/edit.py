"""Return the resources of a state with one renamed or some removed, check a pushed state, and list
the changes between two; reads and writes nothing.

| change | keeps                                                                        |
|--------|------------------------------------------------------------------------------|
| `move` | what hangs below the resource, and who refers to it by its name              |
| `drop` | who refers to a trunk that is forgotten: by its SID from then on             |
| `push` | the history: a document from outside becomes the next version                |
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from reconciler.config.sections.checks import NAME
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError, Refused
from reconciler.kinds.table import KINDS, NUMBER_KINDS
from reconciler.model.address import Address
from reconciler.model.entry import Entry
from reconciler.planning.decide.problems import removal_protected
from reconciler.planning.identity.match import names_to_sids
from reconciler.planning.identity.moved import rename_entries
from reconciler.planning.order import ROUTE_SID_FIELDS
from reconciler.state.format.document import State, empty_state

Resources = Mapping[str, Entry]


def move(resources: Resources, source: str, target: str) -> Resources:
    """Return the resources with one under a new address. Raises ReconcilerError when it cannot have
    that.
    """
    entry = resources[source]
    if entry.kind in NUMBER_KINDS or entry.parent is not None:
        reason = f"it moves with {entry.parent}"
        if entry.kind in NUMBER_KINDS:
            reason = "a number's address is the number"
        raise _no_move(source, f"{source} cannot have another address: {reason}.")

    kind, name = Address.parse(target)
    if kind != entry.kind or kind not in KINDS or not re.fullmatch(NAME, name):
        raise _no_move(
            source, f"{target} is no address of a {entry.kind}: write {entry.kind}/NAME."
        )

    if target in resources:
        raise _no_move(
            source,
            f"The state already records {target}, as {resources[target].sid}. Remove that one first.",
        )
    return rename_entries(resources, {source: target})


def drop(resources: Resources, addresses: Sequence[str]) -> Resources:
    """Return the resources without these and what is below them. Raises Refused when one of them is
    protected.
    """
    dropped: dict[str, Entry] = {}
    remaining: dict[str, Entry] = {}
    for address, entry in resources.items():
        if address in addresses or entry.parent in addresses:
            dropped[address] = entry
        else:
            remaining[address] = entry

    refusals: list[Diagnostic] = []
    for address in sorted(dropped):
        if dropped[address].options.protect:
            refusals.append(removal_protected(address, "nothing was removed from state"))
    if refusals:
        raise Refused(*refusals)

    # A number that is attached to a trunk, an application or a service names it; without its entry only the SID is known.
    sids: dict[str, str] = {}
    for address, entry in dropped.items():
        if entry.kind in ROUTE_SID_FIELDS and entry.sid:
            sids[address] = f"{entry.kind}/{entry.sid}"
    if not sids:
        return remaining
    return {address: names_to_sids(entry, sids) for address, entry in remaining.items()}


def check_push(present: State, pushed: State) -> None:
    """Raise Refused unless `pushed` continues the present state, and still protects what that
    protects.
    """
    if present.version.is_same(empty_state(present.project).version):
        return

    if pushed.lineage != present.lineage:
        raise _no_push(
            f"it is of another history (lineage {pushed.lineage}) than the state ({present.lineage})"
        )
    if pushed.serial < present.serial:
        raise _no_push(
            f"it is serial {pushed.serial}, and the state is at serial {present.serial} by now"
        )
    if present.journal_records:
        raise _no_push(
            "a run was interrupted, and its journal is not in a version yet: run apply first"
        )

    # A file must not remove what the state protects, nor the protection.
    cure = "declare it with `protect: false`, apply, and pull again; `--force` accepts the file unchanged."
    undone = "the file forgets it, or its protection, and was not taken"
    refusals: list[Diagnostic] = []
    for address, entry in sorted(present.resources.items()):
        if entry.options.protect and not _protects(pushed.resources.get(address), entry):
            refusals.append(removal_protected(address, undone, cure))
    if refusals:
        raise Refused(*refusals)


def list_changed(before: Resources, after: Resources) -> dict[str, str]:
    """Return the differences by address: `added`, `removed` or `changed`."""
    changes = {address: "removed" for address in before if address not in after}
    for address, entry in after.items():
        if address not in before:
            changes[address] = "added"
        elif before[address] != entry:
            changes[address] = "changed"
    return dict(sorted(changes.items()))


def with_resources(state: State, resources: Resources) -> State:
    """Return the same version with other resources, to be saved as the next one."""
    return msgspec.structs.replace(state, resources=dict(resources))


def _protects(entry: Entry | None, before: Entry) -> bool:
    return (
        entry is not None
        and entry.options.protect
        and (entry.account, entry.sid) == (before.account, before.sid)
    )


def _no_move(address: str, detail: str) -> ReconcilerError:
    return ReconcilerError(
        Diagnostic(
            code="invalid_move",
            summary="Invalid target address",
            detail=detail,
            address=address,
        )
    )


def _no_push(reason: str) -> Refused:
    detail = (
        f"The file does not continue the state: {reason}. Pull again and repeat your change; `--force` takes the file "
        "as it is, and the version that it replaces stays in the history."
    )
    return Refused(Diagnostic(code="push_refused", summary="The state has moved on", detail=detail))
