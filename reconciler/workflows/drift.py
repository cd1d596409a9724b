"""Return where Twilio differs from the last applied values, with place and actor, and a plan for
the pending changes; raise when nothing is recorded; write nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from reconciler.config.project import Project
from reconciler.errors import StateError
from reconciler.model.desired import Desired
from reconciler.planning.checks.unread_accounts import select_readable
from reconciler.planning.checks.unread_registrations import without_unread
from reconciler.planning.decide import child_drift
from reconciler.planning.decide.drift import Drifted, find_drift
from reconciler.planning.identity.match import names_by_sid, sids_to_names
from reconciler.planning.identity.number_addresses import with_e164_addresses
from reconciler.planning.identity.observed import Observed
from reconciler.planning.selection.patterns import find_selection, list_named
from reconciler.remote.queries.attribution import AttributedDrift, attribute_drift
from reconciler.state.recovery import missing_state
from reconciler.state.recovery.first_state import no_record_error
from reconciler.workflows import pipeline
from reconciler.workflows.pipeline import Resources
from reconciler.workflows.plan_actors import warn_of_contests
from reconciler.workflows.session import (
    Planned,
    RunOptions,
    check_destinations,
    open_gateways,
    open_state_store,
    prefetch,
)
from reconciler.workflows.validate import validate
from reconciler.workflows.warm_up import import_while_waiting


class FoundDrift(msgspec.Struct, frozen=True):
    """The drift with its actors and places, and what it was found in."""

    planned: Planned
    found: AttributedDrift
    resources: Resources


def drift(options: RunOptions) -> tuple[Planned, AttributedDrift]:
    """Return a plan of what is pending, and what has drifted; see `find_everything`."""
    found = find_everything(options)
    return found.planned, found.found


def find_everything(options: RunOptions) -> FoundDrift:
    """Compare what was last applied with what is there, and ask Twilio's event log who changed it.

    The plan shows how many changes are pending; the problems also name contested fields. Raises
    StateError when nothing is recorded of what is declared: unknown is not the same as no drift.
    """
    project = validate(options)
    check_destinations(options, project)
    with open_gateways(options, project) as gateways:
        pages = prefetch(options, project, gateways, services=False)
        import_while_waiting()
        state = missing_state.load_for_reading(open_state_store(options, project), project)
        inputs = pipeline.PlanInputs(
            options=options, project=project, state=state, gateways=gateways, prefetch=pages
        )

        # Nothing is written, so no secret has to be readable, and no question of an apply is asked.
        resources = pipeline.read_resources(inputs, lambda address: False)
        plan = pipeline.decide(inputs, resources, resources.observed)
        found = _find_drift(options, project, resources)
        planned = pipeline.to_planned(inputs, resources, plan)
        now = options.clock()
        names = names_by_sid(resources.observed.resources)
        attributed = attribute_drift(found, gateways, now, names)
        contested = warn_of_contests(attributed.drifted, resources.recorded, now)
        problems = (*attributed.problems, *contested)
        attributed = msgspec.structs.replace(attributed, problems=problems)
        return FoundDrift(planned, attributed, resources)


def compare_recorded(resources: Resources) -> list[Drifted]:
    """Return everything that has drifted, sorted by address, with the place of its declaration.

    Nothing is concluded from an account that could not be read, or that no target is in.
    """
    observed, recorded = resources.observed, resources.recorded
    unread = observed.unread.keys() | resources.outside
    declared, entries = select_readable(resources.desired, recorded, unread)

    named_numbers = sids_to_names(declared, observed)
    found = [
        *find_drift(without_unread(entries, observed), observed),
        *child_drift.find_changes(named_numbers, entries, observed),
    ]
    found.sort(key=lambda drifted: drifted.address)
    placed = with_e164_addresses(named_numbers, recorded, observed)
    return _add_places(found, placed, observed)


def _find_drift(options: RunOptions, project: Project, resources: Resources) -> list[Drifted]:
    """Return what has drifted of the selected resources, sorted by address."""
    found = compare_recorded(resources)
    observed, recorded = resources.observed, resources.recorded

    # Without a single recorded resource among those selected, `no drift` would be a false answer.
    children = child_drift.list_children(recorded, observed)
    named = [*list_named(project.desired, (recorded,)), *children]
    selection = find_selection(options.targets, options.excludes, named)
    any_recorded = any(map(selection.selects, recorded))
    any_declared = any(selection.selects(desired.address) for desired in project.desired)
    if any_declared and not any_recorded:
        raise StateError(no_record_error(project))
    return [drifted for drifted in found if selection.selects(drifted.address)]


def _add_places(
    found: Sequence[Drifted], desired: Iterable[Desired], observed: Observed
) -> list[Drifted]:
    """Return the same drift with the place of each declaration.

    An undeclared child has the place of its parent: its cure is written there.
    """
    positions = {want.address: want.position for want in desired}

    placed: list[Drifted] = []
    for drifted in found:
        live = observed.resources.get(drifted.address)
        parent = live.parent if live is not None else None
        position = positions.get(drifted.address) or positions.get(parent or "")
        if position is not None:
            file, line, column = position
            drifted = msgspec.structs.replace(drifted, file=file, line=line, column=column)
        placed.append(drifted)
    return placed
