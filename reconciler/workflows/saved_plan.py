"""Make the content of a plan file, and find what has changed since a plan was saved."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from reconciler import __version__
from reconciler.config.project import Project, Secret
from reconciler.config.secrets.destinations import destinations_of
from reconciler.diagnostics import Diagnostic
from reconciler.kinds.table import NUMBER_KINDS, secret_fields
from reconciler.model.action import Action
from reconciler.model.live import Live
from reconciler.model.route import Wire
from reconciler.planning.checks.baseline_config import Baseline
from reconciler.planning.decide.drift import Drifted
from reconciler.planning.identity.observed import Observed
from reconciler.planning.plan import Plan
from reconciler.planning.planner import fingerprint
from reconciler.planning.staleness import (
    base_moved,
    find_moved_resources,
    find_new_resources,
    find_other_secrets,
    list_edits,
)
from reconciler.state import plan_file
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


Attribution = Callable[[Sequence[Drifted]], Sequence[Drifted]]
"""Add the actor to changes, as far as the event log of Twilio has it."""


LastCommit = Callable[[], str | None]
"""Return the last commit of the configuration and its author, as far as git has them."""


def find_moved_bases(
    saved: PlanFile, project: Project, state: State | None, last_commit: LastCommit = lambda: None
) -> list[Diagnostic]:
    """Find which of project, configuration and version of the state have changed since the plan was
    saved.
    """
    moved = []
    if saved.project != project.name:
        moved.append(base_moved("project", saved.project, project.name, None))
    if saved.config_digest != project.digest:
        moved.append(
            base_moved("configuration", saved.config_digest, project.digest, last_commit())
        )
    of_state = plan_file.find_state_change(saved, state)
    return [*moved, of_state] if of_state is not None else moved


def find_staleness(
    saved: PlanFile,
    project: Project,
    state: State,
    observed: Observed,
    secrets: Collection[str] = (),
    attribute: Attribution = lambda moved: moved,
    last_commit: LastCommit = lambda: None,
) -> list[Diagnostic]:
    """Find everything that has changed since the plan was saved; empty when it may be applied.

    `secrets` are the fingerprints of all secrets as they are now.
    """
    moved = find_moved_bases(saved, project, state, last_commit)
    if moved:
        return moved

    # Live values that were edited meanwhile, with the person who edited them.
    live = _live_fingerprints(saved, observed)
    accounts = {action.address: action.account for action in saved.actions}
    edits = attribute(list_edits(saved.fingerprints, live, accounts))
    actors = {edit.address: edit.actor for edit in edits}

    # Secrets that have another value now, and resources that exist now and would be created twice.
    other_secrets, existing = [], []
    for action in saved.actions:
        if _secret_fingerprints(action) - set(secrets):
            other_secrets.append(action.address)
        if action.creates and action.address in observed.resources:
            existing.append(action.address)

    return [
        *find_moved_resources(saved.fingerprints, live, actors),
        *find_other_secrets(other_secrets),
        *find_new_resources(existing),
    ]


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
    return frozenset(action.address for action in saved.actions if _secret_fingerprints(action))


def _secret_fingerprints(action: Action) -> set[str]:
    """Return the fingerprints of the secrets that an action writes."""
    return {str(value) for name, value in action.set.items() if name in secret_fields(action.kind)}


def _live_fingerprints(saved: PlanFile, observed: Observed) -> Mapping[str, Wire | None]:
    """Return the fingerprint of each resource of the plan as it is now; None for one that is gone."""
    first = {action.address: action for action in reversed(saved.actions)}
    fingerprints: dict[str, Wire | None] = {}
    for address in saved.fingerprints:
        if address in first:
            live = _live(first[address], observed)
            fingerprints[address] = fingerprint(live) if live is not None else None
    return fingerprints


def _live(action: Action, observed: Observed) -> Live | None:
    if action.kind in NUMBER_KINDS:
        return observed.bound_number(
            action.account, action.address.split("/", 1)[1], action.sid or ""
        )
    return observed.resources.get(action.address)
