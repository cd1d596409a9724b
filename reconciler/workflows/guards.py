"""Add to a plan every reason to refuse it (claims, limits, baselines, policies, state, clear-text
credentials), and raise all of them before anything is written.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from reconciler.config.lint.policies import find_plan_violations
from reconciler.config.lint_rules import is_violation
from reconciler.config.project import Project
from reconciler.diagnostics import Diagnostic, sort_by_place
from reconciler.errors import ReconcilerError, Refused
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.planning.checks import guard
from reconciler.planning.checks.baseline_config import (
    Baseline,
    add_declared_consent,
    to_baseline,
)
from reconciler.planning.checks.baseline_config import find_refusals as find_baseline_refusals
from reconciler.planning.checks.missing_state import find_duplicates, find_forgotten
from reconciler.planning.checks.secrecy import find_clear_credentials
from reconciler.planning.plan import UNREAD, Plan
from reconciler.state.problems import number_claimed
from reconciler.state.recovery.first_state import refuse_local_state
from reconciler.state.recovery.missing_state import LoadedState, MissingState
from reconciler.state.stores.store import Store
from reconciler.workflows.replan import Held
from reconciler.workflows.session import Consent, Planned, RunOptions, load_baseline_project


def check_claims(planned: Planned, store: Store) -> Planned:
    """Add an error for each number to import that another project in the same store has."""
    plan, project = planned.plan, planned.project.name
    imports = {}
    for action in plan.actions:
        if action.action == "import" and action.kind in NUMBER_KINDS and action.sid:
            imports[action.sid] = action
    claimed = store.find_claims(imports.keys()) if imports else {}
    if not claimed:
        return planned

    errors = []
    for sid, other in claimed.items():
        action = imports[sid]
        problem = number_claimed(project, other, sid, action.address)
        errors.append(
            msgspec.structs.replace(
                problem, file=action.file, line=action.line, column=action.column
            )
        )
    diagnostics = tuple(sort_by_place([*plan.diagnostics, *errors]))
    return msgspec.structs.replace(
        planned, plan=msgspec.structs.replace(plan, diagnostics=diagnostics)
    )


def apply_guards(
    options: RunOptions,
    planned: Planned,
    consent: Consent,
    loaded: LoadedState | None = None,
    reviewed: Sequence[Held] = (),
) -> Planned:
    """Add everything that makes an apply refuse this plan, as refusals and announced in the notes.

    `reviewed` are parts of the plan, each with the baseline that this part must not go beyond.
    """
    project, plan = planned.project, planned.plan

    # The state: missing, or begun in CI where it is lost with the job.
    missing = _missing_state_problem(planned, loaded)
    refusals = [missing] if missing is not None and missing.severity == "error" else []
    refusals += _local_state_refusals(options, planned, consent, loaded)

    # The safety settings of this configuration, then those of each baseline.
    given = {"force": consent.force, "buys": consent.purchases}
    refusals += guard.find_refusals(plan, project.safety, consent.takeovers, **given)
    named = _load_named_baseline(options, plan, project)
    baselines = [each for each in dict.fromkeys((planned.baseline, named)) if each is not None]
    for baseline in baselines:
        refusals += find_baseline_refusals(plan, baseline, consent.takeovers, own=refusals, **given)
    for part in reviewed:
        refusals += find_baseline_refusals(
            part.plan, part.baseline, consent.takeovers, own=refusals, **given
        )

    # Credentials that an apply would write into a state without encryption: refused, or only
    # reported.
    baselines += [part.baseline for part in reviewed]
    exposed, refuse_exposed = _exposed_credentials(planned, baselines)
    if refuse_exposed:
        refusals += exposed

    reported = [*refusals, *(problem for problem in exposed if problem not in refusals)]
    notes = [*planned.notes]
    for problem in reported:
        if problem not in plan.diagnostics:
            notes.append(guard.announce_refusal(problem))
    if missing is not None and missing.severity == "warning":
        notes.append(missing)
    notes += find_plan_violations(project.policies, plan.actions)

    # A violated rule or policy is a note with severity `error`; it comes first, as before anything
    # that needs consent.
    violations = [note for note in notes if is_violation(note)]
    return msgspec.structs.replace(
        planned,
        refusals=(*violations, *refusals),
        baseline=named or planned.baseline,
        notes=tuple(notes),
    )


def raise_if_refused(planned: Planned) -> None:
    """Raise every error and refusal of this plan. Nothing has been written yet.

    A plan with errors fails (exit 1). Its refusals are reported with them: they remain when the
    errors are corrected.
    """
    refused = set(planned.refusals)
    errors = []
    unread = []
    for problem in planned.plan.diagnostics:
        if problem.code in UNREAD:
            unread.append(problem)
        elif problem.severity == "error" and problem not in refused:
            errors.append(problem)
    if not errors and not planned.refusals:
        return

    # What could not be read is reported with the rest, and counts in the summary of the failure.
    kind = ReconcilerError if errors else Refused
    failure = kind(*errors, *planned.refusals, *unread)
    failure.unread_accounts = tuple(planned.unread_accounts)
    raise failure


def _missing_state_problem(planned: Planned, loaded: LoadedState | None) -> Diagnostic | None:
    """Return what a plan without its recorded state means; an error where it must not be applied."""
    if loaded is None or loaded.missing is None:
        return None
    missing: MissingState = loaded.missing
    actions, former, observed = planned.plan.actions, missing.former, planned.observed
    forgotten = find_forgotten(actions, former, planned.project.desired, observed)
    return missing.assess_plan(find_duplicates(actions, former, observed), forgotten)


def _local_state_refusals(
    options: RunOptions, planned: Planned, consent: Consent, loaded: LoadedState | None
) -> list[Diagnostic]:
    """Return the refusal of a new local state in CI, unless there is consent to it."""
    if loaded is None or not loaded.first or consent.local_state:
        return []
    refusal = refuse_local_state(planned.project, options.environ)
    return [refusal] if refusal is not None else []


def _load_named_baseline(options: RunOptions, plan: Plan, project: Project) -> Baseline | None:
    """Return what `--baseline` names, as far as this plan is held to it."""
    other = load_baseline_project(options)
    if other is None or options.baseline is None:
        return None

    declared = set()
    for each in project.desired:
        if each.kind not in NUMBER_KINDS:
            declared.add(each.address)
    baseline = to_baseline(options.baseline, other.safety, other.desired, plan.actions, declared)

    # A general consent of the change counts only where the baseline gives it as well.
    is_general = project.safety.takeover == "allow" and other.safety.takeover != "allow"
    if options.declared_takeovers and not is_general:
        return add_declared_consent(baseline, plan.actions)
    return baseline


def _exposed_credentials(
    planned: Planned, baselines: Sequence[Baseline]
) -> tuple[Sequence[Diagnostic], bool]:
    """Return the credentials that would be written in clear text, and whether that is refused.

    A baseline that refuses them counts more than `state_secrets: allow` in the configuration
    itself.
    """
    project = planned.project
    refused = project.safety.state_secrets == "refuse" or any(
        baseline.refuses_credentials for baseline in baselines
    )
    allowed = project.safety.state_secrets == "allow" and not refused
    if project.encryption_keys or allowed:
        return [], refused
    return find_clear_credentials(planned.plan), refused
