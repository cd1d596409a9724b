"""Return the content of a plan file, with the digest and fingerprints that later show whether it is
stale; list the secrets that it writes. Write no file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from reconciler.config.project import Project, Secret
from reconciler.config.secrets.destinations import destinations_of
from reconciler.diagnostics import Diagnostic
from reconciler.kinds.table import secret_fields
from reconciler.model.action import Action
from reconciler.model.route import WireValue
from reconciler.planning.checks.baseline_config import Baseline
from reconciler.planning.plan import Plan
from reconciler.planning.staleness import add_wire_names, list_written_fields
from reconciler.state.format.document import State
from reconciler.state.plan_file import Origin, PlanFile
from reconciler.version import __version__


def make_saved_plan(
    plan: Plan,
    project: Project,
    state: State,
    created_at: str,
    selection: tuple[Sequence[str], Sequence[str]],
    notes: Sequence[Diagnostic],
    baseline: Baseline | None = None,
    would_refuse: Sequence[str] = (),
    origin: Origin | None = None,
) -> PlanFile:
    """Return a plan with the version of the state, the digest of the configuration and the
    fingerprints of its resources.

    `selection` is what `--target` and `--exclude` named; `origin` is the command that made the
    plan.
    """
    targets, excludes = selection
    touched = {action.address for action in plan.actions}

    return PlanFile(
        project=project.name,
        created_at=created_at,
        tool_version=__version__,
        lineage=state.lineage,
        serial=state.serial,
        journal_records=state.journal_records,
        config_digest=project.digest,
        fingerprints=_managed_fingerprints(plan),
        actions=list(plan.actions),
        state_updates=plan.state_updates,
        bound=plan.bound,
        unmanaged=plan.unmanaged,
        diagnostics=[*notes, *plan.diagnostics],
        origin=origin or Origin(),
        targets=list(targets),
        excludes=list(excludes),
        references=references_of(project, touched),
        renames=dict(plan.renames),
        baseline=baseline,
        would_refuse=list(would_refuse),
        state=project.state,
        destinations=list(destinations_of(project)),
    )


def _managed_fingerprints(plan: Plan) -> dict[str, dict[str, WireValue]]:
    """Return the live fields, by address, whose change makes the plan stale.

    These are the managed ones and those that an action changes: what somebody else does with the
    others does not concern the plan.
    """
    managed: dict[str, set[str] | None] = {}
    for action in plan.actions:
        fields, more = managed.get(action.address, set()), _managed_fields(action)
        managed[action.address] = None if fields is None or more is None else fields | more

    found: dict[str, dict[str, WireValue]] = {}
    for address, wire in plan.fingerprints.items():
        if address not in managed:
            continue
        fields = managed[address]
        if fields is None:
            found[address] = wire
            continue
        found[address] = {name: wire[name] for name in wire if name == "sid" or name in fields}
    return found


def _managed_fields(action: Action) -> set[str] | None:
    """Return the live fields that an action depends on; None for all of them.

    A deletion loses everything, so it depends on everything.
    """
    written = list_written_fields(action)
    if written is None or action.entry is None:
        return written
    return written | add_wire_names(action.kind, set(action.entry.last_applied))


def references_of(project: Project, addresses: Collection[str]) -> dict[str, dict[str, str]]:
    """Return the references of the secrets of these addresses, by address and field, as a digest
    contains them.
    """
    references = {}
    for address, fields in project.secrets.items():
        if address in addresses:
            references[address] = {
                field: _reference_text(reference) for field, reference in fields.items()
            }
    return references


def _reference_text(reference: Secret) -> str:
    return f"env:{reference.env}" if reference.env else f"file:{reference.file}"


def empty_plan(plan: Plan) -> Plan:
    """Return the plan without actions, state updates and diagnostics."""
    return msgspec.structs.replace(
        plan, actions=(), state_updates={}, diagnostics=(), fingerprints={}, renames={}
    )


def secret_writing_addresses(plans: Iterable[PlanFile]) -> frozenset[str]:
    """Return the addresses whose secrets an action of these plans writes, so that they must be
    readable.
    """
    addresses = set()
    for plan in plans:
        for action in plan.actions:
            if secret_fingerprints(action):
                addresses.add(action.address)
    return frozenset(addresses)


def secret_fingerprints(action: Action) -> set[str]:
    """Return the fingerprints of the secrets that an action writes."""
    return {str(value) for name, value in action.set.items() if name in secret_fields(action.kind)}
