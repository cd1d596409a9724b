"""Make the content of a plan file."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from reconciler import __version__
from reconciler.config.project import Project, Secret
from reconciler.config.secrets.destinations import destinations_of
from reconciler.diagnostics import Diagnostic
from reconciler.kinds.table import secret_fields
from reconciler.model.action import Action
from reconciler.planning.checks.baseline_config import Baseline
from reconciler.planning.plan import Plan
from reconciler.state.format.document import State
from reconciler.state.plan_file import Origin, PlanFile


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
        fingerprints={
            address: wire for address, wire in plan.fingerprints.items() if address in touched
        },
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


def secret_writing_addresses(saved: PlanFile) -> frozenset[str]:
    """Return the addresses whose secrets an action of the plan writes, so that they must be
    readable.
    """
    return frozenset(action.address for action in saved.actions if secret_fingerprints(action))


def secret_fingerprints(action: Action) -> set[str]:
    """Return the fingerprints of the secrets that an action writes."""
    return {str(value) for name, value in action.set.items() if name in secret_fields(action.kind)}
