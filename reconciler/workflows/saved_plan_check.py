"""Compare a saved or confirmed plan with the plan made now, and raise Refused with the differences;
compute the digest of a plan and compare it with `--expect`.

The file is only compared: what is carried out is always the plan made now.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from reconciler.config.project import Project
from reconciler.diagnostics import Diagnostic
from reconciler.errors import Refused
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.action import Action
from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.model.route import Wire
from reconciler.planning.checks.unread_accounts import keep_readable
from reconciler.planning.decide.drift import Drifted
from reconciler.planning.identity.observed import Observed
from reconciler.planning.plan_digest import compute_digest, digest_mismatch
from reconciler.planning.planner import fingerprint
from reconciler.planning.staleness import (
    add_differences,
    base_moved,
    find_kept_resources,
    find_moved_resources,
    find_new_resources,
    find_other_secrets,
    list_differences,
    list_edits,
    plan_stale,
)
from reconciler.remote.queries.attribution import attribute_drift
from reconciler.state.format.document import State, Version
from reconciler.state.plan_file import PlanFile
from reconciler.workflows.saved_plan import empty_plan, references_of, secret_fingerprints
from reconciler.workflows.session import Gateways, Planned, RunOptions

Attribution = Callable[[Sequence[Drifted]], Sequence[Drifted]]
"""Add the actor to changes, as far as the event log of Twilio has it."""


LastCommit = Callable[[], str | None]
"""Return the last commit of the configuration and its author, as far as git has them."""


def use_saved_plan(
    options: RunOptions, saved: PlanFile, planned: Planned, gateways: Gateways
) -> Planned:
    """Return the plan made now, which will be carried out, if it equals the saved one. Raises
    Refused when it does not.

    A plan without actions is never stale: where anything has moved since, there is nothing to do.
    """

    def attribute(changes: Sequence[Drifted]) -> Sequence[Drifted]:
        return attribute_drift(changes, gateways, options.clock()).drifted

    # An account that cannot be read does not stop the others: the plan is compared without it.
    compared = saved
    if planned.observed.unread:
        compared = _without_unread(saved, planned)

    stale = find_staleness(
        compared,
        planned.project,
        planned.state,
        planned.observed,
        planned.secrets,
        attribute,
        last_commit_of(options, planned.project),
    )
    differences = find_kept_resources(compared.actions, planned.plan.actions)
    differences = differences or list_differences(compared.actions, planned.plan.actions)

    # Where something has moved, that is the reason, and the differences are what follows from it.
    if stale and differences:
        stale = [add_differences(stale[0], differences), *stale[1:]]
    stale = stale or differences
    if not stale:
        return msgspec.structs.replace(planned, baseline=saved.baseline)
    if saved.actions:
        raise Refused(*stale)
    return msgspec.structs.replace(planned, plan=empty_plan(planned.plan), notes=())


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
    of_state = find_state_change(saved, state)
    return [*moved, of_state] if of_state is not None else moved


def find_state_change(plan: PlanFile, state: State | None) -> Diagnostic | None:
    """Return why the plan no longer fits the state; None when it does. No state fits a plan made
    without one.
    """
    wanted = Version(plan.lineage, plan.serial, plan.journal_records)
    found = state.version if state else Version("", 0)
    if found.is_same(wanted):
        return None

    detail = f"The plan was made upon {wanted}; the state is now at {found}.{_author(state)}"
    return plan_stale(detail, None)


def _author(state: State | None) -> str:
    """Return who wrote the present state, as far as that is known, as sentences that follow
    another.
    """
    if state is None:
        return ""

    text = ""
    if state.saved:
        text += f" Serial {state.serial} was written {state.saved}."
    if state.journal_records:
        text += " A run that was interrupted, or is under way, has changed it since."
    return text


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
    live = find_live_fingerprints(saved, observed)
    accounts = {action.address: action.account for action in saved.actions}
    edits = attribute(list_edits(saved.fingerprints, live, accounts))
    actors = {}
    for edit in edits:
        for field in edit.fields:
            actors[edit.address, field.field] = field.actor

    # Secrets that have another value now, and resources that exist now and would be created twice.
    other_secrets, existing = [], []
    for action in saved.actions:
        if secret_fingerprints(action) - set(secrets):
            other_secrets.append(action.address)
        if action.creates and action.address in observed.resources:
            existing.append(action.address)

    return [
        *find_moved_resources(saved.fingerprints, live, actors),
        *find_other_secrets(other_secrets),
        *find_new_resources(existing),
    ]


def digest_of_plan(planned: Planned) -> str:
    """Return the digest of what the plan does, as `--expect` takes it."""
    actions = planned.plan.actions
    addresses = {action.address for action in actions}
    return compute_digest(actions, references_of(planned.project, addresses))


def check_digest(planned: Planned, expected: str | None, saved: PlanFile | None = None) -> None:
    """Raise Refused when another plan is expected than this one.

    The digest of a `saved` plan is that of all its actions: this plan equals it, but for accounts
    that cannot be read.
    """
    if expected is None:
        return

    if saved is not None and planned.observed.unread:
        addresses = {action.address for action in saved.actions}
        references = references_of(planned.project, addresses)
        digest = compute_digest(saved.actions, references)
    else:
        digest = digest_of_plan(planned)
    if digest != expected:
        raise Refused(digest_mismatch(expected, digest))


def _without_unread(saved: PlanFile, planned: Planned) -> PlanFile:
    """Return the saved plan without the actions of accounts that cannot be read now."""
    actions = keep_readable(saved.actions, planned.observed.unread)
    addresses = {action.address for action in actions}
    fingerprints = {}
    for address, wire in saved.fingerprints.items():
        if address in addresses:
            fingerprints[address] = wire
    return msgspec.structs.replace(saved, actions=list(actions), fingerprints=fingerprints)


def last_commit_of(options: RunOptions, project: Project) -> Callable[[], str | None]:
    """Return the function that finds the last commit of the configuration; it runs git only for a
    stale plan.
    """

    def find() -> str | None:
        from reconciler.config.load.commits import last_commit

        return last_commit([options.directory / file for file in project.files])

    return find


def find_live_fingerprints(saved: PlanFile, observed: Observed) -> Mapping[str, Wire | None]:
    """Return the fingerprint of each resource of the plan as it is now; None for one that is gone."""
    first = {action.address: action for action in reversed(saved.actions)}
    fingerprints: dict[str, Wire | None] = {}
    for address in saved.fingerprints:
        if address in first:
            live = _live(first[address], observed)
            fingerprints[address] = None
            if live is not None:
                now = fingerprint(live)
                fingerprints[address] = {
                    name: now.get(name) for name in saved.fingerprints[address]
                }
    return fingerprints


def _live(action: Action, observed: Observed) -> Live | None:
    if action.kind in NUMBER_KINDS:
        return observed.bound_number(
            action.account, Address.parse(action.address).name, action.sid or ""
        )
    return observed.resources.get(action.address)
