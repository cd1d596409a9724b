"""Check that a saved or confirmed plan is still the plan that would be made now, and that its
digest is the expected one.

The file is only compared: what is carried out is always the plan made now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from reconciler.config.project import Project
from reconciler.diagnostics import Diagnostic
from reconciler.errors import Refused
from reconciler.planning.checks.unread_accounts import keep_readable
from reconciler.planning.decide.drift import Drifted
from reconciler.planning.equality import compute_digest, digest_mismatch, list_differences
from reconciler.planning.staleness import add_differences, find_kept_resources
from reconciler.remote.queries.attribution import attribute_drift
from reconciler.state.format.document import State
from reconciler.state.plan_file import PlanFile
from reconciler.workflows import saved_plan
from reconciler.workflows.session import Gateways, Planned, RunOptions


def use_saved_plan(
    options: RunOptions, saved: PlanFile, planned: Planned, gateways: Gateways
) -> Planned:
    """Return the plan made now, which will be carried out, if it equals the saved one. Raises
    Refused when it does not.

    A plan without actions is never stale: where anything has moved since, there is nothing to do.
    """

    def attribute(changes: Sequence[Drifted]) -> Sequence[Drifted]:
        return attribute_drift(changes, gateways, options.clock())

    # An account that cannot be read does not stop the others: the plan is compared without it.
    compared = saved
    if planned.observed.unread:
        compared = _without_unread(saved, planned)

    stale = saved_plan.find_staleness(
        compared,
        planned.project,
        planned.state,
        planned.observed,
        planned.secrets,
        attribute,
        _last_commit(options, planned.project),
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
    return msgspec.structs.replace(planned, plan=saved_plan.empty_plan(planned.plan), notes=())


def find_moved_bases(
    options: RunOptions, saved: PlanFile, project: Project, state: State | None
) -> list[Diagnostic]:
    """Find which of project, configuration and state version have changed since the plan was saved."""
    return saved_plan.find_moved_bases(saved, project, state, _last_commit(options, project))


def digest_of_plan(planned: Planned) -> str:
    """Return the digest of what the plan does, as `--expect` takes it."""
    actions = planned.plan.actions
    addresses = {action.address for action in actions}
    return compute_digest(actions, saved_plan.references_of(planned.project, addresses))


def check_digest(planned: Planned, expected: str | None, saved: PlanFile | None = None) -> None:
    """Raise Refused when another plan is expected than this one.

    The digest of a `saved` plan is that of all its actions: this plan equals it, but for accounts
    that cannot be read.
    """
    if expected is None:
        return

    if saved is not None and planned.observed.unread:
        addresses = {action.address for action in saved.actions}
        references = saved_plan.references_of(planned.project, addresses)
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
    for address, fingerprint in saved.fingerprints.items():
        if address in addresses:
            fingerprints[address] = fingerprint
    return msgspec.structs.replace(saved, actions=list(actions), fingerprints=fingerprints)


def _last_commit(options: RunOptions, project: Project) -> Callable[[], str | None]:
    """Return the function that finds the last commit of the configuration; it runs git only for a
    stale plan.
    """

    def find() -> str | None:
        from reconciler.config.load.commits import last_commit

        return last_commit([options.directory / file for file in project.files])

    return find
