"""Plans that wait in a file: what is saved with them, and whether the world is still the one they were made for."""

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
    """The plan with the state's version, the configuration's digest and the fingerprints of all that it touches.

    `selection` is what `--target` and `--exclude` named; `origin` is the command that made the plan.
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
"""Says who made changes, as far as that can be found out."""


LastCommit = Callable[[], str | None]
"""Says which commit changed the configuration last and whose that is, as far as that can be found out."""


def find_moved_bases(
    saved: PlanFile, project: Project, state: State | None, committed: LastCommit = lambda: None
) -> list[Diagnostic]:
    """What the plan was made from and is not the same any more: project, configuration, version of the state."""
    bases = (
        ("project", saved.project, project.name),
        ("configuration", saved.config_digest, project.digest),
    )
    moved = [
        base_moved(kind, was, now, committed() if kind == "configuration" else None)
        for kind, was, now in bases
        if was != now
    ]
    of_state = plan_file.find_state_change(saved, state)
    return [*moved, of_state] if of_state is not None else moved


def find_staleness(
    saved: PlanFile,
    project: Project,
    state: State,
    observed: Observed,
    secrets: Collection[str] = (),
    who: Attribution = lambda moved: moved,
    committed: LastCommit = lambda: None,
) -> list[Diagnostic]:
    """Everything that has moved since the plan was saved; empty when it may be applied.

    `secrets` are the fingerprints of all secrets as they are now.
    """
    moved = find_moved_bases(saved, project, state, committed)
    if moved:
        return moved
    live = _live_fingerprints(saved, observed)
    edited = who(
        list_edits(
            saved.fingerprints, live, {action.address: action.account for action in saved.actions}
        )
    )
    return [
        *find_moved_resources(
            saved.fingerprints, live, {found.address: found.actor for found in edited}
        ),
        *find_other_secrets(a.address for a in saved.actions if _sealed(a) - set(secrets)),
        *find_new_resources(
            a.address for a in saved.actions if a.creates and a.address in observed.resources
        ),
    ]


def references_of(project: Project, addresses: Collection[str]) -> dict[str, dict[str, str]]:
    """Where the secrets of these addresses are found, by address and field, as a digest names them."""
    return {
        address: {field: _named(reference) for field, reference in fields.items()}
        for address, fields in project.secrets.items()
        if address in addresses
    }


def _named(reference: Secret) -> str:
    return f"env:{reference.env}" if reference.env else f"file:{reference.file}"


def empty_plan(plan: Plan) -> Plan:
    """The same plan without anything to do, to learn or to object."""
    return msgspec.structs.replace(
        plan, actions=(), state_updates={}, diagnostics=(), fingerprints={}, renames={}
    )


def secret_writing_addresses(saved: PlanFile) -> frozenset[str]:
    """The addresses whose secrets an action of the plan writes: they have to be looked up for that."""
    return frozenset(action.address for action in saved.actions if _sealed(action))


def _sealed(action: Action) -> set[str]:
    """The fingerprints of the secrets that an action writes."""
    return {str(value) for name, value in action.set.items() if name in secret_fields(action.kind)}


def _live_fingerprints(saved: PlanFile, observed: Observed) -> Mapping[str, Wire | None]:
    first = {action.address: action for action in reversed(saved.actions)}
    found = {
        address: _live(first[address], observed)
        for address in saved.fingerprints
        if address in first
    }
    return {
        address: fingerprint(live) if live is not None else None for address, live in found.items()
    }


def _live(action: Action, observed: Observed) -> Live | None:
    if action.kind in NUMBER_KINDS:
        return observed.bound_number(
            action.account, action.address.split("/", 1)[1], action.sid or ""
        )
    return observed.resources.get(action.address)
