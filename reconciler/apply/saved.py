"""Plans that wait in a file: what is saved with them, and whether the world is still the one they were made for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from reconciler import __version__
from reconciler.config.project import Project
from reconciler.diagnostics import Diagnostic
from reconciler.kinds.table import NUMBER_KINDS, secret_fields
from reconciler.model import Action, Live, Wire
from reconciler.planning.baseline import Baseline
from reconciler.planning.drift import Drifted
from reconciler.planning.observed import Observed
from reconciler.planning.plan import Plan, fingerprint
from reconciler.planning.stale import appeared, edits, moved_base, moved_objects, other_secrets
from reconciler.state import planfile
from reconciler.state.document import State
from reconciler.state.planfile import PlanFile

_MADE = frozenset({"create", "register"})


def saved_plan(
    plan: Plan,
    project: Project,
    state: State,
    created_at: str,
    targets: Sequence[str],
    notes: Sequence[Diagnostic],
    baseline: Baseline | None = None,
    would_refuse: Sequence[str] = (),
) -> PlanFile:
    """The plan with the state's version, the configuration's digest and the fingerprints of all that it touches."""
    return PlanFile(
        project=project.name,
        created_at=created_at,
        tool_version=__version__,
        lineage=state.lineage,
        serial=state.serial,
        unfolded=state.unfolded,
        config_digest=project.digest,
        fingerprints=plan.fingerprints,
        actions=list(plan.actions),
        refreshes=plan.refreshes,
        bound=plan.bound,
        unmanaged=plan.unmanaged,
        diagnostics=[*notes, *plan.diagnostics],
        targets=list(targets),
        renames=dict(plan.renames),
        baseline=baseline,
        would_refuse=list(would_refuse),
    )


Who = Callable[[Sequence[Drifted]], Sequence[Drifted]]
"""Says who made changes, as far as that can be found out."""


def staleness(
    saved: PlanFile,
    project: Project,
    state: State,
    observed: Observed,
    secrets: Collection[str] = (),
    who: Who = lambda moved: moved,
    committed: Callable[[], str | None] = lambda: None,
) -> list[Diagnostic]:
    """Everything that has moved since the plan was saved; empty when it may be applied.

    `secrets` are the fingerprints of all secrets as they are now. `committed` tells, when the configuration has moved,
    which commit changed it last and whose that is, as far as that can be found out.
    """
    bases = (
        ("project", saved.project, project.name),
        ("configuration", saved.config_digest, project.digest),
    )
    moved = [
        moved_base(kind, was, now, committed() if kind == "configuration" else None)
        for kind, was, now in bases
        if was != now
    ]
    of_state = planfile.moved(saved, state)
    moved += [of_state] if of_state is not None else []
    if moved:
        return moved
    live = _live_fingerprints(saved, observed)
    edited = who(edits(saved.fingerprints, live, {action.address: action.account for action in saved.actions}))
    return [
        *moved_objects(saved.fingerprints, live, {found.address: found.actor for found in edited}),
        *other_secrets(a.address for a in saved.actions if _sealed(a) - set(secrets)),
        *appeared(a.address for a in saved.actions if a.action in _MADE and a.address in observed.others),
    ]


def plan_of(saved: PlanFile, fresh: Plan) -> Plan:
    """The saved actions over what has just been read, so that the guard looks at them once more."""
    return msgspec.structs.replace(
        fresh,
        actions=tuple(saved.actions),
        refreshes=dict(saved.refreshes),
        diagnostics=tuple(d for d in saved.diagnostics if d.severity == "error"),
        fingerprints=saved.fingerprints,
        renames=dict(saved.renames),
    )


def writing_secrets(saved: PlanFile) -> frozenset[str]:
    """The addresses whose secrets an action of the plan writes: they have to be looked up for that."""
    return frozenset(action.address for action in saved.actions if _sealed(action))


def _sealed(action: Action) -> set[str]:
    """The fingerprints of the secrets that an action writes."""
    return {str(value) for name, value in action.writes.items() if name in secret_fields(action.kind)}


def _live_fingerprints(saved: PlanFile, observed: Observed) -> Mapping[str, Wire | None]:
    first = {action.address: action for action in reversed(saved.actions)}
    found = {address: _live(first[address], observed) for address in saved.fingerprints}
    return {address: fingerprint(live) if live is not None else None for address, live in found.items()}


def _live(action: Action, observed: Observed) -> Live | None:
    if action.kind in NUMBER_KINDS:
        return observed.bound_number(action.account, action.address.split("/", 1)[1], action.sid or "")
    return observed.others.get(action.address)
