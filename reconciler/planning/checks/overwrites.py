"""List the drift that the actions of a plan overwrite, field by field, and the heals that state
records for it; pure.

| action                          | field                                            |
|---------------------------------|--------------------------------------------------|
| a write, reason drift, conflict | each field that drifted and that the action changes |
| a create, reason drift          | `sid`: somebody deleted the resource             |
| a delete, reason drift          | `present`: somebody added the child              |

A change that only the configuration makes is not in the list: the newest event of its field is our
own last write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from reconciler.kinds.table import secret_fields
from reconciler.model.action import Action
from reconciler.model.address import Address
from reconciler.model.entry import Entry
from reconciler.model.heal import GONE, PRESENT, Heal
from reconciler.model.route import WireValue
from reconciler.planning.checks.secrecy import mask_all
from reconciler.planning.decide.drift import Drifted, DriftedField, find_drift
from reconciler.planning.identity.observed import Observed
from reconciler.planning.plan import Plan


def find_overwritten(
    plan: Plan, recorded: Mapping[str, Entry], observed: Observed
) -> list[Drifted]:
    """Return the drift that the actions of a plan overwrite, in the order of addresses."""
    steps: dict[str, list[Action]] = {}
    for action in plan.actions:
        if action.overwrites_drift:
            steps.setdefault(action.address, []).append(action)

    # Most plans overwrite nothing: then no entry is compared.
    bound: dict[str, Entry] = {}
    found: list[Drifted] = []
    for address, actions in steps.items():
        first = actions[0]
        if first.action == "delete":
            appeared = (DriftedField(PRESENT, False, True),)
            found.append(Drifted(address, first.account, first.sid or "", appeared))
        elif address in recorded:
            bound[address] = recorded[address]

    for drifted in find_drift(bound, observed):
        fields = _select_changed(drifted, steps[drifted.address])
        if fields:
            found.append(msgspec.structs.replace(drifted, fields=fields))
    found.sort(key=lambda drifted: drifted.address)
    return [_add_place(drifted, steps[drifted.address][0]) for drifted in found]


def list_heals(
    drifted: Sequence[Drifted], actions: Sequence[Action]
) -> dict[str, tuple[Heal, ...]]:
    """Return the heals of these overwritten fields by address, without a time.

    Reports mask credentials in URLs, so the foreign value is kept without them.
    """
    ours: dict[tuple[str, str], WireValue] = {}
    for action in actions:
        for change in action.changes:
            ours[action.address, change.field] = change.after

    heals: dict[str, tuple[Heal, ...]] = {}
    for item in drifted:
        secret = secret_fields(Address.parse(item.address).kind)
        found: list[Heal] = []
        for field in item.fields:
            if field.field in secret:
                continue
            value = False if field.field == PRESENT else ours.get((item.address, field.field))
            found.append(Heal(field.field, mask_all(field.live), value, field.actor))
        heals[item.address] = tuple(found)
    return heals


def _select_changed(drifted: Drifted, actions: Sequence[Action]) -> tuple[DriftedField, ...]:
    """Return the drifted fields that these actions change."""
    changed = {GONE}
    for action in actions:
        changed.update([change.field for change in action.changes])
    return tuple([field for field in drifted.fields if field.field in changed])


def _add_place(drifted: Drifted, action: Action) -> Drifted:
    return msgspec.structs.replace(
        drifted, file=action.file, line=action.line, column=action.column
    )
