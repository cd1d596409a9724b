"""Add to a plan who has set the values that it overwrites, and warn of contested fields; read
Twilio's event log only if the plan overwrites any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.model.entry import Entry
from reconciler.planning.checks.contested import WINDOW_DAYS, find_contested
from reconciler.planning.checks.overwrites import find_overwritten, list_heals
from reconciler.planning.decide.drift import Drifted
from reconciler.planning.identity.match import names_by_sid
from reconciler.planning.identity.moved import rename_entries
from reconciler.remote.queries.attribution import attribute_drift
from reconciler.workflows.session import Gateways, Planned, RunOptions


def add_actors(options: RunOptions, planned: Planned, gateways: Gateways) -> Planned:
    """Return the plan with the actors of the drift that it overwrites, and with warnings of fields
    that are contested.

    A plan from recorded values alone (`--no-refresh`) has no drift and reads nothing.
    """
    if not options.refresh:
        return planned

    plan = planned.plan
    recorded = rename_entries(planned.state.resources, plan.renames)
    overwritten = find_overwritten(plan, recorded, planned.observed)
    now = options.clock()
    names = names_by_sid(planned.observed.resources)
    found = attribute_drift(overwritten, gateways, now, names)
    heals = list_heals(found.drifted, plan.actions)
    return msgspec.structs.replace(
        planned,
        plan=msgspec.structs.replace(plan, heals=heals),
        events=found.events,
        notes=(*planned.notes, *found.problems, *warn_of_contests(found.drifted, recorded, now)),
    )


def warn_of_contests(
    drifted: Sequence[Drifted], recorded: Mapping[str, Entry], now: datetime
) -> list[Diagnostic]:
    """Return a warning for each of these resources with contested fields."""
    since = now - timedelta(days=WINDOW_DAYS)
    return find_contested(drifted, recorded, f"{since:%Y-%m-%dT%H:%M:%SZ}")
